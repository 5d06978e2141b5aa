"""DMIX (adaptive): the plans of its tables and figures (SPEC chapter 2; ids as in the SPEC and in FIGURES).

One stage of five epochs with BERTAdam for every row [P]; the checkpoint with the best F1 on validation reports [R]. The paper
tunes T and prints neither grid nor values: the grid is Figure 3's, and a data set's T is what DMIX prefers on its validation
part, 0.7 where no grid is trained (SPEC 2(c)).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .. import tasks
from ..runs.run import Run
from .base import Cell, Column, Plan, Reading, choose_columns, column_run, opened, scaled, settle, split_off
from .options import differing
from .profiles import Setting
from .tuning import grid_cell

#: Selects on validation and reports test, whatever made these parts (SPEC 2(b), DA23).
_FACTS, PAPER, COLUMNS, scope = opened("dmix", select="validation", report="test")
METRIC = "f1_micro"  # "F1" without an average in the paper (SPEC 1.5, DA22)
#: Elsewhere: on TRAC a constant guess is above the printed values in micro F1.
METRICS = {"trac": "f1_weighted"}
#: Printed row -> method and options.
ROWS: dict[str, tuple[str, dict]] = split_off(_FACTS["rows"], "method")
TABLES: dict[str, tuple[str, ...]] = _FACTS["tables"]
OTHERS = ("f_theta", "WMix", "SMix", "TMix")  # what Table 2 compares DMix with
LAYER_SETS: dict[str, tuple[int, ...]] = _FACTS["layer_sets"]
OWN_SET: dict[str, str] = _FACTS["own_set"]
LAYERS = "5"
THRESHOLD, THRESHOLDS = 0.7, "fig3"  # T where none is chosen; name of Figure 3's cells
WITH_T = ("DMix", "DMix NT", "Euc-DMix", "Euc-DMix NT", "M-Threshold")  # rows that select by a threshold
MATRIX = "matrix"  # cells of runs that are there to watch M (SPEC DA11, DA13)
STAND_INS = ("docs-coarse", "docs-fine")


def rows_of(setting: Setting) -> int | None:
    """Training rows of a run."""
    return setting.capped(scope(setting).rows)


def train_sizes(setting: Setting) -> set[int | None]:
    """All training sizes that make a record one of this setting's."""
    return {rows_of(setting)}


def language(c: Column) -> str:
    """The language of a column's texts; English for built-in tasks and for a user's own that does not say."""
    return tasks.language(c.task)


def base_run(c: Column, row: str, seed: int, setting: Setting, **options: Any) -> Run:
    """One row on one column, with ``options`` beside the row's own."""
    method, given = ROWS[row]
    own = scope(setting).lr_scale
    # An encoder that the profile's factor is not for gets none of the paper's either.
    scale = own if own and setting.lr_scale != 1 else setting.lr_scale
    size, fixed = rows_of(setting), False
    if c.task == "sst2-10k" and (size is None or size >= 10_000):
        size, fixed = 10_000, True  # [P]; always the same rows (SPEC DA24)
    # Every 50 steps, 100 in runs of more than 5,000 (SPEC DA27); the trainer makes it once an epoch where that is more often.
    every = 100 if fixed else 50
    first = every // scope(setting).first_epoch if scope(setting).first_epoch > 1 else 0
    return column_run(
        c,
        method,
        seed,
        setting,
        scaled(replace(setting, lr_scale=scale), eval_every=every, eval_first=first, **_FACTS["recipe"]),
        scope(setting).max_length,
        options=given | options,
        encoder=setting.encoder_for(language(c)),
        train_size=size,
        subset="fixed" if fixed else "stratified",
    )


def reading(c: Column) -> Reading:
    """F1 at the end of the epoch with the best validation F1 (SPEC 2(b)); the authors' code takes the best of all evaluations."""
    return Reading(f"best-epoch-on-{c.select}", c.report, METRICS.get(c.task, METRIC))


class _Maker:
    """Makes the runs of a plan, so that tables which share a setting share its runs, probes included."""

    def __init__(self, setting: Setting, columns: tuple[Column, ...]) -> None:
        self.setting, self.columns = setting, columns
        self.scope = scope(setting)
        self.seeds = setting.seeds_for(PAPER.seeds)
        # Where Table 7 comes from: TRAC, or the first column of Table 3.
        have = [c for c in columns if self.has("3", c)]
        self.attention = next((c for c in have if c.task == "trac"), have[0] if have else None)

    def has(self, table: str, c: Column) -> bool:
        """Whether a table has this column. Columns of one's own are in Tables 2 and 3, the first of them in all."""
        if not c.published:
            return table in ("2", "3") or c == next(x for x in self.columns if not x.published)
        return c.key in (_FACTS["scope"]["tables"] if self.setting.tasks else self.scope.tables).get(table, ())

    def cell(self, table: str, name: str, c: Column, row: str, options: Any = None, key: str = "", **changes) -> Cell:
        """A cell with one run per seed. ``options`` beside the row's own; ``changes`` as in ``Run.with_``."""
        made, options = [], dict(options or {})
        tuned = self.setting.tuned.get((c.key, "dmix"), {}) if row in WITH_T else {}
        if table in self.scope.tuned:
            options = tuned | options
        own = tuned if self.scope.tune else {}  # what the row has everywhere
        for seed in self.seeds:
            run = base_run(c, row, seed, self.setting, **options).with_(**changes)
            if options == own and not changes and (probes := self._probes(c, row, seed)):
                run = run.with_(probes=probes, probe_policy=f"best-on-{c.select}")
            made.append(run)
        return Cell(table, name, key or c.key, tuple(made), reading(c))

    def _probes(self, c: Column, row: str, seed: int) -> tuple[str, ...]:
        out = []
        if c == self.attention and row in ("TMix", "DMix NT", "DMix"):
            out.append("dmix-attention")
        if row == "DMix" and seed == self.seeds[0]:
            out.append("dmix-geometry")
        return tuple(out)


def plan(setting: Setting) -> Plan:
    """All runs of Tables 2 to 7 and Figures 2 and 3, and those that watch M."""
    own = tuple(dict.fromkeys(k for keys in scope(setting).tables.values() for k in keys))
    chosen, absent = choose_columns(COLUMNS, setting, own, STAND_INS)
    make = _Maker(setting, tuple(map(settle, chosen)))
    cells = [
        make.cell(table, row, c, row)
        for table, rows in TABLES.items()
        for c in make.columns
        if make.has(table, c)
        for row in rows
    ]
    more = {LAYERS: _layer_cells, THRESHOLDS: _threshold_cells, MATRIX: _matrix_cells}
    cells += [x for c in make.columns for table, made in more.items() if make.has(table, c) for x in made(make, c)]
    grid = [grid_cell(x, c.select, make.scope.tune) for c in make.columns for x in _grid(make, c)]
    first = tuple(r for cell in grid for r in cell.runs) if make.scope.tune else ()
    return Plan("dmix", setting, make.columns, (*cells, *grid), (), absent, first=first)


def _layer_cells(make: _Maker, c: Column) -> list[Cell]:
    """Table 5; its columns are "data set/method"."""
    return [
        make.cell(LAYERS, name, c, row, {} if name == own else {"levels": LAYER_SETS[name]}, key=f"{c.key}/{row}")
        for row, own in OWN_SET.items()
        for name in make.scope.sets
    ]


def threshold_row(t: float) -> str:
    """Name of Figure 3's row."""
    return f"T = {t:g}"


def _threshold_cells(make: _Maker, c: Column) -> list[Cell]:
    """Figure 3: DMix over T, and TMix as the reference that T = 0 is said to be (SPEC DA17)."""
    return [make.cell(THRESHOLDS, "TMix", c, "TMix"), *_thresholds(make, c)]


def _thresholds(make: _Maker, c: Column) -> list[Cell]:
    return [
        make.cell(THRESHOLDS, threshold_row(t), c, "DMix", differing("dmix", {"T": t})) for t in make.scope.thresholds
    ]


def _grid(make: _Maker, c: Column) -> list[Cell]:
    """What T is chosen from: a grid of its own where the scope asks for one, else Figure 3's where it is trained."""
    return _thresholds(make, c) if make.scope.tune or make.has(THRESHOLDS, c) else []


def _matrix_cells(make: _Maker, c: Column) -> list[Cell]:
    """DMix with learning rates of its own for M, and cross-entropy in place of KL at the largest; the first seed."""
    rates, probes = make.scope.rates, {"probes": ("dmix-matrix",), "probe_policy": "last"}
    cells = [make.cell(MATRIX, f"KL, {rate:g}", c, "DMix", recipe__mixer_lr=rate, **probes) for rate in rates]
    last = {"recipe__mixer_lr": rates[-1], "options": {"loss": "ce"}}
    cells.append(make.cell(MATRIX, f"CE, {rates[-1]:g}", c, "DMix", **last, **probes))
    return [replace(cell, runs=cell.runs[:1]) for cell in cells]

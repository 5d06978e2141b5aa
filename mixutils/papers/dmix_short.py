"""DMIX (short): the plans of its table and its figure (SPEC chapter 3).

What the paper does not print (optimiser, epochs, length, schedule, splits) is chapter 2's, so that both papers share one
preparation of data and their unmixed runs (SPEC 3(b), X1). The paper tunes τ and prints neither grid nor values: the grid is
Figure 1's, and a data set's τ is what its validation part prefers, 10 % where no grid is trained (SPEC 3(c)).
"""

from __future__ import annotations

from dataclasses import replace

from ..runs.run import Run
from . import dmix
from .base import Cell, Column, Plan, choose_columns, opened, settle, split_off
from .dmix import reading
from .options import differing
from .profiles import Setting
from .tuning import grid_cell

_FACTS, PAPER, COLUMNS, scope = opened("dmix_short", select="validation", report="test")
#: Printed row -> method and options.
ROWS: dict[str, tuple[str, dict]] = split_off(_FACTS["rows"], "method")
PLAIN, HYPERBOLIC, MIXUP = "encoder (paper: mBERT)", "DMIX (Hyperbolic)", "Mixup"
OTHERS = (PLAIN, "Input Mixup", "Sentence Mixup", "Mixup")
DISTANCES = ("Euclidean", "Cosine", HYPERBOLIC)
TABLE, FIGURE = "1", "fig1"
TAU = 10.0  # percent; where none is chosen
#: The three distances at one τ: Table 1's rows may have different ones where not all of a grid is trained.
SAME = "distances"
STAND_INS = ("docs-coarse",)
train_sizes = dmix.train_sizes


def plan(setting: Setting) -> Plan:
    """All runs of Table 1 and Figure 1."""
    here = scope(setting)
    chosen, absent = choose_columns(COLUMNS, setting, here.table, STAND_INS)
    chosen = tuple(map(settle, chosen))
    seeds = setting.seeds_for(PAPER.seeds)
    first_own = next((c for c in chosen if not c.published), None)
    printed = _FACTS["scope"] if setting.tasks else vars(here)

    def runs(c: Column, row: str, **options) -> tuple[Run, ...]:
        made = [base_run(c, row, seed, setting, **differing(ROWS[row][0], options)) for seed in seeds]
        own = setting.tuned.get((c.key, "dmix-short"), {}) if here.tune else {}
        if row == HYPERBOLIC and dict(made[0].options) == own:
            made[0] = made[0].with_(probes=("dmix-geometry",), probe_policy=f"best-on-{c.select}")
        return tuple(made)

    cells, grid = [], []
    for c in chosen:
        rows = printed["rows"].get(c.key, ROWS) if not c.published or c.key in printed["table"] else ()
        tuned = setting.tuned.get((c.key, "dmix-short"), {})
        everywhere = DISTANCES if here.tune else (HYPERBOLIC,)
        made = {row: runs(c, row, **(tuned if row in everywhere else {})) for row in rows}
        cells += [Cell(TABLE, row, c.key, made[row], reading(c)) for row in rows]
        one = tuned if here.tune else {}
        cells += [
            Cell(SAME, row, c.key, runs(c, row, **one), reading(c)) for row in DISTANCES if {*DISTANCES} <= {*rows}
        ]
        drawn = c == first_own or c.key in printed["figure"]
        over = [Cell(FIGURE, tau_row(t), c.key, runs(c, HYPERBOLIC, tau=t), reading(c)) for t in here.taus]
        if drawn:
            cells += [Cell(FIGURE, MIXUP, c.key, made[MIXUP], reading(c)), *over]
        if drawn or here.tune:
            grid += [grid_cell(cell, c.select, here.tune) for cell in over]
    first = tuple(r for cell in grid for r in cell.runs) if here.tune else ()
    return Plan("dmix_short", setting, chosen, (*cells, *grid), (), absent, first=first)


def base_run(c: Column, row: str, seed: int, setting: Setting, **options) -> Run:
    """One row on one column; multilingual BERT for every language, English too [P]."""
    method, given = ROWS[row]
    # The adaptive paper's run of the same kind, so that the unmixed row is one run for both papers.
    run = dmix.base_run(c, "f_theta", seed, setting)
    return replace(
        run,
        method=method,
        options=tuple({**given, **options}.items()),
        encoder=setting.multilingual or setting.encoder,
    )


def tau_row(t: float) -> str:
    """Name of Figure 1's row."""
    return f"τ = {t:g} %"

"""DMIX (short): the plans of its table and its figure (SPEC chapter 3).

What the paper does not print (optimiser, epochs, length, schedule, splits) is chapter 2's, so that both papers share one
preparation of data and their unmixed runs (SPEC 3(b), X1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..runs.run import Run
from . import dmix
from .base import Cell, Column, Paper, Plan, choose_columns
from .dmix import column, reading, select_on_validation
from .profiles import Setting

PAPER = Paper(
    "dmix_short",
    "DMIX: Distance Constrained Interpolative Mixup",
    "Ramit Sawhney, Megh Thakkar, Shrey Pandit, Debdoot Mukherjee and Lucie Flek",
    "Workshop on Multilingual Representation Learning 2021, pages 242–244",
    "https://aclanthology.org/2021.mrl-1.21",
    10,
    """@inproceedings{sawhney2021dmix,
  title = {{DM}ix: Distance Constrained Interpolative Mixup},
  author = {Sawhney, Ramit and Thakkar, Megh and Pandit, Shrey and Mukherjee, Debdoot and Flek, Lucie},
  booktitle = {Proceedings of the 1st Workshop on Multilingual Representation Learning},
  pages = {242--244},
  year = {2021}
}""",
)

COLUMNS = (
    column("ahs", "AHS", "auto"),
    column("essc", "ESSC", "tenths"),
    column("ttc", "TTC", "tenths"),
    column("ghc", "GHC", "auto"),
)
_RANDOM = {"pairing": "dataset"}
#: Printed row -> method and options; every hidden layer can be drawn (SPEC SD8).
ROWS: dict[str, tuple[str, dict]] = {
    "mBERT": ("none", {}),
    "Input Mixup": ("wordmix", _RANDOM),
    "Sentence Mixup": ("senmix", _RANDOM),
    "Mixup": ("tmix", {**_RANDOM, "levels": tuple(range(1, 13))}),
    "Euclidean": ("dmix-short-euclidean", {}),
    "Cosine": ("dmix-short-cosine", {}),
    "DMIX (Hyperbolic)": ("dmix-short", {}),
}
HYPERBOLIC, MIXUP = "DMIX (Hyperbolic)", "Mixup"
OTHERS = ("mBERT", "Input Mixup", "Sentence Mixup", "Mixup")
DISTANCES = ("Euclidean", "Cosine", HYPERBOLIC)
TABLE, FIGURE = "1", "fig1"
#: τ of Table 1 in percent; the paper tunes it and prints neither grid nor values (SPEC 3(c)).
TAU = 10.0


@dataclass(frozen=True)
class Scope:
    """What a profile computes: columns of Table 1 with their rows, columns of Figure 1, and its τ in percent."""

    table: dict[str, tuple[str, ...]]
    figure: tuple[str, ...]
    taus: tuple[float, ...] = tuple(float(t) for t in range(10, 101, 10))


_ALL_ROWS = tuple(ROWS)
SCOPES = {
    "smoke": Scope({}, (), (10.0, 100.0)),
    "laptop": Scope({"essc": _ALL_ROWS}, ("essc",), (10.0, 50.0, 100.0)),
    "desk": Scope(
        {"essc": _ALL_ROWS, "ttc": ("mBERT", MIXUP, HYPERBOLIC)},
        ("essc", "ttc"),
        (10.0, 30.0, 100.0),
    ),
    "full": Scope({c.key: _ALL_ROWS for c in COLUMNS}, ("ahs", "essc")),
}
STAND_INS = ("docs-coarse",)
train_sizes = dmix.train_sizes


def plan(setting: Setting) -> Plan:
    """All runs of Table 1 and Figure 1."""
    scope = SCOPES[setting.profile.name]
    own = tuple(scope.table) or None
    chosen, absent = choose_columns(COLUMNS, setting, own, STAND_INS)
    chosen = tuple(map(select_on_validation, chosen))
    seeds = setting.seeds_for(PAPER.seeds)
    first_own = next((c for c in chosen if not c.published), None)
    whole = SCOPES["full"] if setting.tasks else scope

    def runs(c: Column, row: str, **options) -> tuple[Run, ...]:
        return tuple(base_run(c, row, seed, setting, **options) for seed in seeds)

    cells = []
    for c in chosen:
        rows = whole.table.get(c.key, ()) if c.published else _ALL_ROWS
        for row in rows:
            made = runs(c, row)
            if row == HYPERBOLIC:
                made = (made[0].with_(probes=("dmix-geometry",), probe_policy=f"best-on-{c.select}"), *made[1:])
            cells.append(Cell(TABLE, row, c.key, made, reading(c)))
        if c == first_own or c.key in whole.figure:
            table = {cell.row: cell.runs for cell in cells if cell.column == c.key}
            cells.append(Cell(FIGURE, MIXUP, c.key, table[MIXUP], reading(c)))
            cells += [
                Cell(
                    FIGURE,
                    tau_row(t),
                    c.key,
                    table[HYPERBOLIC] if t == TAU else runs(c, HYPERBOLIC, tau=t),
                    reading(c),
                )
                for t in scope.taus
            ]
    return Plan("dmix_short", setting, chosen, tuple(cells), (), absent)


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

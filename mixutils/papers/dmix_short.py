"""DMIX (short): the plans of its table and its figure (SPEC chapter 3).

What the paper does not print (optimiser, epochs, length, schedule, splits) is chapter 2's, so that both papers share one
preparation of data and their unmixed runs (SPEC 3(b), X1).
"""

from __future__ import annotations

from dataclasses import replace

from ..runs.run import Run
from . import dmix
from .base import Cell, Column, Plan, choose_columns, opened, settle, split_off
from .dmix import reading
from .profiles import Setting

_FACTS, PAPER, COLUMNS, scope = opened("dmix_short", select="validation", report="test")
#: Printed row -> method and options.
ROWS: dict[str, tuple[str, dict]] = split_off(_FACTS["rows"], "method")
PLAIN, HYPERBOLIC, MIXUP = "encoder (paper: mBERT)", "DMIX (Hyperbolic)", "Mixup"
OTHERS = (PLAIN, "Input Mixup", "Sentence Mixup", "Mixup")
DISTANCES = ("Euclidean", "Cosine", HYPERBOLIC)
TABLE, FIGURE = "1", "fig1"
#: τ of Table 1 in percent; the paper tunes it and prints neither grid nor values (SPEC 3(c)).
TAU = 10.0
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
        return tuple(base_run(c, row, seed, setting, **options) for seed in seeds)

    cells = []
    for c in chosen:
        rows = printed["rows"].get(c.key, ROWS) if not c.published or c.key in printed["table"] else ()
        made = {row: runs(c, row) for row in rows}
        if HYPERBOLIC in made:
            first, *others = made[HYPERBOLIC]
            probed = first.with_(probes=("dmix-geometry",), probe_policy=f"best-on-{c.select}")
            made[HYPERBOLIC] = (probed, *others)
        cells += [Cell(TABLE, row, c.key, made[row], reading(c)) for row in rows]
        if c == first_own or c.key in printed["figure"]:
            over = {tau_row(t): made[HYPERBOLIC] if t == TAU else runs(c, HYPERBOLIC, tau=t) for t in here.taus}
            over = {MIXUP: made[MIXUP]} | over
            cells += [Cell(FIGURE, row, c.key, found, reading(c)) for row, found in over.items()]
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

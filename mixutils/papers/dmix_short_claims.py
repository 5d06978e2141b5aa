"""The claims of DMIX (short), SDC1 to SDC5 (SPEC 3(f))."""

from __future__ import annotations

from dataclasses import replace

from ..records import Records
from . import dmix_short
from .base import Column, Plan
from .claims import Claim, best_of, decide, mean_of, reader, unit
from .dmix import METRIC
from .dmix_claims import inner_optimum, on_validation, same, significant, sweep
from .dmix_short import DISTANCES, FIGURE, HYPERBOLIC, MIXUP, OTHERS, TABLE


def claims(plan: Plan, store: Records, metric: str = METRIC) -> list[Claim]:
    """All five verdicts; ``metric`` as for the adaptive paper's."""
    read = reader(plan, store, lambda r: replace(r, metric=metric))
    chosen_by = on_validation(plan, store)

    def value(row: str, c: Column) -> dict[int, float]:
        return read(TABLE, row, c.key)

    def planned(row: str) -> list[Column]:
        return [c for c in plan.columns if plan.cell(TABLE, row, c.key)]

    return [
        _sdc1(plan, planned(HYPERBOLIC), value),
        _sdc2(planned, value),
        _sdc3(planned, value),
        _sdc4(plan, read, chosen_by),
        _sdc5(plan, read, chosen_by),
    ]


def _sdc1(plan: Plan, columns, value) -> Claim:
    units = []
    for c in columns:
        others = [row for row in OTHERS if plan.cell(TABLE, row, c.key)]
        name, best = best_of({row: value(row, c) for row in others})
        left = "" if len(others) == len(OTHERS) else f"; only {', '.join(others)} in this setting"
        units.append(unit(c.title, value(HYPERBOLIC, c), best, note=f"best other: {name}{left}" if name else ""))
    return decide(
        "SDC1",
        "DMIX beats plain mBERT and the three mixups on all four data sets",
        "Table 1, DMIX (Hyperbolic) − the best of mBERT and the three mixups",
        "4 of 4",
        units,
    )


def _sdc2(planned, value) -> Claim:
    units = [
        significant(f"{c.title}: {row}", value(row, c), value(MIXUP, c)) for row in DISTANCES for c in planned(row)
    ]
    return decide(
        "SDC2",
        "Distance-constrained mixup beats Mixup across tasks and distances, p < 0.01",
        "Table 1, each distance − Mixup, one-sided Wilcoxon over seeds below 0.01",
        "10 of 12 higher, 9 with a star; Euclidean fails on ESSC and GHC",
        units,
    )


def _sdc3(planned, value) -> Claim:
    units = [
        unit(f"{c.title}: over {row}", value(HYPERBOLIC, c), value(row, c))
        for row in ("Cosine", "Euclidean")
        for c in planned(row)
    ]
    return decide(
        "SDC3",
        "Hyperbolic distance beats Euclidean and cosine distance",
        "Table 1, DMIX − Cosine, DMIX − Euclidean",
        "4 of 4 each",
        units,
    )


def _sdc4(plan: Plan, read, chosen_by) -> Claim:
    units = []
    for c in plan.columns:
        rows = sweep(plan, FIGURE, c.key)
        units += inner_optimum(c.title, rows, read, chosen_by, FIGURE, c.key)
        if rows and rows[-1] == dmix_short.tau_row(100):
            units.append(same(f"{c.title}: 100 % is Mixup", read(FIGURE, rows[-1], c.key), read(FIGURE, MIXUP, c.key)))
    return decide(
        "SDC4",
        "F1 over τ has an inner optimum and falls to Mixup at 100 %",
        "Figure 1, best inner τ (chosen on validation) − each end; F1(100 %) − Mixup: no difference",
        "the figure's values are not in the text",
        units,
        "" if units else "no curve over τ in this setting",
    )


def _sdc5(plan: Plan, read, chosen_by) -> Claim:
    """Each data set at its own best τ against the same data set at the others' best τ, all chosen on validation."""
    best = {}
    for c in plan.columns:
        rows = sweep(plan, FIGURE, c.key)
        if rows:
            best[c.key] = best_of({r: chosen_by(FIGURE, r, c.key) for r in rows})[0]
    units = []
    for c in plan.columns:
        others = [row for key, row in best.items() if key != c.key and row]
        if best.get(c.key) and others:
            elsewhere = mean_of([read(FIGURE, row, c.key) for row in others])
            note = f"own best {best[c.key]}, others' {', '.join(others)}"
            units.append(unit(c.title, read(FIGURE, best[c.key], c.key), elsewhere, note=note))
    return decide(
        "SDC5",
        "The best τ differs by language",
        "Figure 1, F1 at a data set's own best τ − F1 at the best τ of the others, all chosen on validation",
        "the figure's values are not in the text",
        units,
        "" if units else "needs curves over τ on two data sets",
    )

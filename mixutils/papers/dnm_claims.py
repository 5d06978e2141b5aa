"""The claims of DNM, NC1 to NC13 (SPEC 5(f))."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..records import Records
from .base import Cell, Column, Plan
from .claims import Claim, Series, Unit, best_of, decide, minus, reader, unit
from .dnm import (
    ABLATION_ROWS,
    FIGURE_2,
    FIGURE_3,
    FIGURE_4,
    OURS,
    RIVAL,
    ROWS,
    SHALLOW_ROWS,
    TABLES,
    WEIGHT_ROWS,
    data_columns,
    drawn,
    main_table,
    size_key,
    sizes,
)

Read = Callable[[str, str, str], dict[int, float]]
MIXUPS = ("BERT+WordMixup", "BERT+SenMixup")
REACH = 0.95  # share of the rival's best accuracy that both must reach (SPEC NA29)


def claims(plan: Plan, store: Records, last: bool = False) -> list[Claim]:
    """All thirteen verdicts.

    Args:
        last: read the last step; otherwise the best validation step (SPEC NA14). NC6, NC12 and NC13 do not depend on it.
    """
    read = reader(plan, store, (lambda r: replace(r, policy="last")) if last else None)

    def main(column: Column, n: int, row: str) -> dict[int, float]:
        return read(main_table(column.key), row, size_key(column.key, n))

    cells = [(c, n) for c in data_columns(plan) for n in sizes(plan.setting)]
    return [
        _nc1(cells, main),
        _nc2(plan, main),
        _nc3(plan, main),
        _nc4(cells, main),
        _nc5(cells, main),
        _nc6(plan, store),
        _nc7(plan, read),
        _nc8(plan, read),
        _nc9(plan, read),
        _nc10(plan, read),
        _nc11(plan, read),
        _nc12(plan, store),
        _nc13(plan, store),
    ]


def _name(column: Column, n: int) -> str:
    return f"{column.title}, {n:,}" if n else f"{column.title}, all"


def _nc1(cells, main) -> Claim:
    units = []
    for c, n in cells:
        name, best = best_of({row: main(c, n, row) for row in ROWS if row != OURS})
        units.append(unit(_name(c, n), main(c, n, OURS), best, note=f"best baseline: {name}" if name else ""))
    return decide(
        "NC1",
        "DNM beats all baselines on most tasks",
        "Ours − the best of seven baselines, each data set and training size",
        "23 of 24 cells",
        units,
    )


def _nc2(plan: Plan, main) -> Claim:
    n = sizes(plan.setting)[-1]
    return decide(
        "NC2",
        "DNM is better than BERT+NonlinearMixup with all data",
        "difference at the largest training size, each data set",
        "0.7, 0.4, 0.9, 1.0 (Subj, MR, SST-2, SST-1)",
        [unit(_name(c, n), main(c, n, OURS), main(c, n, RIVAL)) for c in data_columns(plan)],
    )


def _nc3(plan: Plan, main) -> Claim:
    low, high = sizes(plan.setting)[0], sizes(plan.setting)[-1]
    units = []
    if low != high:
        for c in data_columns(plan):
            gain = {n: minus(main(c, n, OURS), main(c, n, RIVAL)) for n in (low, high)}
            units.append(unit(c.title, gain[low], gain[high], note=f"{low:,} against {high or 'all'} training rows"))
    return decide(
        "NC3",
        "The gain over BERT+NonlinearMixup is larger with less data",
        "gain at the smallest training size minus gain at the largest",
        "larger at 50 than with all on 4 of 4; between them not monotone",
        units,
        "" if units else "needs two training sizes",
    )


def _nc4(cells, main) -> Claim:
    units = []
    for c, n in cells:
        name, best = best_of({row: main(c, n, row) for row in SHALLOW_ROWS})
        units.append(unit(_name(c, n), main(c, n, "BERT"), best, note=f"best shallow row: {name}" if name else ""))
    return decide(
        "NC4",
        "BERT exceeds the three shallow baselines everywhere",
        "BERT − the best of WordMixup, SenMixup and NonlinearMixup on the CNN, each data set and training size",
        "24 of 24 cells",
        units,
    )


def _nc5(cells, main) -> Claim:
    units = [
        unit(f"{_name(c, n)}: {row.removeprefix('BERT+')}", main(c, n, row), main(c, n, "BERT"))
        for c, n in cells
        for row in MIXUPS
    ]
    return decide(
        "NC5",
        "WordMixup and SenMixup improve BERT, with all data and with little",
        "BERT+WordMixup − BERT and BERT+SenMixup − BERT, each data set and training size",
        "all data 8 of 8; less data 35 of 40 (SPEC NA22)",
        units,
    )


# ------------------------------------------------------------------------------------------------------------ the curves


def curve(record: dict[str, Any], part: str = "test") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps, accuracy in percent and training loss since the evaluation before, all (evaluations,)."""
    points = record["curve"]
    return (
        np.array([p["step"] for p in points], dtype=float),
        np.array([100 * p["metrics"][part]["accuracy"] for p in points]),
        np.array([p["train_loss"] for p in points]),
    )


def late_slope(steps: np.ndarray, accuracy: np.ndarray) -> float:
    """Least-squares slope over the last quarter of the steps, in points per 1,000 of 4,000 steps (claim NC6)."""
    late = steps >= 0.75 * steps[-1]
    if late.sum() < 2:
        late = np.arange(len(steps)) >= len(steps) - 2
    if late.sum() < 2:
        return float("nan")
    return float(np.polyfit(steps[late] * 4 / steps[-1], accuracy[late], 1)[0])


def first_step(steps: np.ndarray, accuracy: np.ndarray, target: float) -> float:
    """The first evaluation that reaches a target, in percent of all steps; 101, more than any step, where none does."""
    reached = np.flatnonzero(accuracy >= target)
    return 100.0 * float(steps[reached[0]] / steps[-1]) if len(reached) else 101.0


def by_seed(cell: Cell | None, store: Records, value: Callable[[dict[str, Any]], float | None]) -> dict[int, float]:
    """Seed -> a number read off the done records of a cell; seeds without it are left out."""
    found = {} if cell is None else {r["run"]["seed"]: value(r) for r in cell.records(store)}
    return {seed: v for seed, v in found.items() if v is not None and not np.isnan(v)}


def _nc6(plan: Plan, store: Records) -> Claim:
    n, units = sizes(plan.setting)[-1], []
    for c in drawn(data_columns(plan), FIGURE_2):
        ours, rival = (plan.cell(main_table(c.key), row, size_key(c.key, n)) for row in (OURS, RIVAL))
        slope = by_seed(ours, store, lambda r: late_slope(*curve(r)[:2]))
        other = by_seed(rival, store, lambda r: late_slope(*curve(r)[:2]))
        target = {s: REACH * v for s, v in by_seed(rival, store, lambda r: curve(r)[1].max()).items()}
        speed = [by_seed(cell, store, lambda r, t=target: _reaching(r, t)) for cell in (ours, rival)]
        losses = [by_seed(cell, store, lambda r: float(curve(r)[2][-1] / curve(r)[2][0])) for cell in (ours, rival)]
        ends = [by_seed(cell, store, lambda r: curve(r)[1][-1]) for cell in (ours, rival)]
        units += [
            unit(f"{c.title}: accuracy at the last step", *ends),
            unit(f"{c.title}: late slope", slope, dict.fromkeys(slope, 0.0), note="points per quarter, against 0"),
            unit(f"{c.title}: late slope of {RIVAL}", other, dict.fromkeys(other, 0.0), aside=True),
            unit(f"{c.title}: share of the steps to {100 * REACH:.0f} % of {RIVAL}'s best accuracy", *speed, sign=-1),
            unit(
                f"{c.title}: training loss at the end over that at the first evaluation",
                *losses,
                sign=-1,
                note="losses with trained targets do not compare (SPEC NA29, X11)",
                aside=True,
            ),
        ]
    return decide(
        "NC6",
        "DNM learns faster and reaches more than BERT+NonlinearMixup, and its accuracy does not drop in long training",
        "largest training size: last test accuracy; slope of the test accuracy over the last quarter of the steps; steps to a given "
        "accuracy",
        "Figure 2, whose numbers are not in the text",
        units,
    )


def _reaching(record: dict[str, Any], target: Series) -> float | None:
    seed = record["run"]["seed"]
    return first_step(*curve(record)[:2], target[seed]) if seed in target else None


# ---------------------------------------------------------------------------------------------------------- Tables 6 to 11


def close_up_columns(plan: Plan, kind: str) -> list[tuple[str, Column, str]]:
    """(table, data set, name of the unit) of Tables 6 and 7, 8 and 9, or 10 and 11, as far as the plan has them."""
    size = {TABLES[kind][0]: sizes(plan.setting)[0], TABLES[kind][1]: sizes(plan.setting)[-1]}
    return [
        (table, c, _name(c, n))
        for table, n in size.items()
        for c in data_columns(plan)
        if any(x.column == c.key for x in plan.table(table))
    ]


def _nc7(plan: Plan, read: Read) -> Claim:
    units = []
    for table, c, name in close_up_columns(plan, "k"):
        ends = {k: read(table, k, c.key) for k in ("K=1", "K=9" if plan.cell(table, "K=9", c.key) else "K=7")}
        k, best = best_of(ends)
        units.append(unit(name, read(table, "K=5", c.key), best, note=f"better end: {k}" if k else ""))
    return decide(
        "NC7",
        "Accuracy over K has an inner optimum near 5",
        "K = 5 − the better of the smallest and the largest K",
        "K = 5 is best in 5 of 6 columns; rises and falls on 3 of 6 (SPEC NA28)",
        units,
    )


def _nc8(plan: Plan, read: Read) -> Claim:
    tuned, *others = WEIGHT_ROWS
    units = [
        unit(f"{name}: {row}", read(table, tuned, c.key), read(table, row, c.key))
        for table, c, name in close_up_columns(plan, "weights")
        for row in others
    ]
    return decide(
        "NC8",
        "Tuned weights beat fixed weights, for input and output",
        "TIW+TOW − each of the three others",
        "18 of 18",
        units,
    )


def _nc9(plan: Plan, read: Read) -> Claim:
    units = []
    low, high = TABLES["weights"]
    for c in data_columns(plan):
        if plan.cell(high, "TIW+TOW", c.key):
            gain = [minus(read(t, "TIW+TOW", c.key), read(t, "FIW+FOW", c.key)) for t in (low, high)]
            units.append(unit(c.title, *gain))
    return decide(
        "NC9",
        "Tuning the weights gains more with little data",
        "(TIW+TOW − FIW+FOW) at the smallest training size minus the same at the largest",
        "2.3, 2.8, 3.1 against 1.8 (the text says 1.5, SPEC NA27), 1.4, 2.1",
        units,
        "" if units else "this setting has no Table 9 (desk and full have)",
    )


def _nc10(plan: Plan, read: Read) -> Claim:
    units = [
        unit(f"{name}: {row}", read(table, OURS, c.key), read(table, row, c.key))
        for table, c, name in close_up_columns(plan, "ablations")
        for row in ABLATION_ROWS
        if row != OURS
    ]
    return decide(
        "NC10",
        "Selection, largest and smallest distances, and nonlinear mixing each contribute",
        "Ours − each of w/o DSS, w/o LDS, w/o SDS, w/o DNM",
        "24 of 24",
        units,
    )


def _nc11(plan: Plan, read: Read) -> Claim:
    units = [
        unit(name, read(table, "w/o SDS", c.key), read(table, "w/o LDS", c.key))
        for table, c, name in close_up_columns(plan, "ablations")
    ]
    return decide(
        "NC11",
        "Samples of largest distance matter more than those of smallest",
        "w/o SDS (largest only) − w/o LDS (smallest only)",
        "6 of 6; w/o LDS is even below plain BERT with all data (SPEC NA24)",
        units,
    )


# -------------------------------------------------------------------------------------------------------------- the probes


def probe(record: dict[str, Any], *path: str) -> float | None:
    """A number out of a record's probes; None where it was not measured."""
    found: Any = record.get("probes", {})
    for key in path:
        if key not in found:
            return None
        found = found[key]
    return float(found)


def probed_cell(plan: Plan, column: Column, row: str) -> Cell | None:
    """The cell of a data set with the largest training part, which Figures 3 and 4 look at."""
    return plan.cell(main_table(column.key), row, size_key(column.key, sizes(plan.setting)[-1]))


def _nc12(plan: Plan, store: Records) -> Claim:
    units: list[Unit] = []
    for c in drawn(data_columns(plan), FIGURE_3):
        cell = probed_cell(plan, c, OURS)
        measured = {
            (kind, what): by_seed(cell, store, lambda r, k=kind, w=what: probe(r, "dnm-mixtures", k, w))
            for kind in ("largest", "smallest")
            for what in ("nearest", "centre")
        }
        units += [
            unit(
                f"{c.title}: distance to the nearest original, smallest − largest",
                measured["smallest", "nearest"],
                measured["largest", "nearest"],
                note="positive: mixtures of largest distance are the ones that resemble originals",
            ),
            unit(
                f"{c.title}: distance to the centre of all originals, largest − smallest",
                measured["largest", "centre"],
                measured["smallest", "centre"],
                note="positive: mixtures of smallest distance are the ones in the middle",
            ),
        ]
    return decide(
        "NC12",
        "Mixtures of largest distance resemble originals, those of smallest distance lie in the middle between them",
        "Figure 3 measured in the space of the sentence vectors, not in a projection (SPEC NA30)",
        "Figure 3, not in the text; section 3.2 of the paper expects the reverse",
        units,
    )


def _nc13(plan: Plan, store: Records) -> Claim:
    units = []
    for c in drawn(data_columns(plan), FIGURE_4):
        for space, title in (("state", "last layer"), ("output", "what is compared with the classes")):
            ours, bert = (
                by_seed(probed_cell(plan, c, row), store, lambda r, s=space: probe(r, "dnm-features", s, "silhouette"))
                for row in (OURS, "BERT")
            )
            units.append(
                unit(
                    f"{c.title}: {title}",
                    {s: 100 * v for s, v in ours.items()},
                    {s: 100 * v for s, v in bert.items()},
                    note="silhouette in hundredths",
                    aside=space == "output",
                )
            )
    return decide(
        "NC13",
        "DNM separates the classes better than BERT",
        "Figure 4 measured: silhouette of the test features, Ours − BERT",
        "Figure 4, not in the text",
        units,
    )

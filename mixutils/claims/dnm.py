"""The claims of DNM, NC1 to NC13 (SPEC 5(f))."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from statistics import mean
from typing import Any

import numpy as np

from ..evidence import Evidence, Units, best
from ..evidence.claims import Illustration
from ..papers.base import Cell, Column, Plan
from ..papers.dnm import (
    FIGURE_2,
    FIGURE_3,
    FIGURE_4,
    LONG,
    MAIN,
    OURS,
    OWN_TABLE,
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
from ..runs.records import Records

UNMEASURED = "no trained model has been measured yet"


def declare(e: Evidence, plan: Plan, store: Records) -> None:
    """NC1 to NC13."""
    few, many = sizes(plan.setting)[0], sizes(plan.setting)[-1]
    data = data_columns(plan)
    main = tuple(t for t in (*MAIN.values(), OWN_TABLE) if plan.table(t))
    largest = [size_key(c.key, many) for c in data]
    stunted = {size_key(c.key, many): why for c in data if (why := _stunted(plan, store, c))}
    tuned, *fixed = WEIGHT_ROWS

    e.claim(
        "NC1",
        "DNM beats all baselines on most tasks",
        e.diff(main, OURS, best(*(row for row in ROWS if row != OURS)), name="Ours − best baseline"),
        kind="most",
        own="23 of 24 cells",
    )
    e.claim(
        "NC2",
        "DNM is better than BERT+NonlinearMixup with all data, on every data set",
        e.diff(main, OURS, RIVAL, columns=largest).mark(stunted)
        + (e.diff(LONG, OURS, RIVAL, name=f"{OURS} − {RIVAL}, more updates") if plan.table(LONG) else Units()),
        kind="every",
        own="0.7, 0.4, 0.9, 1.0 (Subj, MR, SST-2, SST-1)",
    )
    e.claim(
        "NC3",
        "The gain over BERT+NonlinearMixup is larger with less data",
        -e.slope(main, OURS, RIVAL).mark(stunted),
        kind="slope",
        own="larger at 50 than with all on 4 of 4; between them not monotone",
        note="" if few != many else "needs two training sizes",
    )
    e.claim(
        "NC4",
        "BERT exceeds the three shallow baselines on every data set, with all data and with little",
        e.diff(main, "BERT", best(*SHALLOW_ROWS), name="BERT − best shallow row"),
        kind="every",
        own="24 of 24 cells",
    )
    e.claim(
        "NC5",
        "WordMixup and SenMixup improve BERT, with all data and with little",
        e.diff(main, "BERT+WordMixup", "BERT") + e.diff(main, "BERT+SenMixup", "BERT"),
        kind="most",
        own="all data 8 of 8; less data 35 of 40 (SPEC NA22)",
    )
    ends = [size_key(c.key, many) for c in drawn(data, FIGURE_2)]
    e.claim(
        "NC6",
        "At the end of long training DNM is above BERT+NonlinearMixup, and its accuracy is not falling",
        e.diff(main, OURS, RIVAL, columns=ends, policy="last", name="at the last step").mark(stunted).must("above")
        + _late_slopes(e, plan, store).must("not falling"),
        kind="every",
        own="Figure 2, whose numbers are not in the text",
        note="a faster fall of a loss whose target is trained is no evidence (SPEC NA29, X11)",
    )
    e.claim(
        "NC7",
        "Accuracy over K has its best inside the grid, near 5",
        _by_size(plan, "k", lambda t: e.inner(t, list(dict.fromkeys(c.row for c in plan.table(t))))),
        kind="inner",
        own="K = 5 is best in 5 of 6 columns; rises and falls on 3 of 6 (SPEC NA28)",
    )
    e.claim(
        "NC8",
        "Tuned weights beat fixed weights, for input and output",
        _by_size(plan, "weights", lambda t: sum((e.diff(t, tuned, row) for row in fixed), Units())),
        kind="most",
        own="18 of 18",
    )
    gains = [_by_size(plan, "weights", lambda t: e.diff(t, tuned, fixed[-1]), only=t) for t in TABLES["weights"]]
    e.claim(
        "NC9",
        "Tuning the weights gains more with little data",
        gains[0] - gains[1],
        kind="pooled",
        own="2.3, 2.8, 3.1 against 1.8 (the text says 1.5, SPEC NA27), 1.4, 2.1",
        note="" if gains[1] else "this setting has no Table 9 (desk and full have)",
    )
    e.claim(
        "NC10",
        "Selection, largest and smallest distances, and nonlinear mixing each contribute",
        sum(
            (
                _by_size(plan, "ablations", lambda t, part=part: e.diff(t, OURS, f"w/o {part}")).must(part)
                for part in ("DSS", "LDS", "SDS", "DNM")
            ),
            Units(),
        ),
        kind="most",
        own="24 of 24",
    )
    e.claim(
        "NC11",
        "Samples of largest distance matter more than those of smallest",
        _by_size(plan, "ablations", lambda t: e.diff(t, "w/o SDS", "w/o LDS")),
        kind="most",
        own="6 of 6; w/o LDS is even below plain BERT with all data (SPEC NA24)",
    )
    e.claim(
        "NC12",
        "Mixtures of largest distance resemble originals, those of smallest distance lie in the middle between them",
        _mixtures(e, plan, store),
        kind="illustration",
        own="Figure 3, not in the text; section 3.2 of the paper expects the reverse",
    )
    e.claim(
        "NC13",
        "DNM separates the classes better than BERT",
        _silhouettes(e, plan, store),
        kind="illustration",
        own="Figure 4, not in the text",
    )


def _by_size(plan: Plan, kind: str, units: Callable[[str], Units], only: str = "") -> Units:
    """Units of the two tables of a kind, with little data and with all, named by their training rows; ``only`` one of them."""
    out = Units()
    for table, n in zip(TABLES[kind], (sizes(plan.setting)[0], sizes(plan.setting)[-1]), strict=True):
        if plan.table(table) and only in ("", table):
            out += Units(replace(u, title=f"{u.title}, {f'{n:,}' if n else 'all'}") for u in units(table))
    return out


def _stunted(plan: Plan, store: Records, column: Column) -> str:
    """Why a comparison of Ours with its rival on the largest training part means nothing, or "".

    Training parts are nested and all get the same number of updates. A method that is no better with the largest than with
    the smallest is limited by its updates: it has not been trained long enough to be compared. SPEC 9.2 voids such a side
    only where it still predicts one class.
    """
    few, many = sizes(plan.setting)[0], sizes(plan.setting)[-1]
    for row in (OURS, RIVAL):
        small, large = (
            plan.cell(main_table(column.key), row, size_key(column.key, n)).values(store) for n in (few, many)
        )
        seeds = set(small) & set(large)
        if few != many and seeds and mean(large[s] for s in seeds) <= mean(small[s] for s in seeds):
            return f"{row} has not been trained long enough: no better with {many or 'all'} rows than with {few}"
    return ""


# ------------------------------------------------------------------------------------------------------ curves and probes


def probed_cell(plan: Plan, column: Column, row: str) -> Cell | None:
    """The cell of a data set with the largest training part, which Figures 2 to 4 look at."""
    return plan.cell(main_table(column.key), row, size_key(column.key, sizes(plan.setting)[-1]))


def late_slope(record: dict[str, Any], part: str = "test") -> float:
    """Least-squares slope of the accuracy over the last quarter of the steps, at least the last two evaluations, in points per
    quarter (the paper's last 1,000 of 4,000 steps); NaN with one evaluation."""
    points = record["curve"]
    end = points[-1]["step"]
    late = [p for i, p in enumerate(points) if p["step"] >= 0.75 * end or i >= len(points) - 2]
    if len(late) < 2:
        return math.nan
    steps, accuracies = zip(*((4 * p["step"] / end, 100 * p["metrics"][part]["accuracy"]) for p in late), strict=True)
    return float(np.polyfit(steps, accuracies, 1)[0])


def _late_slopes(e: Evidence, plan: Plan, store: Records) -> Units:
    """Not falling: what Ours gains in the last quarter is not below minus the margin."""
    units = Units()
    for c in drawn(data_columns(plan), FIGURE_2):
        slopes = {r["run"]["seed"]: late_slope(r) for r in probed_cell(plan, c, OURS).records(store)}
        found = e.values(c.title, slopes, task=c.task).shift(e.margin)
        units += Units(replace(u, pair="points gained in the last quarter, plus the margin") for u in found)
    return units


def _probes(plan: Plan, store: Records, column: Column, row: str, name: str) -> list[dict[str, Any]]:
    """What a probe measured, seed by seed."""
    return [r["probes"][name] for r in probed_cell(plan, column, row).records(store) if name in r.get("probes", {})]


def _mixtures(e: Evidence, plan: Plan, store: Records) -> Illustration:
    """Figure 3, measured in the space of the sentence vectors and not in a projection (SPEC NA30)."""
    (c, *_) = drawn(data_columns(plan), FIGURE_3)
    found = _probes(plan, store, c, OURS, "dnm-mixtures")
    if not found:
        return e.illustration(math.nan, UNMEASURED)
    near, centre = (
        {kind: mean(p[kind][what] for p in found) for kind in ("largest", "smallest")} for what in ("nearest", "centre")
    )
    resemble, middle = near["largest"] < near["smallest"], centre["smallest"] < centre["largest"]
    outcome = {2: "as the claim has it", 1: "one of the two as the claim has it", 0: "the reverse of the claim"}
    return e.illustration(
        near["smallest"] - near["largest"],
        f"{outcome[resemble + middle]}: on {c.title}, mean of {len(found)} trained models, in units of what is usual for originals, mixtures of "
        f"largest distance are {near['largest']:.2f} from the nearest original and {centre['largest']:.2f} from the centre of all, those of "
        f"smallest distance {near['smallest']:.2f} and {centre['smallest']:.2f}",
    )


def _silhouettes(e: Evidence, plan: Plan, store: Records) -> Illustration:
    """Figure 4, measured: silhouettes of the true classes of the test part."""
    gains: dict[str, list[float]] = {"last layer": [], "what is compared with the classes": []}
    words = []
    for c in drawn(data_columns(plan), FIGURE_4):
        ours, bert = (_probes(plan, store, c, row, "dnm-features") for row in (OURS, "BERT"))
        if not ours or not bert:
            continue
        for (name, gain), space in zip(gains.items(), ("state", "output"), strict=True):
            high, low = (mean(p[space]["silhouette"] for p in side) for side in (ours, bert))
            gain.append(high - low)
            words.append(
                f"{c.title}, {name}: Ours {high:.2f}, BERT {low:.2f} (means of {len(ours)} and {len(bert)} models)"
            )
    if not words:
        return e.illustration(math.nan, UNMEASURED)
    higher = [f"in {name} on {sum(g > 0 for g in gain)} of {len(gain)}" for name, gain in gains.items()]
    state, _ = gains.values()
    return e.illustration(
        mean(state), f"the silhouette of Ours is higher {', '.join(higher)} data sets; {'; '.join(words)}"
    )

"""Steps until a goal is reached, some of them never: log-rank tests (SPEC 2(e), DA40)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from statsmodels.duration.survfunc import survdiff

from .pooling import Pooled

MOST_LEFT = 0.1  # share of runs that may be at the goal at their first evaluation already


@dataclass(frozen=True, eq=False)
class LogRank:
    """Two groups of runs and when they reached a goal.

    Attributes:
        time: (n,) steps of the first evaluation at the goal, or of the last one. reached: (n,) whether it was.
        first: (n,) whether it was there at its first evaluation. of_a: (n,) whether the run is one of a's.
    """

    time: np.ndarray
    reached: np.ndarray
    first: np.ndarray
    of_a: np.ndarray

    def turned(self) -> LogRank:
        return replace(self, of_a=~self.of_a)

    @property
    def void(self) -> str:
        """Why no test can be made, or ""."""
        share = self.first.mean() if len(self.first) else 0.0
        if share > MOST_LEFT:
            return f"{100 * share:.0f} % of the runs are at the goal at their first evaluation"
        return "" if self.reached.any() else "no run reaches the goal"

    def words(self) -> str:
        """Medians and how many never reach the goal."""

        def one(which: np.ndarray) -> tuple[str, int]:
            never = int((~self.reached[which]).sum())
            # A median among runs that are not there yet is only known to lie beyond the last evaluation.
            steps = np.sort(np.where(self.reached, self.time, math.inf)[which])
            middle = steps[(len(steps) - 1) // 2] if len(steps) % 2 else steps[len(steps) // 2 - 1 :][:2].mean()
            return (f"{middle:g}" if math.isfinite(middle) else "never"), never

        (a, a_never), (b, b_never) = one(self.of_a), one(~self.of_a)
        return f"median steps {a} against {b}; never reached by {a_never} of {self.of_a.sum()} and {b_never} of {(~self.of_a).sum()}"

    def excess(self) -> tuple[float, float]:
        """Observed minus expected arrivals of a, and their variance: the two sums of the log-rank test."""
        total, variance = 0.0, 0.0
        for t in np.unique(self.time[self.reached]):
            risk = self.time >= t
            n, of_a = risk.sum(), (risk & self.of_a).sum()
            here = self.reached & (self.time == t)
            d = here.sum()
            total += (here & self.of_a).sum() - d * of_a / n
            if n > 1:
                variance += d * (of_a / n) * (1 - of_a / n) * (n - d) / (n - 1)
        return float(total), float(variance)


def arrival(steps: np.ndarray, values: np.ndarray, goal: float) -> tuple[float, bool, bool]:
    """When a curve is at its goal first, or its last step; whether it ever is; whether it is at its first evaluation."""
    there = np.flatnonzero(values >= goal - 1e-9)
    return (steps[there[0]], True, bool(there[0] == 0)) if len(there) else (steps[-1], False, False)


def arrivals(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]],
    cell: Mapping[int, Mapping[str, Any]],
    seeds: Mapping[int, str],
    aim: Callable[[int, np.ndarray], float],
) -> list[tuple[float, bool, bool]]:
    """The arrivals of a cell's runs that have a curve and a goal.

    Args:
        curves, cell: see ``read``. seeds: seed -> precision. aim: the goal, from the seed and the curve's values.
    """
    out = []
    for seed, precision in seeds.items():
        curve = curves.get(cell[seed][precision].hash)
        if curve is not None and not math.isnan(goal := aim(seed, curve[1])):
            out.append(arrival(*curve, goal))
    return out


def race(a: Sequence[tuple[float, bool, bool]], b: Sequence[tuple[float, bool, bool]]) -> LogRank:
    """From the arrivals of two groups."""
    time, reached, first = (np.array(x) for x in zip(*a, *b, strict=True))
    return LogRank(time, reached, first, np.arange(len(time)) < len(a))


def pooled(tests: Sequence[LogRank]) -> tuple[Pooled, float]:
    """Over data sets: the logarithm of how many times as often a arrives (hazard ratio, by Peto's one step), and the
    two-sided p of the log-rank test, stratified by data set; NaN where nothing varies."""
    sums = [t.excess() for t in tests]
    total, variance = (sum(s[i] for s in sums) for i in (0, 1))
    if variance <= 0:
        return Pooled(math.nan, math.nan, math.inf), math.nan
    strata = np.concatenate([np.full(len(t.time), i) for i, t in enumerate(tests)])
    # A stratum without a moment at which both groups are on the way holds no comparison, and survdiff cannot divide by it.
    some = np.concatenate([np.full(len(t.time), s[1] > 0) for t, s in zip(tests, sums, strict=True)])
    time, reached, of_a = (
        np.concatenate([np.asarray(getattr(t, name)) for t in tests])[some] for name in ("time", "reached", "of_a")
    )
    _, p = survdiff(time, reached.astype(int), of_a.astype(int), strata=strata[some])
    return Pooled(total / variance, 1 / math.sqrt(variance), math.inf), float(p)

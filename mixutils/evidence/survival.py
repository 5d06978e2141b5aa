"""Steps until a goal is reached, some of them never: log-rank tests (SPEC 2(e), DA40)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from .estimate import Pooled

MOST_LEFT = 0.1  # share of runs that may be at the goal at their first evaluation already
Arrival = tuple[float, bool, bool]


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

    @property
    def void(self) -> str:
        """Why no test can be made, or ""."""
        share = self.first.mean() if len(self.first) else 0.0
        if share > MOST_LEFT:
            return f"{100 * share:.0f} % of the runs are at the goal at their first evaluation"
        return "" if self.reached.any() else "no run reaches the goal"

    def words(self) -> str:
        """Medians and how many never reach the goal."""
        # A median among runs that are not there yet is only known to lie beyond the last evaluation.
        steps = np.where(self.reached, self.time, math.inf)
        groups = [steps[self.of_a], steps[~self.of_a]]
        a, b = (f"{m:g}" if math.isfinite(m := np.median(g)) else "never" for g in groups)
        never = " and ".join(f"{np.isinf(g).sum()} of {len(g)}" for g in groups)
        return f"median steps {a} against {b}; never reached by {never}"

    def excess(self) -> tuple[float, float]:
        """Observed minus expected arrivals of a, and their variance: the two sums of the log-rank test."""
        times = np.unique(self.time[self.reached])
        risk = self.time[:, None] >= times
        here = self.reached[:, None] & (self.time[:, None] == times)
        n, n_a, d, d_a = risk.sum(0), risk[self.of_a].sum(0), here.sum(0), here[self.of_a].sum(0)
        share = n_a / n
        variance = d * share * (1 - share) * (n - d) / np.maximum(n - 1, 1)
        return float((d_a - d * share).sum()), float(variance.sum())


def arrival(steps: np.ndarray, values: np.ndarray, goal: float) -> Arrival:
    """When a curve is at its goal first, or its last step; whether it ever is; whether it is at its first evaluation."""
    there = np.flatnonzero(values >= goal - 1e-9)
    return (steps[there[0]], True, bool(there[0] == 0)) if len(there) else (steps[-1], False, False)


def race(a: Sequence[Arrival], b: Sequence[Arrival]) -> LogRank:
    """From the arrivals of two groups."""
    time, reached, first = (np.array(x) for x in zip(*a, *b, strict=True))
    return LogRank(time, reached, first, np.arange(len(time)) < len(a))


def pooled(tests: Sequence[LogRank]) -> tuple[Pooled, float]:
    """Over data sets: the logarithm of how many times as often a arrives (hazard ratio, by Peto's one step), and the
    two-sided p of the log-rank test, stratified by data set; NaN where nothing varies."""
    total, variance = np.sum([t.excess() for t in tests], axis=0)
    if variance <= 0:
        return Pooled(math.nan, math.nan, math.inf), math.nan
    return Pooled(total / variance, 1 / math.sqrt(variance), math.inf), float(chi2.sf(total**2 / variance, 1))

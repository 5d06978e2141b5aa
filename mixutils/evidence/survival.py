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
        if not self.reached.any():
            return "no run reaches the goal"
        return "" if self.excess()[1] > 0 else "all runs reach the goal at the same evaluation"

    def words(self) -> str:
        """Medians, how many never reach the goal, and how many are there at their first evaluation."""
        groups = [self.of_a, ~self.of_a]
        a, b = (median(self.time[g], self.reached[g], self.first[g]) for g in groups)
        said = [f"median steps {a} against {b}"]
        for what, runs in (("never reached by", ~self.reached), ("at the first evaluation by", self.first)):
            if runs.any() or runs is not self.first:
                said.append(f"{what} {' and '.join(f'{runs[g].sum()} of {g.sum()}' for g in groups)}")
        return "; ".join(said)

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


def median(steps: np.ndarray, reached: np.ndarray, first: np.ndarray) -> str:
    """The median of runs of which some have no number of steps: "96"; "≤ 32" where the middle run is at the goal at its first
    evaluation; "never" where it never is.

    Args:
        steps, reached, first: (n,) each, as in ``LogRank``.
    """
    middle = np.median(np.where(reached, steps, math.inf))
    early = np.median(np.where(first, 0, 1)) < 1  # of the runs in the middle, one was not seen on its way
    return f"{'≤ ' if early else ''}{middle:g}" if math.isfinite(middle) else "never"


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

"""What became of a claim."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from . import estimate
from .pooling import Pooled
from .units import Unit, Units

SHOWN = ("key", "text", "kind", "own", "word", "why", "estimate", "low", "high", "interval", "covers")
SHOWN += ("these", "like", "tasks", "n_units", "void", "seeds", "p_for", "p_against", "p_holm", "mde")
SHOWN += ("reported", "reported_columns", "power", "signs", "heterogeneity", "without_one", "margin")


@dataclass(frozen=True)
class Verdict:
    """A claim with everything that SPEC 9.3 wants shown.

    Attributes:
        key, text, kind, own: as given to ``Evidence.claim``. word: "supported", "supported, and smaller than reported",
            "contradicted", "negligible", "smaller than reported", "undecided", "not tested" or "illustration".
        why: one sentence. units: all of them, the void ones with their reason.
        pooled: what decides, in points in the claimed direction (``estimate``, ``low``, ``high``); for steps to a goal the
            logarithm of the hazard ratio. interval: "these tasks" or "tasks like these". these, like: (estimate, low, high) of
            both, NaN where there is none.
        covers: which noise the interval covers: "seeds", "seeds and rows" or "seeds, rows and tasks".
        tasks, n_units, void: number of data sets and of units that count, and of units that do not. seeds: (fewest, most)
            pairs of a unit. signs: units above 0.
        p_for, p_against: in each direction, in two-sided units; p_holm: the smaller one, corrected over the paper's claims.
        reported: mean of the printed differences, over how many units: reported_columns.
        heterogeneity: standard deviation of the data sets' means beyond noise. without_one: range of the estimate when one
            data set is left out. margin: smallest effect of interest. All in points.
    """

    key: str
    text: str
    kind: str
    own: str
    word: str
    why: str
    units: Units
    pooled: Pooled
    interval: str
    covers: str
    these: tuple[float, float, float]
    like: tuple[float, float, float]
    tasks: int
    n_units: int
    void: int
    seeds: tuple[int, int]
    p_for: float
    p_against: float
    p_holm: float
    reported: float
    reported_columns: int
    signs: int
    heterogeneity: float
    without_one: tuple[float, float]
    margin: float

    @property
    def estimate(self) -> float:
        return float(self.pooled.estimate)

    @property
    def low(self) -> float:
        return float(self.pooled.low)

    @property
    def high(self) -> float:
        return float(self.pooled.high)

    @property
    def mde(self) -> float:
        """Effect that would be found with 80 % power."""
        return float(estimate.detectable(self.pooled.se, self.pooled.df))

    @property
    def power(self) -> float:
        """At the reported effect; NaN where none above 0 is reported."""
        return float(estimate.power(self.reported, self.pooled.se, self.pooled.df))

    def to_frame(self) -> pd.DataFrame:
        """One line per unit: what it is, pairs, mean, both intervals, p by t and by sign flips, MDE, printed difference and
        power there, and why it does not count."""
        return pd.DataFrame([_line(u) for u in self.units], columns=list(_line(Unit(""))))


def _line(u: Unit) -> dict:
    (low, high), (low_rows, high_rows) = u.interval, u.interval_rows
    return {
        "title": u.title,
        "pair": u.pair,
        "task": u.task,
        "n": u.n,
        "mean": u.mean,
        "low": low,
        "high": high,
        "low_rows": low_rows,
        "high_rows": high_rows,
        "p_above": u.p[0],
        "p_below": u.p[1],
        "flip_above": u.p_flip[0],
        "flip_below": u.p_flip[1],
        "mde": u.mde,
        "printed": u.printed,
        "power": u.power,
        "void": u.void or ("two pairs: no interval of its own" if u.thin else ""),
        "note": u.note,
    }

"""What became of a claim."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from . import estimate
from .unit import Unit
from .units import Units
from .weigh import Weighed

SHOWN = ("key", "text", "kind", "own", "word", "why", "estimate", "low", "high", "interval", "covers")
SHOWN += ("these", "like", "tasks", "n_units", "void", "seeds", "p_for", "p_against", "p_holm", "mde")
SHOWN += ("reported", "reported_columns", "power", "signs", "heterogeneity", "without_one", "margin")


@dataclass(frozen=True, kw_only=True)
class Verdict(Weighed):
    """A claim with everything that SPEC 9.3 wants shown, beside what its units say together (``Weighed``).

    Attributes:
        key, text, kind, own: as given to ``Evidence.claim``. word: "supported", "supported, and smaller than reported",
            "contradicted", "negligible", "smaller than reported", "undecided", "not tested" or "illustration".
        why: one sentence. units: all of them, the void ones with their reason. margin: smallest effect of interest.
        p_holm: the smaller of ``p_for`` and ``p_against``, corrected over the paper's claims.
        reported: mean of the printed differences, over how many units: reported_columns.
    """

    key: str
    text: str
    kind: str
    own: str
    word: str
    why: str
    units: Units
    margin: float
    p_holm: float
    reported: float
    reported_columns: int

    @property
    def estimate(self) -> float:
        """Pooled, in points in the claimed direction; the logarithm of a hazard ratio for steps to a goal."""
        return float(self.pooled.estimate)

    @property
    def low(self) -> float:
        """Of the 95 % interval that decides."""
        return float(self.pooled.low)

    @property
    def high(self) -> float:
        return float(self.pooled.high)

    @property
    def n_units(self) -> int:
        """Units that count."""
        return len(self.used)

    @property
    def void(self) -> int:
        """Units that do not."""
        return len(self.units) - len(self.used)

    @property
    def seeds(self) -> tuple[int, int]:
        """Fewest and most pairs of a unit that counts."""
        pairs = [u.n for u in self.used] or [0]
        return min(pairs), max(pairs)

    @property
    def signs(self) -> int:
        """Units above 0, of those that count."""
        return sum(u.mean > 0 for u in self.used)

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

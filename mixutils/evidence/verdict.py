"""What became of a claim."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from .units import Units


@dataclass(frozen=True)
class Verdict:
    """A claim with everything that SPEC 9.3 wants shown.

    Attributes:
        key, text, kind, own: as given to ``Evidence.claim``. word: "supported", "supported, and smaller than reported",
            "contradicted", "negligible", "smaller than reported", "undecided", "not tested" or "illustration".
        why: one sentence. units: all of them, the void ones with their reason.
        estimate, low, high: pooled, in points in the claimed direction, with the interval that decides; interval: which
            one that is, "these tasks" or "tasks like these". these, like: (estimate, low, high) of both, NaN where there is none.
        covers: which noise the interval covers, "seeds" or "seeds and rows".
        tasks, n_units, void, seeds: number of tasks and units that count, of void units, and of pairs, (fewest, most).
        mde: effect that would be found with 80 % power. reported: mean of the printed differences, over how many columns:
            reported_columns. power: at the reported effect.
        p_for, p_against: in each direction, in two-sided units; p_holm: the smaller one, corrected over the paper's claims.
        signs: units above 0, of those that count. heterogeneity: standard deviation of task means beyond noise, in points.
        without_one: range of the estimate when one task is left out. margin: in points.
    """

    key: str
    text: str
    kind: str
    word: str
    why: str
    own: str
    units: Units

    def to_frame(self) -> pd.DataFrame:
        """One line per unit: task, title, pair, n, mean, both intervals, p, MDE, power, reported, void, note."""
        raise NotImplementedError

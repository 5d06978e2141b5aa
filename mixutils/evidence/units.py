"""Units: one comparison on one data set, and lists of them (SPEC 9.2)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """One comparison on one data set: differences a − b in points, paired by seed."""


class Units(tuple[Unit, ...]):
    """Units of a claim.

    ``x + y``: the units of both. ``-x``: turned round. ``x - y``: differences of differences, paired by seed; units with
    the same column go together, or, where no column is in both, the first with the first and so on. ``x.mean(name)``: one
    unit, the mean over all units, seed by seed. ``x.shift(points)``: moved by a constant, for "at most a point worse".
    """

    def mean(self, name: str) -> Units:
        raise NotImplementedError

    def shift(self, points: float) -> Units:
        raise NotImplementedError

"""Sides of a comparison that are more than one row: the best of several, and their mean (SPEC 9.4)."""

from __future__ import annotations

from dataclasses import dataclass

Row = str | tuple[str, str]  # a row of the comparison's table, or (table, row)


@dataclass(frozen=True)
class Best:
    """See ``best``."""

    rows: tuple[Row, ...]
    rule: str


@dataclass(frozen=True)
class Mean:
    """See ``mean``."""

    rows: tuple[Row, ...]


Side = Row | Best | Mean


def best(*rows: Row, rule: str = "hold-out") -> Best:
    """The best of several rows, as a side of ``Evidence.diff``.

    Args:
        rows: names, or (table, name). rule: how the best is chosen, the same for both sides of a comparison:
            "hold-out": unit by unit on a part that is not reported; for each seed by the mean over the *other* seeds, so
            that a row is never chosen for the luck of the run that is then compared.
            "reported": on the reported part itself; the difference of maxima is tested by permuting the rows' names inside
            every seed.

    Raises:
        ValueError: no rows, or an unknown rule.
    """
    if not rows or rule not in ("hold-out", "reported"):
        raise ValueError(f"best needs rows and a rule, hold-out or reported, not {rows!r} and {rule!r}")
    return Best(rows, rule)


def mean(*rows: Row) -> Mean:
    """The mean over several rows, seed by seed, as a side of ``Evidence.diff``."""
    if not rows:
        raise ValueError("mean needs rows")
    return Mean(rows)

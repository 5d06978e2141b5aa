"""Sides of a comparison: a row, the best of several rows, or their mean (SPEC 9.4)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Row = str | tuple[str, str]  # a row of the comparison's table, or (table, row)
RULES = ("hold-out", "reported")


@dataclass(frozen=True)
class Several:
    """The best of rows by a rule, see ``best``; or their mean, where the rule is ""."""

    rows: tuple[Row, ...]
    rule: str = ""


Side = Row | Several


def best(*rows: Row, rule: str = "hold-out") -> Several:
    """The best of several rows, as a side of ``Evidence.diff``.

    Args:
        rows: names, or (table, name). rule: how the best is chosen, the same for both sides of a comparison:
            "hold-out": unit by unit on a part that is not reported; for each seed by the mean over the *other* seeds. The
            luck of one training shows on all its parts: chosen with the seed that is then compared, the best of five equal
            rows is ahead by half a standard deviation.
            "reported": on the reported part itself; the difference of maxima is tested by permuting the rows' names inside
            every seed.

    Raises:
        ValueError: no rows, or an unknown rule.
    """
    if not rows or rule not in RULES:
        raise ValueError(f"best needs rows and a rule, {' or '.join(RULES)}, not {rows!r} and {rule!r}")
    return Several(rows, rule)


def mean(*rows: Row) -> Several:
    """The mean over several rows, seed by seed, as a side of ``Evidence.diff``."""
    if not rows:
        raise ValueError("mean needs rows")
    return Several(rows)


def rows(side: Side) -> tuple[Row, ...]:
    """The rows of a side."""
    return side.rows if isinstance(side, Several) else (side,)


def places(side: Side, table: str, column: str = "") -> list[tuple[str, str, str]]:
    """(table, row, column) of each row of a side, which is of this table or of another one."""
    return [(table, row, column) if isinstance(row, str) else (*row, column) for row in rows(side)]


def name(side: Side) -> str:
    """For people; the table of a row of another one is left out."""
    names = [row for _, row, _ in places(side, "")]
    return names[0] if len(names) == 1 else f"{'best' if side.rule else 'mean'} of {', '.join(names)}"


def rule_of(a: Side, b: Side) -> str:
    """The one rule by which both sides are chosen; "" where neither is.

    Raises:
        ValueError: one of each, which is biased whatever the data (SPEC 9.4).
    """
    rules = {side.rule for side in (a, b) if isinstance(side, Several) and len(side.rows) > 1} - {""}
    if len(rules) > 1:
        raise ValueError(f"both sides must be chosen by one rule, not {a.rule!r} and {b.rule!r} (SPEC 9.4)")
    return rules.pop() if rules else ""


@dataclass(frozen=True)
class Chosen:
    """A side's numbers, rows by seeds.

    Attributes:
        values: (..., r, n) in points, reported. selecting: the same of the part that selects. best: whether it is the best row;
            else the mean of all, of which there may be one.
    """

    values: np.ndarray
    selecting: np.ndarray
    best: bool

    @property
    def index(self) -> np.ndarray:
        """(..., n): for each seed the row that is best in the mean over the other seeds, on the selecting part; of equal ones
        the first."""
        others = self.selecting.sum(-1, keepdims=True) - self.selecting
        return others.round(9).argmax(-2)  # else the last bit of a sum would choose between equal rows

    @property
    def top(self) -> np.ndarray:
        """(...): the mean over seeds, of the best row by that mean."""
        means = self.values.mean(-1)
        return means.max(-1) if self.best else means.mean(-1)

    def weights(self, rule: str = "hold-out") -> np.ndarray:
        """(..., r, n): the share of every run in the side's number."""
        r = self.values.shape[-2]
        if not self.best:
            return np.full(self.values.shape, 1 / r)
        chosen = self.index if rule == "hold-out" else self.values.mean(-1).argmax(-1)[..., None]
        return (np.arange(r)[:, None] == chosen[..., None, :]) * np.ones(self.values.shape)

    @property
    def reduced(self) -> np.ndarray:
        """(..., n): the side's one number per seed."""
        return (self.weights() * self.values).sum(-2)


def spread(a: Chosen, b: Chosen, draws: int = 200) -> float:
    """How much the differences by seed understate the standard error of their mean where a side was chosen.

    The choice for one seed looks at the others, which makes the differences positively correlated: with nine rows and ten
    seeds, t tests at 5 % reject up to 16 %. The factor is that of the same statistic under permuted names: its standard
    deviation over the standard error that its differences show. Row means are taken out first, so that true differences
    do not count as noise.
    """
    n = a.values.shape[-1]
    if n < 3 or not (a.best or b.best):
        return 1.0
    left, right = _permuted(a, b, draws, np.random.default_rng(0), residuals=True)
    d = left.reduced - right.reduced
    shown = (d.var(-1, ddof=1) / n).mean()
    return max(1.0, math.sqrt(d.mean(-1).var() / shown)) if shown > 0 else 1.0


def maxima(a: Chosen, b: Chosen, rng: np.random.Generator, draws: int = 1999) -> tuple[float, float, np.ndarray]:
    """The difference of the two sides' tops, each chosen on the reported part.

    Returns:
        The difference without the head start that the side with more rows has by chance alone; its standard error; and
        draws (draws,) of it under permuted names, with which the test is exact where no row differs from another. Where
        rows of one side differ, the better ones have less of a head start, down to none: all of it is therefore part of
        the error, and a test needs the t interval too. Head start and error are those of permuted residuals, which true
        differences do not widen.
    """
    sides = [_permuted(a, b, draws, rng, residuals) for residuals in (False, True)]
    null, noise = (left.top - right.top for left, right in sides)
    head_start = noise.mean()
    return float(a.top - b.top - head_start), math.hypot(noise.std(), head_start), null - head_start


def _permuted(a: Chosen, b: Chosen, draws: int, rng: np.random.Generator, residuals: bool) -> tuple[Chosen, Chosen]:
    """Both sides with their rows' names permuted inside every seed, (draws, r, n).

    Args:
        residuals: of what is left without the rows' means, as wide as before.
    """
    k, n = a.values.shape
    order = rng.random((draws, k + len(b.values), n)).argsort(1)
    parts = []
    for x in (np.concatenate([a.values, b.values]), np.concatenate([a.selecting, b.selecting])):
        if residuals:
            x = (x - x.mean(-1, keepdims=True)) * math.sqrt(n / (n - 1))
        parts.append(np.take_along_axis(np.broadcast_to(x, order.shape), order, 1))
    values, by = parts
    return Chosen(values[:, :k], by[:, :k], a.best), Chosen(values[:, k:], by[:, k:], b.best)

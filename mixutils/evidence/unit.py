"""A unit: one comparison on one data set (SPEC 9.2); lists of units, and what can be calculated with them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from . import estimate
from .survival import Arrival, LogRank, pooled, race

FEWEST = 3  # pairs of a unit that has a word of its own
Two = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Unit:
    """One comparison on one data set: differences a − b in points, paired by seed.

    Attributes:
        title, pair: data set and comparison, for people. column, task: ids.
        runs: hashes of the runs of both sides, those that were chosen from included.
        seeds: of the pairs. differences: (n,) in the order of the seeds, none in log-rank tests. mean, se, df: of its t
            interval over seeds.
        rows: (digest, (n, R) differences of right and wrong in points), where all seeds have the same rows and bits.
        rows_variance: what other rows add to the variance of the mean; 0 where every seed has rows of its own, which the
            spread over seeds then covers; NaN where it is unknown.
        least: least variance of one difference (``estimate.resolution``). spread: factor on the standard error, above 1
            where a row was chosen among several (``best.spread``).
        printed: the published difference, or NaN. apart: see ``frame.apart``, or "". void: why the unit does not count, or "". note:
            what one should know.
        part: units of one claim with different parts must all hold ("against T = 0", "against T = 0.9").
        null: draws of the mean under permuted names, for differences of maxima; their ``differences`` are those of rows that
            the other seeds choose, for sums of units. logrank: of steps to a goal.
    """

    title: str = ""
    pair: str = ""
    column: str = ""
    task: str = ""
    runs: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    differences: np.ndarray = field(default_factory=lambda: np.empty(0))
    mean: float = math.nan
    se: float = math.nan
    df: float = math.nan
    rows: tuple[str, np.ndarray] | None = None
    rows_variance: float = math.nan
    least: float = 0.0
    spread: float = 1.0
    printed: float = math.nan
    apart: str = ""
    void: str = ""
    note: str = ""
    part: str = ""
    null: np.ndarray | None = None
    logrank: LogRank | None = None

    @property
    def name(self) -> str:
        return ": ".join(filter(None, (self.title, self.pair)))

    @property
    def n(self) -> int:
        """Pairs."""
        return len(self.seeds)

    @property
    def counts(self) -> bool:
        """Whether it has a word of its own; its interval, p, MDE and power are else NaN. The mean of two pairs has none, but
        counts where five data sets are pooled (SPEC 10)."""
        return not self.void and self.n >= FEWEST

    @property
    def _known(self) -> tuple[float, float, float]:
        return (self.mean, self.se, self.df) if self.counts else (math.nan,) * 3

    @cached_property
    def interval(self) -> Two:
        """95 % t interval over seeds."""
        return _two(*estimate.interval(*self._known))

    @cached_property
    def interval_rows(self) -> Two:
        """95 % interval for other seeds and other rows of the same kind, never narrower than that over seeds; NaN if unknown."""
        mean, se, df = self._known
        whole = se**2 + self.rows_variance
        wider = df * estimate.ratio(whole, se**2) ** 2 if se else df
        low, high = _two(*estimate.interval(mean, math.sqrt(whole), wider))
        return min(low, self.interval[0]), max(high, self.interval[1])

    @cached_property
    def p(self) -> Two:
        """One-sided p that the effect is above, and below 0: t test; differences of maxima must pass that of permuted names too."""
        found = estimate.one_sided(*self._known)
        if self.null is not None:
            found = np.maximum(found, permuted(self.mean, self.null))
        return _two(*found)

    @cached_property
    def p_flip(self) -> Two:
        """The same by the exact sign-flip test."""
        by_seed = self.counts and self.null is None and self.logrank is None
        return estimate.sign_flip(self.differences) if by_seed else (math.nan, math.nan)

    @property
    def mde(self) -> float:
        """Effect that the unit alone finds with 80 % power."""
        return float(estimate.detectable(*self._known[1:]))

    @property
    def power(self) -> float:
        """At the printed effect."""
        return float(estimate.power(self.printed, *self._known[1:]))


def _two(low: float, high: float) -> Two:
    return float(low), float(high)


def permuted(mean: float, null: np.ndarray) -> Two:
    """One-sided p values of a statistic among its draws under the null."""
    total = len(null) + 1
    return float((null >= mean - 1e-9).sum() + 1) / total, float((null <= mean + 1e-9).sum() + 1) / total


def paired(seeds: Sequence[int], differences: np.ndarray, *, void: str = "", **given) -> Unit:
    """A unit from differences by seed; void with fewer than two pairs. ``given``: fields of ``Unit``."""
    x = np.asarray(differences, dtype=float)
    n = len(x)
    given |= {"seeds": tuple(seeds), "differences": x}
    if n < 2:
        return Unit(**given, void=void or f"{n or 'no'} pair{'s'[: n != 1]} of runs", mean=x.mean() if n else math.nan)
    spread = given.get("spread", 1.0)
    se = spread * math.sqrt(max(x.var(ddof=1), given.get("least", 0.0)) / n)
    if given.get("rows") is not None:
        given["rows_variance"] = spread**2 * estimate.rows_noise(given["rows"][1])
    return Unit(**given, void=void, mean=float(x.mean()), se=se, df=n - 1.0)


def raced(a: Sequence[Arrival], b: Sequence[Arrival], **given) -> Unit:
    """A unit from when the runs of two sides arrive at a goal, see ``survival.arrival``; its mean is a log hazard ratio."""
    if min(len(a), len(b)) < FEWEST:
        return Unit(**given, void=f"fewer than {FEWEST} runs a side with a curve and a goal")
    test = race(a, b)
    found, _ = pooled([test])
    how = {"mean": found.estimate, "se": found.se, "df": found.df}
    return Unit(**given, **how, logrank=test, void=test.void, note=test.words())


def combine(units: Sequence[Unit], weights: Sequence[float], **given) -> Unit:
    """The weighted sum of units, seed by seed over the seeds that all have; void where one of them is.

    Raises:
        ValueError: log-rank tests, which have no differences by seed.
    """
    if any(u.logrank is not None for u in units):
        raise ValueError("log-rank tests have no differences by seed to calculate with")
    seeds = sorted(set.intersection(*(set(u.seeds) for u in units)))
    parts = [(w, u, [u.seeds.index(s) for s in seeds]) for w, u in zip(weights, units, strict=True)]
    digests = {u.rows[0] if u.rows else "" for u in units}
    if len(digests) == 1 and "" not in digests:
        given["rows"] = (digests.pop(), sum(w * u.rows[1][at] for w, u, at in parts))
    else:
        given["rows_variance"] = sum(w**2 * u.rows_variance for w, u, _ in parts)
    whole = {
        "void": next((f"{u.name}: {u.void}" for u in units if u.void), ""),
        "least": sum(w**2 * u.least for w, u, _ in parts),
        "spread": max(u.spread for u in units),
        "note": "; ".join(dict.fromkeys(u.note for u in units if u.note)),
        "printed": sum(w * u.printed for w, u, _ in parts),
        "apart": "; ".join(dict.fromkeys(u.apart for u in units if u.apart)),
        "runs": tuple(dict.fromkeys(h for u in units for h in u.runs)),
    }
    return paired(seeds, sum(w * u.differences[at] for w, u, at in parts), **whole | given)


class Units(tuple[Unit, ...]):
    """Units of a claim.

    ``x + y``: the units of both. ``-x``: turned round. ``x - y``: differences of differences, paired by seed; units with
    the same column go together, or, where no column is in both, the first with the first and so on. ``x.mean(name)``: one
    unit, the mean over all units that count, seed by seed.
    """

    def __add__(self, other: Units) -> Units:
        return Units((*self, *other))

    def __neg__(self) -> Units:
        turned = []
        for u in self:
            numbers = {"differences": -u.differences, "mean": -u.mean, "printed": -u.printed}
            numbers |= {"rows": u.rows and (u.rows[0], -u.rows[1]), "null": None if u.null is None else -u.null}
            logrank = u.logrank and replace(u.logrank, of_a=~u.logrank.of_a)
            turned.append(replace(u, **numbers, logrank=logrank, pair=f"−({u.pair})" if u.pair else ""))
        return Units(turned)

    def __sub__(self, other: Units) -> Units:
        theirs, out = {u.column: u for u in other}, []
        pairs = [(u, theirs[u.column]) for u in self if u.column in theirs]
        for a, b in pairs or zip(self, other, strict=False):
            rival = b.pair if a.title == b.title else b.name
            pair = f"({a.pair}) − ({rival})" if a.pair != b.pair else f"{a.pair}, against {b.title}"
            out.append(combine((a, b), (1, -1), title=a.title, pair=pair, column=a.column, task=a.task))
        return Units(out)

    def mean(self, name: str) -> Units:
        """One unit, the mean over all that count, seed by seed."""
        found = [u for u in self if not u.void]
        pairs = {u.pair for u in found or self}
        labels = {"title": name, "pair": pairs.pop() if len(pairs) == 1 else ""}
        if not found:
            why = "; ".join(dict.fromkeys(u.void for u in self)) or "no data set has both sides"
            return Units([Unit(**labels, void=why)])
        printed = [u.printed for u in found if not math.isnan(u.printed)]
        labels |= {"column": name, "task": ", ".join(dict.fromkeys(u.task for u in found))}
        labels |= {"printed": sum(printed) / len(printed) if printed else math.nan}
        unit = combine(found, [1 / len(found)] * len(found), **labels)
        left = [f"without {u.title} ({u.void})" for u in self if u.void]
        return Units([replace(unit, note="; ".join(filter(None, (unit.note, *left))))])

    def slope(self, sizes: Mapping[str, float]) -> Units:
        """One unit per data set: how its units change with the size of their column (column -> size), in points per
        doubling, by least squares over all sizes; none where there is only one."""
        out = []
        for task in dict.fromkeys(u.task for u in self):
            units = [u for u in self if u.task == task and u.n and sizes[u.column]]
            x = np.log2([sizes[u.column] for u in units])
            if len(set(x)) < 2:
                continue
            weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
            labels = {"title": units[0].title.rsplit(", ", 1)[0], "column": ", ".join(u.column for u in units)}
            labels |= {"pair": f"slope of {units[0].pair}, points per doubling", "task": task, "printed": math.nan}
            unit = combine(units, weights, **labels)
            over = f"over {', '.join(f'{2**v:,.0f}' for v in sorted(x))} training rows"
            out.append(replace(unit, note="; ".join(filter(None, (over, unit.note)))))
        return Units(out)

    def mark(self, void: Mapping[str, str] | str) -> Units:
        """Make units void for a reason of the caller's own: they are shown, and not counted.

        Args:
            void: why, for all; or column -> why, where a slope has the columns of all its sizes.
        """
        if isinstance(void, str):
            return Units(replace(u, void=u.void or void) for u in self)
        why = [next((void[c] for c in u.column.split(", ") if c in void), "") for u in self]
        return Units(replace(u, void=u.void or w) for u, w in zip(self, why, strict=True))

    def must(self, part: str) -> Units:
        """One of several parts of a claim, under this name: each part must hold in the mean over its units, and each can
        contradict the claim."""
        return Units(replace(u, part=part) for u in self)

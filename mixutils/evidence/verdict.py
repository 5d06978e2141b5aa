"""What the units of a claim say together: pooled over data sets, in both directions (SPEC 9.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from . import estimate, pooling, survival
from .estimate import NOWHERE, Pooled
from .pooling import ENOUGH
from .unit import FEWEST, Unit, combine, permuted
from .units import Units

THESE, LIKE = "these tasks", "tasks like these"
SHOWN = ("key", "text", "kind", "own", "word", "why", "estimate", "low", "high", "interval", "covers")
SHOWN += ("these", "like", "tasks", "n_units", "void", "seeds", "p_for", "p_against", "p_holm", "mde")
SHOWN += ("reported", "reported_columns", "power", "signs", "heterogeneity", "without_one", "margin")
OF_UNIT = ("title", "pair", "task", "n", "mean", "low", "high", "low_rows", "high_rows", "p_above", "p_below")
OF_UNIT += ("flip_above", "flip_below", "mde", "printed", "power", "void", "note")


@dataclass(frozen=True, kw_only=True)
class Verdict(Pooled):
    """A claim with everything that SPEC 9.3 wants shown.

    Attributes:
        key, text, kind, own, units, note: as given to ``Evidence.claim``. margin: smallest effect of interest.
        word: "supported", "supported, and smaller than reported", "contradicted", "negligible", "smaller than reported",
            "undecided", "not tested" or "illustration". why: one sentence.
        estimate, se, df, low, high: pooled, in points in the claimed direction; for steps to a goal the logarithm of a hazard
            ratio. interval: which of two decides, "these tasks" or "tasks like these". these, like: (estimate, low, high) of
            both, NaN where there is none. covers: which noise it covers, "seeds", "seeds and rows" or "seeds, rows and tasks".
        part: which part of the claim that is, of several that must hold. used: the units that count. tasks: data sets.
        p_for, p_against: in each direction, in two-sided units. p_holm: the smaller, corrected over the paper's claims.
        heterogeneity: standard deviation of the data sets' means beyond noise. without_one: range of the estimate when one
            data set is left out.
        reported: mean of the printed differences, over how many units: reported_columns.
    """

    key: str
    text: str
    kind: str
    own: str
    units: Units
    margin: float
    note: str = ""
    word: str = ""
    why: str = ""
    estimate: float = math.nan
    se: float = math.nan
    df: float = math.nan
    interval: str = ""
    covers: str = ""
    these: tuple[float, float, float] = NOWHERE.triple
    like: tuple[float, float, float] = NOWHERE.triple
    part: str = ""
    used: tuple[Unit, ...] = ()
    tasks: int = 0
    p_for: float = math.nan
    p_against: float = math.nan
    p_holm: float = math.nan
    heterogeneity: float = math.nan
    without_one: tuple[float, float] = (math.nan, math.nan)
    reported: float | None = None  # until it is weighed
    reported_columns: int = 0

    @property
    def tested(self) -> bool:
        return not math.isnan(self.p_for)

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
        return float(estimate.detectable(self.se, self.df))

    @property
    def power(self) -> float:
        """At the reported effect; NaN where none above 0 is reported."""
        return float(estimate.power(self.reported, self.se, self.df))

    def to_frame(self) -> pd.DataFrame:
        """One line per unit: what it is, pairs, mean, both intervals, p by t and by sign flips, MDE, printed difference and
        power there, and why it does not count."""
        lines = []
        for u in self.units:
            void = u.void or ("two pairs: no interval of its own" if u.thin else "")
            numbers = (u.n, u.mean, *u.interval, *u.interval_rows, *u.p, *u.p_flip, u.mde, u.printed, u.power)
            lines.append((u.title, u.pair, u.task, *numbers, void, u.note))
        return pd.DataFrame(lines, columns=list(OF_UNIT))


def weigh(claim: Verdict, like: bool) -> Verdict:
    """Pool the units that count, before claims are corrected for one another.

    Args:
        like: whether "tasks like these" decides, where five are at hand.
    """
    if claim.kind not in ("illustration", "measured"):
        parts = list(dict.fromkeys(u.part for u in claim.units))
        found = [_pool([u for u in claim.units if u.part == p], claim, like) | {"part": p} for p in parts]
        if found and not any(math.isnan(f.get("p_for", math.nan)) for f in found):
            # All parts must hold: the weakest one speaks for the claim, and each may contradict it. Of several that nothing
            # speaks for (their p is 1), it is the one that is most clearly against it.
            weakest = max(found, key=lambda f: (f["p_for"], -f["p_against"]))
            against = min(1.0, len(found) * min(f["p_against"] for f in found))
            weakest = weakest | {"p_against": against, "used": sum((f["used"] for f in found), ())}
            claim = replace(claim, **weakest)
    # Where several parts must hold, the weakest one is compared with what is reported about it.
    about = [u for u in claim.units if u.part == claim.part or not claim.tested]
    printed = [u.printed for u in about if u.counts and not math.isnan(u.printed)]
    reported = claim.reported
    if reported is None:
        reported = sum(printed) / len(printed) if printed else math.nan
    return replace(claim, reported=reported, reported_columns=len(printed))


def _pool(units: Sequence[Unit], claim: Verdict, like: bool) -> dict:
    """Fields of the verdict; none where nothing can be tested."""
    if any(u.logrank for u in units):
        return _log_rank([u for u in units if not u.void])
    used = by_task([u for u in units if not u.void])
    if len(used) < ENOUGH:
        used = by_task([u for u in units if u.counts])
    if not used:
        return {}
    tasks = [together(group) for group in used]
    means, variances, dfs, rows = np.array([(t.mean, t.se**2, t.df, t.rows_variance) for t in tasks]).T
    these, covers = pooling.these_tasks(means, variances, dfs), "seeds"
    if not np.isnan(rows).any():
        wider = pooling.these_tasks(means, variances, dfs, rows)
        these, covers = max(these, wider, key=lambda p: p.high - p.low), "seeds and rows"
    out = {"interval": THESE, "covers": covers, "these": these.triple, "tasks": len(tasks), "used": sum(used, ())}
    decides = these
    if len(tasks) >= ENOUGH:
        others = pooling.like_these(means)
        out["like"] = others.triple
        if like:
            decides = others
            out |= {"interval": LIKE, "covers": "seeds, rows and tasks"}
    if len(tasks) > 1:
        out["heterogeneity"] = float(pooling.heterogeneity(means, variances))
        out["without_one"] = tuple(map(float, pooling.without_one(means)))
    nulls = [t.null for t in tasks]
    null = None if any(n is None for n in nulls) else np.mean(nulls, axis=0)
    at = {"estimate": float(decides.estimate), "se": float(decides.se), "df": float(decides.df)}
    if claim.kind == "equal":
        beyond = min(
            estimate.one_sided(*at.values(), claim.margin)[0], estimate.one_sided(*at.values(), -claim.margin)[1]
        )
        p_for, p_against = estimate.inside(*at.values(), claim.margin), min(1.0, 2 * beyond)
    else:
        both = np.asarray(estimate.one_sided(*at.values()))
        if null is not None:
            both = np.maximum(both, permuted(at["estimate"], null))
        p_for, p_against = np.minimum(1, 2 * both)
    return out | at | {"p_for": float(p_for), "p_against": float(p_against)}


def _log_rank(units: list[Unit]) -> dict:
    found, p = survival.pooled([u.logrank for u in units]) if units else (NOWHERE, math.nan)
    if math.isnan(p):
        return {}
    p_for, p_against = (p, 1.0) if found.estimate > 0 else (1.0, p)
    out = {
        "interval": THESE,
        "covers": "seeds",
        "these": found.triple,
        "tasks": len(by_task(units)),
        "used": tuple(units),
    }
    return out | vars(found) | {"p_for": p_for, "p_against": p_against}


def by_task(units: Sequence[Unit]) -> list[tuple[Unit, ...]]:
    """Units in groups that share a data set: they share runs, seeds and rows, and are not independent."""
    groups: list[tuple[set[str], tuple[Unit, ...]]] = []
    for unit in units:
        names, members = set(unit.task.split(", ")), (unit,)
        for group in [g for g in groups if g[0] & names]:
            groups.remove(group)
            names, members = names | group[0], group[1] + members
        groups.append((names, members))
    return [members for _, members in groups]


def together(units: Sequence[Unit]) -> Unit:
    """The mean of one data set's units, seed by seed; where they have no seeds in common, with the mean of their errors."""
    if len(units) == 1:
        return units[0]
    nulls = [u.null for u in units]
    if all(null is None for null in nulls):
        whole = combine(units, [1 / len(units)] * len(units), title=units[0].title)
        if whole.n >= min(FEWEST, *(u.n for u in units)):
            return whole
    alike = not any(null is None for null in nulls) and len(set(map(len, nulls))) == 1
    mean, se = np.mean([(u.mean, u.se) for u in units], axis=0)  # as if they moved together: never too small
    df, null = min(u.df for u in units), np.mean(nulls, axis=0) if alike else None
    return Unit(units[0].title, mean=float(mean), se=float(se), df=df, null=null)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm-corrected p values; NaN stays NaN and does not count.

    As ``statsmodels.stats.multitest.multipletests``, which collects garbage on every call: 0.2 s in a program of this size.
    """
    p = np.array(p_values, dtype=float)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]
    steps = p[order] * np.arange(len(order), 0, -1)
    p[order] = np.minimum(np.maximum.accumulate(steps), 1) if len(order) else steps
    return p.tolist()

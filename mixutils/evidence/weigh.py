"""What the units of a claim say together: pooled over data sets, in both directions (SPEC 9.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from . import estimate, pooling, survival
from .estimate import ALPHA
from .pooling import ENOUGH, NOWHERE, Pooled
from .unit import FEWEST, Unit, combine, permuted
from .units import Units

THESE, LIKE = "these tasks", "tasks like these"


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """What the units of a claim say together, before claims are corrected for one another.

    Attributes:
        pooled: what decides. interval: which of the two intervals that is, "these tasks" or "tasks like these". these, like:
            (estimate, low, high) of both, NaN where there is none. covers: which noise the interval covers, "seeds", "seeds
            and rows" or "seeds, rows and tasks".
        part: which part of a claim it is about, of several that must hold. used: the units that count. tasks: data sets.
        p_for, p_against: in each direction, in two-sided units. inside: of the two one-sided tests against the margin.
        withheld: why support is not possible, or "". opposed: units that contradict by themselves, or "".
        heterogeneity: standard deviation of the data sets' means beyond noise. without_one: range of the estimate when one
            data set is left out.
    """

    pooled: Pooled = NOWHERE
    interval: str = ""
    covers: str = ""
    these: tuple[float, float, float] = NOWHERE.triple
    like: tuple[float, float, float] = NOWHERE.triple
    part: str = ""
    used: tuple[Unit, ...] = ()
    tasks: int = 0
    p_for: float = math.nan
    p_against: float = math.nan
    inside: float = math.nan
    withheld: str = ""
    opposed: str = ""
    heterogeneity: float = math.nan
    without_one: tuple[float, float] = (math.nan, math.nan)

    @property
    def tested(self) -> bool:
        return not math.isnan(self.p_for)


def weigh(units: Units, kind: str, margin: float, like: bool) -> Weighed:
    """Pool the units that count.

    Args:
        margin: of an equality, and of "negligible". like: whether "tasks like these" decides, where five are at hand.
    """
    parts = list(dict.fromkeys(u.part for u in units))
    found = [replace(_pool([u for u in units if u.part == p], kind, margin, like), part=p) for p in parts]
    if not found or not all(w.tested for w in found):
        return Weighed()
    # All parts must hold: the weakest one speaks for the claim, and each may contradict it. Of several that nothing speaks
    # for (their p is 1), it is the one that is most clearly against it.
    out = max(found, key=lambda w: (w.p_for, -w.p_against))
    if kind == "every":
        out = replace(out, **_every([u for u in units if u.counts]))
    against = min(1.0, len(found) * min(w.p_against for w in found))
    return replace(out, p_against=against, used=tuple(u for w in found for u in w.used))


def _pool(units: Sequence[Unit], kind: str, margin: float, like: bool) -> Weighed:
    if any(u.logrank for u in units):
        return _log_rank([u for u in units if not u.void])
    used = by_task([u for u in units if not u.void])
    if len(used) < ENOUGH:
        used = by_task([u for u in units if u.counts])
    if not used:
        return Weighed()
    tasks = [together(group) for group in used]
    means, variances = np.array([t.mean for t in tasks]), np.array([t.se**2 for t in tasks])
    dfs, rows = np.array([t.df for t in tasks]), np.array([t.rows_variance for t in tasks])
    these, covers = pooling.these_tasks(means, variances, dfs), "seeds"
    if not np.isnan(rows).any():
        wider = pooling.these_tasks(means, variances, dfs, rows)
        these, covers = max(these, wider, key=lambda p: p.high - p.low), "seeds and rows"
    out = {"pooled": these, "interval": THESE, "covers": covers, "these": these.triple, "tasks": len(tasks)}
    if len(tasks) >= ENOUGH:
        others = pooling.like_these(means)
        out["like"] = others.triple
        if like:
            out |= {"pooled": others, "interval": LIKE, "covers": "seeds, rows and tasks"}
    if len(tasks) > 1:
        out["heterogeneity"] = float(pooling.heterogeneity(means, variances))
        out["without_one"] = tuple(map(float, pooling.without_one(means)))
    nulls = [t.null for t in tasks]
    null = None if any(n is None for n in nulls) else np.mean(nulls, axis=0)
    return Weighed(**out, used=tuple(u for group in used for u in group), **_tests(out["pooled"], kind, margin, null))


def _tests(pooled: Pooled, kind: str, margin: float, null: np.ndarray | None) -> dict[str, float]:
    at = (pooled.estimate, pooled.se, pooled.df)
    # A margin in points says nothing about points per doubling.
    inside = math.nan if kind == "slope" else float(estimate.inside(*at, margin))
    if kind == "equal":
        beyond = min(estimate.one_sided(*at, margin)[0], estimate.one_sided(*at, -margin)[1])
        return {"p_for": inside, "p_against": min(1.0, 2 * float(beyond)), "inside": inside}
    both = np.asarray(estimate.one_sided(*at))
    if null is not None:
        both = np.maximum(both, permuted(float(pooled.estimate), null))
    above, below = np.minimum(1, 2 * both)
    return {"p_for": float(above), "p_against": float(below), "inside": inside}


def _log_rank(units: list[Unit]) -> Weighed:
    if not units:
        return Weighed()
    found, p = survival.pooled([u.logrank for u in units])
    if math.isnan(p):
        return Weighed()
    p_for, p_against = (p, 1.0) if found.estimate > 0 else (1.0, p)
    tests = {"p_for": p_for, "p_against": p_against}
    out = {"pooled": found, "interval": THESE, "covers": "seeds", "these": found.triple}
    return Weighed(**out, used=tuple(units), tasks=len(by_task(units)), **tests)


def _every(units: list[Unit]) -> dict[str, str]:
    """Intersection–union: every unit must pass by itself; one that opposes after Holm's correction over units contradicts."""
    short = [u for u in units if not u.p[0] < ALPHA]
    withheld = ""
    if short or not units:
        withheld = f"{len(units) - len(short)} of {len(units)} comparisons show it by themselves"
    against = holm([2 * u.p[1] for u in units])
    opposed = [u.name for u, p in zip(units, against, strict=True) if p < ALPHA]
    return {"withheld": withheld, "opposed": "; ".join(opposed)}


def by_task(units: Sequence[Unit]) -> list[tuple[Unit, ...]]:
    """Units in groups that share a data set: they share runs, seeds and rows, and are not independent."""
    groups: list[tuple[set[str], list[Unit]]] = []
    for unit in units:
        names, members = set(unit.task.split(", ")), [unit]
        for group in [g for g in groups if g[0] & names]:
            groups.remove(group)
            names, members = names | group[0], [*group[1], *members]
        groups.append((names, members))
    return [tuple(members) for _, members in groups]


def together(units: Sequence[Unit]) -> Unit:
    """The mean of one data set's units, seed by seed; where they have no seeds in common, with the mean of their errors."""
    if len(units) == 1:
        return units[0]
    if all(u.null is None for u in units):
        whole = combine(units, [1 / len(units)] * len(units), title=units[0].title)
        if whole.n >= min(FEWEST, *(u.n for u in units)):
            return whole
    alike = len({None if u.null is None else len(u.null) for u in units}) == 1 and units[0].null is not None
    mean = sum(u.mean for u in units) / len(units)
    se = sum(u.se for u in units) / len(units)  # as if they moved together: never too small
    null = np.mean([u.null for u in units], axis=0) if alike else None
    return Unit(units[0].title, mean=mean, se=se, df=min(u.df for u in units), null=null)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm-corrected p values; NaN stays NaN and does not count.

    As ``statsmodels.stats.multitest.multipletests``, which collects garbage on every call: 0.2 s in a program of this size.
    """
    p = np.array(p_values, dtype=float)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]
    steps = p[order] * np.arange(len(order), 0, -1)
    p[order] = np.minimum(np.maximum.accumulate(steps), 1) if len(order) else steps
    return p.tolist()

"""What the units of a claim say together, pooled over data sets in both directions, and the word for it (SPEC 9.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..wording import signed
from . import estimate, survival
from .estimate import ALPHA, ENOUGH, NOWHERE, Pooled
from .unit import FEWEST, Unit, Units, combine, permuted

THESE, LIKE = "these tasks", "tasks like these"
SHOWN = ("key", "text", "kind", "own", "word", "why", "estimate", "low", "high", "interval", "covers")
SHOWN += ("these_low", "these_high", "like_low", "like_high", "tasks", "n_units", "void", "seeds_fewest", "seeds_most")
SHOWN += ("p_for", "p_against", "p_holm", "mde", "reported", "reported_columns", "power", "signs", "heterogeneity")
SHOWN += ("without_one_low", "without_one_high", "margin")
#: Fields with more than one value, and what the last two of them are called in a table.
ENDS = dict.fromkeys(("these", "like", "without_one"), ("low", "high")) | {"seeds": ("fewest", "most")}
OF_UNIT = ("title", "pair", "task", "n", "mean", "low", "high", "low_rows", "high_rows", "p_above", "p_below")
OF_UNIT += ("flip_above", "flip_below", "mde", "printed", "power", "void", "note", "seeds", "differences", "runs")


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
        part: which part of the claim that is, of several that must hold. tasks: data sets, 0 where nothing is tested.
        n_units, void: units that count, and that do not. seeds: fewest and most pairs of a unit that counts. signs: units
            above 0, of those that count.
        p_for, p_against: in each direction, in two-sided units. p_holm: the smaller, corrected over the paper's claims.
        heterogeneity: standard deviation of the data sets' means beyond noise. without_one: range of the estimate when one
            data set is left out.
        reported: mean of the printed differences, over how many units: reported_columns. apart: how many rows ours and those are
            trained on, where these are not as many. mde: effect that would be found with 80 % power.
            power: at the reported effect; NaN where none above 0 is reported.
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
    tasks: int = 0
    n_units: int = 0
    void: int = 0
    seeds: tuple[int, int] = (0, 0)
    signs: int = 0
    p_for: float = math.nan
    p_against: float = math.nan
    p_holm: float = math.nan
    heterogeneity: float = math.nan
    without_one: tuple[float, float] = (math.nan, math.nan)
    reported: float | None = None  # until it is weighed
    reported_columns: int = 0
    apart: str = ""
    mde: float = math.nan
    power: float = math.nan

    def line(self) -> dict[str, object]:
        """Its fields but the units, one value each: of an interval its ends, of ``seeds`` the fewest and the most."""
        own = vars(self) | {"low": self.low, "high": self.high}
        own = {name: value for name, value in own.items() if name not in ("units", *ENDS)}
        for name, ends in ENDS.items():
            own |= {f"{name}_{end}": x for end, x in zip(ends, getattr(self, name)[-2:], strict=True)}
        return own

    def to_frame(self) -> pd.DataFrame:
        """One line per unit: what it is, pairs, mean, both intervals, p by t and by sign flips, MDE, printed difference and
        power there, why it does not count; and by seed the differences, and the runs behind them, separated by blanks."""
        lines = []
        for u in self.units:
            void = u.void or ("" if u.counts else "two pairs: no interval of its own")
            numbers = (u.n, u.mean, *u.interval, *u.interval_rows, *u.p, *u.p_flip, u.mde, u.printed, u.power)
            note = "; ".join(filter(None, (u.note, "" if math.isnan(u.printed) else u.apart)))
            behind = (u.seeds, (f"{x:.4f}" for x in u.differences), u.runs)
            lines.append((u.title, u.pair, u.task, *numbers, void, note, *(" ".join(map(str, x)) for x in behind)))
        return pd.DataFrame(lines, columns=list(OF_UNIT))


def weigh(claim: Verdict, like: bool) -> Verdict:
    """Pool the units that count, before claims are corrected for one another.

    Args:
        like: whether "tasks like these" decides, where five are at hand.
    """
    untested = claim.kind in ("illustration", "measured")
    parts = dict.fromkeys(u.part for u in claim.units if not untested)
    found = [_pool(Units(u for u in claim.units if u.part == part), claim, like) for part in parts]
    about, used = claim.units, []
    if found and all(found):
        # All parts must hold: the weakest one speaks for the claim, and is compared with what is reported about it; each may
        # contradict. Of several that nothing speaks for (their p is 1), it is the one that is most clearly against it.
        weakest = max(found, key=lambda f: (f["p_for"], -f["p_against"]))
        against = min(1.0, len(found) * min(f["p_against"] for f in found))
        used = [u for f in found for u in f.pop("used")]
        claim = replace(claim, **weakest | {"p_against": against})
        about = [u for u in claim.units if u.part == claim.part]
    printed = [u for u in about if u.counts and not math.isnan(u.printed)]
    reported, pairs = claim.reported, [u.n for u in used] or [0]
    if reported is None:
        reported = sum(u.printed for u in printed) / len(printed) if printed else math.nan
    counts = {"n_units": len(used), "void": len(claim.units) - len(used), "seeds": (min(pairs), max(pairs))}
    counts |= {"signs": sum(u.mean > 0 for u in used), "reported_columns": len(printed)}
    unlike = [u.apart for u in printed or about if u.apart]
    some = f"in {len(unlike)} of {len(printed)} columns " if 0 < len(unlike) < len(printed) else ""
    counts["apart"] = some + "; ".join(dict.fromkeys(unlike))
    mde, power = estimate.detectable(claim.se, claim.df), estimate.power(reported, claim.se, claim.df)
    return replace(claim, **counts, reported=reported, mde=float(mde), power=float(power))


def _pool(units: Units, claim: Verdict, like: bool) -> dict:
    """Fields of the verdict, and the units that are used; empty where nothing can be tested."""
    valid = [u for u in units if not u.void]
    groups = by_task(valid)
    if any(u.logrank for u in valid):
        decides, p = survival.pooled([u.logrank for u in valid])
        out = {"interval": THESE, "covers": "seeds", "these": decides.triple}
        p_for, p_against = (p, 1.0) if decides.estimate > 0 else (1.0, p)
    else:
        if len(groups) < ENOUGH:
            groups = by_task([u for u in valid if u.counts])
        if not groups:
            return {}
        tasks = [together(group) for group in groups]
        decides, out = _intervals(tasks, like)
        p_for, p_against = _both_ways(decides, tasks, claim)
    if math.isnan(p_for + p_against):
        return {}
    out |= {"part": units[0].part, "tasks": len(groups), "used": [u for group in groups for u in group]}
    return out | vars(decides) | {"p_for": float(p_for), "p_against": float(p_against)}


def _intervals(tasks: Sequence[Unit], like: bool) -> tuple[Pooled, dict]:
    """What decides, and what stands beside it."""
    means, variances, dfs, rows = np.array([(t.mean, t.se**2, t.df, t.rows_variance) for t in tasks]).T
    these, out = estimate.these_tasks(means, variances, dfs), {"interval": THESE, "covers": "seeds"}
    if not np.isnan(rows).any():
        wider = estimate.these_tasks(means, variances, dfs, rows)
        these, out["covers"] = max(these, wider, key=lambda p: p.high - p.low), "seeds and rows"
    decides, out["these"] = these, these.triple
    if len(tasks) >= ENOUGH:
        others = estimate.like_these(means)
        out["like"] = others.triple
        if like:
            decides = others
            out |= {"interval": LIKE, "covers": "seeds, rows and tasks"}
    if len(tasks) > 1:
        out["heterogeneity"] = float(estimate.heterogeneity(means, variances))
        out["without_one"] = tuple(map(float, estimate.without_one(means)))
    return Pooled(float(decides.estimate), float(decides.se), float(decides.df)), out


def _both_ways(pooled: Pooled, tasks: Sequence[Unit], claim: Verdict) -> tuple[float, float]:
    """p for and against the claim, in two-sided units."""
    at, nulls = (pooled.estimate, pooled.se, pooled.df), [t.null for t in tasks]
    if claim.kind == "equal":
        beyond = min(estimate.one_sided(*at, claim.margin)[0], estimate.one_sided(*at, -claim.margin)[1])
        return estimate.inside(*at, claim.margin), min(1.0, 2 * beyond)
    both = estimate.one_sided(*at)
    if not any(null is None for null in nulls):
        both = np.maximum(both, permuted(pooled.estimate, np.mean(nulls, axis=0)))
    above, below = np.minimum(1, 2 * np.asarray(both))
    return above, below


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


def said(v: Verdict) -> Verdict:
    """With its word, and why."""
    if v.kind == "illustration":
        word, why = v.kind, v.why
    elif v.kind == "measured":
        word, why = _measured(v.units)
    else:
        word, why = _decided(v) if v.tasks else ("not tested", _untested(v.units))
    return replace(v, word=word, why="; ".join(filter(None, (why, v.note))))


def _decided(v: Verdict) -> tuple[str, str]:
    scale = (f"{v.part}: " if v.part else "") + ("log hazard ratio " if v.kind == "steps" else "")
    size = f"{scale}{_n(v.estimate)} [{_n(v.low)}, {_n(v.high)}]"
    passes, equal = v.p_holm < ALPHA, v.kind == "equal"
    smaller = not equal and v.high < v.reported
    effect = f"the reported {_n(v.reported)}{f' ({v.apart})' if v.apart else ''}"
    below = f"the interval ends below {effect}"
    withheld, opposed = _every(v.units) if v.kind == "every" else ("", "")
    if passes and v.p_for <= v.p_against and not withheld and not opposed:
        why = f"{size} is {'inside the margin' if equal else 'above 0'}, Holm p = {v.p_holm:.2g}"
        return ("supported, and smaller than reported", f"{why}; {below}") if smaller else ("supported", why)
    if opposed:
        return "contradicted", f"{opposed} opposes by itself, after Holm's correction over comparisons; pooled {size}"
    if passes and v.p_against < v.p_for:
        return "contradicted", f"{size} is {'beyond the margin' if equal else 'below 0'}, Holm p = {v.p_holm:.2g}"
    # A margin in points says nothing about points per doubling, correlations or hazard ratios.
    at, points = (v.estimate, v.se, v.df), v.kind not in ("slope", "rank", "steps")
    if points and estimate.inside(*at, v.margin) < ALPHA:
        low, high = estimate.interval(*at, 1 - 2 * ALPHA)
        part = f"{v.part}: " if v.part else ""
        return "negligible", f"{part}the 90 % interval [{_n(low)}, {_n(high)}] lies inside the margin{withheld}"
    holds_0 = v.low <= 0 <= v.high
    if smaller:
        if holds_0:
            below = f"the interval holds 0 and ends below {effect}"
        elif v.high < 0:
            below += f", and is below 0 before Holm's correction (Holm p = {v.p_holm:.2g})"
        return "smaller than reported", f"{size}: {below}{withheld}"
    if holds_0:
        both = f" and {effect}" if v.low <= v.reported else ""
        return "undecided", f"{size} holds 0{both}{withheld}"
    return "undecided", f"{size} does not hold 0, but Holm p = {v.p_holm:.2g}{withheld}"


def _every(units: Units) -> tuple[str, str]:
    """Intersection–union: why support is withheld where a unit does not pass by itself; which units oppose by themselves after
    Holm's correction over units, and contradict."""
    units = [u for u in units if u.counts]
    passing = sum(u.p[0] < ALPHA for u in units)
    against = holm([2 * u.p[1] for u in units])
    opposed = "; ".join(u.name for u, p in zip(units, against, strict=True) if p < ALPHA)
    withheld = f"; {passing} of {len(units)} comparisons show it by themselves"
    return "" if units and passing == len(units) else withheld, opposed


def _untested(units: Units) -> str:
    reasons: dict[str, list[str]] = {}
    for u in (u for u in units if not u.counts):
        reasons.setdefault(u.void or f"fewer than {FEWEST} pairs, and fewer than {ENOUGH} data sets", []).append(u.name)
    return "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items()) or "no data set has both sides"


def _measured(units: Units) -> tuple[str, str]:
    """About numbers of a machine (``Evidence.measured``)."""
    found = [u.mean for u in units if not u.void]
    inside = bool(found) and all(share == 1 for share in found)
    word = "not tested" if not found else "supported" if inside else "contradicted" if not any(found) else "undecided"
    return word, "; ".join(f"{u.title}: {u.void or u.note}" for u in units)


def _n(value: float) -> str:
    return signed(value).replace("-", "−")

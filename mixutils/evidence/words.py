"""The words, in their order (SPEC 9.3)."""

from __future__ import annotations

from dataclasses import replace

from . import estimate
from .estimate import ALPHA
from .pooling import ENOUGH
from .unit import FEWEST
from .units import Units
from .verdict import Verdict, holm


def said(v: Verdict) -> Verdict:
    """With its word, and why."""
    if v.kind == "illustration":
        word, why = v.kind, v.why or "; ".join(f"{u.name} {u.mean:.2f}" for u in v.units)
    elif v.kind == "measured":
        word, why = _measured(v.units)
    else:
        word, why = _decided(v) if v.tested else ("not tested", _untested(v.units))
    return replace(v, word=word, why="; ".join(filter(None, (why, v.note))))


def _decided(v: Verdict) -> tuple[str, str]:
    scale = (f"{v.part}: " if v.part else "") + ("log hazard ratio " if v.kind == "steps" else "")
    size = f"{scale}{_n(v.estimate)} [{_n(v.low)}, {_n(v.high)}]"
    passes, equal = v.p_holm < ALPHA, v.kind == "equal"
    smaller = not equal and v.high < v.reported
    below = f"the interval ends below the reported {_n(v.reported)}"
    withheld, opposed = _every(v.units) if v.kind == "every" else ("", "")
    if passes and v.p_for <= v.p_against and not withheld and not opposed:
        why = f"{size} is {'inside the margin' if equal else 'above 0'}, Holm p = {v.p_holm:.2g}"
        return ("supported, and smaller than reported", f"{why}; {below}") if smaller else ("supported", why)
    if opposed:
        return "contradicted", f"{opposed} opposes by itself, after Holm's correction over comparisons; pooled {size}"
    if passes and v.p_against < v.p_for:
        return "contradicted", f"{size} is {'beyond the margin' if equal else 'below 0'}, Holm p = {v.p_holm:.2g}"
    # A margin in points says nothing about points per doubling, or about hazard ratios.
    at, points = (v.estimate, v.se, v.df), v.kind not in ("slope", "steps")
    if points and estimate.inside(*at, v.margin) < ALPHA:
        low, high = estimate.interval(*at, 1 - 2 * ALPHA)
        part = f"{v.part}: " if v.part else ""
        return "negligible", f"{part}the 90 % interval [{_n(low)}, {_n(high)}] lies inside the margin{withheld}"
    holds_0 = v.low <= 0 <= v.high
    if smaller:
        if holds_0:
            below = f"the interval holds 0 and ends below the reported {_n(v.reported)}"
        elif v.high < 0:
            below += f", and is below 0 before Holm's correction (Holm p = {v.p_holm:.2g})"
        return "smaller than reported", f"{size}: {below}{withheld}"
    if holds_0:
        both = f" and the reported {_n(v.reported)}" if v.low <= v.reported else ""
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
    return f"{float(value):+.2f}".replace("-", "−")

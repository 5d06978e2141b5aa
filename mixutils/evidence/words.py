"""The words, in their order (SPEC 9.3)."""

from __future__ import annotations

from dataclasses import replace

from . import estimate
from .estimate import ALPHA
from .pooling import ENOUGH
from .unit import FEWEST
from .units import Units
from .verdict import Verdict


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
    smaller = v.kind != "equal" and v.high < v.reported
    below = f"the interval ends below the reported {_n(v.reported)}"
    passes = v.p_holm < ALPHA
    if passes and v.p_for <= v.p_against and not v.withheld and not v.opposed:
        why = f"{size} is {'inside the margin' if v.kind == 'equal' else 'above 0'}, Holm p = {v.p_holm:.2g}"
        return ("supported, and smaller than reported", f"{why}; {below}") if smaller else ("supported", why)
    if v.opposed:
        return "contradicted", f"{v.opposed} opposes by itself, after Holm's correction over comparisons; pooled {size}"
    if passes and v.p_against < v.p_for:
        why = "beyond the margin" if v.kind == "equal" else "below 0"
        return "contradicted", f"{size} is {why}, Holm p = {v.p_holm:.2g}"
    withheld = f"; {v.withheld}" if v.withheld else ""
    if v.inside < ALPHA:
        low, high = estimate.interval(v.estimate, v.pooled.se, v.pooled.df, 1 - 2 * ALPHA)
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

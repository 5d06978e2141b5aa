"""The words, in their order (SPEC 9.3)."""

from __future__ import annotations

import math

from . import estimate
from .estimate import ALPHA
from .pooling import ENOUGH
from .unit import FEWEST
from .units import Units
from .weigh import Weighed


def word(w: Weighed, kind: str, p_holm: float, reported: float) -> tuple[str, str]:
    """The word and one sentence that says why.

    Args:
        p_holm: the smaller of both p, corrected over the claims. reported: the printed effect, or NaN.
    """
    scale = (f"{w.part}: " if w.part else "") + ("log hazard ratio " if kind == "steps" else "")
    size = f"{scale}{_n(w.pooled.estimate)} [{_n(w.pooled.low)}, {_n(w.pooled.high)}]"
    smaller = kind != "equal" and not math.isnan(reported) and w.pooled.high < reported
    below = f"the interval ends below the reported {_n(reported)}"
    passes = p_holm < ALPHA
    if passes and w.p_for <= w.p_against and not w.withheld and not w.opposed:
        why = f"{size} is {'inside the margin' if kind == 'equal' else 'above 0'}, Holm p = {p_holm:.2g}"
        return ("supported, and smaller than reported", f"{why}; {below}") if smaller else ("supported", why)
    if w.opposed:
        return "contradicted", f"{w.opposed} opposes by itself, after Holm's correction over comparisons; pooled {size}"
    if passes and w.p_against < w.p_for:
        why = "beyond the margin" if kind == "equal" else "below 0"
        return "contradicted", f"{size} is {why}, Holm p = {p_holm:.2g}"
    withheld = f"; {w.withheld}" if w.withheld else ""
    if w.inside < ALPHA:
        low, high = estimate.interval(w.pooled.estimate, w.pooled.se, w.pooled.df, 1 - 2 * ALPHA)
        return (
            "negligible",
            f"{w.part and w.part + ': '}the 90 % interval [{_n(low)}, {_n(high)}] lies inside the margin{withheld}",
        )
    if smaller:
        if w.pooled.low <= 0 <= w.pooled.high:
            below = f"the interval holds 0 and ends below the reported {_n(reported)}"
        elif w.pooled.high < 0:
            below += f", and is below 0 before Holm's correction (Holm p = {p_holm:.2g})"
        return "smaller than reported", f"{size}: {below}{withheld}"
    if w.pooled.low <= 0 <= w.pooled.high:
        both = "" if math.isnan(reported) or not w.pooled.low <= reported else f" and the reported {_n(reported)}"
        return "undecided", f"{size} holds 0{both}{withheld}"
    return "undecided", f"{size} does not hold 0, but Holm p = {p_holm:.2g}{withheld}"


def untested(units: Units) -> str:
    """Why a claim is not tested."""
    reasons: dict[str, list[str]] = {}
    for u in (u for u in units if not u.counts):
        reasons.setdefault(u.void or f"fewer than {FEWEST} pairs, and fewer than {ENOUGH} data sets", []).append(u.name)
    return "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items()) or "no data set has both sides"


def measured(units: Units) -> tuple[str, str]:
    """The word about numbers of a machine (``Evidence.measured``), and why."""
    found = [u.mean for u in units if not u.void]
    inside = bool(found) and all(share == 1 for share in found)
    word = "not tested" if not found else "supported" if inside else "contradicted" if not any(found) else "undecided"
    return word, "; ".join(f"{u.title}: {u.void or u.note}" for u in units)


def _n(value: float) -> str:
    return f"{float(value):+.2f}".replace("-", "−")

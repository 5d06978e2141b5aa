"""Claims as a table for people."""

from __future__ import annotations

import html
import math
from collections.abc import Collection, Sequence

import pandas as pd

from ..papers.claims import Claim
from ..stats import CONFIRMED, CONTRADICTED
from .style import VERDICT_COLOURS, VERDICT_MARKS
from .tables import CSS

_ORDER = {CONFIRMED: 0, CONTRADICTED: 1}


def to_frame(claims: Sequence[Claim], reading: str = "") -> pd.DataFrame:
    """One line per unit of each claim, with everything that the verdict rests on."""
    lines = []
    for claim in claims:
        for u in claim.units or (None,):
            c = u.comparison if u else None
            lines.append(
                {
                    "claim": claim.key,
                    "text": claim.text,
                    "test": claim.test,
                    "paper": claim.own,
                    "reading": reading,
                    "verdict": claim.verdict,
                    "unit": u.name if u else "",
                    "unit_verdict": u.verdict if u else "",
                    "aside": bool(u and u.aside),
                    "n": c.n if c else math.nan,
                    "difference": c.mean if c else math.nan,
                    "low": c.low if c else math.nan,
                    "high": c.high if c else math.nan,
                    "p": c.p if c else math.nan,
                    "p_welch": c.p_welch if c else math.nan,
                    "p_holm": c.p_holm if c else math.nan,
                    "note": (u.note if u else "") or claim.note,
                }
            )
    return pd.DataFrame(lines).astype({"n": "Int64"})


def to_html(claims: Sequence[Claim], second: Sequence[Claim] = (), titles: tuple[str, str] = ("verdict", "")) -> str:
    """Claim, what the paper's own tables say, verdict with counts, and the single tests to unfold.

    Args:
        second: the same claims under another reading, shown beside. titles: headings of the two verdict columns.
    """
    other = {c.key: c for c in second}
    extra = f"<th>{html.escape(titles[1])}</th>" if other else ""
    body = "".join(
        f"<tr><th scope='row'>{c.key}</th><td style='max-width:24em'>{html.escape(c.text)}<span class='mx-why' style='max-width:24em'>"
        f"{html.escape(c.test)}</span></td><td style='max-width:15em'>{html.escape(c.own)}</td><td>{_verdict(c)}</td>"
        + (f"<td>{_verdict(other[c.key])}</td>" if c.key in other else "")
        + "</tr>"
        for c in claims
    )
    return (
        f"{CSS}<div class='mx-scroll'><table class='mx'><thead><tr><th>claim</th><th>text and test</th><th>the paper's own tables</th>"
        f"<th>{html.escape(titles[0])}</th>{extra}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def badge(verdict: str) -> str:
    """A verdict as coloured text."""
    return f"<b style='color:{VERDICT_COLOURS.get(verdict, '#777')}'>{VERDICT_MARKS.get(verdict, '·')} {html.escape(verdict)}</b>"


def _verdict(claim: Claim) -> str:
    out = badge(claim.verdict)
    if claim.units:
        out += f"<span class='mx-small'>{claim.count}</span>"
        items = "".join(f"<li>{_unit(u)}</li>" for u in sorted(claim.units, key=lambda u: _ORDER.get(u.verdict, 2)))
        out += f"<details><summary class='mx-small'>tests</summary><ul class='mx-small' style='padding-left:1.2em'>{items}</ul></details>"
    if claim.note:
        out += f"<span class='mx-why' style='max-width:18em'>{html.escape(claim.note)}</span>"
    return out


def _unit(u) -> str:
    text = f"{html.escape(u.name)}: "
    if u.comparison is not None and u.comparison.n:
        c = u.comparison
        interval = "" if math.isnan(c.low) else f" [{c.low:+.2f}, {c.high:+.2f}]"
        beside = [f"{name} {p:.3f}" for name, p in (("Holm", c.p_holm), ("Welch", c.p_welch)) if not math.isnan(p)]
        text += f"{c.mean:+.2f}{interval}, n = {c.n}, p = {c.p:.3f}" + (f" ({', '.join(beside)}) " if beside else " ")
    text += badge(u.verdict)
    return text + (f" <i>{html.escape(u.note)}</i>" if u.note else "")


def two_readings(
    first: Sequence[Claim], second: Sequence[Claim], names: tuple[str, str], only: Collection[str] = ()
) -> tuple[pd.DataFrame, str]:
    """Data and HTML of claims under two readings side by side.

    Args:
        names: of the readings. only: keys of the claims to show; () for all.

    Returns:
        The data frame of ``to_frame`` with both readings, and the page of ``to_html``.
    """
    first, second = ([c for c in claims if not only or c.key in only] for claims in (first, second))
    frame = pd.concat([to_frame(first, names[0]), to_frame(second, names[1])])
    return frame, to_html(first, second, names)

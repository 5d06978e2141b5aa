"""Claims as a table for people: the word, everything that it rests on (SPEC 9.3), and every unit to unfold."""

from __future__ import annotations

import html
import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from ..evidence import Evidence, Verdict
from .results import display_table
from .style import SCALES, VERDICT_COLOURS, VERDICT_MARKS
from .tables import CSS

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler


def to_frame(verdicts: Sequence[Verdict], reading: str = "") -> pd.DataFrame:
    """One line per unit of each claim, and one for a claim without units, with everything that the word rests on.

    Returns:
        Columns of the claim (``verdict`` is its word, ``units`` and ``void`` are counts, differences are in points), then
        those of ``Verdict.to_frame`` with "unit_" before their names.
    """
    parts = []
    for v in verdicts:
        units = v.to_frame().add_prefix("unit_")
        claim = pd.DataFrame([_claim(v) | {"reading": reading}] * max(1, len(units)))
        parts.append(pd.concat([claim, units.reset_index(drop=True)], axis=1))
    if not parts:
        return pd.DataFrame()
    frame = pd.concat(parts, ignore_index=True)
    counts = ("tasks", "units", "void", "seeds_fewest", "seeds_most", "reported_columns", "signs", "unit_n")
    return frame.astype({c: "Int64" for c in counts if c in frame})


def _claim(v: Verdict) -> dict:
    return {
        "claim": v.key,
        "text": v.text,
        "kind": v.kind,
        "paper": v.own,
        "verdict": v.word,
        "why": v.why,
        "estimate": v.estimate,
        "low": v.low,
        "high": v.high,
        "interval": v.interval,
        "covers": v.covers,
        "these_low": v.these[1],
        "these_high": v.these[2],
        "like_low": v.like[1],
        "like_high": v.like[2],
        "margin": v.margin,
        "tasks": v.tasks,
        "units": v.n_units,
        "void": v.void,
        "seeds_fewest": v.seeds[0],
        "seeds_most": v.seeds[1],
        "mde": v.mde,
        "reported": v.reported,
        "reported_columns": v.reported_columns,
        "power": v.power,
        "p_for": v.p_for,
        "p_against": v.p_against,
        "p_holm": v.p_holm,
        "signs": v.signs,
        "heterogeneity": v.heterogeneity,
        "without_one_low": v.without_one[0],
        "without_one_high": v.without_one[1],
    }


def claims(readings: Mapping[str, Evidence], only: Collection[str] = ()) -> pd.DataFrame:
    """Claims under all readings, one line per unit; see ``to_frame``. ``Companion.save`` writes it.

    Args:
        readings: what a reading is called -> evidence with the claims. One reading may be called "".
        only: keys of the claims; () for all.
    """
    found = {name: [v for v in e.verdicts() if not only or v.key in only] for name, e in readings.items()}
    return pd.concat([to_frame(verdicts, name) for name, verdicts in found.items()], ignore_index=True)


def display_claims(readings: Mapping[str, Evidence], only: Collection[str] = ()) -> Styler:
    """Claim, what the paper's own tables say, and per reading the word with what it rests on.

    Args:
        only: keys of the claims to show; () for all.
    """
    found = {name: {v.key: v for v in e.verdicts()} for name, e in readings.items()}
    first = next(iter(found.values()))
    lines = [
        {"claim": v.key, "text and kind": f"{v.text}\n{_KINDS[v.kind]}", "the paper's own tables": v.own}
        | {name or "verdict": _words(of[v.key]) if v.key in of else "" for name, of in found.items()}
        for v in first.values()
        if not only or v.key in only
    ]
    margins = sorted({v.margin for of in found.values() for v in of.values()})
    note = (
        f"Words: SPEC 9.3, smallest effect of interest {' or '.join(f'{m:g}' for m in margins)} points. Differences are in points in the "
        "claimed direction, paired by seed; [ ] is the 95 % interval that decides; MDE is the effect that would be found with 80 % power; "
        "power is that of finding the reported effect; Holm's correction runs over the claims of the paper."
    )
    table = pd.DataFrame(lines, columns=list(lines[0]) if lines else ["claim"])
    return display_table(table, caption=note, wrap=list(table.columns[1:]))


def display_units(readings: Mapping[str, Evidence], only: Collection[str] = ()) -> Styler:
    """Every unit behind the words: data set and pair, pairs, mean and interval, p, MDE, reported difference, and why it is void."""
    shown = {"n": "n", "mean": "mean", "low": "low", "high": "high", "p_above": "p for", "p_below": "p against"}
    shown |= {"mde": "MDE", "printed": "reported", "void": "void", "note": "note"}
    tables = []
    for name, e in readings.items():
        for v in e.verdicts():
            units = v.to_frame()
            if len(units) and (not only or v.key in only):
                unit = [": ".join(filter(None, pair)) for pair in zip(units["title"], units["pair"], strict=True)]
                labels = pd.DataFrame({"claim": v.key, "reading": name, "unit": unit})
                tables.append(pd.concat([labels, units[list(shown)].rename(columns=shown)], axis=1))
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"claim": []})
    if "reading" in table and len(readings) == 1:
        table = table.drop(columns="reading")
    return display_table(table, wrap=[k for k in ("unit", "void", "note") if k in table])


def _words(v: Verdict) -> str:
    lines = [f"{VERDICT_MARKS[v.word]} {v.word}", summary(v), *(_beside(v) if summary(v) else ()), v.why]
    return "\n".join(filter(None, lines)).replace("&lt;", "<")


def to_html(
    verdicts: Sequence[Verdict], second: Sequence[Verdict] = (), titles: tuple[str, str] = ("verdict", "")
) -> str:
    """Claim, what the paper's own tables say, the word with what it rests on, and the single units to unfold.

    Args:
        second: the same claims under another reading, shown beside. titles: headings of the two verdict columns.
    """
    other = {v.key: v for v in second}
    extra = f"<th>{html.escape(titles[1])}</th>" if other else ""
    body = "".join(
        f"<tr><th scope='row'>{v.key}</th><td style='max-width:22em'>{html.escape(v.text)}<span class='mx-small'>{_KINDS[v.kind]}"
        f"</span></td><td style='max-width:15em'>{html.escape(v.own)}</td><td>{_verdict(v)}</td>"
        + (f"<td>{_verdict(other[v.key])}</td>" if v.key in other else "")
        + "</tr>"
        for v in verdicts
    )
    margins = sorted({v.margin for v in (*verdicts, *second)})
    note = (
        f"Words: SPEC 9.3, smallest effect of interest {' or '.join(f'{m:g}' for m in margins)} points. Differences are in points in the "
        "claimed direction, paired by seed; [ ] is the 95 % interval that decides; MDE is the effect that would be found with 80 % power; "
        "power is that of finding the reported effect; Holm's correction runs over the claims of the paper."
    )
    return (
        f"{CSS}<div class='mx-scroll'><table class='mx'><thead><tr><th>claim</th><th>text and kind</th><th>the paper's own tables</th>"
        f"<th>{html.escape(titles[0])}</th>{extra}</tr></thead><tbody>{body}</tbody></table></div><p class='mx-note'>{note}</p>"
    )


_KINDS = {
    "every": "on every data set",
    "most": "on most data sets",
    "pooled": "on average over data sets",
    "equal": "no difference, which negligible says too",
    "inner": "an optimum inside the grid",
    "slope": "slope over sizes",
    "steps": "steps to a goal",
    "measured": "measured, without a test",
    "illustration": "one trained model",
}


def badge(word: str) -> str:
    """A verdict as coloured text."""
    return f"<b style='color:{VERDICT_COLOURS.get(word, '#777')}'>{VERDICT_MARKS[word]} {html.escape(word)}</b>"


def summary(v: Verdict) -> str:
    """Estimate, interval and counts in one line: "+0.31 [-0.12, +0.74], 8 data sets, 5 seeds, MDE 0.60"."""
    if _nan(v.estimate) or v.kind in ("illustration", "measured"):
        return ""
    scale = f" {SCALES[v.kind]}" if v.kind in SCALES else ""
    parts = [f"{v.estimate:+.2f}{_interval(v.low, v.high)}{scale}", f"{_count(v.tasks, 'data set')}, {_seeds(v)}"]
    return ", ".join(parts if _nan(v.mde) else [*parts, f"MDE {v.mde:.2f}"])


def _verdict(v: Verdict) -> str:
    out = badge(v.word)
    line = summary(v)
    if line:
        out += f"<span class='mx-small'>{line}</span>"
        out += "".join(f"<span class='mx-small'>{text}</span>" for text in _beside(v))
    if v.why:
        out += f"<span class='mx-why' style='max-width:20em'>{html.escape(v.why)}</span>"
    units = v.to_frame().to_dict("records")
    if units:
        items = "".join(f"<li>{_unit(u, v.kind)}</li>" for u in units)
        out += (
            f"<details><summary class='mx-small'>{_units(v)}</summary><div class='mx-small'>{'; '.join(_pooled(v))}</div>"
            f"<ul class='mx-small' style='padding-left:1.2em'>{items}</ul></details>"
        )
    return out


def _beside(v: Verdict) -> list[str]:
    """The lines below the estimate."""
    out = []
    if not _nan(v.reported):
        power = "" if _nan(v.power) else f", power {100 * v.power:.0f} %"
        out.append(f"reported {v.reported:+.2f} over {_count(v.reported_columns, 'column')}{power}")
    p = [f"{name} {_p(value)}" for name, value in (("for", v.p_for), ("against", v.p_against)) if not _nan(value)]
    if p:
        out.append(f"p {', '.join(p)}" + ("" if _nan(v.p_holm) else f"; Holm {_p(v.p_holm)}"))
    if v.n_units > 1:
        out.append(f"{v.signs} of {v.n_units} units above 0")
    return out


def _pooled(v: Verdict) -> list[str]:
    """What stands beside the deciding interval."""
    out = [f"interval for {v.interval}, over {v.covers}"] if v.covers else []
    both = (("these tasks", v.these), ("tasks like these", v.like))
    out += [
        f"for {n} {e:+.2f}{_interval(low, high)}" for n, (e, low, high) in both if n != v.interval and not _nan(low)
    ]
    if not _nan(v.heterogeneity):
        out.append(f"spread of data sets beyond noise {v.heterogeneity:.2f}")
    if not _nan(v.without_one[0]):
        out.append(f"with one data set left out {v.without_one[0]:+.2f} to {v.without_one[1]:+.2f}")
    return out


def _units(v: Verdict) -> str:
    return _count(v.n_units, "unit") + (f", {v.void} void" if v.void else "")


def _unit(u: dict, kind: str) -> str:
    text = html.escape(": ".join(filter(None, (u["title"], u["pair"]))))
    if not _nan(u["mean"]) and kind != "measured":
        text += f" {u['mean']:+.2f}{_interval(u['low'], u['high'])}"
        if not _nan(u["low_rows"]):
            text += f", over seeds and rows{_interval(u['low_rows'], u['high_rows'])}"
        text += f", n = {u['n']}"
        values = (
            ("p for", u["p_above"], _p),
            ("against", u["p_below"], _p),
            ("by sign flips", u["flip_above"], _p),
            ("and", u["flip_below"], _p),
            ("MDE", u["mde"], "{:.2f}".format),
            ("reported", u["printed"], "{:+.2f}".format),
            ("power", u["power"], "{:.0%}".format),
        )
        text += "".join(f", {name} {show(value)}" for name, value, show in values if not _nan(value))
    if u["void"]:
        text += f" <b>void</b>: {html.escape(u['void'])}"
    return text + (f" <i>{html.escape(u['note'])}</i>" if u["note"] else "")


def _interval(low: float, high: float) -> str:
    return "" if _nan(low) or _nan(high) else f" [{low:+.2f}, {high:+.2f}]"


def _p(value: float) -> str:
    return "&lt; 0.001" if value < 0.001 else f"{value:.3f}"


def _count(n: int, name: str) -> str:
    return f"{n} {name}{'s' if n != 1 else ''}"


def _seeds(v: Verdict) -> str:
    fewest, most = v.seeds
    return _count(most, "seed") if fewest == most else f"{fewest} to {most} seeds"


def _nan(value: float) -> bool:
    return math.isnan(value)


def two_readings(
    first: Sequence[Verdict], second: Sequence[Verdict], names: tuple[str, str], only: Collection[str] = ()
) -> tuple[pd.DataFrame, str]:
    """Data and HTML of claims under two readings side by side.

    Args:
        names: of the readings. only: keys of the claims to show; () for all.

    Returns:
        The data frame of ``to_frame`` with both readings, and the page of ``to_html``.
    """
    first, second = ([v for v in verdicts if not only or v.key in only] for verdicts in (first, second))
    frame = pd.concat([to_frame(first, names[0]), to_frame(second, names[1])], ignore_index=True)
    return frame, to_html(first, second, names)

"""Claims as tables: the word, everything that it rests on (SPEC 9.3), and every unit."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from ..evidence import Evidence, Verdict
from ..wording import signed
from .results import display_table, p_value
from .style import KINDS, SCALES, VERDICT_MARKS

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

#: Columns of a claim.
_OF_CLAIM = (
    "claim",
    "text",
    "kind",
    "paper",
    "verdict",
    "why",
    "part",
    "estimate",
    "low",
    "high",
    "interval",
    "covers",
)
_OF_CLAIM += ("these_low", "these_high", "like_low", "like_high", "margin", "tasks", "units", "void")
_OF_CLAIM += ("seeds_fewest", "seeds_most", "mde", "reported", "reported_columns", "apart", "power")
_OF_CLAIM += ("p_for", "p_against", "p_holm", "signs", "heterogeneity", "without_one_low", "without_one_high")


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
    own = v.line() | {"claim": v.key, "paper": v.own, "verdict": v.word, "units": v.n_units}
    return {name: own[name] for name in _OF_CLAIM}


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
        {"claim": v.key, "text and kind": f"{v.text}\n{KINDS[v.kind]}", "the paper's own tables": v.own}
        | {name or "verdict": _words(of[v.key]) if v.key in of else "" for name, of in found.items()}
        for v in first.values()
        if not only or v.key in only
    ]
    margins = sorted({v.margin for of in found.values() for v in of.values()})
    note = (
        "Words (SPEC 9.3): supported, the interval lies above 0, after Holm's correction too, and for each data set where every one is meant; "
        f"contradicted, below 0; negligible, the 90 % interval lies within the smallest effect of interest {' or '.join(f'{m:g}' for m in margins)} points either way; smaller than reported, the "
        "interval ends below the reported effect; undecided, anything else. Differences are in points in the "
        "claimed direction, paired by seed; [ ] is the 95 % interval that decides; MDE is the effect that would be found with 80 % power, before Holm's correction; "
        "power is that of finding the reported effect; Holm's correction runs over the claims of the paper."
    )
    table = pd.DataFrame(lines, columns=list(lines[0]) if lines else ["claim"])
    return display_table(table, caption=note, wrap=list(table.columns[1:]))


def display_units(readings: Mapping[str, Evidence], only: Collection[str] = ()) -> Styler:
    """Every unit behind the words: data set and pair, pairs, mean and interval, p, MDE, reported difference, and why it is void."""
    shown = {"n": "n", "mean": "mean", "low": "low", "high": "high", "p_above": "p for", "p_below": "p against"}
    shown |= {"mde": "MDE", "printed": "reported", "void": "void", "note": "note"}
    found = claims(readings, only).reindex(
        columns=["claim", "reading", *(f"unit_{k}" for k in ("title", "pair", *shown))]
    )
    found = found[found["unit_title"].notna()]
    unit = [": ".join(filter(None, pair)) for pair in zip(found["unit_title"], found["unit_pair"], strict=True)]
    table = found.rename(columns={f"unit_{k}": name for k, name in shown.items()})
    table = table.drop(columns="unit_pair").rename(columns={"unit_title": "unit"}).assign(unit=unit)
    if len(readings) == 1:
        table = table.drop(columns="reading")
    return display_table(table, wrap=["unit", "void", "note"])


def _words(v: Verdict) -> str:
    lines = [f"{VERDICT_MARKS[v.word]} {v.word}", summary(v), *(_beside(v) if summary(v) else ()), v.why]
    return "\n".join(filter(None, lines))


def summary(v: Verdict) -> str:
    """Estimate, interval and counts in one line: "+0.31 [-0.12, +0.74], 8 data sets, 5 seeds, MDE 0.60"; of a claim whose parts
    must all hold, those of the part that decides, named before them."""
    if math.isnan(v.estimate) or v.kind in ("illustration", "measured"):
        return ""
    fewest, most = v.seeds
    seeds = _count(most, "seed") if fewest == most else f"{fewest} to {most} seeds"
    scale = f" {SCALES[v.kind]}" if v.kind in SCALES else ""
    part = f"{v.part}: " if v.part else ""
    parts = [f"{part}{signed(v.estimate)}{_interval(v.low, v.high)}{scale}", f"{_count(v.tasks, 'data set')}, {seeds}"]
    return ", ".join(parts if math.isnan(v.mde) else [*parts, f"MDE {v.mde:.2f}"])


def _beside(v: Verdict) -> list[str]:
    """The lines below the estimate."""
    out = []
    if not math.isnan(v.reported):
        power = "" if math.isnan(v.power) else f", power {100 * v.power:.0f} %"
        about = ", ".join(filter(None, (_count(v.reported_columns, "column"), v.apart)))
        out.append(f"reported {signed(v.reported)} over {about}{power}")
    p = [
        f"{name} {p_value(value)}"
        for name, value in (("for", v.p_for), ("against", v.p_against))
        if not math.isnan(value)
    ]
    if p:
        out.append(f"p {', '.join(p)}" + ("" if math.isnan(v.p_holm) else f"; Holm {p_value(v.p_holm)}"))
    if v.n_units > 1:
        out.append(f"{v.signs} of {v.n_units} units above 0" + (f", {v.void} void" if v.void else ""))
    if v.covers:
        out.append(f"interval for {v.interval}, over {v.covers}")
    both = (("these tasks", v.these), ("tasks like these", v.like))
    out += [
        f"for {n} {signed(e)}{_interval(low, high)}"
        for n, (e, low, high) in both
        if n != v.interval and not math.isnan(low)
    ]
    if not math.isnan(v.heterogeneity):
        out.append(f"spread of data sets beyond noise {v.heterogeneity:.2f}")
    if not math.isnan(v.without_one[0]):
        out.append(f"with one data set left out {signed(v.without_one[0])} to {signed(v.without_one[1])}")
    return out


def _interval(low: float, high: float) -> str:
    return "" if math.isnan(low) or math.isnan(high) else f" [{signed(low)}, {signed(high)}]"


def _count(n: int, name: str) -> str:
    return f"{n} {name}{'s' if n != 1 else ''}"

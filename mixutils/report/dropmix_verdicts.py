"""DropMix's claims RC1 to RC12 and its pooled gains over Bert, under both readings."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import pandas as pd

from ..claims import verdicts as decided
from ..claims.dropmix import gains as declare_gains
from ..papers.base import Plan
from ..runs.records import Records
from ..show import claims as claims_html
from ..show import plots
from ..show.artifacts import Table
from ..show.claims import badge, summary, two_readings
from ..show.tables import CSS

#: The readings of claims and gains: as printed, and where another part has selected the epoch. There SSMix in two stages is
#: read like DropMix, not as the better of both stages.
READINGS = {"as printed": {}, "hold-out": {"policy": "hold-out", "floor": False}}


def claims(plan: Plan, store: Records, only: tuple[str, ...] = ()) -> Table:
    """All claims, or those that a notebook is about."""
    printed, held = (decided(plan, store, **how) for how in READINGS.values())
    return Table(*two_readings(printed, held, tuple(READINGS), only))


def illustrations(plan: Plan, store: Records, keys: tuple[str, ...]) -> Table:
    """Claims about one trained model, which no reading changes."""
    found = [v for v in decided(plan, store) if v.key in keys]
    return Table(claims_html.to_frame(found), claims_html.to_html(found, titles=("what the model shows", "")))


def table_gains(plan: Plan, store: Records) -> Table:
    """Pooled gains over Bert with three and with as many epochs, under both readings."""
    lines: dict[str, dict] = {}
    shown: dict[str, list[str]] = {}
    for reading, how in READINGS.items():
        for v in decided(plan, store, declare=declare_gains, **how):
            line = lines.setdefault(v.key, {"row": v.text, "over": v.own, "paper": v.reported})
            line |= {
                f"{reading}, {name}": value
                for name, value in (
                    ("gain", v.estimate),
                    ("low", v.low),
                    ("high", v.high),
                    ("MDE", v.mde),
                    ("word", v.word),
                )
            }
            shown.setdefault(v.key, []).append(f"{badge(v.word)}<span class='mx-small'>{summary(v)}</span>")
    head = "".join(f"<th>{name}</th>" for name in ("row", "over", "paper", *READINGS))
    body = "".join(
        f"<tr><th scope='row'>{x['row']}</th><td>{x['over']}</td><td>{'' if math.isnan(x['paper']) else format(x['paper'], '+.2f')}</td>"
        + "".join(f"<td>{cell}</td>" for cell in shown[key])
        + "</tr>"
        for key, x in lines.items()
    )
    note = "Points, mean over data sets. paper: the printed gain over Bert on the same data sets, on average. Holm's correction runs over this table."
    page = f"{CSS}<div class='mx-scroll'><table class='mx'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    return Table(pd.DataFrame(list(lines.values())), f"{page}<p class='mx-note'>{note}</p>")


def pooled_gains(plan: Plan, store: Records) -> plt.Figure | None:
    found = decided(plan, store, declare=declare_gains, **READINGS["hold-out"])
    return plots.verdicts(found, "DropMix paper: gains on average over data sets, selected on a hold-out")


def verdicts(plan: Plan, store: Records) -> plt.Figure | None:
    return plots.verdicts(decided(plan, store, **READINGS["hold-out"]), "DropMix: claims, selected on a hold-out")


def units_rc1(plan: Plan, store: Records) -> plt.Figure | None:
    rc1 = next(v for v in decided(plan, store, **READINGS["hold-out"]) if v.key == "RC1")
    return plots.units(rc1, "RC1: best DropMix − best baseline, data set by data set")

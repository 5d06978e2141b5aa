"""DropMix's Figure 2: accuracy over the share of training data, and the margin of DropMix-C (claim RC7)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ..claims import evidence
from ..claims.dropmix import margins
from ..papers import dropmix
from ..papers.base import Column, Plan
from ..runs.records import Records
from ..show import plots
from ..show.artifacts import Table
from ..show.style import DATA_COLOURS, colour
from ..show.tables import CSS


def _columns(plan: Plan) -> list[Column]:
    have = {c.column.split("@")[0] for c in plan.table(dropmix.SPARSE_TABLE)}
    return [c for c in plan.columns if c.key in have]


def _series(plan: Plan, store: Records, column: Column, row: str) -> tuple[list[int], np.ndarray]:
    """Shares of the training rows, and accuracies (seeds, shares) of the seeds that all these shares have."""
    cells = {s: plan.cell(dropmix.SPARSE_TABLE, row, f"{column.key}@{s}") for s in dropmix.shares(column, plan.setting)}
    values = {s: v for s, cell in cells.items() if cell and (v := cell.values(store))}
    seeds = sorted(set.intersection(*(set(v) for v in values.values()))) if values else []
    return list(values), np.array([[v[seed] for v in values.values()] for seed in seeds])


def sparse_curves(plan: Plan, store: Records) -> plt.Figure | None:
    """One panel per data set; shares in percent on a logarithmic axis."""
    drawn = {c: {row: _series(plan, store, c, row) for row in dropmix.SPARSE_ROWS} for c in _columns(plan)}
    drawn = {c: {row: v for row, v in rows.items() if v[1].size} for c, rows in drawn.items()}
    drawn = {c: rows for c, rows in drawn.items() if rows}
    if not drawn:
        return None
    figure, axes = plt.subplots(
        1, len(drawn), figsize=(3.6 * len(drawn) + 1.9, 3.5), squeeze=False, layout="constrained"
    )
    handles = {}
    for axis, (column, rows) in zip(axes.flat, drawn.items(), strict=True):
        ticks = sorted({s for shares, _ in rows.values() for s in shares})
        for i, (row, (shares, values)) in enumerate(rows.items()):
            shade = colour(dropmix.ROWS[row].method)
            # A little beside each other, so that bars of spread can be told apart.
            x = np.array(shares) * 1.03 ** (i - (len(rows) - 1) / 2)
            spread = values.std(0, ddof=1) if len(values) > 1 else None
            handles[row] = axis.errorbar(
                x,
                values.mean(0),
                yerr=spread,
                fmt="o-",
                color=shade,
                markersize=4,
                linewidth=2.2 if row == "DropMix-C" else 1.3,
                elinewidth=0.9,
                capsize=2,
            )
        axis.set_xscale("log")
        axis.set_xticks(ticks, [f"{t} %" for t in ticks])
        axis.minorticks_off()
        axis.set_title(column.title, loc="left")
        axis.set_xlabel("share of the training rows")
    axes[0, 0].set_ylabel("accuracy, %")
    figure.legend(handles.values(), handles.keys(), loc="outside right upper", fontsize=8.5)
    return figure


def margin_curve(plan: Plan, store: Records) -> plt.Figure | None:
    """DropMix-C minus the best other method, one line per data set."""
    series, shades = {}, iter(DATA_COLOURS)
    found = {u.column: u for u in margins(evidence(plan, store, declare=lambda *_: None)) if not u.void}
    for column in _columns(plan):
        shares = [s for s in dropmix.shares(column, plan.setting) if f"{column.key}@{s}" in found]
        units = [dict(zip(u.seeds, u.differences, strict=True)) for u in (found[f"{column.key}@{s}"] for s in shares)]
        seeds = sorted(set.intersection(*map(set, units))) if units else []
        if seeds and len(shares) > 1:
            series[column.title] = (next(shades), shares, np.array([[u[seed] for u in units] for seed in seeds]))
    if not series:
        return None
    figure = plots.curves(
        series,
        "share of the training rows, %",
        "DropMix-C − best other, points",
        "Does the margin grow with less data? (RC7)",
        log_x=True,
    )
    figure.axes[0].axhline(0, color="#555", linewidth=1, zorder=0)
    return figure


def sparse_table(plan: Plan, store: Records) -> Table:
    """Means under both readings."""
    lines = []
    for c in _columns(plan):
        for share in dropmix.shares(c, plan.setting):
            for row in dropmix.SPARSE_ROWS:
                cell = plan.cell(dropmix.SPARSE_TABLE, row, f"{c.key}@{share}")
                values, held = cell.values(store), cell.values(store, dropmix.held_out(cell.reading, c))
                if values:
                    own = list(values.values())
                    lines.append(
                        {
                            "column": c.title,
                            "share, %": share,
                            "training rows": cell.records(store)[0]["data"]["sizes"]["train"],
                            "row": row,
                            "as printed": np.mean(own),
                            "sd": np.std(own, ddof=1) if len(own) > 1 else np.nan,
                            "selected on the hold-out": np.mean(list(held.values())),
                            "n": len(own),
                        }
                    )
    frame = pd.DataFrame(lines)
    if frame.empty:
        return Table(frame, "<p>no runs yet</p>")
    return Table(frame, CSS + frame.to_html(index=False, classes="mx", border=0, float_format="{:.2f}".format))

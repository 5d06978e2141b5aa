"""Does DMIX's matrix learn, and does its distance matter? Drawn from learning curves and probes (SPEC DA8, DA11, DA13)."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ..papers import dmix
from ..papers.base import Cell, Plan
from ..runs.records import Records
from ..show.artifacts import Table
from ..show.style import DATA_COLOURS
from ..show.tables import CSS
from .dmix_thresholds import probes

_SHADES = ("#b3cde3", "#8c96c6", "#8856a7", "#4d004b")  # slow to fast
_CE = "#d55e00"


def _runs(plan: Plan, store: Records) -> Iterator[tuple[Cell, dict]]:
    for cell in plan.table(dmix.MATRIX):
        yield from ((cell, record) for record in cell.records(store))


def _shade(row: str, rows: list[str]) -> str:
    kl = [r for r in rows if r.startswith("KL")]
    if row not in kl:
        return _CE
    return _SHADES[round(kl.index(row) * (len(_SHADES) - 1) / max(1, len(kl) - 1))]


def movement(plan: Plan, store: Records) -> plt.Figure | None:
    """Mean and largest |ΔM| over the steps, by the learning rate of M."""
    found = [(cell, r) for cell, r in _runs(plan, store) if all("mixer" in p for p in r["curve"])]
    if not found:
        return None
    rows = list(dict.fromkeys(cell.row for cell, _ in found))
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.7), sharey=True, layout="constrained")
    for axis, key, title in zip(axes, ("moved_mean", "moved_max"), ("mean of visited entries", "largest"), strict=True):
        for cell, record in found:
            x = [p["step"] for p in record["curve"]]
            y = [max(p["mixer"][key], 1e-9) for p in record["curve"]]
            style = "--" if cell.row.startswith("CE") else "-"
            shade = _shade(cell.row, rows)
            axis.plot(x, y, style, color=shade, marker="o", markersize=3, label=_name(cell.row), linewidth=1.6)
        # SPEC DA11: an isolated gradient moves an entry by at most about 32 learning rates; an anchor is visited five times.
        axis.axhline(3e-3, color="#555", linestyle=":", linewidth=1)
        axis.set_yscale("log")
        axis.set_title(f"|M − M before training|, {title}", loc="left")
        axis.set_xlabel("step")
    axes[0].annotate(
        "bound at the printed rate, 0.003",
        (0.02, 3e-3),
        xycoords=("axes fraction", "data"),
        xytext=(0, -3),  # below the line: ten times the printed rate runs above it
        textcoords="offset points",
        va="top",
        fontsize=8,
    )
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", fontsize=8.5)
    return figure


def _name(row: str) -> str:
    loss, rate = row.split(", ")
    return f"{loss}, rate of M {rate}"


def beliefs(plan: Plan, store: Records) -> plt.Figure | None:
    """Entries before and after training against the model's belief, one panel per setting."""
    found = [(cell, r["probes"]["dmix-matrix"]) for cell, r in _runs(plan, store) if "probes" in r]
    found = [(cell, p) for cell, p in found if p["pairs"]["start"]]
    if not found:
        return None
    figure, axes = plt.subplots(
        1, len(found), figsize=(max(2.6 * len(found) + 0.6, 6.4), 3.4), sharey=True, squeeze=False, layout="constrained"
    )
    for axis, (cell, probe) in zip(axes[0], found, strict=True):
        pairs = probe["pairs"]
        x = np.array(pairs["belief"])
        start, end = np.array(pairs["start"]), np.array(pairs["end"])
        axis.plot([0, 1], [0, 1], color="#555", linewidth=0.9, linestyle=":")
        many = {"rasterized": True}  # hundreds of marks: pixels also in the SVG
        axis.vlines(x, start, end, color="#bbbbbb", linewidth=0.8, **many)
        axis.plot(x, start, "o", color="#999999", markersize=3, label="before", **many)
        axis.plot(x, end, "o", color=DATA_COLOURS[1], markersize=3, label="after", **many)
        axis.set_title(f"{_name(cell.row)}\n{100 * pairs['towards']:.0f} % moved towards it", loc="left", fontsize=8.5)
        axis.set_xlim(-0.03, 1.03)
        axis.set_ylim(-0.03, 1.03)
        axis.set_xlabel("belief")
    axes[0, 0].set_ylabel("entry of M")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8.5)
    return figure


def matrix_table(plan: Plan, store: Records) -> Table:
    """One line per setting."""
    lines = []
    for cell, record in _runs(plan, store):
        probe = record.get("probes", {}).get("dmix-matrix")
        if probe:
            n = probe["n"]
            lines.append(
                {
                    "data": cell.column,
                    "loss, rate of M": cell.row,
                    "entries": n * (n - 1),
                    "visited": probe["visited"],
                    "mean |ΔM|": probe["mean"],
                    "largest |ΔM|": probe["max"],
                    "grew, %": 100 * probe["up"],
                    "towards the belief, %": 100 * probe["pairs"]["towards"],
                    "test F1, %": cell.reading.value(record, store),
                }
            )
    frame = pd.DataFrame(lines)
    if frame.empty:
        return Table(frame, "<p>no runs yet</p>")
    formats = {"mean |ΔM|": "{:.1e}".format, "largest |ΔM|": "{:.1e}".format}
    shown = frame.to_html(index=False, classes="mx", border=0, float_format="{:.1f}".format, formatters=formats)
    return Table(frame, CSS + shown)


def order(plan: Plan, store: Records) -> Table:
    """Rank correlation of distances from one anchor, and overlap of the farthest tenth, against the hyperbolic ones."""
    lines = []
    for title, probe in probes(plan, store).items():
        lines += [
            {
                "data": title,
                "norm of embeddings": f"{probe['norm']['min']:.1f} to {probe['norm']['max']:.1f}",
                "mean cosine": probe["cosine"],
                "hyperbolic against": name,
                "rank correlation": found["spearman"],
                "farthest tenth shared, %": 100 * found["shared"],
            }
            for name, found in probe["order"].items()
        ]
    frame = pd.DataFrame(lines)
    if frame.empty:
        return Table(frame, "<p>no runs yet</p>")
    shown = frame.to_html(index=False, classes="mx", border=0, float_format="{:.3f}".format)
    return Table(frame, CSS + shown)


def plane(plan: Plan, store: Records) -> plt.Figure | None:
    """Training embeddings in two principal directions, partners as lines."""
    found = probes(plan, store)
    if not found:
        return None
    across = min(3, len(found))
    down = -(-len(found) // across)
    figure, axes = plt.subplots(
        down, across, figsize=(3.9 * across + 0.2, 3.7 * down), squeeze=False, layout="constrained"
    )
    for axis, (title, probe) in zip(axes.flat, found.items(), strict=False):
        p = probe["plane"]
        xy, labels = np.array(p["xy"]), np.array(p["labels"])
        for i, j in p["lines"]:
            axis.plot(*xy[[i, j]].T, color="#aaaaaa", linewidth=0.5, zorder=1, rasterized=True)
        kinds = np.unique(labels)
        shades = plt.get_cmap("tab10" if len(kinds) <= 10 else "gist_ncar")
        size = 6 + 60 * np.array(p["times"]) / max(1, max(p["times"]))
        for k in kinds:
            rows = labels == k
            shade = shades(int(k)) if len(kinds) <= 10 else shades(k / max(1, kinds.max()))
            axis.scatter(*xy[rows].T, s=size[rows], color=shade, alpha=0.8, linewidths=0, zorder=2, rasterized=True)
            axis.plot([], [], "o", color=shade, markersize=5, label=str(probe["classes"][k])[:12])  # sizes differ above
        anchors = sorted({i for i, _ in p["lines"]})
        axis.scatter(*xy[anchors].T, s=28, facecolors="none", edgecolors="black", linewidths=0.9, zorder=3)
        if len(kinds) <= 10:
            axis.legend(fontsize=7, loc="best")
        axis.set_title(f"{title} ({100 * p['explained']:.0f} % of the spread)", loc="left")
        axis.set_xticks([])
        axis.set_yticks([])
    for axis in axes.flat[len(found) :]:
        axis.set_visible(False)
    figure.supxlabel("first principal direction; circles: anchors", fontsize=9)
    figure.supylabel("second principal direction", fontsize=9)
    return figure

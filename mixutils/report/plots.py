"""Figures that several notebooks share. Each takes plain data and returns a matplotlib figure; ``style.save`` writes it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator

from .style import PAPER_COLOUR, VERDICT_COLOURS, colour


def forest(
    frame: pd.DataFrame, methods: Mapping[str, str], title: str, x_label: str = "gain over the baseline, points"
) -> plt.Figure | None:
    """Gains with 95 % intervals, one panel per data set, the published gain as an open diamond.

    Args:
        frame: from ``tables.result_table`` with gains. methods: printed row -> registered method, top to bottom.

    Returns:
        The figure, or None where nothing has a gain yet.
    """
    frame = frame[frame["gain"].notna() & frame["row"].isin(list(methods))]
    if frame.empty:
        return None
    columns = list(dict.fromkeys(frame["title"]))
    across = min(3, len(columns))
    down = math.ceil(len(columns) / across)
    figure, axes = plt.subplots(
        down,
        across,
        figsize=(3.1 * across + 1.6, (0.36 * len(methods) + 0.75) * down + 0.6),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    rows = list(methods)
    for axis, title_ in zip(axes.flat, columns, strict=False):
        part = frame[frame["title"] == title_].set_index("row")
        axis.axvline(0, color="#555", linewidth=1)
        for y, row in enumerate(rows):
            if row not in part.index:
                continue
            line = part.loc[row]
            error = (
                None
                if math.isnan(line["gain_low"])
                else [[max(0.0, line["gain"] - line["gain_low"])], [max(0.0, line["gain_high"] - line["gain"])]]
            )
            axis.errorbar(line["gain"], y, xerr=error, fmt="o", color=colour(methods[row]), capsize=3, markersize=5.5)
            if not math.isnan(line["paper_gain"]):
                axis.plot(line["paper_gain"], y, "D", markerfacecolor="none", color=PAPER_COLOUR, markersize=5.5)
        axis.set_title(title_)
        axis.set_yticks(range(len(rows)), rows)
    for axis in axes.flat[len(columns) :]:
        axis.set_visible(False)
    axes[0, 0].set_ylim(len(rows) - 0.5, -0.5)  # downwards, with room for the marks at both ends
    if across > 2:
        figure.supxlabel(x_label, fontsize=9.5)
    else:  # the legend takes the place below
        for axis in axes[-1]:
            axis.set_xlabel(textwrap.fill(x_label, 36))
    handles = [plt.Line2D([], [], marker="o", color="#444", label="ours, mean over seeds and 95 % bootstrap interval")]
    if frame["paper_gain"].notna().any():
        handles.append(
            plt.Line2D(
                [], [], marker="D", color=PAPER_COLOUR, markerfacecolor="none", linestyle="", label="published gain"
            )
        )
    # Beside the title where there is room for both.
    figure.legend(
        handles=handles, loc=f"outside {'upper right' if across > 2 else 'lower center'}", ncols=2, fontsize=8.5
    )
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def log_ticks(axis: Axis) -> None:
    """A logarithmic axis with plain numbers at 1, 2 and 5 of every decade."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())
    axis.set_minor_locator(NullLocator())


def bars(
    labels: Sequence[str],
    values: Sequence[float],
    methods: Sequence[str],
    x_label: str,
    title: str,
    line: float | None = None,
) -> plt.Figure:
    """Horizontal bars, one per method, each with its number."""
    figure, axis = plt.subplots(figsize=(6.4, 0.36 * len(labels) + 1.1), layout="constrained")
    axis.barh(range(len(labels)), values, color=[colour(m) for m in methods], height=0.62)
    for y, value in enumerate(values):
        axis.annotate(
            f"{value:.2f}",
            (value, y),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},  # where the line at 1 passes
        )
    if line is not None:
        axis.axvline(line, color="#555", linewidth=1)
    axis.set_yticks(range(len(labels)), labels)
    axis.invert_yaxis()
    axis.margins(x=0.12)
    axis.grid(axis="y", visible=False)
    axis.set_xlabel(x_label)
    axis.set_title(title, loc="left")
    return figure


def step_times(lines: Sequence[Mapping[str, Any]], base: str) -> plt.Figure | None:
    """Step times relative to a row's, of the benchmark or else of the first data set; None where that row has none.

    Args:
        lines: as ``papers.step_times`` makes them.
    """
    column = lines[0]["column"] if lines else ""
    lines = [t for t in lines if t["column"] == column]
    if not any(t["row"] == base for t in lines):
        return None
    return bars(
        [t["row"] for t in lines],
        [t["relative"] for t in lines],
        [t["method"] for t in lines],
        f"median step time relative to {base}",
        f"Time per step, {column}",
        line=1.0,
    )


def curves(
    series: Mapping[str, tuple[str, Sequence[float], np.ndarray]],
    x_label: str,
    y_label: str,
    title: str,
    log_x: bool = False,
) -> plt.Figure:
    """Lines with a band of one standard deviation.

    Args:
        series: label -> (colour, x of length n, values of shape (seeds, n)).
    """
    figure, axis = plt.subplots(figsize=(7.6, 3.6), layout="constrained")
    for label, (shade, x, values) in series.items():
        mean = values.mean(0)
        axis.plot(x, mean, marker="o", markersize=3.5, color=shade, label=label, linewidth=1.6)
        if len(values) > 1:
            sd = values.std(0, ddof=1)
            axis.fill_between(x, mean - sd, mean + sd, color=shade, alpha=0.15, linewidth=0)
    if log_x:
        axis.set_xscale("log")
        ticks = sorted({v for _, x, _ in series.values() for v in x})
        axis.set_xticks(ticks, [f"{t:g}" for t in ticks])
        axis.minorticks_off()
    axis.set_xlabel(x_label)
    axis.set_ylabel(y_label)
    axis.set_title(title, loc="left")
    figure.legend(loc="outside right upper", fontsize=8.5)  # inside it would hide lines
    return figure


def panels(
    series: Mapping[str, tuple[str, Sequence[float], np.ndarray]], baseline: str, x_label: str, y_label: str, title: str
) -> plt.Figure:
    """One small panel per method, each against the same baseline: bands that overlap in one plot hide each other.

    Args:
        series: as for ``curves``, the baseline's entry included.
    """
    rest = [label for label in series if label != baseline]
    across = min(3, len(rest))
    down = math.ceil(len(rest) / across)
    figure, axes = plt.subplots(
        down,
        across,
        figsize=(2.7 * across + 0.8, 2.0 * down + 0.7),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axis, label in zip(axes.flat, rest, strict=False):
        for name in (baseline, label):
            if name in series:
                shade, x, values = series[name]
                mean, sd = values.mean(0), values.std(0, ddof=1) if len(values) > 1 else 0
                axis.plot(x, mean, marker="o", markersize=3, color=shade, linewidth=1.5, label=name)
                axis.fill_between(x, mean - sd, mean + sd, color=shade, alpha=0.18, linewidth=0)
        axis.set_title(label)
    for i in range(len(rest), axes.size):
        axes.flat[i].set_visible(False)
        axes.flat[i - across].tick_params(labelbottom=True)
    if baseline in series:
        handle = plt.Line2D(
            [], [], marker="o", markersize=3, color=series[baseline][0], label=f"{baseline}, in each panel"
        )
        figure.legend(handles=[handle], loc="outside upper right", fontsize=8.5)
    figure.supxlabel(x_label, fontsize=9.5)
    figure.supylabel(y_label, fontsize=9.5)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def verdicts(counts: Mapping[str, Mapping[str, int]], title: str) -> plt.Figure:
    """Stacked bars: units of each claim by verdict; a claim without a tested unit says so."""
    kinds = ("confirmed", "undecided", "contradicted")
    figure, axis = plt.subplots(figsize=(6.4, 0.3 * len(counts) + 1.1), layout="constrained")
    left = np.zeros(len(counts))
    for kind in kinds:
        width = np.array([c.get(kind, 0) for c in counts.values()], dtype=float)
        axis.barh(range(len(counts)), width, left=left, color=VERDICT_COLOURS[kind], label=kind, height=0.62)
        left += width
    axis.set_yticks(range(len(counts)), list(counts))
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    for y in np.flatnonzero(left == 0):
        axis.annotate("not tested", (0, y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8.5)
    axis.set_xlabel("tests (one per data set or step)")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_title(title, loc="left")
    figure.legend(loc="outside right upper", fontsize=8.5)
    return figure

"""Figures that several notebooks share. Each takes plain data and returns a matplotlib figure; ``style.save`` writes it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

from ..evidence import Verdict
from .style import PAPER_COLOUR, SCALES, VERDICT_COLOURS, VERDICT_MARKS, colour


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
            _interval(axis, y, line["gain"], line["gain_low"], line["gain_high"], colour(methods[row]))
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
    handles = [plt.Line2D([], [], marker="o", color="#444", label="ours, mean over seeds and 95 % t interval")]
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


def learning_curves(
    curves: pd.DataFrame, baseline: str, colours: Mapping[str, str], x_label: str, y_label: str, title: str
) -> plt.Figure | None:
    """One small panel per row beside the same baseline, mean and standard deviation over seeds; None without curves.

    Args:
        curves: of one column, part and metric, with row, seed, step, value. baseline: a row. colours: row -> colour.
    """
    curves = curves.drop_duplicates(["row", "seed", "step"])
    plain = curves[curves["row"] == baseline]
    rows = [row for row in dict.fromkeys(curves["row"]) if row != baseline]
    if not rows:
        return None
    panels = [pd.concat([plain, curves[curves["row"] == row]]).assign(panel=row) for row in rows]
    grid = sns.relplot(
        pd.concat(panels),
        **{"x": "step", "y": "value", "hue": "row", "col": "panel", "col_wrap": min(3, len(rows))},
        **{"kind": "line", "errorbar": "sd", "marker": "o", "markersize": 4, "legend": False},
        palette=dict(colours),
        height=2.1,
        aspect=1.35,
    )
    grid.set_titles("{col_name}").set_axis_labels("", "")
    if len(plain):
        handle = plt.Line2D(
            [], [], marker="o", markersize=3, color=colours[baseline], label=f"{baseline}, in each panel"
        )
        grid.figure.legend(handles=[handle], loc="outside upper right", fontsize=8.5)
    grid.figure.set_layout_engine("constrained")
    grid.figure.supxlabel(x_label, fontsize=9.5)
    grid.figure.supylabel(y_label, fontsize=9.5)
    grid.figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return grid.figure


def verdicts(found: Sequence[Verdict], title: str, names: Mapping[str, str] | None = None) -> plt.Figure | None:
    """Pooled estimate and interval of each claim in the colour of its word, the reported effect as an open diamond.

    The axis is linear within a point and logarithmic beyond; the margin is shaded. Claims without an estimate have their
    word only.

    Args:
        names: key -> what stands at the axis in its place.

    Returns:
        The figure, or None where nothing has been tested.
    """
    if all(v.word in ("not tested", "illustration") for v in found):
        return None
    labels = [(names or {}).get(v.key, v.key) for v in found]
    width = 6.9 + 0.07 * max(map(len, labels))
    figure, axis = plt.subplots(figsize=(width, 0.34 * len(found) + 1.3), layout="constrained")
    axis.axvspan(-found[0].margin, found[0].margin, color="#eef1f6", zorder=0)
    axis.axvline(0, color="#555", linewidth=1)
    for y, v in enumerate(found):
        shade = VERDICT_COLOURS.get(v.word, "#777777")
        if not math.isnan(v.estimate):
            _interval(axis, y, v.estimate, v.low, v.high, shade)
            if not math.isnan(v.reported):
                axis.plot(v.reported, y, "D", markerfacecolor="none", color=PAPER_COLOUR, markersize=5.5)
        axis.annotate(
            f"{VERDICT_MARKS[v.word]} {v.word}",
            (1.02, y),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8.5,
            color=shade,
            annotation_clip=False,
        )
    _points_axis(axis)
    axis.set_yticks(range(len(found)), labels)
    axis.set_ylim(len(found) - 0.5, -0.5)
    axis.grid(axis="y", visible=False)
    scales = [f"{kind}: {SCALES[kind]}" for kind in SCALES if any(v.kind == kind for v in found)]
    axis.set_xlabel("effect in the claimed direction, points" + (f" ({'; '.join(scales)})" if scales else ""))
    axis.set_title(title, loc="left")
    handles = _legend("pooled over data sets, 95 % interval", any(not math.isnan(v.reported) for v in found))
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=8.5)
    return figure


def units(verdict: Verdict, title: str) -> plt.Figure | None:
    """One claim's units with their t intervals, the pooled estimate below, reported differences as open diamonds.

    Units that are void are grey and crossed.

    Returns:
        The figure, or None where no unit has a number.
    """
    frame = verdict.to_frame()
    frame = frame[frame["mean"].notna()] if len(frame) else frame
    if frame.empty:
        return None
    several = frame["pair"].nunique() > 1
    names = [f"{t}, {p}" if several else t for t, p in zip(frame["title"], frame["pair"], strict=True)]
    figure, axis = plt.subplots(figsize=(6.8, 0.32 * (len(frame) + 1) + 1.3), layout="constrained")
    axis.axvspan(-verdict.margin, verdict.margin, color="#eef1f6", zorder=0)
    axis.axvline(0, color="#555", linewidth=1)
    for y, u in enumerate(frame.to_dict("records")):
        _interval(
            axis, y, u["mean"], u["low"], u["high"], "#999999" if u["void"] else "#333333", "x" if u["void"] else "o"
        )
        if not math.isnan(u["printed"]):
            axis.plot(u["printed"], y, "D", markerfacecolor="none", color=PAPER_COLOUR, markersize=5.5)
    if not math.isnan(verdict.estimate):
        shade = VERDICT_COLOURS.get(verdict.word, "#777777")
        _interval(axis, len(frame), verdict.estimate, verdict.low, verdict.high, shade, "s")
        if not math.isnan(verdict.reported):
            axis.plot(verdict.reported, len(frame), "D", markerfacecolor="none", color=PAPER_COLOUR, markersize=5.5)
        names.append(f"all: {verdict.word}")
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.grid(axis="y", visible=False)
    axis.set_xlabel("difference in the claimed direction, points")
    axis.set_title(title, loc="left")
    handles = _legend("mean over seeds, 95 % t interval; below, over data sets", bool(frame["printed"].notna().any()))
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=8.5)
    return figure


def _interval(axis: plt.Axes, y: float, mean: float, low: float, high: float, shade: str, mark: str = "o") -> None:
    error = None if math.isnan(low) else [[max(0.0, mean - low)], [max(0.0, high - mean)]]
    axis.errorbar(mean, y, xerr=error, fmt=mark, color=shade, capsize=3, markersize=5.5)


def _points_axis(axis: plt.Axes) -> None:
    axis.set_xscale("symlog", linthresh=1, linscale=0.8)
    reach = max(abs(x) for x in axis.get_xlim())
    ticks = [x for x in (0.5, 1, 2, 5, 10, 20, 50, 100) if x <= reach]
    axis.set_xticks([*(-x for x in reversed(ticks)), 0, *ticks])
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_locator(NullLocator())


def _legend(label: str, reported: bool) -> list[plt.Line2D]:
    handles = [plt.Line2D([], [], marker="o", color="#444", label=label)]
    if reported:
        handles.append(
            plt.Line2D([], [], marker="D", color=PAPER_COLOUR, markerfacecolor="none", linestyle="", label="reported")
        )
    return handles

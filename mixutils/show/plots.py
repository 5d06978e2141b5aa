"""Figures that several notebooks share. Each takes plain data and returns a matplotlib figure; ``style.save`` writes it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

from ..evidence import Verdict
from .style import PAPER_COLOUR, SCALES, VERDICT_COLOURS, VERDICT_MARKS, colour

_PRINTED = {"marker": "D", "linestyle": "", "color": PAPER_COLOUR, "markerfacecolor": "none"}


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
            _reported(axis, y, line["paper_gain"])
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
    printed = "published gain" if frame["paper_gain"].notna().any() else ""
    handles = _legend("ours, mean over seeds and 95 % t interval", printed)
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
    figure, axis = _lines(labels, found[0].margin, (6.9 + 0.07 * max(map(len, labels)), 0.34 * len(labels) + 1.3))
    for y, v in enumerate(found):
        shade = VERDICT_COLOURS.get(v.word, "#777777")
        if not math.isnan(v.estimate):
            _interval(axis, y, v.estimate, v.low, v.high, shade)
            _reported(axis, y, v.reported)
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
    scales = [f"{kind}: {SCALES[kind]}" for kind in SCALES if any(v.kind == kind for v in found)]
    axis.set_xlabel("effect in the claimed direction, points" + (f" ({'; '.join(scales)})" if scales else ""))
    axis.set_title(title, loc="left")
    printed = "" if all(math.isnan(v.reported) for v in found) else "reported"
    handles = _legend("pooled over data sets, 95 % interval", printed)
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
    several, tested = frame["pair"].nunique() > 1, not math.isnan(verdict.estimate)
    names = [f"{t}, {p}" if several else t for t, p in zip(frame["title"], frame["pair"], strict=True)]
    names += [f"all: {verdict.word}"] if tested else []
    figure, axis = _lines(names, verdict.margin, (6.8, 0.32 * (len(frame) + 1) + 1.3))
    for y, u in enumerate(frame.to_dict("records")):
        look = ("#999999", "x") if u["void"] else ("#333333", "o")
        _interval(axis, y, u["mean"], u["low"], u["high"], *look)
        _reported(axis, y, u["printed"])
    if tested:
        shade = VERDICT_COLOURS.get(verdict.word, "#777777")
        _interval(axis, len(frame), verdict.estimate, verdict.low, verdict.high, shade, "s")
        _reported(axis, len(frame), verdict.reported)
    axis.set_xlabel("difference in the claimed direction, points")
    axis.set_title(title, loc="left")
    printed = "reported" if frame["printed"].notna().any() else ""
    handles = _legend("mean over seeds, 95 % t interval; below, over data sets", printed)
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=8.5)
    return figure


def _lines(labels: Sequence[str], margin: float, size: tuple[float, float]) -> tuple[plt.Figure, plt.Axes]:
    """An empty figure with a line for each label, downwards; 0 is marked and the margin shaded."""
    figure, axis = plt.subplots(figsize=size, layout="constrained")
    axis.axvspan(-margin, margin, color="#eef1f6", zorder=0)
    axis.axvline(0, color="#555", linewidth=1)
    axis.set_yticks(range(len(labels)), labels)
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.grid(axis="y", visible=False)
    return figure, axis


def _interval(axis: plt.Axes, y: float, mean: float, low: float, high: float, shade: str, mark: str = "o") -> None:
    error = None if math.isnan(low) else [[max(0.0, mean - low)], [max(0.0, high - mean)]]
    axis.errorbar(mean, y, xerr=error, fmt=mark, color=shade, capsize=3, markersize=5.5)


def _reported(axis: plt.Axes, y: float, value: float) -> None:
    if not math.isnan(value):
        axis.plot(value, y, **_PRINTED, markersize=5.5)


def _points_axis(axis: plt.Axes) -> None:
    axis.set_xscale("symlog", linthresh=1, linscale=0.8)
    reach = max(abs(x) for x in axis.get_xlim())
    ticks = [x for x in (0.5, 1, 2, 5, 10, 20, 50, 100) if x <= reach]
    axis.set_xticks([*(-x for x in reversed(ticks)), 0, *ticks])
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_locator(NullLocator())


def _legend(label: str, printed: str) -> list[plt.Line2D]:
    """Handles for intervals and, where it has a name, what is printed."""
    handles = [plt.Line2D([], [], marker="o", color="#444", label=label)]
    return handles + ([plt.Line2D([], [], **_PRINTED, label=printed)] if printed else [])

"""Figures that several notebooks share. Each takes plain data and returns a matplotlib figure; ``style.save`` writes it."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.ticker import NullLocator

from ..evidence import Verdict
from .results import VOID, headed
from .style import PAPER_COLOUR, SCALES, VERDICT_COLOURS, VERDICT_MARKS, colour

_MARKS = "os"  # of ours, one per comparison
_PRINTED = {"marker": "D", "linestyle": "", "color": PAPER_COLOUR, "markerfacecolor": "none"}
_HOLLOW = {"markerfacecolor": "white", "linewidth": 0.8}


def forest(
    frame: pd.DataFrame, methods: Mapping[str, str], title: str, x_label: str = "gain over the baseline, points"
) -> plt.Figure | None:
    """Gains with 95 % intervals, one panel per data set, the reported gain as an open diamond; gains that are void are hollow.

    Args:
        frame: from ``results``, with gains; where there are several comparisons, named in a column "comparison", of which one
            has the published gains. methods: printed row -> registered method, top to bottom.

    Returns:
        The figure, or None where nothing has a gain yet.
    """
    frame = frame[frame["gain"].notna() & frame["row"].isin(list(methods))]
    if frame.empty:
        return None
    frame = frame.assign(title=headed(frame), comparison=frame.get("comparison", "")).reset_index(drop=True)
    kinds = dict(zip(frame["comparison"].unique(), _MARKS, strict=False))
    rows, across = list(methods), min(3, frame["title"].nunique())
    height, apart = (0.22 + 0.14 * len(kinds)) * len(methods) + 1.2, {k: 0.3 * i for i, k in enumerate(kinds)}
    aspect = (2.1 + 1.8 / across) / height
    grid = sns.FacetGrid(frame, col="title", col_wrap=across, height=height, aspect=aspect)
    for name, axis in grid.axes_dict.items():
        axis.axvline(0, color="#555", linewidth=1)
        for line in frame[frame["title"] == name].to_dict("records"):
            numbers = line["gain"], line["gain_low"], line["gain_high"]
            kind = line["comparison"]
            y = rows.index(line["row"]) + apart[kind] - max(apart.values()) / 2
            shade = colour(methods[line["row"]])
            interval(axis, y, numbers, line["paper_gain"], shade, kinds[kind], hollow=bool(line["void"]))
    # Downwards, with room for the marks at both ends.
    grid.set(ylim=(len(rows) - 0.5, -0.5), yticks=range(len(rows))).set_yticklabels(rows).set_titles("{col_name}")
    figure = grid.figure
    figure.set_layout_engine("constrained")
    once = across > 1 and len(kinds) == 1  # what the axes show is said once, above the legend
    grid.set_xlabels("" if once else textwrap.fill(x_label, 36))
    printed = [
        "reported gain" + f", {k}" * bool(k) for k in frame.loc[frame["paper_gain"].notna(), "comparison"].unique()
    ]
    ours = {f"ours{f', {k}' * bool(k)}, mean over seeds and 95 % t interval": mark for k, mark in kinds.items()}
    handles = _legend(ours, *printed)
    if frame["void"].any():
        what = f"says nothing ({VOID} in the table, SPEC 9.2)"
        handles.append(plt.Line2D([], [], marker=_MARKS[0], color="#444", **_HOLLOW, label=what))
    columns = 2 if len(kinds) == 1 else 1
    look = {"ncols": columns, "fontsize": 8.5, "title": x_label if once else None, "title_fontsize": 9.5}
    figure.legend(handles=handles, loc="outside lower center", **look)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    holds = ((frame["gain_low"] <= 0) & (frame["gain_high"] >= 0)).sum()
    figure.set_label(f"{title}: of {len(frame)} gains {holds} have intervals that hold 0; {_largest(frame)}.")
    return figure


def _largest(frame: pd.DataFrame) -> str:
    top = frame.loc[frame["gain"].idxmax()]
    return f"the largest is {top['gain']:+.1f} points ({top['row']} on {top['title'].splitlines()[0]})"


def verdicts(found: Sequence[Verdict], title: str, names: Mapping[str, str] | None = None) -> plt.Figure | None:
    """Pooled estimate and interval of each claim in the colour of its word, the reported effect as an open diamond.

    The axis is linear within a point and logarithmic beyond; the margin is shaded. Claims without an estimate have their
    word only.

    Args:
        names: key -> what stands at the axis in place of key and text.

    Returns:
        The figure, or None where nothing has been tested.
    """
    if all(v.word in ("not tested", "illustration") for v in found):
        return None
    other = [bool(v.apart) and not math.isnan(v.reported) for v in found]
    labels = [
        (names[v.key] if names else textwrap.fill(f"{v.key}: {v.text}", 42, max_lines=2, placeholder=" …")) + " ‡" * o
        for v, o in zip(found, other, strict=True)
    ]
    longest = max(len(line) for label in labels for line in label.splitlines())
    size = (4.6 + 0.065 * longest, (0.34 if names else 0.42) * len(labels) + 1.3)
    figure, axis = plt.subplots(figsize=size, layout="constrained")
    axis.axvspan(-found[0].margin, found[0].margin, color="#eef1f6", zorder=0)
    axis.axvline(0, color="#555", linewidth=1)
    axis.set_yticks(range(len(labels)), labels, fontsize=8)
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.grid(axis="y", visible=False)
    for y, v in enumerate(found):
        shade = VERDICT_COLOURS.get(v.word, "#777777")
        if not math.isnan(v.estimate):
            interval(axis, y, (v.estimate, v.low, v.high), v.reported, shade)
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
    notes = "; ".join(["linear within ±1, logarithmic beyond", *scales])
    axis.set_xlabel(f"effect in the claimed direction, points\n({notes})")
    axis.set_title(title, loc="left")
    note = " (‡ on another number of training rows)" * any(other)
    printed = [] if all(math.isnan(v.reported) for v in found) else [f"reported{note}"]
    # A reader sees an interval beside 0 and the word "undecided": the figure says why.
    beside = any(v.word == "undecided" and (v.low > 0 or v.high < 0) for v in found)
    tested = sum(not math.isnan(v.p_holm) for v in found)
    estimated = "pooled over data sets, 95 % interval" + f" (words: Holm's correction over {tested})" * beside
    handles = _legend({estimated: _MARKS[0]}, *printed)
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=8.5)
    words = Counter(v.word for v in found)
    said = ", ".join(f"{words[word]} {word}" for word in VERDICT_MARKS if words[word])
    figure.set_label(f"{title}: of {len(found)}, {said}.")
    return figure


def interval(
    axis: plt.Axes,
    y: float,
    numbers: tuple[float, float, float],
    reported: float,
    shade: str,
    mark: str = _MARKS[0],
    hollow: bool = False,
) -> None:
    """Mean with its interval (mean, low, high), and what is printed, where there is such a number."""
    mean, low, high = numbers
    error = None if math.isnan(low) else [[max(0.0, mean - low)], [max(0.0, high - mean)]]
    axis.errorbar(mean, y, xerr=error, fmt=mark, color=shade, capsize=3, markersize=5.5, **(_HOLLOW if hollow else {}))
    if not math.isnan(reported):
        axis.plot(reported, y, **_PRINTED, markersize=5.5)


def _points_axis(axis: plt.Axes) -> None:
    axis.set_xscale("symlog", linthresh=1, linscale=0.8)
    reach = max(abs(x) for x in axis.get_xlim())
    # Far ones are close together on this scale.
    ticks = [x for x in ((0.5, 1, 2, 5) if reach < 10 else (0.5, 2, 5, 20, 100)) if x <= reach]
    axis.set_xticks([*(-x for x in reversed(ticks)), 0, *ticks])
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_locator(NullLocator())


def _legend(ours: Mapping[str, str], *printed: str) -> list[plt.Line2D]:
    """Handles for intervals (label -> mark) and for what is printed, if anything."""
    handles = [plt.Line2D([], [], marker=mark, color="#444", label=label) for label, mark in ours.items()]
    return handles + [plt.Line2D([], [], **_PRINTED, label=label) for label in printed]

"""The report card: all claims as one grid, the gains under one protocol below it, and what both say in a few sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd

from .plots import interval
from .style import SCALES, VERDICT_COLOURS, VERDICT_MARKS, colour

#: Words that are no result; their cells stay white.
OPEN = ("undecided", "not tested", "illustration")


def words(claims: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, str]]:
    """Paper -> claim -> its word, under the reading that comes first, which is the paper's own.

    Args:
        claims: paper -> its ``claims.csv``.
    """
    return {
        paper: frame.drop_duplicates("claim").set_index("claim")["verdict"].to_dict() for paper, frame in claims.items()
    }


def short(key: str) -> str:
    """A claim's name for a square: "SC2 over data sets" is SC2′."""
    return key.split()[0] + "′" * (" " in key)


def sentences(
    claims: Mapping[str, pd.DataFrame], gains: pd.DataFrame | None, levels: pd.DataFrame | None = None
) -> list[str]:
    """What was found, filled from the numbers.

    Args:
        gains: of the comparison, a line per method (``key``, its registered name, ``method``, ``word``, ``estimate``, ``low``, ``high``, ``mde``, ``reported``);
            lines without an estimate do not count. None where no comparison belongs to them.
        levels: of ``trec_full``, a line per row (``estimate``, ``low``, ``high``, ``least``, ``most``, ``reproduces``,
            ``train_rows``), the one without mixup first.
    """
    counts = Counter(word for of in words(claims).values() for word in of.values())
    found = ", ".join(f"{counts[word]} *{word}*" for word in VERDICT_MARKS if counts[word])
    out = [f"Of {sum(counts.values())} claims of {len(claims)} papers: {found}."]
    first = pd.concat([frame.drop_duplicates("claim") for frame in claims.values()])
    in_points = ~first["kind"].isin(SCALES)
    mde = first.loc[in_points & (first["verdict"] == "undecided"), "mde"].dropna()
    if len(mde):
        out.append(
            f"*Undecided* is not *no*: even before Holm's correction, half of the undecided claims about differences had 80 % power only for effects above {mde.median():.1f} points."
        )
    if gains is not None:
        out += _of_gains(gains)
    if levels is not None and len(levels):
        plain, asked = levels.iloc[0], levels[levels["reproduces"].isin(["yes", "no"])]
        out.append(
            f"With a base-size encoder and all {plain['train_rows']:,} training questions of TREC, accuracy without mixup is "
            f"{plain['estimate']:.1f} % [{plain['low']:.1f}, {plain['high']:.1f}], reported {plain['least']:.1f} to {plain['most']:.1f}; "
            f"{(asked['reproduces'] == 'yes').sum()} of {len(asked)} reported levels reproduce."
        )
    return out


def _of_gains(gains: pd.DataFrame) -> list[str]:
    gains = gains.dropna(subset="estimate").sort_values("estimate", ascending=False)
    # It mixes nothing: a control like the one without mixup, for methods that train without dropout, too.
    without = gains[gains["key"] == "no-dropout"]
    gains = gains.drop(without.index)
    if gains.empty:
        return [
            "The comparison of all methods under one protocol is still being trained: too few of its blocks are complete for an interval.",
        ]
    best, points = gains.iloc[0], "{0.estimate:+.2f} points [{0.low:+.2f}, {0.high:+.2f}]".format
    alone = "".join(f"; leaving out dropout, without any mixup, gives {points(line)}" for line in without.itertuples())
    helps = gains[gains["word"].str.startswith("supported")]
    use = ", ".join(helps["method"]) or "no method yet; train as long without mixup first"
    return [
        f"Under one protocol, on {gains['tasks'].max():.0f} data sets, the largest of {len(gains)} pooled gains over equally long training without mixup is {points(best)} ({best['method']}){alone}.",
        f"The smallest gain that is detected with 80 % power, before Holm's correction, is {gains['mde'].min():.1f} to {gains['mde'].max():.1f} points, depending on the method.",
        f"In practice, for small training sets like these: {use}.",
    ]


def card(
    claims: Mapping[str, pd.DataFrame], gains: pd.DataFrame, titles: Mapping[str, str], margin: float = 0.5
) -> plt.Figure:
    """The grid, and the forest plot where there are intervals.

    Args:
        claims, gains: as for ``sentences``. titles: paper -> what it is called.
        margin: smallest effect of interest, in points.
    """
    found = words(claims)
    gains = gains.dropna(subset="estimate").sort_values("estimate", ascending=False)
    longest = max(map(len, found.values()))
    heights = [0.46 * len(found) + 0.7, *([0.26 * len(gains) + 0.9] if len(gains) else [])]
    figure, axes = plt.subplots(
        len(heights),
        1,
        figsize=(0.66 * longest + 1.6, sum(heights)),
        height_ratios=heights,
        layout="constrained",
        squeeze=False,
    )
    _grid(axes[0, 0], found, titles)
    if len(gains):
        _forest(axes[1, 0], gains, margin)
    return figure


def _grid(axis: plt.Axes, found: Mapping[str, Mapping[str, str]], titles: Mapping[str, str]) -> None:
    for y, of_paper in enumerate(found.values()):
        for x, (key, word) in enumerate(of_paper.items()):
            shade = "white" if word in OPEN else VERDICT_COLOURS[word]
            text = "#333333" if word in OPEN else "white"
            axis.add_patch(
                plt.Rectangle((x + 0.04, y + 0.06), 0.92, 0.88, facecolor=shade, edgecolor="#9a9a9a", linewidth=0.8)
            )
            axis.text(x + 0.5, y + 0.34, VERDICT_MARKS[word], ha="center", va="center", color=text, fontsize=11)
            axis.text(
                x + 0.5,
                y + 0.72,
                short(key),
                ha="center",
                va="center",
                color=text,
                fontsize=7.5,
            )
    axis.set(xlim=(0, max(map(len, found.values()))), ylim=(len(found), 0), xticks=[])
    axis.set_yticks([y + 0.5 for y in range(len(found))], [titles[paper] for paper in found])
    axis.tick_params(length=0)
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
    counts = Counter(word for of in found.values() for word in of.values())
    legend = "    ".join(f"{mark} {counts[word]} {word}" for word, mark in VERDICT_MARKS.items() if counts[word])
    axis.set_xlabel(legend, fontsize=8.5, loc="left")


def _forest(axis: plt.Axes, gains: pd.DataFrame, margin: float) -> None:
    axis.axvspan(-margin, margin, color="#eef1f6", zorder=0)
    axis.axvline(0, color="#555", linewidth=1)
    for y, line in enumerate(gains.itertuples()):
        interval(axis, y, (line.estimate, line.low, line.high), line.reported, colour(line.key))
    axis.set_yticks(range(len(gains)), gains["method"])
    axis.set_ylim(len(gains) - 0.5, -0.5)
    axis.grid(axis="y", visible=False)
    axis.set_xlabel(
        "gain over equally long training without mixup, points; ◇ mean gain that the method's papers report"
    )

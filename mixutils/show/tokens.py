"""Sentences drawn as boxes: saliency as shade, spans as frames, mixtures by origin of each token."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

from .style import SALIENCY_MAP, TEXT_COLOURS

_CHARACTER, _PAD, _GAP, _LINE, _SPACE = 0.105, 0.12, 0.05, 0.42, 0.16  # inches


@dataclass(frozen=True)
class Strip:
    """One line of boxes.

    Attributes:
        label: left of the boxes. tokens: texts.
        shade: value in [0, 1] per token, or None. origin: "A", "B" or "unk" per token, or None.
        frame: (first, length, colour key) of a marked span, or None. after: text behind the boxes, in ``after_colour``.
    """

    label: str
    tokens: Sequence[str]
    shade: Sequence[float] | None = None
    origin: Sequence[str] | None = None
    frame: tuple[int, int, str] | None = None
    after: str = ""
    after_colour: str = "#333333"


def relative(values: Sequence[float]) -> list[float]:
    """Saliency over the sentence's largest, so that sentences can be read side by side."""
    top = max(values, default=0.0) or 1.0
    return [v / top for v in values]


def draw(strips: Sequence[Strip | None], title: str = "", width: float = 10.0, label_width: float = 1.75) -> plt.Figure:
    """Strips below each other; None leaves a small gap. Long lines are broken."""
    places = [[] if strip is None else _places(strip.tokens, width - label_width - 1.2) for strip in strips]
    heights = [_SPACE if s is None else _LINE * (at[-1][0] + 1) for s, at in zip(strips, places, strict=True)]
    height = sum(heights) + (0.4 if title else 0.12)
    figure = plt.figure(figsize=(width, height))
    axis = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    axis.axis("off")
    y = height - (0.4 if title else 0.06)
    with plt.rc_context({"text.parse_math": False}):  # a "$" in a text is a dollar sign
        if title:
            axis.text(0.05, height - 0.2, title, fontsize=10.5, va="center")
        for strip, at, needed in zip(strips, places, heights, strict=True):
            if strip is not None:
                _draw(axis, strip, [(label_width + x, y - _LINE * (line + 1)) for line, x in at])
            y -= needed
    return figure


def _places(tokens: Sequence[str], room: float) -> list[tuple[int, float]]:
    """Line and left edge of each token, counted from 0, and of what stands behind the last one."""
    out, line, x = [], 0, 0.0
    for token in tokens:
        if x and x + _width(token) + _GAP > room:
            line, x = line + 1, 0.0
        out.append((line, x))
        x += _width(token) + _GAP
    return [*out, (line, x)]


def _draw(axis: plt.Axes, strip: Strip, places: Sequence[tuple[float, float]]) -> None:
    """One strip; ``places`` are the lower left corners of its boxes, and of the text behind them."""
    axis.text(0.05, places[0][1] + _LINE / 2, strip.label, fontsize=9, va="center")
    for i, token in enumerate(strip.tokens):
        _box(axis, *places[i], token, strip, i)
    if strip.frame:
        first, length, key = strip.frame
        look = {"fill": False, "lw": 1.8, "edgecolor": TEXT_COLOURS[key]}
        for y, on_line in itertools.groupby(range(first, first + length), key=lambda i: places[i][1]):
            on_line = list(on_line)
            left, right = places[on_line[0]][0], places[on_line[-1]][0] + _width(strip.tokens[on_line[-1]])
            axis.add_patch(plt.Rectangle((left - 0.025, y + 0.025), right - left + 0.05, _LINE - 0.05, **look))
    if strip.after:
        x, y = places[-1]
        axis.text(x + 0.05, y + _LINE / 2, strip.after, fontsize=8.5, va="center", color=strip.after_colour)


def _width(token: str) -> float:
    return _PAD + _CHARACTER * max(1, len(token))


def _box(axis: plt.Axes, x: float, y: float, token: str, strip: Strip, i: int) -> None:
    face, text, edge, weight = "#f4f4f4", "#222222", "#d8d8d8", "normal"
    if strip.shade is not None:
        face = SALIENCY_MAP(float(strip.shade[i]))
        text = "white" if strip.shade[i] > 0.75 else text
    if strip.origin is not None:
        text = TEXT_COLOURS[strip.origin[i]]
        edge, weight = (text, "bold") if strip.origin[i] != "A" else (edge, "normal")
    w, shape = _width(token), "round,pad=0.01,rounding_size=0.05"
    place = (x + 0.02, y + 0.07)
    axis.add_patch(FancyBboxPatch(place, w - 0.04, _LINE - 0.14, boxstyle=shape, fc=face, ec=edge, lw=0.9))
    font = {"fontsize": 8.5, "family": "DejaVu Sans Mono", "color": text, "weight": weight}
    axis.text(x + w / 2, y + _LINE / 2 - 0.005, token, va="center", ha="center", **font)

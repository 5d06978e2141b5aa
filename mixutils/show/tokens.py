"""Sentences drawn as boxes: saliency as shade, spans as frames, mixtures by origin of each token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

from .style import SALIENCY_MAP, TEXT_COLOURS

_CHARACTER, _PAD, _GAP, _LINE = 0.105, 0.12, 0.05, 0.42  # inches


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
    lines = _break(strips, width - label_width - 1.2)
    height = sum(0.16 if s is None else _LINE for s in lines) + (0.4 if title else 0.12)
    figure = plt.figure(figsize=(width, height))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set_xlim(0, width)
    axis.set_ylim(0, height)
    axis.axis("off")
    y = height - (0.4 if title else 0.06)
    if title:
        axis.text(0.05, height - 0.2, title, fontsize=10.5, va="center", ha="left", parse_math=False)
    for strip in lines:
        if strip is None:
            y -= 0.16
            continue
        y -= _LINE
        axis.text(0.05, y + _LINE / 2, strip.label, fontsize=9, va="center", ha="left", parse_math=False)
        x = label_width
        edges = []
        for i, token in enumerate(strip.tokens):
            w = _PAD + _CHARACTER * max(1, len(token))
            _box(axis, x, y, w, token, strip, i)
            edges.append((x, x + w))
            x += w + _GAP
        if strip.frame and strip.frame[1]:
            first, length, key = strip.frame
            left, right = edges[first][0] - 0.025, edges[first + length - 1][1] + 0.025
            axis.add_patch(
                plt.Rectangle(
                    (left, y + 0.025), right - left, _LINE - 0.05, fill=False, lw=1.8, edgecolor=TEXT_COLOURS[key]
                )
            )
        if strip.after:
            axis.text(
                x + 0.05,
                y + _LINE / 2,
                strip.after,
                fontsize=8.5,
                va="center",
                ha="left",
                color=strip.after_colour,
                parse_math=False,
            )
    return figure


def _box(axis, x: float, y: float, w: float, token: str, strip: Strip, i: int) -> None:
    face, text, edge = "#f4f4f4", "#222222", "#d8d8d8"
    if strip.shade is not None:
        face = SALIENCY_MAP(float(strip.shade[i]))
        text = "white" if strip.shade[i] > 0.75 else text
    weight = "normal"
    if strip.origin is not None:
        text = TEXT_COLOURS[strip.origin[i]]
        edge, weight = (text, "bold") if strip.origin[i] != "A" else (edge, "normal")
    axis.add_patch(
        FancyBboxPatch(
            (x + 0.02, y + 0.07),
            w - 0.04,
            _LINE - 0.14,
            boxstyle="round,pad=0.01,rounding_size=0.05",
            fc=face,
            ec=edge,
            lw=0.9,
        )
    )
    axis.text(
        x + w / 2,
        y + _LINE / 2 - 0.005,
        token,
        fontsize=8.5,
        va="center",
        ha="center",
        color=text,
        weight=weight,
        family="DejaVu Sans Mono",
        parse_math=False,  # a "$" in a text is a dollar sign
    )


def _break(strips: Sequence[Strip | None], room: float) -> list[Strip | None]:
    out: list[Strip | None] = []
    for strip in strips:
        if strip is None:
            out.append(None)
            continue
        start, used = 0, 0.0
        pieces = []
        for i, token in enumerate(strip.tokens):
            w = _PAD + _CHARACTER * max(1, len(token)) + _GAP
            if used + w > room and i > start:
                pieces.append((start, i))
                start, used = i, 0.0
            used += w
        pieces.append((start, len(strip.tokens)))
        for k, (a, b) in enumerate(pieces):
            frame = None
            if strip.frame:
                first, last = max(strip.frame[0], a), min(strip.frame[0] + strip.frame[1], b)
                frame = (first - a, last - first, strip.frame[2]) if last > first else None
            out.append(
                Strip(
                    strip.label if k == 0 else "",
                    strip.tokens[a:b],
                    None if strip.shade is None else strip.shade[a:b],
                    None if strip.origin is None else strip.origin[a:b],
                    frame,
                    strip.after if k == len(pieces) - 1 else "",
                    strip.after_colour,
                )
            )
    return out

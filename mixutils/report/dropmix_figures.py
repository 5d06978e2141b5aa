"""DropMix's Figure 3 and Table 5, drawn from what the probes of one run measured."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap

from ..papers.base import Plan
from ..papers.dropmix import PROBES, probed
from ..papers.published import published
from ..probes.dropmix_channels import WORDS, Z
from ..probes.dropmix_masks import unpack
from ..runs.records import Records
from ..show.artifacts import Table
from ..show.style import SALIENCY_MAP, TEXT_COLOURS, colour
from ..show.tables import CSS

METHOD = {"unit": "dropmix-u", "channel": "dropmix-c", "word": "dropmix-w", "general": "dropmix-g"}
#: The two classes of Figures 3b, 3c and Table 5; as in the paper, red is positive and blue negative.
CLASS_COLOURS = ("#c0392b", "#2c6fbb")


def example_of(plan: Plan, store: Records) -> dict | None:
    """The example with the paper's sentence, or None."""
    found = probed(plan, store, PROBES[0])
    return found["examples"][0] | {"task": found["task"], "ratio": found["ratio"], "n": found["n"]} if found else None


def figure_3a(plan: Plan, store: Records) -> plt.Figure | None:
    example = example_of(plan, store)
    return draw_masks(example) if example else None


def patches(plan: Plan, store: Records) -> plt.Figure | None:
    example = example_of(plan, store)
    return draw_patches(example) if example else None


def literal(plan: Plan, store: Records) -> plt.Figure | None:
    example = example_of(plan, store)
    return draw_literal(example) if example else None


def draw_masks(example: Mapping) -> plt.Figure:
    """Saliency and the masks of words, channels and general windows: tokens down, channels across."""
    tokens = [_plain(t) for t in example["tokens_a"]]
    saliency = np.sqrt(np.array(example["saliency"]) / 1000)
    panels = [("saliency, square root of the unit's over the largest", saliency, SALIENCY_MAP)]
    for name in ("word", "channel", "general"):
        mask = unpack(example["masks"][name], example["width"])
        share = example["masks"][name]["w_b"]
        panels.append((f"{name}: {100 * share:.1f} % of the units dropped", mask, _map(METHOD[name])))
    figure, axes = plt.subplots(4, 1, figsize=(10, 4 * (0.125 * len(tokens) + 0.42) + 0.5), layout="constrained")
    for axis, (title, values, colours) in zip(axes, panels, strict=True):
        axis.imshow(values, aspect="auto", cmap=colours, vmin=0, vmax=1, interpolation="nearest")
        axis.set_title(title, loc="left", fontsize=9.5)
        axis.set_yticks(range(len(tokens)), tokens, fontsize=6.5, parse_math=False)
        axis.grid(visible=False)
        axis.tick_params(length=0)
        axis.spines[:].set_visible(True)
        axis.spines[:].set_color("#bbbbbb")
    axes[-1].set_xlabel("channel")
    _title(figure, example, f"λ = {example['ratio']}, n = {example['n']}")
    return figure


def draw_patches(example: Mapping) -> plt.Figure:
    """Share of each position's units that come from B, with the tokens of both texts."""
    return _shares(example, ["unit", "channel", "word", "general"], "share of B per position")


def draw_literal(example: Mapping) -> plt.Figure:
    """Ours and the literal mask, window by window."""
    rows = [f"{name}{kind}" for name in ("channel", "word", "general") for kind in ("", ", literal")]
    return _shares(example, rows, "share of B per position, salient part dropped and, literally, kept")


def _shares(example: Mapping, rows: Sequence[str], what: str) -> plt.Figure:
    values = np.array([example["masks"][row]["share"] for row in rows])
    first, second = ([_plain(t) for t in example[k]] for k in ("tokens_a", "tokens_b"))
    figure, axis = plt.subplots(
        figsize=(max(6.0, 0.62 * len(first) + 2.4), 0.36 * len(rows) + 2.3), layout="constrained"
    )
    axis.imshow(values, aspect="auto", cmap=_map("dropmix-g"), vmin=0, vmax=1)
    for y, row in enumerate(values):
        for x, value in enumerate(row):
            shade = "white" if value > 0.6 else "#222222"
            axis.text(x, y, f"{100 * value:.0f}", ha="center", va="center", fontsize=7.5, color=shade)
    names = [f"{row}: w_b = {example['masks'][row]['w_b']:.2f}" for row in rows]
    axis.set_yticks(range(len(rows)), names, fontsize=8.5)
    style = {"rotation": 45, "fontsize": 8.5, "parse_math": False}
    axis.set_xticks(range(len(first)), first, ha="left", color=TEXT_COLOURS["A"], **style)
    axis.xaxis.tick_top()
    below = axis.secondary_xaxis("bottom")
    below.set_xticks(range(len(second)), second, ha="right", color=TEXT_COLOURS["B"], **style)
    below.tick_params(length=0)
    axis.tick_params(length=0)
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
    below.spines[:].set_visible(False)
    _title(figure, example, f"{what}, %; A above, B below")
    return figure


def _title(figure: plt.Figure, example: Mapping, text: str) -> None:
    where = f" ({example['task']}: {example['label']})" if "task" in example else f" ({example['label']})"
    figure.suptitle(text + where, x=0.01, ha="left", fontsize=10.5, parse_math=False)


def _plain(token: str) -> str:
    return token or "–"  # the shorter text has no token here


def _map(method: str) -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list(method, ["#ffffff", colour(method)])


def _channels(plan: Plan, store: Records) -> dict | None:
    found = probed(plan, store, PROBES[1])
    return found if found is not None and "difference" in found else None


def figure_3b(plan: Plan, store: Records) -> plt.Figure | None:
    """Importance of every channel in both classes, and one against the other."""
    found = _channels(plan, store)
    if found is None:
        return None
    own, other = (np.array(v) for v in found["importance"])
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 3.7), width_ratios=(2.1, 1), layout="constrained")
    for values, name, shade, n in zip((own, other), found["classes"], CLASS_COLOURS, found["samples"], strict=True):
        left.plot(values, color=shade, linewidth=0.8, alpha=0.8, label=f"{name}, {n:,} samples")
    for side, (values, shade) in enumerate(zip((own, other), CLASS_COLOURS, strict=True)):
        for d in found["channels"][side]:
            left.plot(d, values[d], "o", color=shade, markersize=4)
            left.annotate(f"{d}", (d, values[d]), xytext=(3, 3), textcoords="offset points", fontsize=7.5, color=shade)
    left.set_xlabel("channel")
    left.set_ylabel("importance")
    left.set_title(f"Channel importance ({found['task']}); marked: each class's 3 furthest above the other", loc="left")
    figure.legend(loc="outside lower left", ncols=2, fontsize=8.5)  # inside it would hide lines
    right.plot(own, other, ".", color=colour("dropmix-c"), markersize=4)
    top = 1.05 * max(own.max(), other.max())
    right.plot([0, top], [0, top], color="#999999", linewidth=1)
    right.set_xlabel(f"importance for {found['classes'][0]}")
    right.set_ylabel(f"importance for {found['classes'][1]}")
    right.set_title(f"rank correlation {found['correlation']['value']:.2f}", loc="left")
    return figure


def figure_3c(plan: Plan, store: Records) -> plt.Figure | None:
    """Sorted difference of importance against what permuted labels give."""
    found = _channels(plan, store)
    if found is None:
        return None
    values = np.sort(found["difference"])[::-1]
    rank = np.arange(len(values))
    figure, axis = plt.subplots(figsize=(8, 3.7), layout="constrained")
    low, high = found["band"]
    axis.fill_between(rank, low, high, color="#bbbbbb", alpha=0.7, linewidth=0, label="95 % with permuted labels")
    axis.plot(rank, values, color=colour("dropmix-c"), linewidth=1.8, label="observed")
    for sign in (1, -1):
        axis.axhline(
            sign * found["edge"],
            color="#555555",
            linestyle="--",
            linewidth=1,
            label="edge of the simultaneous band" if sign > 0 else None,
        )
    axis.set_xlabel("channel, sorted by difference")
    axis.set_ylabel(f"importance, {found['classes'][0]} − {found['classes'][1]}")
    beyond = found["beyond"]
    axis.set_title(
        f"{beyond[0]} and {beyond[1]} of {len(values)} channels are beyond the edge; skewness {found['skewness']['value']:.2f}",
        loc="left",
    )
    axis.legend(fontsize=8.5)
    return figure


def table_5(plan: Plan, store: Records) -> Table:
    """Contributed words of the top channels, ours above and the printed ones below."""
    found = _channels(plan, store)
    if found is None or "words" not in found:
        why = (probed(plan, store, PROBES[1]) or {}).get("why", "no runs yet")
        return Table(pd.DataFrame(), f"<p>{html.escape(why)}</p>")
    z = found["lexicon"]
    lines, columns = [], []
    for side, name in enumerate(found["classes"]):
        for place, d in enumerate(found["channels"][side]):
            fit = found["fit"][side]["channels"][place]
            columns.append((f"{name} {d}", f"{100 * fit:.0f} % fit", side, found["words"][side][place]))
            for rank, (word, count, score) in enumerate(found["words"][side][place], 1):
                lines.append(
                    {
                        "source": "ours",
                        "class": name,
                        "channel": d,
                        "rank": rank,
                        "word": word,
                        "count": count,
                        "z": score,
                    }
                )
    page = _words("ours: word, times it contributed most", columns)
    printed: dict[str, list[str]] = {}
    for cell in (c for c in published("dropmix").values() if c.table == "5"):
        printed.setdefault(cell.column, []).append(cell.value)
    columns = []
    for column, words in printed.items():
        name, d = column.split("/")
        sign = 1 if name == "Positive" else -1
        fit = sum(sign * z.get(w, 0) > Z for w in words) / len(words)
        # The printed classes are compared with our data only where the data have these classes.
        known = {"positive", "negative"} == set(found["classes"])
        columns.append(
            (
                f"{name} {d}",
                f"{100 * fit:.0f} % fit" if known else "",
                0,
                [[w, "", z.get(w, 0) if known else 0] for w in words],
            )
        )
        for rank, word in enumerate(words, 1):
            lines.append(
                {
                    "source": "paper",
                    "class": name.lower(),
                    "channel": int(d),
                    "rank": rank,
                    "word": word,
                    "z": z.get(word),
                }
            )
    page += _words("paper, coloured by the same association", columns)
    note = (
        f"fit: share of the {WORDS} words associated with the class of their channel. Over all channels the mean is "
        + " and ".join(f"{100 * f['mean']:.0f} % for {n}" for n, f in zip(found["classes"], found["fit"], strict=True))
        + ". Association: all training rows of the data set; shades: "
        + f"<span style='{_style(Z + 1)}'>{html.escape(found['classes'][0])}</span>, <span style='{_style(-Z - 1)}'>{html.escape(found['classes'][1])}</span>."
    )
    return Table(pd.DataFrame(lines), f"{CSS}{page}<p class='mx-note'>{note}</p>")


def _style(z: float) -> str:
    if abs(z) <= Z:
        return ""
    return f"background:{CLASS_COLOURS[0 if z > 0 else 1]}2e;padding:0 .25em"


def _words(title: str, columns: list[tuple[str, str, int, list[list]]]) -> str:
    head = "".join(f"<th>{html.escape(name)}<br><small>{fit}</small></th>" for name, fit, _, _ in columns)
    body = ""
    for rank in range(WORDS):
        cells = ""
        for _, _, _, words in columns:
            word, count, z = words[rank] if rank < len(words) else ("", "", 0)
            cells += f"<td><b style='font-weight:normal;{_style(z)}'>{html.escape(str(word))}</b> <small>{count}</small></td>"
        body += f"<tr><th scope='row'>{rank + 1}</th>{cells}</tr>"
    return (
        f"<div class='mx-scroll'><table class='mx'><caption>{html.escape(title)}</caption>"
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )

"""SSMix's Figures 1 to 5, drawn from what the probe ``ssmix-spans`` measured on a trained model."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from ..papers.base import Plan
from ..runs.records import Records
from ..show import tokens
from ..show.style import colour


def _probe(plan: Plan, store: Records, pair: bool) -> dict | None:
    for cell in plan.table("2"):
        for record in cell.records(store):
            is_pair = any(c.key == cell.column and c.pair for c in plan.columns)
            if "probes" in record and is_pair == pair and record["probes"]["ssmix-spans"]["examples"]:
                return record["probes"]["ssmix-spans"] | {"task": cell.column, "labels": record["data"]["labels"]}
    return None


def _headline(probe: dict, text: dict) -> str:
    return f"label {text['label']}, predicted {text['predicted']}"


def figure_1(plan: Plan, store: Records) -> plt.Figure | None:
    """Worked examples: saliency, the two spans, the mixture."""
    probe = _probe(plan, store, False)
    if probe is None:
        return None
    strips: list[tokens.Strip | None] = []
    for example in probe["examples"]:
        span = example["spans"][0]
        for text, (first, key) in zip(
            example["texts"], ((span["least_in_a"], "A"), (span["most_in_b"], "B")), strict=True
        ):
            part = text["parts"][0]
            strips.append(
                tokens.Strip(
                    f"{text['name']}: {text['label']}",
                    part["tokens"],
                    tokens.relative(part["saliency"]),
                    None,
                    (first, span["length"], key),
                    f"predicted {text['predicted']}",
                )
            )
        strips += [_mixture(example, "ssmix", "mixture", 0), None]
    return tokens.draw(
        strips[:-1],
        f"Figure 1 from a trained model ({probe['task']}): darker = more salient; blue frame = least salient span of A, orange = most salient of B",
    )


def _mixture(example: dict, method: str, label: str, part: int, after: bool = True) -> tokens.Strip:
    mixture = example["mixtures"][method]
    piece = mixture["parts"][part]
    foreign = "unk" if method == "unk" else "B"
    label_a, label_b = (t["label"] for t in example["texts"])
    w = mixture["w_b"]
    share = f"{100 * (1 - w):.0f} % {label_a}" + (f", {100 * w:.0f} % {label_b}" if w else "")
    return tokens.Strip(
        label, piece["tokens"], None, [foreign if c else "A" for c in piece["changed"]], None, share if after else ""
    )


def figure_3_4(plan: Plan, store: Records) -> plt.Figure | None:
    """The ablations and random UNK on one pair of sentences."""
    probe = _probe(plan, store, False)
    if probe is None:
        return None
    example = probe["examples"][0]
    strips: list[tokens.Strip | None] = []
    for text in example["texts"]:
        part = text["parts"][0]
        strips.append(
            tokens.Strip(f"{text['name']}: {text['label']}", part["tokens"], tokens.relative(part["saliency"]))
        )
    strips.append(None)
    names = {
        "ssmix": "SSMix",
        "ssmix-saliency": "− saliency",
        "ssmix-saliency-span": "− saliency − span",
        "unk": "random UNK",
    }
    strips += [_mixture(example, method, label, 0) for method, label in names.items()]
    return tokens.draw(
        strips,
        f"Figures 3 and 4 from the software ({probe['task']}), λ₀ = {probe['ratio']}: orange = from B, black = [UNK]",
    )


def figure_5(plan: Plan, store: Records) -> plt.Figure | None:
    """A mixture of sentence pairs."""
    probe = _probe(plan, store, True)
    if probe is None:
        return None
    example = probe["examples"][0]
    strips: list[tokens.Strip | None] = []
    total = sum(len(p["tokens"]) for p in example["texts"][0]["parts"])
    replaced = sum(s["length"] for s in example["spans"])
    for part, name in enumerate(("p", "q")):
        span = example["spans"][part]
        for text, (first, key) in zip(
            example["texts"], ((span["least_in_a"], "A"), (span["most_in_b"], "B")), strict=True
        ):
            piece = text["parts"][part]
            strips.append(
                tokens.Strip(
                    f"{name} of {text['name']}: {text['label']}",
                    piece["tokens"],
                    tokens.relative(piece["saliency"]),
                    None,
                    (first, span["length"], key),
                )
            )
        strips += [_mixture(example, "ssmix", f"{name} mixed", part, after=part == 1), None]
    return tokens.draw(
        strips[:-1], f"Figure 5 from the software ({probe['task']}): λ = {replaced} / {total} = {replaced / total:.2f}"
    )


def figure_2(plan: Plan, store: Records) -> plt.Figure | None:
    """Where mixtures lie: last-layer [CLS] states in the two principal directions, and the distance from the line."""
    probe = _probe(plan, store, False) or _probe(plan, store, True)
    if probe is None:
        return None
    p = probe["projection"]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), width_ratios=(1.25, 1), layout="constrained")
    a, b = p["A"], p["B"]
    left.plot([a[0], b[0]], [a[1], b[1]], color="#bbbbbb", linewidth=1.2, zorder=1)
    levels = [k for k in p["off_line"] if k != "ssmix"]
    shades = dict(zip(levels, ("wordmix", "senmix", "tmix"), strict=False))
    for name in levels:
        points = np.array(p[name])
        left.plot(
            points[:, 0],
            points[:, 1],
            "o-",
            markersize=3.5,
            linewidth=1,
            color=colour(shades[name]),
            label=f"hidden, {name}",
        )
    points = np.array(p["ssmix"])
    left.plot(
        points[:, 0],
        points[:, 1],
        "o",
        markersize=5,
        color=colour("ssmix"),
        alpha=0.75,
        label="SSMix, several spans and ratios",
    )
    for name, point in (("A", a), ("B", b)):
        left.plot(*point, "o", color="black", markersize=8)
        left.annotate(f"$x^{name}$", point, xytext=(6, 6), textcoords="offset points")
    left.set_xlabel("first principal direction")
    left.set_ylabel("second principal direction")
    left.set_title(f"One pair of texts ({100 * p['explained']:.0f} % of the spread is in this plane)", loc="left")
    left.legend(fontsize=8)
    names = [*levels, "ssmix"]
    right.barh(
        range(len(names)),
        [p["off_line"][n] for n in names],
        color=[colour(shades.get(n, n)) for n in names],
        height=0.6,
    )
    for y, n in enumerate(names):
        right.annotate(
            f"{p['off_line'][n]:.2f}",
            (p["off_line"][n], y),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    right.set_yticks(range(len(names)), [f"hidden, {n}" if n != "ssmix" else "SSMix" for n in names])
    right.invert_yaxis()
    right.margins(x=0.14)
    right.grid(axis="y", visible=False)
    right.set_xlabel("median distance from the line A–B, in units of |AB|")
    right.set_title(f"Off the line, {p['pairs']} pairs", loc="left")
    return figure

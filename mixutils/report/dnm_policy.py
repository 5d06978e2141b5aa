"""Is DNM's policy dynamic? Movement of its parameters, drift of the label embeddings, loss against accuracy (SPEC NA3, NA4)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from ..papers import dnm
from ..papers.base import Plan
from ..runs.records import Records
from ..show.plots import log_ticks
from ..show.tables import over_steps
from .dnm_figures import curves_of

SHADES = sns.color_palette("viridis", 4)[:3]  # light is fast: one shade per learning rate of the policy


def _policy_style(row: str) -> dict:
    lr, options = dnm.POLICY_ROWS[row]
    shade = SHADES[dnm.POLICY_LRS.index(lr)]
    dashes = {"policy_init": "--", "label_embedding": ":" if options.get("label_embedding") == "fixed" else "-."}
    return {"color": shade, "linestyle": next((dashes[k] for k in options), "-"), "linewidth": 1.6}


def _tracks(plan: Plan, store: Records, *names: str) -> dict[str, tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Row of the policy study -> steps (n,) and means over seeds (n,) of the mixer's own numbers."""
    out = {}
    for cell in plan.table(dnm.POLICY):
        records = cell.records(store)
        if records and all(n in p.get("mixer", {}) for r in records for p in r["curve"] for n in names):
            of = {n: over_steps(records, lambda p, n=n: p["mixer"][n]) for n in names}
            steps = of[names[0]][0]
            if steps:
                out[cell.row] = np.array(steps, dtype=float), {n: values.mean(0) for n, (_, values) in of.items()}
    return out


def policy_movement(plan: Plan, store: Records) -> plt.Figure | None:
    """Mean absolute change of v1, W and M since the start (SPEC NA4)."""
    names = {"moved_v1_mean": "v1", "moved_w_mean": "W", "moved_m_mean": "M (label embeddings)"}
    tracks = _tracks(plan, store, *names)
    if not tracks:
        return None
    figure, axes = plt.subplots(1, 3, figsize=(11.5, 3.4), sharey=True, layout="constrained")
    rates = {}
    for row, (steps, means) in tracks.items():
        recipe = plan.cell(dnm.POLICY, row, dnm.drawn(dnm.data_columns(plan), dnm.FIGURE_3)[0].key).runs[0].recipe
        rates[dnm.POLICY_ROWS[row][0]] = (steps, recipe.mixer_lr or recipe.lr)
        for axis, name in zip(axes, names, strict=True):
            if means[name].any():  # what is fixed has no place on a logarithmic axis
                axis.plot(
                    steps,
                    means[name],
                    marker="o",
                    markersize=3,
                    label=row if axis is axes[0] else "_",
                    **_policy_style(row),
                )
    for axis, title in zip(axes, names.values(), strict=True):
        for lr, (steps, rate) in rates.items():
            axis.plot(steps, steps * rate, color="#999999", linestyle=(0, (1, 2)), linewidth=1)
            axis.annotate(
                f"{lr:g}",
                (steps[-1], steps[-1] * rate),
                xytext=(3, 0),
                textcoords="offset points",
                fontsize=7.5,
                color="#666",
            )
        axis.set_yscale("log")
        axis.set_title(title, loc="left")
        axis.set_xlabel("step")
    axes[0].set_ylabel("mean absolute change")
    figure.legend(loc="outside right center", fontsize=8.5, title="learning rate of v, W, M", title_fontsize=8.5)
    figure.suptitle("Is the policy dynamic? Grey: steps × learning rate", x=0.01, ha="left", fontsize=11)
    return figure


def policy_labels(plan: Plan, store: Records) -> plt.Figure | None:
    """Mean cosine between label embeddings over steps, and accuracy against training loss."""
    tracks = _tracks(plan, store, "label_cosine")
    if not tracks:
        return None
    column = dnm.drawn(dnm.data_columns(plan), dnm.FIGURE_3)[0].key
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 3.6), layout="constrained")
    for row, (steps, means) in tracks.items():
        style = _policy_style(row)
        left.plot(steps, means["label_cosine"], marker="o", markersize=3, label=row, **style)
        _, accuracy, loss = curves_of(plan.cell(dnm.POLICY, row, column), store)
        right.plot(loss.mean(0), accuracy.mean(0), marker="o", markersize=3, **style)
        right.plot(loss.mean(0)[-1], accuracy.mean(0)[-1], "o", color=style["color"], markersize=7)
    left.set_xlabel("step")
    left.set_ylabel("mean cosine of different classes")
    left.set_title("Label embeddings (1: they have fallen together)", loc="left")
    right.set_xscale("log")
    log_ticks(right.xaxis)
    right.set_xlabel("training loss")
    right.set_ylabel("test accuracy, %")
    right.set_title("Loss against accuracy, step by step (large: the last)", loc="left")
    figure.legend(loc="outside right center", fontsize=8.5, title="learning rate of v, W, M", title_fontsize=8.5)
    return figure

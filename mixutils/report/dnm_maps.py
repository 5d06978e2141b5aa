"""DNM's Figures 3 and 4, drawn from what the probe ``dnm-maps`` made of a trained model."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from ..claims.dnm import probed_cell
from ..papers import dnm
from ..papers.base import Column, Plan
from ..runs.records import Records

#: Figure 3 as printed, in shades that people with colour-vision deficiencies can tell apart.
KIND_COLOURS = {"original": "#d55e00", "largest": "#009e73", "smallest": "#0072b2"}
CLASS_COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def _map(plan: Plan, store: Records, column: Column, row: str, what: str) -> dict | None:
    for record in probed_cell(plan, column, row).records(store):
        if what in record.get("probes", {}).get("dnm-maps", {}):
            return record["probes"]["dnm-maps"][what] | {"labels": record["data"]["labels"]}
    return None


def _bare(axis, title: str) -> None:
    axis.set_title(title, loc="left", fontsize=9.5)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.grid(False)


def figure_3(plan: Plan, store: Records) -> plt.Figure | None:
    """Originals and mixtures by t-SNE and by PCA."""
    column = dnm.drawn(dnm.data_columns(plan), dnm.FIGURE_3)[0]
    found = _map(plan, store, column, dnm.OURS, "mixtures")
    if found is None:
        return None
    kind = np.array(found["kind"])
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
    titles = ("t-SNE", f"PCA ({100 * found['explained']:.0f} % of the spread)")
    for axis, name, title in zip(axes, ("tsne", "pca"), titles, strict=True):
        points = np.array(found[name])
        for i, label in reversed(list(enumerate(KIND_COLOURS))):  # originals on top
            chosen = points[kind == i]
            axis.scatter(
                chosen[:, 0],
                chosen[:, 1],
                s=26 if i == 0 else 9,
                color=KIND_COLOURS[label],
                alpha=1.0 if i == 0 else 0.55,
                linewidth=0.4 if i == 0 else 0,
                edgecolor="white",
                label=("original samples" if i == 0 else f"mixtures, {label} distance") if name == "tsne" else "_",
            )
        _bare(axis, title)
    figure.legend(loc="outside lower center", ncols=3, fontsize=9, markerscale=1.6)
    figure.suptitle(
        f"Figure 3 from a trained model ({column.title}): originals and mixtures", x=0.01, ha="left", fontsize=11
    )
    return figure


def figure_4(plan: Plan, store: Records) -> plt.Figure | None:
    """Test features of BERT and of Ours: t-SNE above, PCA below."""
    columns = dnm.drawn(dnm.data_columns(plan), dnm.FIGURE_4)
    maps = [(c, row, m) for c in columns for row in ("BERT", dnm.OURS) if (m := _map(plan, store, c, row, "features"))]
    if not maps:
        return None
    figure, axes = plt.subplots(2, len(maps), figsize=(2.9 * len(maps) + 0.4, 5.9), squeeze=False, layout="constrained")
    for j, (column, row, found) in enumerate(maps):
        label = np.array(found["label"])
        shades = CLASS_COLOURS if label.max() < len(CLASS_COLOURS) else sns.husl_palette(label.max() + 1)
        for i, name in enumerate(("tsne", "pca")):
            points = np.array(found[name])
            axes[i, j].scatter(points[:, 0], points[:, 1], s=11, c=[shades[k] for k in label], alpha=0.8, linewidth=0)
            _bare(axes[i, j], f"{column.title}: {row}" if i == 0 else f"PCA ({100 * found['explained']:.0f} %)")
        axes[0, 0].set_ylabel("t-SNE")
        axes[1, 0].set_ylabel("PCA")
    figure.suptitle(
        "Figure 4 from trained models: test features of the last layer, coloured by class",
        x=0.01,
        ha="left",
        fontsize=11,
    )
    return figure

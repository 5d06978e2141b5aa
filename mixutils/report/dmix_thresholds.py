"""What DMIX's thresholds select, drawn from the probe ``dmix-geometry`` (SPEC DA5, DA6, DA7)."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ..papers.base import Plan
from ..runs.records import Records
from ..show.artifacts import Table
from ..show.style import DATA_COLOURS
from ..show.tables import CSS

#: Distances and normalisations that are drawn: name in the probe, line style.
LINES = {
    ("hyperbolic", "row_max"): ("hyperbolic, as printed", "-"),
    ("Euclidean", "row_max"): ("Euclidean", "--"),
    ("cosine", "row_max"): ("cosine", ":"),
    ("hyperbolic", "row_minmax"): ("hyperbolic, row from 0 to 1", "-."),
}


def probes(plan: Plan, store: Records) -> dict[str, dict[str, Any]]:
    """Column's title -> what the probe measured, for the columns that have it."""
    out = {}
    for c in plan.columns:
        for cell in plan.cells:
            if cell.column.partition("/")[0] != c.key or c.title in out:
                continue
            for record in cell.records(store):
                if "dmix-geometry" in record.get("probes", {}):
                    out[c.title] = record["probes"]["dmix-geometry"] | {"classes": record["data"]["labels"]}
                    break
    return out


def _panels(count: int, width: float = 3.3, height: float = 3.1) -> tuple[plt.Figure, np.ndarray]:
    size = (max(width * count + 0.8, 6.4), height)
    figure, axes = plt.subplots(1, count, figsize=size, squeeze=False, sharey=True, layout="constrained")
    return figure, axes[0]


def shares(plan: Plan, store: Records) -> plt.Figure | None:
    """|S_i|/(N - 1) over T, one panel per data set."""
    found = probes(plan, store)
    if not found:
        return None
    figure, axes = _panels(len(found), height=3.5)
    for axis, (title, probe) in zip(axes, found.items(), strict=True):
        t = 100 * np.array(probe["grid"])
        for (kind, norm), (label, style) in LINES.items():
            share = probe["kinds"][kind][norm]["share"]
            colour = DATA_COLOURS[list(dict.fromkeys(k for k, _ in LINES)).index(kind)]
            axis.plot(t, 100 * np.array(share["mean"]), style, color=colour, label=label, linewidth=1.7)
            if (kind, norm) == ("hyperbolic", "row_max"):
                low, high = (100 * np.array(share[k]) for k in ("min", "max"))
                axis.fill_between(t, low, high, color=colour, alpha=0.12, linewidth=0, label="its range over anchors")
        axis.axvline(70, color="#555", linewidth=0.9)
        axis.set_title(f"{title}, N = {probe['n']:,}", loc="left")
        axis.set_xlabel("T, % (line: 70 %, the tables)")
    axes[0].set_ylabel("may be partner, % of all")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8.5)
    return figure


def histograms(plan: Plan, store: Records) -> plt.Figure | None:
    """Density of M over all pairs."""
    found = probes(plan, store)
    if not found:
        return None
    figure, axes = _panels(len(found))
    for axis, (title, probe) in zip(axes, found.items(), strict=True):
        edges = np.array(probe["bins"])
        for kind, colour in zip(("hyperbolic", "Euclidean", "cosine"), DATA_COLOURS, strict=True):
            counts = np.array(probe["kinds"][kind]["row_max"]["histogram"], dtype=float)
            axis.stairs(counts / counts.sum() / np.diff(edges), edges, color=colour, label=kind, linewidth=1.6)
        axis.axvline(0.7, color="#555", linewidth=0.9)
        axis.set_title(title, loc="left")
        axis.set_xlabel("entry of M (line: 0.7)")
    axes[0].set_ylabel("density")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", fontsize=8.5)
    return figure


def partners(plan: Plan, store: Records) -> plt.Figure | None:
    """Who is partner how often, and the label mass of training against the labels of the data."""
    found = probes(plan, store)
    if not found:
        return None
    figure, axes = plt.subplots(
        2,
        len(found),
        figsize=(max(3.3 * len(found) + 0.8, 6.4), 5.6),
        squeeze=False,
        layout="constrained",
        sharey="row",
    )
    drawn = {("hyperbolic", "row_max"): "as printed", ("hyperbolic", "row_minmax"): "row from 0 to 1"}
    for column, (title, probe) in enumerate(found.items()):
        top, bottom = axes[:, column]
        x = np.linspace(0, 100, 21)
        for (kind, norm), label in drawn.items():
            shade = DATA_COLOURS[list(drawn).index((kind, norm))]
            top.plot(x, probe["kinds"][kind][norm]["partner"]["times"], color=shade, label=label, linewidth=1.7)
        top.axhline(1, color="#555", linewidth=0.9, linestyle=":")
        top.set_title(title, loc="left")
        top.set_xlabel("examples, most used first, %")
        _labels(bottom, probe, drawn)
    axes[0, 0].set_ylabel("expected uses per epoch")
    axes[1, 0].set_ylabel("share of label mass, %")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2, fontsize=8.5)
    return figure


def _labels(axis, probe: dict[str, Any], drawn) -> None:
    """Bars per class, the six largest: in the data, and as the partner's part of the mixed labels."""
    base = np.array(probe["kinds"]["hyperbolic"]["row_max"]["partner"]["labels"])
    order = np.argsort(-base, kind="stable")[:6]
    series = {"data": base} | {
        label: np.array(probe["kinds"][k][n]["partner"]["partner_labels"]) for (k, n), label in drawn.items()
    }
    shades = ("#999999", *DATA_COLOURS)
    for i, values in enumerate(series.values()):
        axis.bar(np.arange(len(order)) + 0.27 * (i - 1), 100 * values[order], width=0.25, color=shades[i])
    names = [str(probe["classes"][i])[:12] for i in order]
    axis.set_xticks(range(len(order)), names, fontsize=7.5, rotation=30 if len(order) > 3 else 0)
    axis.set_xlabel("grey: labels in the data; colours: of partners, by M", fontsize=8.5)
    axis.grid(axis="x", visible=False)


def threshold_table(plan: Plan, store: Records) -> Table:
    """Per data set, distance and normalisation: when the threshold acts, and what it does at T = 0.7."""
    lines = []
    for title, probe in probes(plan, store).items():
        for kind, norms in probe["kinds"].items():
            for norm, m in norms.items():
                lines.append({"data": title, "N": probe["n"], "distance": kind, "M divided by": norm} | _acts(probe, m))
    frame = pd.DataFrame(lines)
    if frame.empty:
        return Table(frame, "<p>no runs yet</p>")
    note = (
        "row_max: the row's maximum, as printed; global_max: the largest distance; row_minmax: the row from 0 to 1. A grid value "
        f"above {probe['grid'][-1]:g} is written as '>'. Weight: mean weight of the partner in state and label."
    )
    shown = frame.to_html(index=False, classes="mx", border=0, float_format="{:.2f}".format)
    return Table(frame, f"{CSS}<div class='mx-scroll'>{shown}</div><p class='mx-note'>{note}</p>")


def _acts(probe: dict[str, Any], m: dict[str, Any]) -> dict[str, Any]:
    """The columns of ``threshold_table`` for one matrix."""

    def first_below(limit: float) -> str:
        share = m["share"]["mean"]
        return next(
            (f"{t:g}" for t, s in zip(probe["grid"], share, strict=True) if s < limit), f"> {probe['grid'][-1]:g}"
        )

    at = probe["grid"].index(0.7)
    p = m["partner"]
    return {
        "smallest M": m["m"]["min"],
        "mean M": m["m"]["mean"],
        "T below 95 %": first_below(0.95),
        "T below 50 %": first_below(0.5),
        "share at 0.7, %": 100 * m["share"]["mean"][at],
        "most used, times": p["most"],
        "top tenth's uses, %": 100 * p["top_tenth"],
        "never used, %": 100 * p["never"],
        "weight": p["weight"],
    }

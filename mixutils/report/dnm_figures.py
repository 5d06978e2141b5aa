"""DNM's curves: over training size, over steps, and over K."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from ..papers import dnm
from ..papers.base import Cell, Column, Plan
from ..papers.published import number
from ..runs.records import Records
from ..show.plots import log_ticks
from ..show.style import DATA_COLOURS, PAPER_COLOUR, colour


def _panels(count: int, width: float = 3.3, height: float = 3.0, across: int = 4) -> tuple[plt.Figure, np.ndarray]:
    across = min(across, count)
    down = -(-count // across)
    figure, axes = plt.subplots(
        down, across, figsize=(width * across + 1.9, height * down), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[count:]:
        axis.set_visible(False)
    return figure, axes


def _line(axis, x, values: np.ndarray, error: str = "se", **style) -> None:
    """Mean of (seeds, n) with a band of one standard error or deviation."""
    mean = values.mean(0)
    axis.plot(x, mean, marker="o", markersize=3.5, linewidth=1.5, **style)
    if len(values) > 1:
        spread = values.std(0, ddof=1) / (np.sqrt(len(values)) if error == "se" else 1)
        axis.fill_between(x, mean - spread, mean + spread, color=style["color"], alpha=0.15, linewidth=0)


def _rows(plan: Plan, store: Records, column: Column, n: int) -> int | None:
    """Training rows that a size of a data set really had; None where nothing is done."""
    for row in dnm.ROWS:
        for record in plan.cell(dnm.main_table(column.key), row, dnm.size_key(column.key, n)).records(store):
            return record["data"]["sizes"]["train"]
    return None


def _over_sizes(plan: Plan, store: Records, column: Column, rows: tuple[str, ...]) -> tuple[list[int], list[int], list]:
    """Sizes (as planned, as they were) where some seed has all of ``rows``, and seed -> value for each row there."""
    planned, real, found = [], [], []
    for n in dnm.sizes(plan.setting):
        values = [plan.cell(dnm.main_table(column.key), r, dnm.size_key(column.key, n)).values(store) for r in rows]
        if set.intersection(*map(set, values)):
            planned.append(n)
            real.append(_rows(plan, store, column, n))
            found.append(values)
    return planned, real, found


def _size_axis(axis, sizes: list[int]) -> None:
    axis.set_xscale("log")
    axis.set_xticks(sizes, [f"{n:,}" for n in sizes])
    axis.minorticks_off()
    axis.set_xlabel("training rows")


def size_curves(plan: Plan, store: Records) -> plt.Figure | None:
    """Tables 2 to 5 as curves; a seed counts where it has every size."""
    columns = dnm.data_columns(plan)
    figure, axes = _panels(len(columns))
    handles: dict[str, plt.Line2D] = {}
    for axis, column in zip(axes.flat, columns, strict=False):
        ticks: set[int] = set()
        for row, (method, encoder) in dnm.ROWS.items():
            _, x, found = _over_sizes(plan, store, column, (row,))
            seeds = sorted(set.intersection(*(set(v[0]) for v in found))) if found else []
            if seeds:
                style = {"color": colour(method), "linestyle": "--" if encoder else "-"}
                _line(axis, x, np.array([[v[0][s] for v in found] for s in seeds]), **style)
                handles[row] = plt.Line2D([], [], marker="o", markersize=3.5, **style)
                ticks |= set(x)
        _size_axis(axis, sorted(ticks))
        axis.set_title(column.title, loc="left")
    if not handles:
        plt.close(figure)
        return None
    axes[0, 0].set_ylabel("test accuracy, %")
    order = [r for r in dnm.ROWS if r in handles]
    titles = [f"CNN+{r}" if r in dnm.SHALLOW_ROWS else r for r in order]
    figure.legend([handles[r] for r in order], titles, loc="outside right center", fontsize=8.5)
    figure.suptitle("Accuracy over training size", x=0.01, ha="left", fontsize=11)
    return figure


def size_gains(plan: Plan, store: Records) -> plt.Figure | None:
    """Ours minus BERT and minus its closest rival over training size, with the published differences (claims NC2, NC3)."""
    columns, some = dnm.data_columns(plan), False
    figure, axes = _panels(len(columns))
    rivals = {"BERT": ("none", "v"), dnm.RIVAL: ("nonlinear", "D")}
    for axis, column in zip(axes.flat, columns, strict=False):
        axis.axhline(0, color="#555", linewidth=1)
        ticks: set[int] = set()
        for row, (method, mark) in rivals.items():
            planned, x, found = _over_sizes(plan, store, column, (dnm.OURS, row))
            gains = [{s: ours[s] - theirs[s] for s in set(ours) & set(theirs)} for ours, theirs in found]
            seeds = sorted(set.intersection(*map(set, gains))) if gains else []
            if not seeds:
                continue
            some = True
            ticks |= set(x)
            _line(axis, x, np.array([[g[s] for g in gains] for s in seeds]), color=colour(method))
            printed = [
                (real, number("dnm", dnm.main_table(column.key), dnm.OURS, dnm.size_key(column.key, n)), number("dnm", dnm.main_table(column.key), row, dnm.size_key(column.key, n)))
                for n, real in zip(planned, x, strict=True)
            ]  # fmt: skip
            printed = [(n, a - b) for n, a, b in printed if a is not None and b is not None]
            if printed:
                axis.plot(*zip(*printed, strict=True), linestyle=":", marker=mark, color=PAPER_COLOUR, markerfacecolor="none", linewidth=1)  # fmt: skip
        _size_axis(axis, sorted(ticks))
        axis.set_title(column.title, loc="left")
    if not some:
        plt.close(figure)
        return None
    axes[0, 0].set_ylabel("difference, points")
    handles = [
        *(plt.Line2D([], [], marker="o", color=colour(m), label=f"Ours − {row}") for row, (m, _) in rivals.items()),
        *(
            plt.Line2D(
                [],
                [],
                marker=mark,
                linestyle=":",
                color=PAPER_COLOUR,
                markerfacecolor="none",
                label=f"published, − {row}",
            )
            for row, (_, mark) in rivals.items()
        ),
    ]
    figure.legend(handles=handles, loc="outside right center", fontsize=8.5)
    figure.suptitle("What DNM gains over training size", x=0.01, ha="left", fontsize=11)
    return figure


def curve(record: dict[str, Any], part: str = "test") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps, accuracy in percent and training loss since the evaluation before, all (evaluations,)."""
    points = record["curve"]
    return (
        np.array([p["step"] for p in points], dtype=float),
        np.array([100 * p["metrics"][part]["accuracy"] for p in points]),
        np.array([p["train_loss"] for p in points]),
    )


def curves_of(cell: Cell, store: Records) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Steps (n,), accuracy and loss (seeds, n) of the done runs of a cell."""
    found = [curve(r) for r in cell.records(store)]
    return (found[0][0], np.array([f[1] for f in found]), np.array([f[2] for f in found])) if found else None


def figure_2(plan: Plan, store: Records) -> plt.Figure | None:
    """Training loss above, test accuracy below, one column per data set."""
    columns = dnm.drawn(dnm.data_columns(plan), dnm.FIGURE_2)
    n, some = dnm.sizes(plan.setting)[-1], False
    figure, axes = plt.subplots(
        2, len(columns), figsize=(4.2 * len(columns) + 1.9, 5.4), squeeze=False, sharex="col", layout="constrained"
    )
    for i, column in enumerate(columns):
        for row in (dnm.RIVAL, dnm.OURS, "BERT"):
            found = curves_of(plan.cell(dnm.main_table(column.key), row, dnm.size_key(column.key, n)), store)
            if found is None:
                continue
            some = True
            style = {"color": colour(dnm.ROWS[row][0]), "label": row if i == 0 else "_", "error": "sd"}
            _line(axes[1, i], found[0], found[1], **style)
            if row != "BERT":  # its cross-entropy has another unit
                _line(axes[0, i], found[0], found[2], **{**style, "label": "_"})
        axes[0, i].set_title(f"{column.title}, {f'{n:,}' if n else 'all'} rows", loc="left")
        axes[0, i].set_yscale("log")
        log_ticks(axes[0, i].yaxis)
        axes[1, i].set_xlabel("step")
    if not some:
        plt.close(figure)
        return None
    axes[0, 0].set_ylabel("training loss, (1 − cos)²")
    axes[1, 0].set_ylabel("test accuracy, %")
    figure.legend(loc="outside right center", fontsize=8.5)
    figure.suptitle("Figure 2: loss and accuracy over steps", x=0.01, ha="left", fontsize=11)
    return figure


def topk(plan: Plan, store: Records) -> plt.Figure | None:
    """Accuracy over K, one panel per data set and size, and the share of the batch that is selected."""
    low, high = dnm.TABLES["k"]
    found: list[tuple[str, list[int], np.ndarray, list[float | None]]] = []
    for column in dnm.data_columns(plan):
        for table, n in ((low, dnm.sizes(plan.setting)[0]), (high, dnm.sizes(plan.setting)[-1])):
            cells = {dnm.K_ROWS[c.row]: c.values(store) for c in plan.table(table) if c.column == column.key}
            cells = {k: v for k, v in sorted(cells.items()) if v}
            seeds = sorted(set.intersection(*map(set, cells.values()))) if cells else []
            if seeds:
                values = np.array([[v[s] for v in cells.values()] for s in seeds])
                printed = [number("dnm", table, f"K={k}", column.key) for k in cells]
                found.append((f"{column.title}, {f'{n:,}' if n else 'all'} rows", list(cells), values, printed))
    if not found:
        return None
    figure, axes = _panels(len(found) + 1, width=2.9, height=2.7)
    for axis, (title, ks, values, printed) in zip(axes.flat, found, strict=False):
        _line(axis, ks, values, color=colour("dnm"), label="ours")
        if any(p is not None for p in printed):
            axis.plot(
                ks,
                printed,
                "D:",
                color=PAPER_COLOUR,
                markerfacecolor="none",
                markersize=5,
                linewidth=1,
                label="published",
            )
        axis.set_title(title, loc="left")
        axis.set_xticks(ks)
        axis.set_xlabel("K")
    axes[0, 0].set_ylabel("test accuracy, %")
    last = axes.flat[len(found)]
    ks = np.arange(1, 10)
    for batch, shade in zip((20, 40, 80), DATA_COLOURS, strict=True):
        last.plot(
            ks,
            np.minimum(1, 2 * ks / (batch - 1)) * 100,
            marker="o",
            markersize=3,
            color=shade,
            label=f"batch of {batch}",
        )
    last.set_title("Selected of the batch (NA7)", loc="left")
    last.set_xlabel("K")
    last.set_ylabel("2K of the others, %")
    last.set_xticks(ks[::2])
    last.legend(fontsize=7.5)
    figure.suptitle("Accuracy over K (filled: ours, open diamonds: published)", x=0.01, ha="left", fontsize=11)
    return figure

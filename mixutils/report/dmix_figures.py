"""DMIX's Figures 2 and 3 and the heat map of Table 5."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ..claims import evidence
from ..claims.dmix import CURVES, METRIC, benchmark
from ..evidence import curves
from ..papers import dmix
from ..papers.base import Cell, Column, Plan
from ..runs.records import Records
from ..show.style import DATA_COLOURS, PAPER_COLOUR, colour

STEPS_ROWS = ("TMix", "DMix NT", "DMix")
OWN_BEST = 0.95  # share of a run's own best F1, the goal that no benchmark is needed for (SPEC DA40)


def sweep(plan: Plan, table: str, key: str) -> list[str]:
    """Rows of a sweep over a threshold in their order, without the reference."""
    return [c.row for c in plan.table(table) if c.column == key and "=" in c.row]


@dataclass(frozen=True)
class Steps:
    """Steps until a goal, of one row on one data set.

    Attributes:
        steps: seed -> the first evaluation at or above the goal; the last one for runs that never reach it.
        at_once: number of runs that are there at their first evaluation: they reached the goal before, nobody knows when.
        never: number of runs that do not reach it.
    """

    steps: pd.Series
    at_once: int
    never: int


def curve_of(points: pd.DataFrame, table: str, row: str, column: str) -> pd.DataFrame:
    """A cell's F1 on the part that selects, in points, as DC5 reads it: one line per evaluated step, one column per seed.

    Args:
        points: from ``evidence.curves``.
    """
    wanted = [table, row, column, METRIC.get(column, dmix.METRIC)]
    of_cell = points[["table", "row", "column", "metric"]].eq(wanted).all(axis=1)
    return points[of_cell & (points["part"] == points["select"])].pivot(index="step", columns="seed", values="value")


def steps_to(curve: pd.DataFrame, goal: float | pd.Series) -> Steps:
    """First crossings (SPEC DA27).

    Args:
        curve: from ``curve_of``. goal: in points; one for all runs, or seed -> its own.
    """
    reached = curve >= goal - 1e-9
    never = ~reached.any()
    return Steps(reached.idxmax().mask(never, curve.index[-1]), int(reached.iloc[0].sum()), int(never.sum()))


def figure_2(plan: Plan, store: Records) -> plt.Figure | None:
    """Steps to a benchmark F1, and to most of a run's own best, grouped by data set."""
    points, e = curves(plan, store), evidence(plan, store)
    found = {(row, c.key): curve_of(points, CURVES, row, c.key) for c in plan.columns for row in STEPS_ROWS}
    goals = {c.key: benchmark(e, plan, c.key) for c in plan.columns}
    columns = [c for c in plan.columns if not np.isnan(goals[c.key])]
    if not columns:
        return None
    figure, axes = plt.subplots(1, 2, figsize=(10, 0.85 * len(columns) + 1.6), sharey=True, layout="constrained")
    for i, c in enumerate(columns):
        for k, row in enumerate(STEPS_ROWS):
            curve = found[row, c.key]
            if not curve.empty:
                y, label = i + 0.27 * (k - 1), row if i == 0 else ""
                _bar(axes[0], y, steps_to(curve, goals[c.key]), label, dmix.ROWS[row][0])
                _bar(axes[1], y, steps_to(curve, OWN_BEST * curve.max()), "", dmix.ROWS[row][0])
    axes[0].set_yticks(range(len(columns)), [f"{c.title}\nto F1 {goals[c.key]:.1f}" for c in columns])
    axes[0].invert_yaxis()
    for axis, title in zip(axes, ("to a benchmark F1", f"to {100 * OWN_BEST:g} % of a run's own best F1"), strict=True):
        axis.margins(x=0.3)
        axis.grid(axis="y", visible=False)
        axis.set_xlabel("training steps, median and quartiles over seeds")
        axis.set_title(title, loc="left")
    figure.suptitle("Figure 2: steps until a goal is reached on validation", x=0.01, ha="left", fontsize=11)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8.5)
    return figure


def _bar(axis, y: float, found: Steps, label: str, method: str) -> None:
    low, middle, high = np.percentile(found.steps, [25, 50, 75])
    axis.barh(y, middle, height=0.25, color=colour(method), label=label or None)
    axis.errorbar(middle, y, xerr=[[middle - low], [high - middle]], color="#222", capsize=2.5, linewidth=1)
    counts = ((found.at_once, "at once"), (found.never, "never"))
    text = ", ".join([f"{middle:g}", *(f"{n} of {len(found.steps)} {when}" for n, when in counts if n)])
    axis.annotate(text, (high, y), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8)


def figure_3(plan: Plan, store: Records) -> plt.Figure | None:
    """F1 and steps over T, with TMix as a horizontal line."""
    columns = [c for c in plan.columns if plan.cell(dmix.THRESHOLDS, "TMix", c.key)]
    columns = [c for c in columns if any(plan.cell(dmix.THRESHOLDS, r, c.key).records(store) for r in _rows(plan, c))]
    if not columns:
        return None
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    points, e = curves(plan, store), evidence(plan, store)
    for c, shade in zip(columns, DATA_COLOURS, strict=False):
        cells = {r: plan.cell(dmix.THRESHOLDS, r, c.key) for r in _rows(plan, c)}
        sweep_line(left, cells, store, shade, c.title, 100)
        sweep_reference(left, plan.cell(dmix.THRESHOLDS, "TMix", c.key), store, shade, f"TMix, {c.title}")
        goal = benchmark(e, plan, c.key)
        if not np.isnan(goal):
            _steps_line(right, points, c.key, list(cells), shade, goal)
    for axis, label in ((left, "F1 on test, %"), (right, "steps to the benchmark F1 on validation")):
        axis.set_xlabel("threshold T, % of the row's maximum")
        axis.set_ylabel(label)
    left.set_title("F1 over T", loc="left")
    right.set_title('"Diversity": steps to the benchmark', loc="left")
    right.margins(x=0.1)
    right.set_ylim(0, 1.08 * right.get_ylim()[1])  # room for what stands above the points
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8.5)
    return figure


def _rows(plan: Plan, c: Column) -> list[str]:
    return sweep(plan, dmix.THRESHOLDS, c.key)


def position(row: str) -> float:
    """The number in the name of a sweep's row."""
    return float(row.split("=")[1].split()[0])


def sweep_line(axis, cells: dict[str, Cell], store: Records, shade: str, label: str, factor: float = 1) -> None:
    """Mean over seeds with one standard deviation, over the numbers in the rows' names."""
    x, mean, sd = [], [], []
    for row, cell in cells.items():
        values = list(cell.values(store).values())
        if values:
            x.append(factor * position(row))
            mean.append(np.mean(values))
            sd.append(np.std(values, ddof=1) if len(values) > 1 else 0.0)
    mean, sd = np.array(mean), np.array(sd)
    axis.plot(x, mean, "o-", color=shade, markersize=4, label=label)
    axis.fill_between(x, mean - sd, mean + sd, color=shade, alpha=0.14, linewidth=0)


def sweep_reference(axis, cell: Cell | None, store: Records, shade: str, label: str) -> None:
    """A method that the sweep's end is said to be."""
    values = list(cell.values(store).values()) if cell else []
    if values:
        axis.axhline(np.mean(values), color=shade, linestyle="--", linewidth=1.3, label=label)


def _steps_line(axis, points: pd.DataFrame, column: str, rows: list[str], shade: str, goal: float) -> None:
    drawn = {row: curve_of(points, dmix.THRESHOLDS, row, column) for row in [*rows, "TMix"]}
    found = {row: steps_to(curve, goal) for row, curve in drawn.items() if not curve.empty}
    reference = found.pop("TMix", None)
    at = [100 * position(row) for row in found]
    axis.plot(at, [s.steps.median() for s in found.values()], "o-", color=shade, markersize=4)
    for x, s in zip(at, found.values(), strict=True):
        note = ", ".join(f"{n} {when}" for n, when in ((s.at_once, "at once"), (s.never, "never")) if n)
        if note:
            at_point = (x, s.steps.median())
            axis.annotate(note, at_point, xytext=(0, 6), textcoords="offset points", fontsize=7.5, ha="center")
    if reference is not None:
        axis.axhline(reference.steps.median(), color=shade, linestyle="--", linewidth=1.3)


def _two_lines(column: str) -> str:
    """ "cola/TMix" is written as the data set's title above the method's."""
    task, _, row = column.rpartition("/")
    titles = {c.key: c.title for c in dmix.COLUMNS}
    return f"{titles.get(task, task)}\n{row}"


def layer_map(plan: Plan, store: Records) -> plt.Figure | None:
    """Layer sets against data sets, ours beside the printed table."""
    cells = plan.table(dmix.LAYERS)
    columns = list(dict.fromkeys(c.column for c in cells))
    sets = [s for s in dmix.LAYER_SETS if any(c.row == s for c in cells)]
    ours = np.full((len(sets), len(columns)), np.nan)
    for cell in cells:
        values = list(cell.values(store).values())
        if values:
            ours[sets.index(cell.row), columns.index(cell.column)] = np.mean(values)
    if np.isnan(ours).all():
        return None
    from ..papers.published import published

    printed_columns = list(dict.fromkeys(c.column for c in published("dmix").values() if c.table == dmix.LAYERS))
    printed = np.array(
        [[published("dmix")[dmix.LAYERS, s, c].number for c in printed_columns] for s in dmix.LAYER_SETS], dtype=float
    )
    widths = (len(columns) + 1, len(printed_columns) + 1)
    figure, axes = plt.subplots(
        1, 2, figsize=(1.05 * sum(widths) + 2.2, 3.6), width_ratios=widths, layout="constrained"
    )
    limit = 6.0
    for axis, values, names, rows, title in (
        (axes[0], ours, columns, sets, "ours"),
        (axes[1], printed, printed_columns, list(dmix.LAYER_SETS), "printed"),
    ):
        known = np.maximum((~np.isnan(values)).sum(0), 1)  # a column without runs has no mean
        centred = values - np.nansum(values, axis=0) / known
        image = axis.imshow(centred, cmap="BrBG", vmin=-limit, vmax=limit, aspect="auto")
        for i, row in enumerate(rows):
            for j, name in enumerate(names):
                if not np.isnan(values[i, j]):
                    star = "*" if dmix.OWN_SET[name.rpartition("/")[2]] == row else ""
                    dark = abs(centred[i, j]) > 0.6 * limit
                    axis.text(
                        j, i, f"{values[i, j]:.1f}{star}", ha="center", va="center", fontsize=8.5,
                        color="white" if dark else PAPER_COLOUR,
                    )  # fmt: skip
        axis.set_xticks(range(len(names)), [_two_lines(n) for n in names], fontsize=8.5)
        axis.set_yticks(range(len(rows)), rows, fontsize=8.5)
        axis.set_title(title, loc="left")
        axis.grid(visible=False)
    figure.colorbar(image, ax=axes, label="F1 minus the column's mean, points", extend="both")
    return figure

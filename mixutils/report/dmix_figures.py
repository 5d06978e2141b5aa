"""DMIX's Figures 2 and 3 and the heat map of Table 5."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from ..papers import dmix
from ..papers.base import Cell, Column, Plan
from ..papers.dmix_claims import Steps, all_steps, benchmark, steps_to, sweep
from ..records import Records
from .style import DATA_COLOURS, PAPER_COLOUR, colour


def figure_2(plan: Plan, store: Records) -> plt.Figure | None:
    """Steps to a benchmark F1, grouped by data set."""
    found = all_steps(plan, store)
    columns = [c for c in plan.columns if any(key == c.key for _, key in found)]
    if not columns:
        return None
    rows = ("TMix", "DMix NT", "DMix")
    figure, axis = plt.subplots(figsize=(7.6, 0.85 * len(columns) + 1.2), layout="constrained")
    for i, c in enumerate(columns):
        for k, row in enumerate(rows):
            if (row, c.key) in found:
                _bar(axis, i + 0.27 * (k - 1), found[row, c.key], row if i == 0 else "", dmix.ROWS[row][0])
    labels = [
        f"{c.title}\nto F1 {next(s for (_, key), s in found.items() if key == c.key).benchmark:.1f}" for c in columns
    ]
    axis.set_yticks(range(len(columns)), labels)
    axis.invert_yaxis()
    axis.margins(x=0.16)
    axis.grid(axis="y", visible=False)
    axis.set_xlabel("training steps, median and quartiles over seeds")
    axis.set_title("Figure 2: steps to a benchmark F1 on validation", loc="left")
    figure.legend(loc="outside right upper", fontsize=8.5)
    return figure


def _bar(axis, y: float, steps: Steps, label: str, method: str) -> None:
    values = list(steps.steps.values())
    low, middle, high = np.percentile(values, [25, 50, 75])
    shade = colour(method)
    axis.barh(y, middle, height=0.25, color=shade, label=label or None)
    axis.errorbar(middle, y, xerr=[[middle - low], [high - middle]], color="#222", capsize=2.5, linewidth=1)
    text = f"{middle:g}" + (f", {steps.censored} of {len(values)} never" if steps.censored else "")
    axis.annotate(text, (high, y), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8)


def figure_3(plan: Plan, store: Records) -> plt.Figure | None:
    """F1 and steps over T, with TMix as a horizontal line."""
    columns = [c for c in plan.columns if plan.cell(dmix.THRESHOLDS, "TMix", c.key)]
    columns = [c for c in columns if any(plan.cell(dmix.THRESHOLDS, r, c.key).records(store) for r in _rows(plan, c))]
    if not columns:
        return None
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for c, shade in zip(columns, DATA_COLOURS, strict=False):
        cells = {r: plan.cell(dmix.THRESHOLDS, r, c.key) for r in _rows(plan, c)}
        sweep_line(left, cells, store, shade, c.title, 100)
        sweep_reference(left, plan.cell(dmix.THRESHOLDS, "TMix", c.key), store, shade, f"TMix, {c.title}")
        goal = benchmark(plan, store, c)
        if not np.isnan(goal):
            _steps_line(right, plan, c, cells, store, shade, goal)
    for axis, label in ((left, "F1 on test, %"), (right, "steps to the benchmark F1 on validation")):
        axis.set_xlabel("threshold T, % of the row's maximum")
        axis.set_ylabel(label)
    left.set_title("F1 over T", loc="left")
    right.set_title('"Diversity": steps to the benchmark', loc="left")
    right.margins(y=0.15)
    right.set_ylim(bottom=0)
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


def _steps_line(axis, plan: Plan, c: Column, cells, store: Records, shade: str, goal: float) -> None:
    found = {100 * position(row): steps_to(cell, store, c, goal) for row, cell in cells.items() if cell.records(store)}
    axis.plot(list(found), [s.median for s in found.values()], "o-", color=shade, markersize=4)
    for x, s in found.items():
        if s.censored:
            note = f"{s.censored} never"
            axis.annotate(note, (x, s.median), xytext=(0, 6), textcoords="offset points", fontsize=7.5, ha="center")
    reference = plan.cell(dmix.THRESHOLDS, "TMix", c.key)
    if reference.records(store):
        axis.axhline(steps_to(reference, store, c, goal).median, color=shade, linestyle="--", linewidth=1.3)


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

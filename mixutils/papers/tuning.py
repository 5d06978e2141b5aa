"""Hyperparameters that a paper selects on validation (SPEC 2(c), 3(c), 6(c)).

The grid is trained first, as cells of the table ``TUNING``, one row per value; tables then take the value that the selecting
part prefers. Until all of a grid is there they take the default.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from statistics import mean
from typing import Any

from ..runs.records import Records, chosen
from .base import Cell, Plan

TUNING = "tuning"
#: (column, method) -> the options that the selecting part prefers.
Tuned = Mapping[tuple[str, str], Mapping[str, Any]]


def tuned(plan: Plan, store: Records) -> Tuned:
    """What each grid's best row is, by its mean over seeds; of equal ones the first."""
    grids: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in plan.table(TUNING):
        grids[cell.column, cell.runs[0].method].append(cell)
    out = {}
    for at, grid in grids.items():
        if not any(cell.missing(store) for cell in grid):
            out[at] = dict(max(grid, key=lambda cell: _mean(cell, store)).runs[0].options)
    return out


def _mean(cell: Cell, store: Records) -> float:
    reading, values = cell.reading, []
    for record in cell.records(store):
        point = chosen(record, reading.policy, reading.metric)
        values.append(point["metrics"][reading.split][reading.metric])
    return mean(values)


def grid_cell(cell: Cell, select: str, seeds: int = 0) -> Cell:
    """A figure's cell as one of the grid: read on the selecting part, with the first seeds, or all."""
    return replace(cell, table=TUNING, runs=cell.runs[: seeds or None], reading=replace(cell.reading, split=select))

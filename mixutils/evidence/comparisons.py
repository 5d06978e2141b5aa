"""Comparisons over a tidy frame: what the units of claims are made by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from .best import Best, Mean, Row, Side, rule_of
from .compare import Found, compare, rows
from .compare import name as side_name
from .read import Curves, Key, Reader, pairs
from .survival import arrivals
from .unit import Unit, raced
from .units import Units

SELECTING = {"policy": "hold-out", "part": "select"}
Columns = str | Sequence[str] | None
Tables = str | Sequence[str]
Goal = float | Mapping[str, float] | Callable[[str, int], float]


class Comparisons:
    """Makes units from the cells of a frame; the arguments are those of ``Evidence``."""

    def __init__(
        self,
        frame: pd.DataFrame,
        printed: pd.DataFrame | None,
        curves: pd.DataFrame | None,
        reading: Mapping[str, Any],
        seed: int,
        draws: int,
    ) -> None:
        self._reader, self._reading, self._draws = Reader(frame), dict(reading), draws
        self._rng = np.random.default_rng(seed)
        self._curves = None if curves is None else Curves(curves)
        self._printed = {} if printed is None else printed.set_index(["table", "row", "column"])["value"].to_dict()

    def diff(self, table: Tables, a: Side, b: Side, *, columns: Columns = None, name: str = "", **reading) -> Units:
        """a − b on every column that has both, paired by seed; that it is above 0 is the claim.

        Args:
            table: one table, or several ("2", "3"). a, b: a row; (table, row) for a row of another table; ``best`` or
                ``mean`` of rows.
            columns: only these; where one of them is not in the frame, its unit says so and is void. None: all that have
                both sides.
            name: of the pair, in place of "a − b".
            reading: policy, part, metric, floor in place of the cell's own. Policy "hold-out" is the checkpoint that the
                selecting part chooses.

        Raises:
            ValueError: two sides chosen by different rules.
        """
        rule, reading = rule_of(a, b), self._reading | reading
        cells = self._reader.cells(reading)
        selecting = self._reader.cells(reading | SELECTING) if rule == "hold-out" else cells
        units = []
        for at, column in self._columns(table, columns, cells, a, b):
            sides = [self._found(side, at, column, cells, selecting) for side in (a, b)]
            unit = compare(*sides, rule, self._rng, self._draws)
            labels = self._labels(column) | {"pair": name or f"{side_name(a)} − {side_name(b)}"}
            units.append(replace(unit, printed=self._reported(at, column, a, b), **labels))
        return Units(units)

    def slope(self, table: Tables, a: Side, b: Side, *, columns: Any = None, name: str = "", **reading) -> Units:
        """How a − b changes with the training rows: per task and seed the least-squares slope over all sizes, in points per
        doubling. That it grows is the claim; ``-e.slope(...)`` for "larger with less data".

        Args:
            columns: as in ``diff``; or column -> size, which is else the frame's ``train_rows``.
        """
        given = columns if isinstance(columns, Mapping) else {}
        found = self.diff(table, a, b, columns=list(given) or columns, name=name, **reading)
        sizes = {u.column: given.get(u.column) or self._reader.size(_several(table), u.column) for u in found}
        return found.slope(sizes)

    def inner(self, table: Tables, grid: Sequence[Row], *, columns: Columns = None, name: str = "", **reading) -> Units:
        """An optimum inside a grid: the best inner row, chosen as in ``best(..., rule="hold-out")``, against both ends.

        Args:
            grid: rows in their order; where a column lacks some of them, its ends are the outermost that it has.
        """
        cells, out = self._reader.cells(self._reading | reading), []
        for at, column in self._columns(table, columns, cells, Mean(tuple(grid)), Mean(tuple(grid))):
            have = [row for row in grid if (*_at(row, at), column) in cells]
            if len(have) < 3:
                out.append(Unit(void="fewer than three values", **self._labels(column)))
                continue
            for part, end in (("low end", have[0]), ("high end", have[-1])):
                pair = name or f"best inner value − {side_name(end)}"
                units = self.diff(at, Best(tuple(have[1:-1]), "hold-out"), end, columns=[column], name=pair, **reading)
                out += [replace(u, part=part) for u in units]
        return Units(out)

    def steps(
        self,
        table: Tables,
        a: Row,
        b: Row,
        *,
        goal: Goal | None = None,
        share: float | None = None,
        columns: Columns = None,
        name: str = "",
        part: str | None = None,
        metric: str | None = None,
    ) -> Units:
        """Steps until a goal is reached first, by log-rank tests; that a is faster is the claim.

        Args:
            goal: in points; one number, column -> number, or a function of column and seed. share: in place of a goal, this
                share of each run's own best value.
            part: of the curve; None: the selecting part, or the reported one where there is none.

        Raises:
            ValueError: not one of goal and share.
        """
        if (goal is None) == (share is None):
            raise ValueError("steps needs either a goal in points or a share of each run's own best value")
        cells, out = self._reader.cells(self._reading), []
        for at, column in self._columns(table, columns, cells, a, b):
            keys = [(*_at(row, at), column) for row in (a, b)]
            sides = [cells.get(key, {}) for key in keys]
            seeds, note = pairs(sides)

            def aim(seed: int, values: np.ndarray, column: str = column) -> float:
                return share * values.max() if share else _goal(goal, column, seed)

            found = [arrivals(self._curve(k, part, metric), c, seeds, aim) for k, c in zip(keys, sides, strict=True)]
            pair = name or f"{side_name(a)} before {side_name(b)}"
            unit = raced(*found, pair=pair, seeds=tuple(seeds), **self._labels(column))
            out.append(replace(unit, note="; ".join(filter(None, (unit.note, note)))))
        return Units(out)

    def chosen(self, table: Tables, rows: Sequence[Row], column: str, **reading) -> str:
        """The row with the highest mean on the selecting part, over the seeds that all have; "" where there is none."""
        cells = self._reader.cells(self._reading | reading | SELECTING)
        found = {row: cells[key] for t in _several(table) for row in rows if (key := (*_at(row, t), column)) in cells}
        seeds, _ = pairs(list(found.values()))
        means = {row: sum(c[s][p].value for s, p in seeds.items()) for row, c in found.items()} if seeds else {}
        return side_name(max(means, key=means.get)) if means else ""

    def last(self, table: str, row: str, column: str, *, part: str | None = None, metric: str | None = None) -> float:
        """Mean of the last values of a cell's curves, in points; to say what a goal is relative to. NaN without curves."""
        found = [values[-1] for _, values in self._curve((table, row, column), part, metric).values()]
        return float(np.mean(found)) if found else math.nan

    def _labels(self, column: str) -> dict[str, str]:
        of = self._reader
        return {"title": of.titles.get(column, column), "column": column, "task": of.tasks.get(column, column)}

    def _columns(self, table: Tables, columns: Columns, cells, a: Side, b: Side) -> list[tuple[str, str]]:
        """(table, column) of the units: those that have both sides, and wanted ones that do not."""
        tables = _several(table)
        have = [
            (t, column)
            for t in tables
            for column in self._reader.titles
            if all(any((*_at(row, t), column) in cells for row in rows(side)) for side in (a, b))
        ]
        if columns is None:
            return have
        wanted = _several(columns)
        found = {column: [x for x in have if x[1] == column] or [(tables[0], column)] for column in wanted}
        return [x for column in wanted for x in found[column]]

    def _found(self, side: Side, table: str, column: str, cells, selecting) -> Found:
        keys = [(*_at(row, table), column) for row in rows(side)]
        return Found(side, tuple(cells.get(k, {}) for k in keys), tuple(selecting.get(k, {}) for k in keys))

    def _reported(self, table: str, column: str, a: Side, b: Side) -> float:
        """The printed difference; NaN where a side is not printed. The best of printed rows is the highest."""
        sides = []
        for side in (a, b):
            found = [self._printed.get((*_at(row, table), column), math.nan) for row in rows(side)]
            known = [v for v in found if not math.isnan(v)]
            sides.append(math.nan if not known else max(known) if isinstance(side, Best) else sum(found) / len(found))
        return sides[0] - sides[1]

    def _curve(self, key: Key, part: str | None, metric: str | None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Hash of a run -> its steps and values."""
        if self._curves is None:
            raise ValueError("steps and last values need the curves: Evidence(..., curves=curves(plan, store))")
        column = key[2]
        metric = metric or self._reader.metric(self._reading["metric"], column) or self._reader.own_metric(column)
        return self._curves.get(key, part, metric)


def _several(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _at(row: Row, table: str) -> tuple[str, str]:
    return (table, row) if isinstance(row, str) else row


def _goal(goal: Goal, column: str, seed: int) -> float:
    if callable(goal):
        return goal(column, seed)
    return goal.get(column, math.nan) if isinstance(goal, Mapping) else goal

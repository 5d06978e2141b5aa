"""Reading a tidy frame: cells, and which of their runs may be compared (SPEC 9.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

Key = tuple[str, str, str]  # table, row, column


class Seen(NamedTuple):
    """One run under one reading; as in ``frame``."""

    value: float
    hash: str
    metric: str
    predicted: float
    bits: str
    rows: str
    size: int
    first: int
    last: int


class _Line(NamedTuple):
    table: str
    row: str
    column: str
    policy: str
    part: str
    metric: str
    floor: bool
    primary: bool
    title: str
    task: str
    select: str
    train_rows: int
    seed: int
    precision: str


Cell = dict[int, dict[str, Seen]]  # seed -> precision -> run


class Reader:
    """The cells of a frame, under whatever reading is asked for."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._lines = list(map(_Line, *(frame[name].tolist() for name in _Line._fields)))
        self._seen = list(map(Seen, *(frame[name].tolist() for name in Seen._fields)))
        self._own = {x[:3]: x for x in self._lines if x.primary}
        self._kept: dict[str, dict[Key, Cell]] = {}
        self.titles: dict[str, str] = {}
        self.tasks: dict[str, str] = {}
        self._sizes: dict[tuple[str, str], int] = {}
        for x in self._lines:
            self.titles.setdefault(x.column, x.title)
            self.tasks.setdefault(x.column, x.task)
            self._sizes.setdefault((x.table, x.column), x.train_rows)

    def size(self, tables: Sequence[str], column: str) -> int:
        """Training rows of a column; 0 where none of the tables has it."""
        return next((self._sizes[t, column] for t in tables if (t, column) in self._sizes), 0)

    def metric(self, given: str | Mapping[str, str] | None, column: str) -> str | None:
        """The metric that a column is to be read in, where another than its own is given."""
        return given.get(column, given.get(self.tasks.get(column, ""))) if isinstance(given, Mapping) else given

    def own_metric(self, column: str) -> str:
        """The metric of the column's tables."""
        return next((x.metric for x in self._own.values() if x.column == column), "accuracy")

    def cells(self, reading: Mapping[str, Any]) -> dict[Key, Cell]:
        """All cells.

        Args:
            reading: policy, part, metric and floor in place of the cells' own where they are given. Policy "hold-out" is the
                checkpoint that the selecting part chooses, part "select" that part; metric may be a mapping from column or task.
        """
        name = repr(sorted(reading.items(), key=str))
        if name not in self._kept:
            self._kept[name] = self._read(
                **{"policy": None, "part": None, "metric": None, "floor": None} | dict(reading)
            )
        return self._kept[name]

    def _read(self, policy: str | None, part: str | None, metric: Any, floor: bool | None) -> dict[Key, Cell]:
        out: dict[Key, Cell] = {}
        metrics = {column: self.metric(metric, column) for column in self.titles}
        for x, seen in zip(self._lines, self._seen, strict=True):
            own = self._own.get(x[:3], _NONE)
            if (
                x.policy == (f"best-on-{x.select}" if policy == "hold-out" else policy or own.policy)
                and x.part == (x.select if part == "select" else part or own.part)
                and x.metric == (metrics[x.column] or own.metric)
                and x.floor == (own.floor if floor is None else floor)
            ):
                out.setdefault(x[:3], {}).setdefault(x.seed, {}).setdefault(x.precision, seen)
        return out


class Curves:
    """Curves by cell."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame[["hash", "part", "metric", "select", "report", "step", "value"]]
        self._at = frame.groupby(["table", "row", "column"], sort=False).indices

    def get(self, key: Key, part: str | None, metric: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Hash of a run -> its steps and values; part None: the selecting part, or the reported one where there is none."""
        found = self._frame.iloc[self._at.get(key, [])]
        wanted = part or found["select"].where(found["select"] != "", found["report"])
        found = found[(found["part"] == wanted) & (found["metric"] == metric)]
        return {h: (c["step"].to_numpy(), c["value"].to_numpy()) for h, c in found.groupby("hash", sort=False)}


#: The reading of a run that belongs to no table: its policy and part have to be asked for.
_NONE = _Line(*[""] * 5, "accuracy", False, False, *[""] * 3, 0, 0, "")


def pairs(cells: Sequence[Cell]) -> tuple[dict[int, str], str]:
    """Seed -> the precision in which all cells have runs of comparable generations; and a note on what is left out or mixed."""
    common = set.intersection(*(set(c) for c in cells)) if cells else set()
    out, apart = {}, 0
    for seed in sorted(common):
        shared = sorted(set.intersection(*(set(c[seed]) for c in cells)))
        fits = [p for p in shared if max(c[seed][p].first for c in cells) <= min(c[seed][p].last for c in cells)]
        if fits:
            out[seed] = fits[0]
        apart += not fits
    notes = [f"{apart} seed{'s'[: apart != 1]} left out: runs of different precision or generation"] if apart else []
    if len(set(out.values())) > 1:
        notes.append("seeds in " + ", ".join(f"{p} ({k})" for p, k in sorted(Counter(out.values()).items())))
    return out, "; ".join(notes)

"""The negative control: the same numbers under permuted names (SPEC 9.5)."""

from __future__ import annotations

import numpy as np
import pandas as pd

#: What says where a run stands; it stays, and everything else moves with the run.
CELL = ["paper", "table", "row", "column", "title", "task", "method", "options", "encoder", "seed", "train_rows"]
CELL += ["report", "select"]
#: Runs change places within these.
GROUP = ["paper", "task", "seed", "train_rows", "encoder"]
READING = ["policy", "part", "metric", "floor"]


def shuffled(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A frame (of readings or curves) in which runs have changed places.

    Inside every group of paper, task, seed, training rows and encoder the runs are permuted among the labels (table, row,
    method), the same in all tables and in both kinds of frame; whatever belongs to a run moves with it. Where a run
    arrives that was not evaluated on a cell's part, the cell lacks this seed.
    """
    if frame.empty:
        return frame
    runs, names = pd.factorize(frame["hash"])
    groups, cells = _codes(frame, GROUP), _codes(frame, ["paper", "table", "row", "column"])
    # A block: the rows of one run in one cell.
    begins = np.flatnonzero(np.r_[True, (np.diff(runs) != 0) | (np.diff(cells) != 0)])
    blocks = np.split(np.arange(len(frame)), begins[1:])
    rows_of: dict[int, np.ndarray] = {}
    for block in blocks:
        rows_of.setdefault(runs[block[0]], block)
    first = np.array([rows_of[run][0] for run in range(len(names))])
    source = permutation(np.asarray(names), groups[first], seed)
    moved = [rows_of[source[runs[block[0]]]] for block in blocks]
    comes_from = np.concatenate(moved)
    label = np.repeat(begins, [len(rows) for rows in moved])
    moves = [c for c in frame.columns if c not in CELL]
    out = pd.concat([frame[c].take(i).reset_index(drop=True) for c, i in ((CELL, label), (moves, comes_from))], axis=1)
    if "primary" in frame.columns:
        reading = _codes(frame, READING)
        of_cell = np.full(cells.max() + 1, -1)
        of_cell[cells[frame["primary"]]] = reading[frame["primary"]]
        out["primary"] = reading[comes_from] == of_cell[cells[label]]
    return out[list(frame.columns)]


def _codes(frame: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """A number for every row, the same for rows that agree in these columns."""
    return frame.groupby(columns, sort=False, dropna=False).ngroup().to_numpy()


def permutation(names: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """For every run the index of the one that takes its place, in its group; it depends on names, groups and seed alone."""
    order = np.argsort(names)
    draw = np.empty(len(names))
    draw[order] = np.random.default_rng(seed).random(len(names))
    out = np.empty(len(names), dtype=int)
    out[np.lexsort((names, groups))] = np.lexsort((draw, groups))
    return out

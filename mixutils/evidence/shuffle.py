"""The negative control: the same numbers under permuted names (SPEC 9.5)."""

from __future__ import annotations

import numpy as np
import pandas as pd

#: What says where a run stands; it stays, and everything else moves with the run.
CELL = ["paper", "table", "row", "column", "title", "task", "method", "options", "encoder", "seed", "train_rows"]
CELL += ["report", "select"]
PLACE = ["paper", "table", "row", "column"]
#: Runs change places within these.
GROUP = ["paper", "task", "seed", "train_rows", "encoder"]
READING = ["policy", "part", "metric", "floor"]


def shuffled(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A frame (of readings or curves) in which runs have changed places.

    Inside every group of paper, task, seed, training rows and encoder the runs are permuted among the labels (table, row,
    method), the same in all tables and in both kinds of frame; whatever belongs to a run moves with it. Where a run
    arrives that was not evaluated on a cell's part, the cell lacks this seed.
    """
    frame = frame.reset_index(drop=True)
    block = frame.groupby([*PLACE, "hash"], sort=False).ngroup()  # the rows of one run in one cell
    labels = frame.loc[~block.duplicated(), [*CELL, "hash"]]
    runs = labels.drop_duplicates("hash").sort_values("hash")
    moves = frame.loc[block.isin(block[runs.index]), [c for c in frame.columns if c not in CELL]]
    # It depends on names, groups and seed alone.
    runs["draw"] = np.random.default_rng(seed).random(len(runs))
    before, after = (runs.sort_values([*GROUP, by])["hash"] for by in ("hash", "draw"))
    stands_for = dict(zip(before, after, strict=True))
    out = labels.assign(hash=labels["hash"].map(stands_for)).merge(moves, on="hash", sort=False)
    if "primary" in frame.columns:
        out["primary"] = equal(out[READING], own_readings(frame, out))
    return out[list(frame.columns)]


def own_readings(frame: pd.DataFrame, of: pd.DataFrame) -> pd.DataFrame:
    """The reading that is primary in ``frame`` for the cell of every row of another frame; NaN where there is none."""
    own = frame.loc[frame["primary"], [*PLACE, *READING]].drop_duplicates(PLACE)
    return of[PLACE].merge(own, on=PLACE, how="left")[READING]


def equal(a: pd.DataFrame, b: pd.DataFrame) -> np.ndarray:
    """Which rows agree in all columns, the first with the first and so on; column by column, since rows of objects are slow."""
    columns = zip((a[name].array for name in a), (b[name].array for name in b), strict=True)
    return np.logical_and.reduce([np.asarray(x == y, dtype=bool) for x, y in columns])

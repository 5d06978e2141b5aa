"""The negative control: the same numbers under permuted names (SPEC 9.5)."""

from __future__ import annotations

import pandas as pd


def shuffled(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A frame (of readings or curves) in which runs have changed places.

    Inside every group of paper, task, seed, training rows and encoder the runs are permuted among the labels (table, row,
    method), the same in all tables; whatever belongs to a run moves with it. Where the run that arrives lacks a reading,
    its row is left out.
    """
    raise NotImplementedError

"""Tidy frames of records and of published numbers (DESIGN 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from ..papers.base import Plan
    from ..records import Records


def frame(plan: Plan, store: Records, shuffle: int | None = None) -> pd.DataFrame:
    """One row per cell, run and reading of what is done.

    Args:
        shuffle: a seed; names are permuted (see ``shuffled``), the negative control of SPEC 9.5.

    Returns:
        Columns:
        paper, table, row, column, title, task: the cell, as in ``published``; ``title`` names the column for people. Runs
            of the plan that belong to no cell have the table "extra", their method as row and their task as column.
        method, options (text), encoder, seed, train_rows (int), select (the part that chooses; "" where only the reported
            part could), report (the part that the cell reports).
        policy, part, metric, floor: the reading (``papers.base.Reading``); metrics are accuracy, f1_micro, f1_macro,
            f1_weighted and, for two classes, f1_binary. primary: whether it is the one that the cell's table shows.
        value: in points, 0 to 100. step: of the checkpoint. predicted: number of classes that are predicted at all.
        classes: of the task. bits: hex, one bit per row of the part (accuracy and f1_micro), or "". rows: digest of the
            part's row ids, or "". size: rows of the part.
        precision (one word), first, last: the generations whose numbers these are; version, commit, hash.
        mixer.NAME: what the mixer logged.
    """
    raise NotImplementedError


def curves(plan: Plan, store: Records, shuffle: int | None = None) -> pd.DataFrame:
    """One row per cell, run, evaluation, part and metric; the labels as in ``frame``, then step, steps (of the whole run),
    value in points, train_loss since the evaluation before."""
    raise NotImplementedError


def printed(paper: str) -> pd.DataFrame:
    """Published numbers: table, row, column, value, spread (NaN where none is printed), marker; cells with a number only."""
    raise NotImplementedError

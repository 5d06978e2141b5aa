"""Data sets: the catalogue of the five papers, three sources, split policies, tokenised batches."""

from .catalogue import BUILTIN, CATALOGUE, spec
from .data import DataError, Split, TaskData
from .encode import encode
from .load import at_hand, is_own, known, language, load_task, own_wishes
from .splits import apply_policy, subset

__all__ = [
    "BUILTIN",
    "CATALOGUE",
    "DataError",
    "Split",
    "TaskData",
    "apply_policy",
    "at_hand",
    "encode",
    "is_own",
    "known",
    "language",
    "load_task",
    "own_wishes",
    "spec",
    "subset",
]

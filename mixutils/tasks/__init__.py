"""Data sets: the catalogue of the five papers, three sources, split policies, tokenised batches."""

from .catalogue import BUILTIN, CATALOGUE, spec
from .data import DataError, Split, TaskData
from .encode import Batch, EncodedSplit, EncodedTask, encode
from .load import at_hand, known, load_task
from .splits import POLICIES, apply_policy, subset
from .taskspec import TaskSpec

__all__ = [
    "BUILTIN",
    "CATALOGUE",
    "POLICIES",
    "Batch",
    "DataError",
    "EncodedSplit",
    "EncodedTask",
    "Split",
    "TaskData",
    "TaskSpec",
    "apply_policy",
    "at_hand",
    "encode",
    "known",
    "load_task",
    "spec",
    "subset",
]

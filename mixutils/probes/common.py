"""What several measurements do: read texts as the model does, choose sentences, mix pairs, draw a cloud, test a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..encoder.model import Edit
from ..mixers.base import mix_rows
from ..tasks import Split, TaskData, encode
from ..tasks.encode import Batch, EncodedSplit


def read(split: Split | Sequence[str], data: TaskData, tokenizer, max_length: int) -> EncodedSplit:
    """A split, or texts without labels, in the tokenizer's numbering: for a model that has its full vocabulary back."""
    if not isinstance(split, Split):
        split = Split(list(split), None, np.zeros(len(split), dtype=np.int64))
    return encode(data.with_splits({"train": split}), tokenizer, max_length, renumber=False).splits["train"]


def batch_of(split: EncodedSplit, device: torch.device | str = "cpu") -> Batch:
    """All rows of a split as one batch."""
    return split.to(device).batch(torch.arange(len(split), device=device))


def mixed_pairs(level: int, first: Tensor, second: Tensor, w_b: Tensor, mask: str = "union") -> Edit:
    """The states of the rows ``first`` mixed with those of ``second`` by the weights ``w_b``, all (R,), at a level."""
    return Edit(level, lambda h: mix_rows(h[first], h[second], w_b), first, second, mask)


def plane(points: Tensor) -> tuple[Tensor, float]:
    """Two principal coordinates of points (n, d), and their share of the spread."""
    centred = points - points.mean(0)
    _, singular, axes = torch.linalg.svd(centred, full_matrices=False)
    return centred @ axes[:2].T, float((singular[:2] ** 2).sum() / (singular**2).sum())


def against_null(value: float, null: np.ndarray, slack: float) -> dict[str, Any]:
    """A value and its null distribution: quantiles, and one-sided p values that count the value itself as one of the null's."""
    return {
        "value": float(value),
        "null": [float(q) for q in np.quantile(null, [0.025, 0.5, 0.975])],
        "p_greater": float((1 + (null >= value - slack).sum()) / (1 + len(null))),
        "p_less": float((1 + (null <= value + slack).sum()) / (1 + len(null))),
    }

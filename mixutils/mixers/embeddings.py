"""Sentence embeddings of the training texts, for distances between examples (SPEC DA3)."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from ..encoder.model import Classifier
from ..tasks.encode import Batch, EncodedSplit
from .options import one_of

Pool = Literal["cls", "mean", "pooler"]


@torch.no_grad()
def sentence_embeddings(model: Classifier, split: EncodedSplit, pool: Pool = "cls") -> Tensor:
    """One vector per example from the model as it is, in evaluation mode: (N, d) float32 in the order of ``split``.

    Args:
        pool: "cls" is the last layer's first token, "mean" the mean over real tokens, "pooler" the vector that enters the
            classifier; a ValueError for anything else.
    """
    one_of("embed_pool", pool, get_args(Pool))
    device = split.labels.device.type
    with model.mode(training=False, counted=False), torch.autocast(device, enabled=False):
        return split.each(lambda batch: _pooled(model, batch, pool).float())


def _pooled(model: Classifier, batch: Batch, pool: str) -> Tensor:
    states, _ = model.encode(batch)
    if pool == "cls":
        return states[:, 0]
    if pool == "pooler":
        return model.pool(states)
    real = batch.attention_mask[..., None].to(states.dtype)
    return (states * real).sum(1) / real.sum(1)

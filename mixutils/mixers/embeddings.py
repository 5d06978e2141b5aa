"""Sentence embeddings of the training texts, for distances between examples (SPEC DA3)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..encoder.model import Classifier
from ..tasks.encode import Batch, EncodedSplit

POOLS = ("cls", "mean", "pooler")
_ROWS = 64


@torch.no_grad()
def sentence_embeddings(model: Classifier, split: EncodedSplit, pool: str = "cls") -> Tensor:
    """One vector per example, from the model as it is, in evaluation mode and float32.

    Args:
        pool: "cls" is the last layer's first token, "mean" the mean over real tokens, "pooler" the vector that enters the
            classifier. The passes are not counted in ``model.work``: they belong to no step.

    Returns:
        (N, d) float32 in the order of ``split``, on its device.

    Raises:
        ValueError: an unknown ``pool``.
    """
    if pool not in POOLS:
        raise ValueError(f"embed_pool must be one of {', '.join(map(repr, POOLS))}, not {pool!r}")
    training, work = model.training, model.work
    model.eval()
    device = split.labels.device
    out = torch.empty(len(split), model.width, device=device)
    try:
        with torch.autocast(device.type, enabled=False):
            for batch in split.in_order(_ROWS):
                out[batch.index] = _pooled(model, batch, pool).float()
    finally:
        model.train(training)
        model.work = work
    return out


def _pooled(model: Classifier, batch: Batch, pool: str) -> Tensor:
    states, _ = model.encode(batch)
    if pool == "cls":
        return states[:, 0]
    if pool == "pooler":
        return model.pool(states)
    real = batch.attention_mask[..., None].to(states.dtype)
    return (states * real).sum(1) / real.sum(1)

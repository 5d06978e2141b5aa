"""Sentence vectors, one by one (SPEC NA10) and of a whole part, for distances between examples (SPEC DA3)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ..encoder.model import Classifier, Edit
from ..tasks.encode import Batch, EncodedSplit

Pool = Literal["cls", "mean", "pooler"]


def sentences(model: Classifier, batch: Batch, pool: Pool | Literal["state"], edit: Edit | None = None) -> Tensor:
    """Sentence vectors (n, d) float32 of a batch, or of what ``edit`` makes of it.

    Of the last layer: "cls", for DNM "state", its first token; "mean" over real tokens; "pooler", what enters the classifier.
    """
    states, _ = model.encode(batch, edit)
    if pool == "mean":
        real = batch.attention_mask[..., None].to(states.dtype)
        return ((states * real).sum(1) / real.sum(1)).float()
    return (model.pool(states) if pool == "pooler" else states[:, 0]).float()


@torch.no_grad()
def sentence_embeddings(model: Classifier, split: EncodedSplit, pool: Pool = "cls") -> Tensor:
    """``sentences`` from the model as it is, in evaluation mode: (N, d) float32 in the order of ``split``."""
    device = split.labels.device.type
    with model.mode(training=False, counted=False), torch.autocast(device, enabled=False):
        return split.each(lambda batch: sentences(model, batch, pool))

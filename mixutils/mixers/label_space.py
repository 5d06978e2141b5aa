"""Label embeddings and prediction by cosine: what DNM and NonlinearMixup share (SPEC 5(a), eq. 4-6).

A mixing policy with one weight per dimension needs labels with as many dimensions. Class c has an embedding m_c; a linear
layer fc maps a sentence vector into the same space, and

    loss = (1 - cos(fc(h), target))²,    prediction = arg max_c cos(fc(h), m_c).

Where the embeddings are trained they are part of the target: a lower loss may mean that they moved together (SPEC NA3, X11),
so their mean cosine belongs beside every loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..encoder.model import Classifier
from .options import Options, Positive


@dataclass(frozen=True)
class LabelOptions(Options):
    """Settings of the two methods' labels; defaults are the resolutions of SPEC NA3, NA4, NA10."""

    label_embedding: Literal["trained", "fixed", "trained_orthogonal"] = "trained"  # the last adds a penalty (SPEC NA3)
    label_init_std: Positive = 1.0  # M ~ N(0, std²) (SPEC NA4)
    label_grad: bool = True  # false: the target is a constant and teaches no policy and no embedding (SPEC NA3)
    cls: Literal["state", "pooler"] = "state"  # of a sentence: first token's state, or pooled (SPEC NA10)


def normal(rng: np.random.Generator, std: float, *shape: int) -> Tensor:
    """Draws from N(0, std²), float32."""
    return torch.from_numpy((std * rng.standard_normal(shape)).astype(np.float32))


def xavier(rng: np.random.Generator, rows: int, columns: int) -> Tensor:
    """Glorot and Bengio's uniform start of a matrix, float32."""
    bound = (6 / (rows + columns)) ** 0.5
    return torch.from_numpy(rng.uniform(-bound, bound, (rows, columns)).astype(np.float32))


class LabelSpace(nn.Module):
    """M (C, d) and fc (d -> d) for a model's sentence vectors; fc starts as the classifier's own head: N(0, std²), bias 0."""

    def __init__(self, model: Classifier, classes: int, rng: np.random.Generator, options: LabelOptions) -> None:
        super().__init__()
        self.options, d = options, model.width
        start = normal(rng, options.label_init_std, classes, d)
        self.embeddings = nn.Parameter(start, requires_grad=options.label_embedding != "fixed")
        self.fc = nn.utils.skip_init(nn.Linear, d, d)  # torch's own start would draw from its global generator
        with torch.no_grad():
            self.fc.weight.copy_(normal(rng, getattr(model.encoder.config, "initializer_range", 0.02), d, d))
            self.fc.bias.zero_()

    def loss(self, predicted: Tensor, target: Tensor) -> Tensor:
        """Mean of (1 - cos)² of fc's outputs and mixed label embeddings, both (..., d) (SPEC NA5, NA13)."""
        target = target if self.options.label_grad else target.detach()
        return (1 - F.cosine_similarity(predicted, target, dim=-1)).square().mean()

    def with_penalty(self, loss: Tensor) -> Tensor:
        """A step's loss, with "trained_orthogonal" the mean squared cosine between different classes added (SPEC NA3)."""
        if self.options.label_embedding != "trained_orthogonal":
            return loss
        return loss + self.off_diagonal().square().mean()

    def scores(self, vectors: Tensor) -> Tensor:
        """cos(fc(h), m_c): (n, d) -> (n, C) in [-1, 1], float32 whatever the precision of the encoder."""
        with full_precision(vectors):
            return F.cosine_similarity(self.fc(vectors.float())[:, None], self.embeddings[None], dim=-1)

    def off_diagonal(self) -> Tensor:
        """Cosines of all pairs of different classes, (C·(C - 1),)."""
        unit = F.normalize(self.embeddings, dim=1)
        return (unit @ unit.T)[~torch.eye(len(unit), dtype=torch.bool, device=unit.device)]

    def diagnose(self) -> dict[str, float]:
        """Mean and largest cosine between embeddings of different classes: do the labels stay apart (SPEC NA3)?"""
        cosines = self.off_diagonal().detach()
        return {"label_cosine": float(cosines.mean()), "label_cosine_max": float(cosines.max())}


def full_precision(like: Tensor) -> torch.autocast:
    """float32 also under autocast: a few rows and no cost, and 1 - cos keeps its digits near 0."""
    return torch.autocast(like.device.type, enabled=False)


class Movement(nn.Module):
    """How far trained tensors are from their start (SPEC X10); the starts are buffers, so a resumed run knows them."""

    def __init__(self, **tensors: Tensor) -> None:
        super().__init__()
        self._now = tensors
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor.detach().clone())

    def measure(self) -> dict[str, float]:
        """Mean and largest absolute change: ``moved_NAME_mean``, ``moved_NAME_max``."""
        out = {}
        for name, tensor in self._now.items():
            change = (tensor.detach() - getattr(self, name)).abs()
            out |= {f"moved_{name}_mean": float(change.mean()), f"moved_{name}_max": float(change.max())}
        return out

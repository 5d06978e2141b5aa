"""Label embeddings and prediction by cosine: what DNM and NonlinearMixup share (SPEC 5(a), eq. 4-6).

A mixing policy with one weight per dimension needs labels with as many dimensions. Class c has an embedding m_c; a linear
layer fc maps a sentence vector into the same space, and

    loss = (1 - cos(fc(h), target))²,    prediction = arg max_c cos(fc(h), m_c).

Where the embeddings are trained they are part of the target: a lower loss may mean that they moved together (SPEC NA3, X11),
so their mean cosine belongs beside every loss.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

LABEL_EMBEDDINGS = ("trained", "fixed", "trained_orthogonal")


def normal(rng: np.random.Generator, std: float, *shape: int) -> Tensor:
    """Draws from N(0, std²), float32."""
    return torch.from_numpy((std * rng.standard_normal(shape)).astype(np.float32))


def xavier(rng: np.random.Generator, rows: int, columns: int) -> Tensor:
    """Glorot and Bengio's uniform start of a matrix, float32."""
    bound = (6 / (rows + columns)) ** 0.5
    return torch.from_numpy(rng.uniform(-bound, bound, (rows, columns)).astype(np.float32))


def cosine_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean of (1 - cos)² over all vectors (..., d) (SPEC NA5, NA13)."""
    return (1 - F.cosine_similarity(predicted, target, dim=-1)).square().mean()


class LabelSpace(nn.Module):
    """M (C, d) and fc (d -> d).

    Args:
        width: d. classes: C. rng: draws the start: M ~ N(0, label_std²) (SPEC NA4), fc ~ N(0, fc_std²) with bias 0, as the
            classifier's own head starts.
        embedding: "trained", "fixed", or "trained_orthogonal", which adds a penalty (SPEC NA3).
    """

    def __init__(
        self, width: int, classes: int, rng: np.random.Generator, label_std: float, fc_std: float, embedding: str
    ) -> None:
        super().__init__()
        self.embeddings = nn.Parameter(normal(rng, label_std, classes, width), requires_grad=embedding != "fixed")
        self.fc = nn.utils.skip_init(nn.Linear, width, width)  # torch's own start would draw from its global generator
        with torch.no_grad():
            self.fc.weight.copy_(normal(rng, fc_std, width, width))
            self.fc.bias.zero_()

    def scores(self, vectors: Tensor) -> Tensor:
        """cos(fc(h), m_c): (n, d) -> (n, C) in [-1, 1], float32 whatever the precision of the encoder."""
        with full_precision(vectors):
            return F.cosine_similarity(self.fc(vectors.float())[:, None], self.embeddings[None], dim=-1)

    def off_diagonal(self) -> Tensor:
        """Cosines of all pairs of different classes, (C·(C - 1),)."""
        unit = F.normalize(self.embeddings, dim=1)
        cosines = unit @ unit.T
        return cosines[~torch.eye(len(cosines), dtype=torch.bool, device=cosines.device)]

    def penalty(self) -> Tensor:
        """Mean squared cosine between different classes; 0 where they are orthogonal (SPEC NA3)."""
        return self.off_diagonal().square().mean()


def full_precision(like: Tensor) -> torch.autocast:
    """float32 also under autocast: a few rows and no cost, and 1 - cos keeps its digits near 0."""
    return torch.autocast(like.device.type, enabled=False)


class Movement(nn.Module):
    """How far trained tensors are from their start (SPEC X10); the starts are buffers, so a resumed run knows them."""

    def __init__(self, **tensors: Tensor) -> None:
        super().__init__()
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor.detach().clone())

    def measure(self, **now: Tensor) -> dict[str, float]:
        """Mean and largest absolute change: ``moved_NAME_mean``, ``moved_NAME_max``."""
        out = {}
        for name, tensor in now.items():
            change = (tensor.detach() - getattr(self, name)).abs()
            out |= {f"moved_{name}_mean": float(change.mean()), f"moved_{name}_max": float(change.max())}
        return out

"""NonlinearMixup: word embeddings mixed by a matrix of ratios, labels by a learned vector.

Guo, Nonlinear Mixup: Out-of-Manifold Data Augmentation for Text Classification, AAAI 2020, as DNM names it for its baseline
("matrix mixing", fixed during training); DNM prints the name only, what it is here is SPEC NA21:

    X̃ = Λ∘X_i + (1 - Λ)∘X_j, Λ (L, d) of independent Beta draws,    s = sentence vector of X̃,
    target = φ∘m_yi + (1 - φ)∘m_yj, φ = σ(sU),    loss = (1 - cos(fc(s), target))², prediction by cosine as in DNM.

Work: mixed at the embedding output, so 1 pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from ..encoder.model import Classifier, Edit, Mask
from ..tasks.encode import Batch, EncodedTask
from .base import Mixer, Part, pair
from .embeddings import sentences
from .label_space import LabelOptions, LabelSpace, Movement, full_precision, xavier
from .options import Positive


@dataclass(frozen=True)
class NonlinearOptions(LabelOptions):
    """Settings of NonlinearMixup; defaults are the resolutions of SPEC NA21 and NA3."""

    alpha: Positive = 1.0  # entries of the matrix are Beta(alpha, alpha) (SPEC NA20)
    lambda_matrix: Literal["per_batch", "fixed"] = "per_batch"  # "fixed": one draw for the whole training
    pairing: Literal["permutation", "halves"] = "permutation"
    mix_mask: Mask = "union"  # who may be attended to (SPEC 1.3)


def draw_matrix(rng: np.random.Generator, alpha: float, length: int, width: int) -> Tensor:
    """Λ: independent Beta(alpha, alpha) entries, (length, width) float32 in [0, 1]."""
    # Beta(1, 1) is uniform, and that draw costs a tenth.
    draws = rng.random((length, width), np.float32) if alpha == 1 else rng.beta(alpha, alpha, (length, width))
    return torch.from_numpy(draws.astype(np.float32, copy=False))


class NonlinearMix(Mixer):
    """One random partner from the batch per sentence; all pairs of a step share Λ."""

    Options = NonlinearOptions

    def prepare(self, model: Classifier, data: EncodedTask, rng: np.random.Generator) -> None:
        super().prepare(model, data, rng)
        o, d = self.options, model.width
        self.space = LabelSpace(model, data.classes, rng, o)
        self.u = nn.Parameter(xavier(rng, d, d))
        self.movement = Movement(u=self.u, m=self.space.embeddings, fc=self.space.fc.weight)
        if o.lambda_matrix == "fixed":
            length = self.train_split.input_ids.shape[1]
            self.register_buffer("matrix", draw_matrix(rng, o.alpha, length, model.input_width))

    @property
    def weighs_classes(self) -> bool:
        return False

    def head_parameters(self) -> list[nn.Parameter]:
        return list(self.space.fc.parameters())

    def losses(self, model: Classifier, batch: Batch, rng: np.random.Generator) -> Iterator[Part]:
        o, length = self.options, batch.input_ids.shape[1]
        batch, first, second = pair(batch, o.pairing, rng)
        if o.lambda_matrix == "fixed":
            matrix = self.matrix[:length]
        else:
            matrix = draw_matrix(rng, o.alpha, length, model.input_width).to(first.device)
        edit = Edit(0, lambda h: mix_by_matrix(h[first], h[second], matrix), first, second, o.mix_mask)
        vectors = model.before_head(sentences(model, batch, o.cls, edit))
        with full_precision(vectors):
            share = torch.sigmoid(vectors @ self.u)
            self.note(w_b=1 - share)
            m = self.space.embeddings
            target = share * m[batch.labels[first]] + (1 - share) * m[batch.labels[second]]
            loss = self.space.with_penalty(self.space.loss(self.space.fc(vectors), target))
        yield Part("mixed", loss)

    def predict(self, model: Classifier, batch: Batch) -> Tensor:
        """cos(fc(s), m_c) of the unmixed sentence, (B, C) in [-1, 1]."""
        return self.space.scores(sentences(model, batch, self.options.cls))

    def diagnose(self) -> dict[str, float]:
        """``moved_{u,m,fc}_{mean,max}``, ``label_cosine`` and ``label_cosine_max`` as for DNM."""
        return self.space.diagnose() | self.movement.measure()


def mix_by_matrix(a: Tensor, b: Tensor, matrix: Tensor) -> Tensor:
    """Λ∘a + (1 - Λ)∘b, with a, b (n, L, d) and one Λ (L, d) that weighs ``a``; 1 gives ``a`` and 0 ``b`` to the bit."""
    matrix = matrix.to(a.dtype)
    return matrix * a + (1 - matrix) * b

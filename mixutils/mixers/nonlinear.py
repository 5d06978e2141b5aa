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

import numpy as np
import torch
from torch import Tensor, nn

from ..encoder.model import MASKS, Classifier, Edit
from ..tasks.encode import Batch, EncodedTask
from .base import Mixer, Part, even, one_of
from .label_space import LABEL_EMBEDDINGS, LabelSpace, Movement, cosine_loss, full_precision, xavier


@dataclass(frozen=True)
class NonlinearOptions:
    """Settings of NonlinearMixup; defaults are the resolutions of SPEC NA21 and NA3."""

    alpha: float = 1.0  # entries of the matrix are Beta(alpha, alpha) (SPEC NA20)
    lambda_matrix: str = "per_batch"  # "fixed": one draw for the whole training, the literal reading
    pairing: str = "permutation"  # of the batch, or "halves"
    mix_mask: str = "union"  # who may be attended to (SPEC 1.3)
    label_embedding: str = "trained"  # "fixed" | "trained_orthogonal" (SPEC NA3)
    label_init_std: float = 1.0  # M ~ N(0, std²) (SPEC NA4)
    label_grad: bool = True  # false: the target is a constant, so M and U get no gradient (SPEC NA3)
    orthogonal_weight: float = 1.0  # of the penalty of "trained_orthogonal"
    cls: str = "state"  # sentence vector: state of the first token, or "pooler" (SPEC NA10)

    def __post_init__(self) -> None:
        one_of("lambda_matrix", self.lambda_matrix, ("per_batch", "fixed"))
        one_of("pairing", self.pairing, ("permutation", "halves"))
        one_of("mix_mask", self.mix_mask, MASKS)
        one_of("label_embedding", self.label_embedding, LABEL_EMBEDDINGS)
        one_of("cls", self.cls, ("state", "pooler"))
        for name in ("alpha", "label_init_std"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        if self.orthogonal_weight < 0:
            raise ValueError(f"orthogonal_weight must not be negative, not {self.orthogonal_weight}")


def draw_matrix(rng: np.random.Generator, alpha: float, length: int, width: int) -> Tensor:
    """Λ: independent Beta(alpha, alpha) entries, (length, width) float32 in [0, 1]."""
    # Beta(1, 1) is uniform, and that draw costs a tenth.
    draws = rng.random((length, width), np.float32) if alpha == 1 else rng.beta(alpha, alpha, (length, width))
    return torch.from_numpy(draws.astype(np.float32, copy=False))


class NonlinearMix(Mixer):
    """One random partner from the batch per sentence; all pairs of a step share Λ."""

    Options = NonlinearOptions

    def prepare(self, model: Classifier, data: EncodedTask, rng: np.random.Generator) -> None:
        o, d = self.options, model.width
        std = getattr(model.encoder.config, "initializer_range", 0.02)
        self.space = LabelSpace(d, data.classes, rng, o.label_init_std, std, o.label_embedding)
        self.u = nn.Parameter(xavier(rng, d, d))
        self.movement = Movement(u=self.u, m=self.space.embeddings, fc=self.space.fc.weight)
        self.input_width = _width_of_embeddings(model)
        if o.lambda_matrix == "fixed":
            length = data.splits["train"].input_ids.shape[1]
            self.register_buffer("matrix", draw_matrix(rng, o.alpha, length, self.input_width))

    def head_parameters(self) -> list[nn.Parameter]:
        return list(self.space.fc.parameters())

    def sentence(self, model: Classifier, states: Tensor) -> Tensor:
        """Sentence vectors (n, d) float32 of last hidden states (SPEC NA10)."""
        return (states[:, 0] if self.options.cls == "state" else model.pool(states)).float()

    def losses(self, model: Classifier, batch: Batch, rng: np.random.Generator) -> Iterator[Part]:
        o, device = self.options, batch.labels.device
        if o.pairing == "halves":
            batch, first, second = even(batch)
        else:
            first = torch.arange(len(batch), device=device)
            second = torch.from_numpy(rng.permutation(len(batch))).to(device)
        length = batch.input_ids.shape[1]
        if o.lambda_matrix == "fixed":
            matrix = self.matrix[:length]
        else:
            matrix = draw_matrix(rng, o.alpha, length, self.input_width).to(device)
        states, _ = model.encode(
            batch, Edit(0, lambda h: mix_by_matrix(h[first], h[second], matrix), first, second, o.mix_mask)
        )
        vectors = model.before_head(self.sentence(model, states))
        with full_precision(vectors):
            share = torch.sigmoid(vectors @ self.u)
            self.note(w_b=1 - share)
            m = self.space.embeddings
            target = share * m[batch.labels[first]] + (1 - share) * m[batch.labels[second]]
            loss = cosine_loss(self.space.fc(vectors), target if o.label_grad else target.detach())
            if o.label_embedding == "trained_orthogonal":
                loss = loss + o.orthogonal_weight * self.space.penalty()
        yield Part("mixed", loss)

    def predict(self, model: Classifier, batch: Batch) -> Tensor:
        """cos(fc(s), m_c) of the unmixed sentence, (B, C) in [-1, 1]."""
        states, _ = model.encode(batch)
        return self.space.scores(self.sentence(model, states))

    def diagnose(self) -> dict[str, float]:
        """``moved_{u,m,fc}_{mean,max}``, ``label_cosine`` and ``label_cosine_max`` as for DNM."""
        cosines = self.space.off_diagonal().detach()
        out = {"label_cosine": float(cosines.mean()), "label_cosine_max": float(cosines.max())}
        return out | self.movement.measure(u=self.u, m=self.space.embeddings, fc=self.space.fc.weight)


def mix_by_matrix(a: Tensor, b: Tensor, matrix: Tensor) -> Tensor:
    """Λ∘a + (1 - Λ)∘b, with a, b (n, L, d) and one Λ (L, d) that weighs ``a``; 1 gives ``a`` and 0 ``b`` to the bit."""
    matrix = matrix.to(a.dtype)
    return matrix * a + (1 - matrix) * b


def _width_of_embeddings(model: Classifier) -> int:
    """Hidden units of h_0; some encoders' differ from the layers'."""
    was_training, work = model.training, model.work
    model.eval()
    zeros = torch.zeros(1, 2, dtype=torch.long, device=model.classifier.weight.device)
    with torch.no_grad():
        _, kept = model.encode(Batch(zeros, zeros + 1, None, zeros.to(torch.int8), zeros[0], zeros[0]), keep=(0,))
    model.train(was_training)
    model.work = work
    return kept[0].shape[-1]

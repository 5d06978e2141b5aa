"""EMix: hidden mixing whose coefficient corrects for the spread of the two states.

Jindal et al., Augmenting NLP Models using Latent Feature Interpolations, COLING 2020, as the DMIX paper's Table 6 compares with
it without defining it (SPEC 2(a), last paragraph). With r the Beta draw on the first text and σ the standard deviations of the
two hidden tensors,

    p = 1 / (1 + (σ_i / σ_j)·(1 - r)/r),   h = (p·h_i + (1 - p)·h_j) / sqrt(p² + (1 - p)²),   y = r·y_i + (1 - r)·y_j.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

from ..encoder.model import Classifier, Edit, Mask, scale_level
from ..tasks.encode import Batch
from .base import Mixer, Part, draw_beta, mix_rows, mixed_cross_entropy, pair
from .options import Levels, Options, Positive

_TINY = 1e-6


@dataclass(frozen=True)
class EMixOptions(Options):
    """Settings of EMix. Not from these papers: everything is our resolution, as for TMix in the DMIX tables."""

    levels: Levels = (7, 9, 12)
    alpha: Positive = 1.0
    beta_fold: bool = False
    draw: Literal["batch", "example"] = "batch"
    mix_mask: Mask = "union"


class EMix(Mixer):
    """EMix with partners drawn from the whole training part, never the anchor (SPEC DA20)."""

    Options = EMixOptions

    def losses(self, model: Classifier, batch: Batch, rng: np.random.Generator) -> Iterator[Part]:
        o, n = self.options, len(batch)
        level = scale_level(o.levels[int(rng.integers(len(o.levels)))], model.depth)
        both, first, second = pair(batch, "dataset", rng, self.train_split)
        w_b = draw_beta(rng, o.alpha, n, o.draw, batch.labels.device, o.beta_fold)
        real = both.attention_mask

        def mix(h: Tensor) -> Tensor:
            sigma = spread(h, real)
            return emix_rows(h[first], h[second], w_b, sigma[first], sigma[second])

        logits = model(both, Edit(level, mix, first, second, o.mix_mask)).logits
        self.note(w_b=w_b)
        yield Part("mixed", mixed_cross_entropy(logits, both.labels[first], both.labels[second], w_b))


def spread(states: Tensor, mask: Tensor) -> Tensor:
    """Standard deviation of each row's states over all units of its real tokens.

    Args:
        states: (R, L, d). mask: (R, L), 1 = real token.

    Returns:
        (R,) float32. It is part of the graph: the network sees how the coefficient depends on its states.
    """
    x, real = states.float(), mask.float()[..., None]
    count = real.sum((1, 2)) * x.shape[-1]
    mean = (x * real).sum((1, 2)) / count
    square = ((x - mean[:, None, None]) ** 2 * real).sum((1, 2)) / count
    return (square + _TINY**2).sqrt()


def emix_rows(a: Tensor, b: Tensor, w_b: Tensor, sigma_a: Tensor, sigma_b: Tensor) -> Tensor:
    """EMix's mixture, row by row.

    Args:
        a, b: (R, L, d). w_b: (R,) float32, 1 - r; 0 gives ``a`` and 1 gives ``b``. sigma_a, sigma_b: (R,) float32.
    """
    p = (1 - w_b) * sigma_b / ((1 - w_b) * sigma_b + w_b * sigma_a)
    length = (p**2 + (1 - p) ** 2).sqrt()
    return mix_rows(a, b, 1 - p) / length.to(a.dtype)[:, None, None]

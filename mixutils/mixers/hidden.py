"""Interpolation of hidden vectors: WordMix (EmbedMix), SenMix, TMix; and EMix, whose coefficient corrects for their spread.

Guo, Mao and Zhang, Augmenting Data with Mixup for Sentence Classification, 2019 (word and sentence level); Chen, Yang and
Yang, MixText, ACL 2020 (TMix). SPEC 1.3 and 1.4. At level k,

    h_k = (1 - w_b)·h_k^first + w_b·h_k^partner,    y = (1 - w_b)·y_first + w_b·y_partner.

Work: rows below level k run once. With ``pairing="halves"`` (SSMix's protocol) the n clean rows run through all K
layers and the n mixtures only through the K - k layers above k, together with them: 1 + (K - k)/K passes.

Jindal et al., Augmenting NLP Models using Latent Feature Interpolations, COLING 2020 (EMix), as the DMIX paper's Table 6
compares with it without defining it (SPEC 2(a), last paragraph). With r = 1 - w_b and σ the standard deviations of the two
hidden tensors, the states are mixed by p in place of r, the labels by r:

    p = 1 / (1 + (σ_i / σ_j)·(1 - r)/r),   h = (p·h_i + (1 - p)·h_j) / sqrt(p² + (1 - p)²).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..encoder.model import Classifier, Edit, scale_level
from ..tasks.encode import Batch
from .base import Mixer, Pairing, Part, cross_entropy, draw_beta, mix_rows, mixed_cross_entropy, pair
from .options import SENTENCE, Levels, Places, RatioOptions

_TINY = 1e-6


@dataclass(frozen=True)
class HiddenOptions(RatioOptions):
    """Settings of hidden mixing."""

    levels: Places = (0,)  # one is drawn per step
    pairing: Pairing = "permutation"  # "halves" in SSMix (SPEC DA20)
    clean: bool = False  # clean terms in the loss: half clean, half mixed (SSMix's four terms)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.clean and self.pairing == "dataset":
            raise ValueError(
                "clean terms go with pairing 'halves' or 'permutation'; partners from the data set have none"
            )


class HiddenMix(Mixer):
    """Mixing at a level drawn per step from ``levels``."""

    Options = HiddenOptions

    def losses(self, model: Classifier, batch: Batch, rng: np.random.Generator) -> Iterator[Part]:
        o = self.options
        batch, first, second = pair(batch, o.pairing, rng, self.train_split)
        level = draw_level(rng, o.levels, model)
        w_b = draw_beta(rng, o.alpha, len(first), o.draw, batch.labels.device, o.beta_fold)
        clean, mixed = mixed_logits(model, batch, level, first, second, w_b, o.mix_mask, with_clean=o.clean)
        soft = mixed_cross_entropy(mixed, batch.labels[first], batch.labels[second], w_b, self.class_weights)
        self.note(w_b=w_b)
        if o.clean:  # the average of L(A), L(B), L_mix(A, B), L_mix(B, A) for halves of equal size
            soft = (cross_entropy(clean, batch.labels, self.class_weights) + soft) / 2
        yield Part("mixed", soft)


@dataclass(frozen=True)
class EMixOptions(RatioOptions):
    """Settings of EMix. Not from these papers: everything is our resolution, as for TMix in the DMIX tables."""

    levels: Levels = (7, 9, 12)


class EMix(Mixer):
    """EMix with partners drawn from the whole training part, never the anchor (SPEC DA20)."""

    Options = EMixOptions

    def losses(self, model: Classifier, batch: Batch, rng: np.random.Generator) -> Iterator[Part]:
        o = self.options
        level = draw_level(rng, o.levels, model)
        both, first, second = pair(batch, "dataset", rng, self.train_split)
        w_b = draw_beta(rng, o.alpha, len(first), o.draw, batch.labels.device, o.beta_fold)

        def mix(h: Tensor) -> Tensor:
            sigma = spread(h, both.attention_mask)
            return emix_rows(h[first], h[second], w_b, sigma[first], sigma[second])

        logits = model(both, Edit(level, mix, first, second, o.mix_mask)).logits
        self.note(w_b=w_b)
        loss = mixed_cross_entropy(logits, both.labels[first], both.labels[second], w_b, self.class_weights)
        yield Part("mixed", loss)


def draw_level(rng: np.random.Generator, levels: tuple[int | str, ...], model: Classifier) -> int | str:
    """One of the levels, which are given for 12 layers, as a level of this model; "sentence" stays."""
    level = levels[int(rng.integers(len(levels)))]
    return level if level == SENTENCE else scale_level(level, model.depth)


def mixed_logits(
    model: Classifier,
    batch: Batch,
    level: int | str,
    first: Tensor,
    second: Tensor,
    w_b: Tensor,
    mask: str = "union",
    with_clean: bool = False,
) -> tuple[Tensor | None, Tensor]:
    """Clean logits (R, C) if asked for, else None, and those of mixtures (n, C): one pass, no layer run twice for a row.

    Args:
        level: 0..depth of this model, or "sentence". first, second: (n,) rows of ``batch``. w_b: (n,) float32.
    """
    clean = len(batch) if with_clean else 0

    def mix(h: Tensor) -> Tensor:
        mixed = mix_rows(h[first], h[second], w_b)
        return torch.cat([h, mixed]) if with_clean else mixed

    if level == SENTENCE:
        states, _ = model.encode(batch)
        logits = model.classify(mix(model.pool(states)))
    else:
        rows = torch.arange(clean, device=first.device)
        edit = Edit(level, mix, torch.cat([rows, first]), torch.cat([rows, second]), mask, clean)
        logits = model(batch, edit).logits
    return logits[:clean] if with_clean else None, logits[clean:]


def spread(states: Tensor, mask: Tensor) -> Tensor:
    """Standard deviation (R,) float32 of each row's states (R, L, d) over all units of its real tokens; mask (R, L), 1 = real.

    It is part of the graph: the network sees how the coefficient depends on its states.
    """
    x, real = states.float(), mask.float()[..., None]
    count = real.sum((1, 2)) * x.shape[-1]
    mean = (x * real).sum((1, 2)) / count
    square = ((x - mean[:, None, None]) ** 2 * real).sum((1, 2)) / count
    return (square + _TINY**2).sqrt()


def emix_rows(a: Tensor, b: Tensor, w_b: Tensor, sigma_a: Tensor, sigma_b: Tensor) -> Tensor:
    """EMix's mixture of a and b (R, L, d), row by row; w_b = 1 - r and both σ are (R,) float32, and w_b = 0 gives a, 1 gives b."""
    p = (1 - w_b) * sigma_b / ((1 - w_b) * sigma_b + w_b * sigma_a)
    length = (p**2 + (1 - p) ** 2).sqrt()
    return mix_rows(a, b, 1 - p) / length.to(a.dtype)[:, None, None]

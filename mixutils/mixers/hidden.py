"""Interpolation of hidden vectors: WordMix (EmbedMix), SenMix, TMix.

Guo, Mao and Zhang, Augmenting Data with Mixup for Sentence Classification, 2019 (word and sentence level); Chen, Yang and
Yang, MixText, ACL 2020 (TMix). SPEC 1.3 and 1.4. At level k,

    h_k = (1 - w_b)·h_k^first + w_b·h_k^partner,    y = (1 - w_b)·y_first + w_b·y_partner.

Work: rows below level k run once. With ``pairing="halves"`` (SSMix's protocol) the n clean rows run through all K
layers and the n mixtures only through the K - k layers above k, together with them: 1 + (K - k)/K passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor

from ..encoder.model import Classifier, Edit, Mask, scale_level
from ..tasks.encode import Batch
from .base import Mixer, Pairing, Part, cross_entropy, draw_beta, mix_rows, mixed_cross_entropy, pair
from .options import Options, Positive

SENTENCE = "sentence"


def _are_places(levels: tuple) -> bool:
    return bool(levels) and all(v == SENTENCE or (not isinstance(v, str) and 0 <= v <= 12) for v in levels)


@dataclass(frozen=True)
class HiddenOptions(Options):
    """Settings of hidden mixing; defaults are those of SPEC 1.4."""

    levels: Annotated[tuple[int | str, ...], "numbers from 0 to 12 or 'sentence'", _are_places] = (0,)
    alpha: Positive = 1.0  # parameter of Beta(alpha, alpha); 0.2 in SSMix
    beta_fold: bool = False  # max(lambda, 1 - lambda) on the first text; true in SSMix
    draw: Literal["batch", "example"] = "batch"  # one ratio for all rows or for each (SPEC SA14)
    pairing: Pairing = "permutation"  # "halves" in SSMix (SPEC DA20)
    clean: bool = False  # clean terms in the loss: half clean, half mixed (SSMix's four terms)
    mix_mask: Mask = "union"  # who may be attended to above the level (SPEC 1.3)

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
        batch, first, second = self.pair(batch, rng)
        given = o.levels[int(rng.integers(len(o.levels)))]
        level = given if given == SENTENCE else scale_level(given, model.depth)
        w_b = draw_beta(rng, o.alpha, len(first), o.draw, batch.labels.device, o.beta_fold)
        clean, mixed = mixed_logits(model, batch, level, first, second, w_b, o.mix_mask, with_clean=o.clean)
        soft = mixed_cross_entropy(mixed, batch.labels[first], batch.labels[second], w_b)
        self.note(w_b=w_b)
        if o.clean:
            # The average of L(A), L(B), L_mix(A, B), L_mix(B, A) for halves of equal size.
            soft = (cross_entropy(clean, batch.labels) + soft) / 2
        yield Part("mixed", soft)

    def pair(self, batch: Batch, rng: np.random.Generator) -> tuple[Batch, Tensor, Tensor]:
        """The rows to run, and which of them are mixed with which: ``first`` and ``second``, both (n,)."""
        return pair(batch, self.options.pairing, rng, self.train_split)


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
    """Logits of mixtures, and of the clean rows if asked for; one forward pass, no layer run twice for a row.

    Args:
        level: 0..depth of this model, or "sentence". first, second: (n,) rows of ``batch``. w_b: (n,) float32.

    Returns:
        Clean logits (R, C) or None, mixed logits (n, C).
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

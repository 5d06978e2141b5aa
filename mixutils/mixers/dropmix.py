"""DropMix: a salient patch of units of the first text's features is replaced by the partner's units.

"DropMix: A Textual Data Augmentation Combining Dropout with Mixup", EMNLP 2022; SPEC chapter 6. With features X = h_0
(N positions, D channels), saliency I = |∂CE/∂X_A| and R the union of the best n × w windows of I within λ·N·D units,

    X = (1 - R)·X_A + R·X_B,    w_b = S / (N·D),  S = number of ones of R,  λ ~ Beta(alpha, alpha).

Four patches: "unit" 1 × 1, "channel" N × 1, "word" n × D, "general" n × 1. The paper's λ already weighs the partner
(SPEC 1.2), so nothing is converted.

Work: a forward pass, and a backward pass without parameters' gradients, for the saliency; then the mixtures' pass. Steps
whose λ replaces nothing or everything need no saliency and are 1 pass. With the clean loss as a term (``add_clean``) its
own backward pass leaves the saliency behind, and at the last hidden states both come from one forward pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from ..encoder.model import WORDS, Classifier, Edit, Mask
from ..encoder.saliency import at_top, separate
from ..tasks.encode import Batch, EncodedTask
from .base import Mixer, Pairing, Part, clean_half, mixed_cross_entropy, pair
from .options import Count, Options, Positive, Share
from .patches import Chosen, Length, Patch, Shape, find_places
from .windows import Rule

SIZES = (2, 32)  # [P] range of n


@dataclass(frozen=True)
class DropMixOptions(Options):
    """Settings of DropMix; defaults are the paper's, and the resolutions of SPEC 6(e)."""

    patch: Shape = "general"  # of the windows
    n: Count = 2  # positions of a window; for "word" and "general", cut to N
    n_draw: Literal["fixed", "per_batch"] = "fixed"  # "per_batch": n uniform in 2..32 (SPEC RA10)
    width: Count = 1  # channels of a window; for "general" (SPEC RA11)
    ratio_draw: Literal["beta", "fixed"] = "beta"  # "fixed": λ = ratio (Figure 3)
    ratio: Share = 0.5  # λ, only for ratio_draw = "fixed"
    alpha: Positive = 0.1  # λ ~ Beta(alpha, alpha)
    draw: Literal["batch", "example"] = "batch"  # one λ for all rows or for each (SPEC RA15)
    pairing: Pairing = "permutation"  # SPEC RA15
    #: "keep_salient": the literal mask; "random": random windows, no saliency (SPEC RA1).
    mask: Literal["drop_salient", "keep_salient", "random"] = "drop_salient"
    budget: Rule = "stop"  # what happens at the first window that does not fit (SPEC RA3)
    mix_at: Literal["embedding_output", "word_embedding", "last_hidden"] = "embedding_output"  # SPEC RA4
    count_padding: bool = False  # N = max_length for every text, padding included (SPEC RA5)
    max_length: Count = 128  # the printed N, only for count_padding
    length: Length = "union"  # N counts positions where A or B has a token; "a", "min": of A, of the shorter (SPEC RA5)
    label_weight: Literal["realised", "lambda"] = "realised"  # SPEC RA6
    add_clean: bool = False  # clean terms in the loss, half clean, half mixed (SPEC RA7)
    protect_special: bool = False  # positions where A or B has a special token are no units (SPEC RA8)
    saliency_mode: Literal["eval", "train"] = "eval"  # "train": dropout, if any, is on in the saliency pass (SPEC RA16)
    mix_mask: Mask = "union"  # who may be attended to above the level (SPEC 1.3, RA5)
    count_channels: bool = False  # count how often each channel is replaced, text by text (Figures 3b, 3c)


class DropMix(Mixer):
    """DropMix; see ``DropMixOptions.patch`` and ``DropMixOptions.mask``.

    Noted for the log, means over examples: ``w_b``; ``lam``, the drawn λ; ``replaced``, the share S/(N·D) of units from B;
    ``real``, the share of units from B where A or B has a token, and ``padding``, the part of it at which B has none
    itself (RA5); ``unmixed`` and ``whole``, the shares of examples that are all A and all B (RA17).
    """

    Options = DropMixOptions
    counts = ("selected", "seen")

    def prepare(self, model: Classifier, data: EncodedTask, rng: np.random.Generator) -> None:
        if model.input_width != model.width and self.options.mix_at != "last_hidden":
            raise ValueError(f"DropMix needs one width for words and states, not {model.input_width} and {model.width}")
        super().prepare(model, data, rng)
        if self.options.count_channels:
            labels = self.train_split.labels
            # How often each channel of each text was replaced (share of its positions), and how often each text was the first of
            # a pair. By text and not by class, so that labels can be permuted afterwards.
            self.register_buffer("selected", torch.zeros(len(labels), model.width, device=labels.device))
            self.register_buffer("seen", torch.zeros(len(labels), device=labels.device))

    def losses(self, model: Classifier, batch: Batch, rng: np.random.Generator) -> Iterator[Part]:
        o = self.options
        batch, first, second = pair(batch, o.pairing, rng, self.train_split)
        anchors, width = batch.rows(slice(0, len(first))), batch.input_ids.shape[1]  # ``first`` counts up
        level = {"embedding_output": 0, "word_embedding": WORDS, "last_hidden": model.depth}[o.mix_at]
        patch = self.draw_patch(batch, first, second, model.width, rng)
        chosen = patch.random(width, rng) if o.mask == "random" else patch.without_saliency(width)
        gradient = None
        if o.add_clean:
            free = chosen is None and self._free(model)
            gradient = yield from clean_half(model, anchors, level if free else None, self.class_weights)
        if chosen is None and (gradient is not None or o.mix_at != "last_hidden"):
            if gradient is None:
                gradient = separate(model, anchors, o.mix_at, o.saliency_mode == "train")
            chosen = patch.salient(gradient)
        units: list[Chosen] = [] if chosen is None else [chosen]

        def mix(h: Tensor) -> Tensor:
            if not units:
                units.append(patch.salient(at_top(model, h[first], anchors.labels, o.saliency_mode == "train")))
            return torch.where(units[0].units, h[second], h[first])

        logits = model(batch, Edit(level, mix, first, second, self._mask_rule())).logits
        w_b = self.weigh(batch, first, second, patch, units[0])
        loss = mixed_cross_entropy(logits, batch.labels[first], batch.labels[second], w_b, self.class_weights)
        yield Part("mixed", loss, 0.5 if o.add_clean else 1.0)

    def draw_patch(self, batch: Batch, first: Tensor, second: Tensor, channels: int, rng: np.random.Generator) -> Patch:
        """λ and the window of this step, and which positions are units."""
        o = self.options
        size = len(first) if o.draw == "example" else 1
        lam = np.full(size, o.ratio) if o.ratio_draw == "fixed" else rng.beta(o.alpha, o.alpha, size)
        n = o.n if o.n_draw == "fixed" else int(rng.integers(SIZES[0], SIZES[1], endpoint=True))
        full = o.max_length if o.count_padding else None
        places = find_places(batch, first, second, o.length, full, o.protect_special)
        lam = torch.from_numpy(lam).to(first.device).expand(len(first))
        return Patch(o.patch, n, o.width, places, channels, lam, o.budget, o.mask == "keep_salient")

    def weigh(self, batch: Batch, first: Tensor, second: Tensor, patch: Patch, chosen: Chosen) -> Tensor:
        """The partner's share of the labels, (R,) float32; notes what was mixed."""
        o, height = self.options, patch.places.height
        share = chosen.count / (height * patch.channels).clamp(min=1)
        w_b = share
        if o.label_weight == "lambda":
            # λ is the share of the salient units; with the literal mask those are A's (SPEC RA1, RA2).
            w_b = torch.where(height > 0, 1 - patch.lam if patch.keep else patch.lam, 0.0)
        of_b = batch.attention_mask[second] > 0
        token = (batch.attention_mask[first] > 0) | of_b
        for name, at in (("real", token), ("padding", token & ~of_b)):
            self.note(**{name: (chosen.per_position * at).sum(1) / (token.sum(1) * patch.channels)})
        if o.count_channels:
            rows = batch.index[first]
            self.selected.index_add_(0, rows, chosen.units.sum(1) / height.clamp(min=1)[:, None])
            self.seen.index_add_(0, rows, torch.ones_like(rows, dtype=torch.float32))
        self.note(w_b=w_b, lam=patch.lam, replaced=share)
        self.note(unmixed=(chosen.count == 0).float(), whole=(share == 1).float())
        return w_b.float()

    def _free(self, model: Classifier) -> bool:
        """Whether the clean term's own backward pass gives the saliency that is asked for."""
        active = any(isinstance(m, nn.Dropout) and m.p > 0 for m in model.modules())
        same_mode = self.options.saliency_mode == "train" or not (active and model.training)
        return same_mode and self.options.mix_at != "word_embedding"

    def _mask_rule(self) -> str:
        """Nothing beyond the first text's tokens is replaced where N is its own length or the shorter one."""
        o = self.options
        return "first" if o.mix_mask == "union" and o.length != "union" and not o.count_padding else o.mix_mask

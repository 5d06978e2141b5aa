"""SSMix: saliency-based span mixup, with its two ablations and random UNK replacement.

Yoon, Kim and Park, SSMix: Saliency-Based Span Mixup for Text Classification, Findings of ACL 2021,
https://aclanthology.org/2021.findings-acl.285. SPEC chapter 4. The least salient span of the first text is replaced by
the most salient span, of the same length, of its partner; the label's share of the partner is the share of replaced
tokens, λ = l / |x| (pairs: both texts on their own, counts added up).

Work: the clean terms are in the loss anyway, so their backward pass leaves the saliency behind; with the mixtures'
pass a step is 2 passes. A separate saliency pass (options) makes it 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from ..encoder.model import Classifier
from ..encoder.saliency import Norm, separate, token_saliency
from ..tasks.encode import Batch, EncodedTask
from .base import Mixer, Part, clean_half, cross_entropy, mixed_cross_entropy, pair
from .options import Options, Positive, Share
from .spans import Text, best_span, locate, random_span, random_tokens, replace_span, span_length

SPANS = ("saliency", "random")  # values of ``select`` that move a span; the others move single tokens


@dataclass(frozen=True)
class SSMixOptions(Options):
    """Settings of SSMix; defaults are the paper's, and the resolutions of SPEC 4(e).

    The value "authors" imitates what the published code was seen to do (SPEC SA5, SA16). What the SPEC leaves open there: of two
    places for l = n_B + 1 the first is taken, as for ties (SPEC SA9), so the span begins with [CLS]; a pair's second text
    counts as if it stood alone between the row's [CLS] and its last [SEP]; single tokens (``select="tokens"``) are shortened;
    under both readings together a span from one start may end in the partner's [SEP]. λ = l / n_A, whatever stands in the place
    of the l words: special tokens of the partner count like its words, those of the first text are never replaced.
    """

    select: Literal["saliency", "random", "tokens", "unk"] = "saliency"  # see ``SSMix``
    ratio: Share = 0.1  # prior ratio λ_0
    ratio_draw: Literal["fixed", "beta"] = "fixed"  # "beta": λ_0 ~ Beta(alpha, alpha) per batch (SPEC RA14)
    alpha: Positive = 0.1  # only for ratio_draw = "beta"
    clean: bool = True  # the two clean terms of the four; false leaves only the mixtures
    span_rounding: Literal["floor", "round"] = "floor"  # SPEC SA3
    short_partner: Literal["shorten", "skip", "authors"] = "shorten"  # with fewer tokens than the span (SPEC SA5)
    count_special: bool = False  # special tokens counted in lengths and λ (SPEC SA4)
    saliency_at: Literal["embedding_output", "word_embedding"] = "embedding_output"  # SPEC SA6
    saliency_mode: Literal["train", "eval"] = "train"  # dropout on while saliency is computed (SPEC SA7)
    saliency_norm: Norm = "l2"  # SPEC SA8
    pair_saliency: Literal["joint", "separate"] = "joint"  # "separate": each text of a pair alone (SPEC SA10)
    nosal_place: Literal["independent", "same", "authors"] = "independent"  # "same": one start (SPEC SA16)

    @property
    def free_saliency(self) -> bool:
        """Whether the clean terms' own backward pass gives the saliency that is asked for."""
        asked = self.saliency_at, self.saliency_mode, self.pair_saliency
        return self.clean and asked == ("embedding_output", "train", "joint")


class SSMix(Mixer):
    """SSMix (``select="saliency"``), without saliency ("random"), without spans too ("tokens"), and random UNK ("unk")."""

    Options = SSMixOptions

    def prepare(self, model: Classifier, data: EncodedTask, rng: np.random.Generator) -> None:
        super().prepare(model, data, rng)
        self.unk, self.pad = data.unk, data.pad

    def losses(self, model: Classifier, batch: Batch, rng: np.random.Generator) -> Iterator[Part]:
        o = self.options
        batch, first, second = pair(batch, "halves", rng)
        if o.select != "saliency":
            rows, w_b = self.mix(batch, first, second, None, rng)
            if o.clean:
                ids = torch.cat([batch.input_ids, rows.input_ids])
                rows = replace(batch.rows(torch.cat([first, first])), input_ids=ids)
            logits = model(rows).logits
            labels, mixed = batch.labels, logits[-len(first) :]
            loss = mixed_cross_entropy(mixed, labels[first], labels[second], w_b, self.class_weights)
            if o.clean:  # the average of L(A), L(B), L_mix(A, B), L_mix(B, A)
                loss = (cross_entropy(logits[: -len(first)], labels, self.class_weights) + loss) / 2
            yield Part("mixed", loss)
            return
        gradient = None
        if o.clean:
            gradient = yield from clean_half(model, batch, 0 if o.free_saliency else None, self.class_weights)
        if gradient is None:
            gradient = self._separate(model, batch)
        mixed, w_b = self.mix(batch, first, second, token_saliency(gradient, o.saliency_norm), rng)
        logits, labels = model(mixed).logits, batch.labels
        loss = mixed_cross_entropy(logits, labels[first], labels[second], w_b, self.class_weights)
        yield Part("mixed", loss, 0.5 if o.clean else 1.0)

    def _separate(self, model: Classifier, batch: Batch) -> Tensor:
        o = self.options
        train = o.saliency_mode == "train"
        if o.pair_saliency == "joint" or not bool((batch.text_id == 1).any()):
            return separate(model, batch, o.saliency_at, train)
        out = torch.zeros(*batch.input_ids.shape, model.width, device=batch.labels.device)
        for part in (0, 1):  # two texts of a pair, not examples
            alone, place = only_text(batch, part, self.pad)
            gradient = separate(model, alone, o.saliency_at, train).float()
            out[batch.text_id == part] = gradient[:, 1:-1][place]
        return out

    def mix(
        self, batch: Batch, first: Tensor, second: Tensor, saliency: Tensor | None, rng: np.random.Generator
    ) -> tuple[Batch, Tensor]:
        """A batch of m mixed texts, all but some tokens from ``first``, and the partner's share of their labels, (m,) float32.

        Args:
            batch: n rows. first, second: (m,) rows that are mixed. saliency: (n, L) float32, only for "saliency".
        """
        o = self.options
        ratio = o.ratio if o.ratio_draw == "fixed" else float(rng.beta(o.alpha, o.alpha))
        ids = batch.input_ids[first]
        replaced = total = torch.zeros(len(first), dtype=torch.long, device=ids.device)
        pair = bool((batch.text_id == 1).any())
        for part in (0, 1) if pair else (0,):  # the texts of a pair, not examples
            here = locate(batch.text_id, part)
            a, b = here.rows(first), here.rows(second)
            extra = self._special(batch, part, pair) if o.count_special else 0
            n_a, n_b = a.n + extra * (a.n > 0), b.n + extra * (b.n > 0)
            most = torch.minimum(a.n, b.n)
            if o.select == "unk":
                n_b, most = n_a, a.n  # the partner is not used (SPEC SA23)
            elif self._beyond:
                n_b, most = b.n, a.n
            # Single tokens come from places common to both texts: there "authors" means to shorten.
            short = "shorten" if o.short_partner == "authors" and not self._beyond else o.short_partner
            length = torch.minimum(span_length(n_a, n_b, ratio, o.span_rounding, short), most)
            if o.select in SPANS:
                u, v, length = self._spans(a, b, length, first, second, saliency, rng)
                source, origin = batch.input_ids, b.start
                if self._beyond:
                    source, origin = only_text(batch, part, self.pad)[0].input_ids, 1
                ids = replace_span(ids, source[second], a.start + u, origin + v, length)
            else:
                ids = self._replace_tokens(ids, batch.input_ids[second], a, b, length, rng)
            replaced, total = replaced + length, total + n_a
        share = (replaced / total.clamp(min=1)).float()
        w_b = torch.zeros_like(share) if o.select == "unk" else share
        self.note(w_b=w_b, replaced=share, unmixed=(replaced == 0).float())
        return replace(batch.rows(first), input_ids=ids), w_b

    @property
    def _beyond(self) -> bool:
        """Whether a span may reach beyond the partner's text."""
        return self.options.short_partner == "authors" and self.options.select in SPANS

    def _spans(self, a, b, length, first, second, saliency, rng) -> tuple[Tensor, Tensor, Tensor]:
        """Starts of the spans, counted from the starts of the texts, -1 for the token before; and their length, 0 for none."""
        o = self.options
        if o.select == "saliency":
            u = best_span(saliency[first], a, length, largest=False) - a.start
            v = best_span(saliency[second], b, length, largest=True) - b.start
        else:
            draw = torch.from_numpy(rng.random((2, len(length)))).to(length.device)
            if o.nosal_place == "authors":
                u = random_span(a, length, draw[0]) - a.start
                room = b.n + 1 if self._beyond else b.n
                return u, u, torch.where(u + length <= room, length, 0)
            if o.nosal_place == "same":
                common = a._replace(n=torch.minimum(a.n, b.n))
                u = v = random_span(common, length, draw[0]) - a.start
            else:
                u, v = (random_span(text, length, x) - text.start for text, x in zip((a, b), draw, strict=True))
        return u, torch.where(length > b.n, -1, v), length

    def _replace_tokens(self, ids: Tensor, partner: Tensor, a: Text, b: Text, length: Tensor, rng) -> Tensor:
        """``ids`` (m, L) with ``length`` tokens of one text replaced: at places common to both (SPEC SA17), or any for UNK."""
        width = ids.shape[1]
        if self.options.select == "unk":
            return torch.where(random_tokens(a, length, width, rng), self.unk, ids)
        chosen = random_tokens(a._replace(n=torch.minimum(a.n, b.n)), length, width, rng)
        source = torch.arange(width, device=ids.device) - a.start[:, None] + b.start[:, None]
        return torch.where(chosen, partner.gather(1, source.clamp(0, width - 1)), ids)

    @staticmethod
    def _special(batch: Batch, part: int, pair: bool) -> int:
        """Special tokens that count with a text: all of a single text's, the last one with a pair's second text."""
        row = (batch.text_id[0] == -1) & (batch.attention_mask[0] == 1)
        return 1 if part == 1 else int(row.sum()) - (1 if pair else 0)


def only_text(batch: Batch, part: int, pad: int) -> tuple[Batch, Tensor]:
    """One text of each pair as a single text between the row's first and last special token.

    A batch of the same rows and W + 2 columns, and (n, W) bool, which of its inner columns are tokens; in row-major order they
    are the tokens that ``batch.text_id == part`` marks.
    """
    kept = batch.text_id == part
    kept[:, 0] = True
    kept.scatter_(1, batch.attention_mask.sum(1, keepdim=True) - 1, True)
    n = kept.sum(1)
    ids = nn.utils.rnn.pad_sequence(batch.input_ids[kept].split(n.tolist()), batch_first=True, padding_value=pad)
    column = torch.arange(ids.shape[1], device=ids.device)
    place = column[2:] < n[:, None]
    text_id = nn.functional.pad(place.to(torch.int8) - 1, (1, 1), value=-1)
    types = None if batch.token_type_ids is None else torch.zeros_like(ids)
    return Batch(ids, (column < n[:, None]).long(), types, text_id, batch.labels, batch.index), place

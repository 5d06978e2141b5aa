"""DNM: dynamic nonlinear mixup with distance-based sample selection, and its ablations.

Zhang, Jiang and Tan, Dynamic Nonlinear Mixup with Distance-based Sample Selection, COLING 2022 (SPEC chapter 5). Every sentence of the batch is
mixed with its K farthest and its K nearest by cosine distance, with one trained weight per dimension:

    h_ij = v̂1∘h_i + v̂2∘h_j,    (v̂1, v̂2) = softmax over the pair (v1, v2), per dimension,
    m̂_ij = Φ̂_i∘m_yi + Φ̂_j∘m_yj,    (Φ̂_i, Φ̂_j) = softmax over the pair ((v̂1∘h_i)W, (v̂2∘h_j)W),
    loss = mean over all 2K·N pairs of (1 - cos(fc(h_ij), m̂_ij))².

Work: everything that is multiplied by a d × d matrix is linear in h_i and h_j, so each sentence is multiplied once and
the 2K·N mixtures are sums of rows: 1 pass through the encoder, and practically nothing after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..encoder.model import Classifier
from ..tasks.encode import Batch, EncodedTask
from .base import Mixer, Part, cross_entropy, draw_beta, mix_rows, mixed_cross_entropy
from .embeddings import sentences
from .geometry import Points
from .label_space import LabelOptions, LabelSpace, Movement, full_precision, normal, xavier
from .options import Count, Positive
from .partners import cosine_distances, distinct_others, reduce_k, select

Over = Literal["pair", "dim"]  # what a softmax runs over: the pair of two vectors, or the dimensions of each


@dataclass(frozen=True)
class DNMOptions(LabelOptions):
    """Settings of DNM; defaults are the paper's, and the resolutions of SPEC 5(e)."""

    k: Count = 5  # K partners of largest and K of smallest distance
    select: Literal["both", "largest", "smallest", "random"] = "both"  # w/o SDS, w/o LDS, w/o DSS
    random_partners: Literal[1, "2K"] = 1  # for select = "random": 1 as printed, or "2K" as control (SPEC NA23)
    #: "dataset": partners from the whole training part, by features refreshed every epoch (SPEC NA7). Partners outside the
    #: batch are encoded with it, so that a step costs up to 1 + 2K passes.
    pool: Literal["batch", "dataset"] = "batch"
    mix: Literal["nonlinear", "scalar"] = "nonlinear"  # "scalar": ordinary mixup of sentence vectors (w/o DNM)
    input_weights: Literal["tuned", "fixed"] = "tuned"  # "fixed": v1, v2 stay at their start (FIW)
    output_weights: Literal["tuned", "fixed"] = "tuned"  # "fixed": see fow (FOW)
    fow: Literal["frozen", "half"] = "frozen"  # fixed output weights: W stays at its start, or constant 1/2 (SPEC NA26)
    policy_softmax: Over = "pair"  # SPEC NA1
    label_softmax: Over = "pair"  # SPEC NA2
    policy_init: Literal["normal", "zeros"] = "normal"  # v ~ N(0, 1) (SPEC NA4); its learning rate is Recipe.mixer_lr
    add_clean: bool = False  # half of the loss on the unmixed sentences (SPEC NA12)
    nodnm_loss: Literal["ce", "cosine"] = "ce"  # for mix = "scalar"; "ce" is with one-hot labels (SPEC NA25)
    alpha: Positive = 1.0  # Beta(alpha, alpha) for mix = "scalar" (SPEC NA20)
    draw: Literal["batch", "example"] = "batch"  # for mix = "scalar": one ratio for all mixtures or for each (SPEC 1.4)

    @property
    def by_cosine(self) -> bool:
        """Whether labels are embeddings, rather than one-hot."""
        return self.mix == "nonlinear" or self.nodnm_loss == "cosine"


class Pairs(NamedTuple):
    """Sentence vectors of a step and who is mixed with whom."""

    vectors: Tensor  # (r, d) float32 with gradient
    labels: Tensor  # (r,) int64
    first: Tensor  # (n,) int64, rows of the anchors
    second: Tensor  # (n, p) int64, rows of their partners; the largest distances first


class DNM(Mixer):
    """DNM and its ablations; see ``DNMOptions``."""

    Options = DNMOptions

    def prepare(self, model: Classifier, data: EncodedTask, rng: np.random.Generator) -> None:
        o, d = self.options, model.width
        super().prepare(model, data, rng)
        self._points: Points | None = None
        self._weights: Tensor | None = None
        if o.pool == "dataset":
            self.register_buffer("features", torch.zeros(len(self.train_split), d))
            self.register_buffer("age", torch.zeros((), dtype=torch.long))  # steps so far
        if not o.by_cosine:
            return
        self.space = LabelSpace(model, data.classes, rng, o)
        starts = {"m": self.space.embeddings, "fc": self.space.fc.weight}
        if o.mix == "nonlinear":
            tuned, spread = o.input_weights == "tuned", float(o.policy_init == "normal")
            self.v1 = nn.Parameter(normal(rng, spread, d), requires_grad=tuned)
            self.v2 = nn.Parameter(normal(rng, spread, d), requires_grad=tuned)
            self.w = nn.Parameter(xavier(rng, d, d), requires_grad=o.output_weights == "tuned")
            starts |= {"v1": self.v1, "v2": self.v2, "w": self.w}
        self.movement = Movement(**starts)

    @property
    def weighs_classes(self) -> bool:
        return not self.options.by_cosine

    def head_parameters(self) -> list[nn.Parameter]:
        return list(self.space.fc.parameters()) if self.options.by_cosine else []

    def pairs(self, model: Classifier, batch: Batch, rng: np.random.Generator) -> Pairs:
        """Encode the batch, and with a pool of the whole training part the partners too, and choose."""
        o = self.options
        rows = torch.arange(len(batch), device=batch.labels.device)
        if o.pool == "batch":
            vectors = sentences(model, batch, o.cls)
            distance = None if o.select == "random" else cosine_distances(vectors)
            return Pairs(vectors, batch.labels, rows, self.choose(distance, rows, len(batch), rng))
        distance = None if o.select == "random" else self.points(model, len(batch)).between(batch.index)
        chosen = self.choose(distance, batch.index, len(self.train_split), rng)
        # A sentence that is wanted more than once is encoded once.
        needed, place = torch.unique(torch.cat([batch.index, chosen.flatten()]), return_inverse=True)
        together = self.train_split.batch(needed)
        vectors = sentences(model, together, o.cls)
        return Pairs(vectors, together.labels, place[: len(batch)], place[len(batch) :].view(chosen.shape))

    def choose(self, distance: Tensor | None, own: Tensor, pool: int, rng: np.random.Generator) -> Tensor:
        """Partners (n, p) of the anchors ``own`` (n,) in a pool; distances (n, pool) are not needed for random ones."""
        o = self.options
        if o.select != "random":
            return select(distance, own, o.k, o.select)
        count = 1 if o.random_partners == 1 else 2 * reduce_k(o.k, pool - 1)
        return torch.from_numpy(distinct_others(rng, own.cpu().numpy(), pool, count)).to(own.device)

    @torch.no_grad()
    def points(self, model: Classifier, batch_size: int) -> Points:
        """The whole training part, encoded anew at the start of every epoch, dropout off (SPEC NA7)."""
        every = -(-len(self.train_split) // batch_size)
        if int(self.age) % every == 0:
            with model.mode(training=False):
                self.features = self.train_split.each(lambda part: sentences(model, part, self.options.cls))
            self._points = None
        self.age += 1
        if self._points is None:
            self._points = Points(self.features, "cosine")
        return self._points

    def policy(self) -> tuple[Tensor, Tensor]:
        """v̂1 and v̂2, both (d,) (SPEC NA1)."""
        return shares(self.v1, self.v2, self.options.policy_softmax)

    def mix(self, a: Tensor, b: Tensor) -> Tensor:
        """h_ij of sentence vectors (..., d), eq. 2."""
        one, two = self.policy()
        return one * a + two * b

    def label_weights(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """Φ̂_i and Φ̂_j from (v̂1∘h_i)W and (v̂2∘h_j)W, all (..., d) (SPEC NA2, NA26)."""
        if self.options.output_weights == "fixed" and self.options.fow == "half":
            half = torch.full_like(a, 0.5)
            return half, half
        return shares(a, b, self.options.label_softmax)

    def losses(self, model: Classifier, batch: Batch, rng: np.random.Generator) -> Iterator[Part]:
        o = self.options
        pairs = self.pairs(model, batch, rng)
        same = pairs.labels[pairs.first][:, None] == pairs.labels[pairs.second]
        self.note(partners=pairs.second.shape[1], same_class=same.float())
        if o.by_cosine:
            # Partners have been chosen by then: distances are between the vectors as the encoder gives them (SPEC NA8, NA10),
            # with the dropout of its own layers and never that in front of a head. One mask per sentence, in all its
            # mixtures, as NA11 has dropout on h_i; cross-entropy goes through the model's own head.
            pairs = pairs._replace(vectors=model.before_head(pairs.vectors))
        with full_precision(pairs.vectors):
            loss = self._nonlinear(pairs) if o.mix == "nonlinear" else self._scalar(model, pairs, rng)
            if o.add_clean:
                loss = (self._clean(model, pairs) + loss) / 2
            loss = self.space.with_penalty(loss) if o.by_cosine else loss
        yield Part("mixed", loss)

    def _nonlinear(self, pairs: Pairs) -> Tensor:
        h, labels, first, second = pairs
        one, two = self.policy()
        own, other = one * h, two * h  # every sentence as an anchor and as a partner
        fc, m = self.space.fc, self.space.embeddings
        predicted = F.linear(own, fc.weight, fc.bias)[first][:, None] + F.linear(other, fc.weight)[second]
        share, rest = self.label_weights((own @ self.w)[first][:, None], (other @ self.w)[second])
        self._weights = share.detach()
        self.note(w_b=rest)
        return self.space.loss(predicted, share * m[labels[first][:, None]] + rest * m[labels[second]])

    def _scalar(self, model: Classifier, pairs: Pairs, rng: np.random.Generator) -> Tensor:
        o, (h, labels, first, second) = self.options, pairs
        first, second = first[:, None].expand_as(second).flatten(), second.flatten()
        w_b = draw_beta(rng, o.alpha, len(first), o.draw, h.device, False)
        self.note(w_b=w_b)
        mixed = mix_rows(h[first], h[second], w_b)
        if o.nodnm_loss == "ce":
            logits = model.classify(mixed)
            return mixed_cross_entropy(logits, labels[first], labels[second], w_b, self.class_weights)
        target = mix_rows(self.space.embeddings[labels[first]], self.space.embeddings[labels[second]], w_b)
        return self.space.loss(self.space.fc(mixed), target)

    def _clean(self, model: Classifier, pairs: Pairs) -> Tensor:
        h, labels = pairs.vectors[pairs.first], pairs.labels[pairs.first]
        if not self.options.by_cosine:
            return cross_entropy(model.classify(h), labels, self.class_weights)
        return self.space.loss(self.space.fc(h), self.space.embeddings[labels])

    def predict(self, model: Classifier, batch: Batch) -> Tensor:
        """cos(fc(h), m_c) of the unmixed sentence, (B, C) in [-1, 1]; logits for w/o DNM with cross-entropy."""
        vectors = sentences(model, batch, self.options.cls)
        return self.space.scores(vectors) if self.options.by_cosine else model.classify(vectors)

    def diagnose(self) -> dict[str, float]:
        """Is the policy dynamic, and do the labels stay apart (SPEC NA3, NA4, X10)?

        ``moved_{v1,v2,w,m,fc}_{mean,max}``: absolute change since the start. ``label_cosine``, ``label_cosine_max``: between
        embeddings of different classes. ``policy_{mean,low,high}``: v̂1, its 5 % and 95 % quantiles over dimensions.
        ``label_weight_mean``: Φ̂_i. ``label_weight_over_pairs``, ``label_weight_over_dims``: its spread (standard deviation)
        over the pairs of the last step and over dimensions: how far the label policy depends on the pair at all.
        """
        if not self.options.by_cosine:
            return {}
        out = self.space.diagnose()
        if self.options.mix == "nonlinear":
            share = self.policy()[0].detach()
            low, high = torch.quantile(share, torch.tensor([0.05, 0.95], device=share.device)).tolist()
            out |= {"policy_mean": float(share.mean()), "policy_low": low, "policy_high": high}
        if self._weights is not None:
            phi = self._weights.flatten(0, 1)
            out |= {
                "label_weight_mean": float(phi.mean()),
                "label_weight_over_pairs": float(phi.std(0, correction=0).mean()),
                "label_weight_over_dims": float(phi.std(1, correction=0).mean()),
            }
        return out | self.movement.measure()


def shares(a: Tensor, b: Tensor, over: Over) -> tuple[Tensor, Tensor]:
    """Softmax of two tensors (..., d); of the pair, e^a / (e^a + e^b) is a sigmoid of the difference."""
    if over == "dim":
        return a.softmax(-1), b.softmax(-1)
    share = torch.sigmoid(a - b)
    return share, 1 - share

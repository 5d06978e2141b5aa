"""DMIX: partners by distance, ratios from a learned matrix; and its ablations, and the short paper's method.

Sawhney et al., DMix: Adaptive Distance-aware Interpolative Mixup, ACL 2022 (SPEC chapter 2), and Sawhney et al., DMix:
Distance Constrained Interpolative Mixup, MRL 2021 (SPEC chapter 3). With sentence embeddings e_i of the training texts,

    M_ij = D(e_i, e_j) / max_j D(e_i, e_j),   S_i = {j ≠ i : M_ij ≥ T · max_j M_ij},   j ~ Uniform(S_i),
    h_k = (1 - M_ij)·h_k^i + M_ij·h_k^j,      y = (1 - M_ij)·y_i + M_ij·y_j,           loss KL(y ‖ p).

Work: anchors and partners run together below level k and the mixtures alone above: (K + k)/K passes of a plain step, as TMix
with partners from the data set. M's learning rate is ``Recipe.mixer_lr`` (SPEC DA11, X10).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import torch
from torch import Tensor

from ..encoder.model import Classifier
from ..tasks.encode import Batch, EncodedTask
from .base import Mixer, Part, draw_beta, weigh
from .embeddings import Pool, sentence_embeddings
from .geometry import Ball, Kind, Points
from .hidden import draw_level, mixed_logits
from .options import Levels, RatioOptions
from .pairmatrix import BaseMatrix, PairMatrix, Range, RowScale
from .partners import choose, draw, pick


@dataclass(frozen=True)
class DMixOptions(RatioOptions):
    """Settings of DMIX, its variants and the short paper's method; defaults are the adaptive paper's, and SPEC 2(e) and 3(e).

    Those of the Beta draw are for ratio = beta; see SPEC DA30 for ``mix_mask``.
    """

    levels: Levels = (3, 4, 6, 7, 9, 12)  # Table 5; one is drawn per batch (SPEC DA18, DA19)
    distance: Kind = "hyp_atan"  # SPEC DA1
    ball: Ball = "none"  # SPEC DA2
    #: Factor of ball = scale and expmap0.
    ball_scale: Annotated[float, "positive, or 0 for 1/(1.001 · largest norm)", lambda x: x >= 0] = 0.0
    embed_when: Literal["once", "epoch"] = "once"  # "epoch": embeddings again from the current encoder (SPEC DA3)
    embed_pool: Pool = "cls"
    #: "top_percent": rank threshold, the short paper; "random": M-Ratio (SPEC DA6, 3(a)).
    select: Literal["value", "top_percent", "random"] = "value"
    T: Annotated[float, "at least 0 and below 1", lambda x: 0 <= x < 1] = 0.7  # for select = value
    tau: float = 10.0  # for select = top_percent: so many percent of the other examples, farthest first
    tau_unit: Literal["percent", "count"] = "percent"  # SPEC SD1
    cosine_sort: Literal["distance", "similarity"] = "distance"  # "similarity": the nearest instead (SPEC SD3)
    self_partner: bool = False  # may an example be its own partner (SPEC DA10, SD4)
    ratio: Literal["matrix", "beta"] = "matrix"  # "beta": M-Threshold, the short paper (SPEC DA15)
    m_train: bool = True  # false: -NT; SPEC DA16 for M-Ratio
    m_norm: Literal["row_max", "global_max", "row_minmax"] = "row_max"  # SPEC DA5
    m_on: Literal["partner", "self"] = "partner"  # "self": M_ij weighs the anchor (SPEC DA7)
    m_range: Literal["clamp", "sigmoid", "none"] = "clamp"  # SPEC DA8
    m_param: Literal["full", "row_scale"] = "full"  # "row_scale": one trained factor per row (SPEC DA12)
    m_label_grad: bool = True  # gradient to M through the label too (SPEC DA14)
    loss: Literal["kl", "ce", "bce"] = "kl"  # SPEC DA13, SD7
    compat_public_script: bool = False  # states mixed with themselves, one detached ratio for all labels (SPEC DA42)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (0 < self.tau <= 100 or (self.tau_unit == "count" and self.tau >= 1)):
            raise ValueError(
                f"tau must be a percentage above 0 and at most 100, or a count of at least 1, not {self.tau}"
            )
        if self.cosine_sort == "similarity" and (self.distance, self.select) != ("cosine", "top_percent"):
            raise ValueError("cosine_sort='similarity' goes with distance='cosine' and select='top_percent'")
        if self.m_param == "row_scale" and self.m_range == "sigmoid":
            raise ValueError("m_param='row_scale' goes with m_range 'clamp' or 'none'")

    @property
    def trains(self) -> bool:
        """Whether a gradient reaches M."""
        return self.m_train and self.ratio == "matrix" and not self.compat_public_script


class DMix(Mixer):
    """DMIX and its ablations.

    ``log`` has w_b; m, the pair's entry of M; same_label; target_entropy (SPEC X11); selected, the share of the others that the
    threshold lets pass, estimated from the anchors of all steps; set_mean, set_min, set_max, that share over all examples before
    training (SPEC DA6; only for select = value). ``diagnose`` has the same share since the last evaluation; belief_gap, the mean
    of |logit M_ij - log(p_j / p_i)| since then, which is 0 where M says what the model believes (SPEC 2(a)); visited, moved_mean
    and moved_max, how many entries of M have moved and how far; partner_max and partner_never, the most frequent partner's
    count and the share of examples that were never one.
    """

    Options = DMixOptions
    counts = ("partner_count",)

    def prepare(self, model: Classifier, data: EncodedTask, rng: np.random.Generator) -> None:
        o = self.options
        super().prepare(model, data, rng)
        n = len(self.train_split)
        self.seen = 0
        self.recent: dict[str, list[float]] = {}
        device = self.train_split.labels.device
        # How often each example was a partner (SPEC DA7).
        self.register_buffer("partner_count", torch.zeros(n, dtype=torch.int64, device=device))
        embeddings = sentence_embeddings(model, self.train_split, o.embed_pool)
        # Embeddings that are made once are made again on resuming; later ones must be stored.
        self.register_buffer("embeddings", embeddings, persistent=o.embed_when == "epoch")
        kind = RowScale if o.m_param == "row_scale" else PairMatrix
        self.matrix = kind(self._base(), Range(o.m_range), o.trains)
        if o.select == "value":
            share = self.matrix.base.share
            self.note(set_mean=share, set_min=share.min(), set_max=share.max())

    def _base(self) -> BaseMatrix:
        """M before training from the current embeddings."""
        o = self.options
        self.points = Points(self.embeddings, o.distance, o.ball, o.ball_scale)
        n, self.rank = len(self.points), 0
        if o.select == "top_percent":
            count = o.tau if o.tau_unit == "count" else math.ceil(o.tau / 100 * (n - 1) - 1e-9)
            self.rank = min(n - 1, max(1, int(count)))
        self._nearest = o.cosine_sort == "similarity"
        return BaseMatrix(self.points, o.m_norm, o.T, -self.rank if self._nearest else self.rank)

    def losses(self, model: Classifier, batch: Batch, rng: np.random.Generator) -> Iterator[Part]:
        o, n = self.options, len(batch)
        self._renew(model, n)
        level = draw_level(rng, o.levels, model)
        rows = batch.index
        partner = self.partners(rows, rng)
        share = self.matrix.gather(rows, partner)
        w_b = share if o.m_on == "partner" else 1 - share
        if o.ratio == "beta":
            w_b = draw_beta(rng, o.alpha, n, o.draw, rows.device, o.beta_fold)
        other = self.train_split.labels[partner]
        if o.compat_public_script:
            # SPEC DA42: mixing a text with itself changes nothing, and the first row's ratio mixes all labels.
            logits, w_b = model(batch).logits, w_b.detach()[:1].expand(n)
        else:
            both = self.train_split.batch(torch.cat([rows, partner]))
            first = torch.arange(n, device=rows.device)
            _, logits = mixed_logits(model, both, level, first, first + n, w_b, o.mix_mask)
        w_label = w_b if o.m_label_grad else w_b.detach()
        loss = soft_loss(logits, batch.labels, other, w_label, o.loss, self.class_weights)
        self._observe(logits, batch.labels, other, partner, share, w_b)
        yield Part("mixed", loss)

    def partners(self, rows: Tensor, rng: np.random.Generator) -> Tensor:
        """One partner (R,) int64 per anchor ``rows`` (R,) int64, uniform over S_i; always from the whole training part."""
        o, matrix = self.options, self.matrix
        if o.select == "random":
            return draw(rng, rows, len(matrix), o.self_partner, 1).candidates[:, 0]
        draws = draw(rng, rows, len(matrix), o.self_partner)
        if o.select == "value":
            limit = matrix.row_max(rows) * o.T

            def belongs(places: Tensor, columns: Tensor) -> Tensor:
                return matrix.at(rows[places], columns) >= limit[places, None]

            def members(places: Tensor) -> Tensor:
                return self._without(rows[places], matrix.full(rows[places]) >= limit[places, None] * (1 - 1e-6))

        elif o.trains:  # the current order of a row whose entries move: the whole row, every time
            inside = self._farthest(rows, matrix.full(rows))
            self._remember("selected", inside.float().sum(1) / (len(matrix) - 1))
            return pick(inside, draws.point)
        else:
            # A hair of float64, so that the order of a sum never excludes the pair that is the limit.
            sign, limit = (-1, 1 + 1e-12) if self._nearest else (1, 1 - 1e-12)
            limit = sign * limit * matrix.base.cut[rows]

            def belongs(places: Tensor, columns: Tensor) -> Tensor:
                order = self.points.pair_order(rows[places][:, None].expand_as(columns), columns)
                return sign * order >= limit[places, None]

            def members(places: Tensor) -> Tensor:
                return self._farthest(rows[places], self.points.order(rows[places]))

        partner, accepted = choose(draws, rows, belongs, members)
        self._remember("selected", accepted.float())
        return partner

    def _farthest(self, rows: Tensor, values: Tensor) -> Tensor:
        """Which of the values (R, N) are among the ``rank`` largest, or smallest with cosine_sort = similarity."""
        values = self._without(rows, values, torch.inf if self._nearest else -torch.inf)
        where = values.topk(self.rank, dim=1, largest=not self._nearest).indices
        return torch.zeros_like(values, dtype=torch.bool).scatter_(1, where, value=True)

    def _without(self, rows: Tensor, values: Tensor, empty: float | bool = False) -> Tensor:
        """``values`` (R, N) with ``empty`` in the anchors' own places, unless they may be partners."""
        if not self.options.self_partner:
            values[torch.arange(len(rows), device=rows.device), rows] = empty
        return values

    def _renew(self, model: Classifier, n: int) -> None:
        """With embed_when = epoch, new distances after every N anchors; entries that were learned stay."""
        if self.options.embed_when == "epoch" and self.seen >= len(self.train_split):
            self.seen = 0
            self.embeddings = sentence_embeddings(model, self.train_split, self.options.embed_pool)
            self.matrix.base = self._base()
        self.seen += n

    @torch.no_grad()
    def _observe(self, logits: Tensor, own: Tensor, other: Tensor, partner: Tensor, share: Tensor, w_b: Tensor) -> None:
        """Numbers for the log."""
        self.partner_count.index_add_(0, partner, torch.ones_like(partner))
        same = own == other
        entropy = torch.special.entr(w_b) + torch.special.entr(1 - w_b)
        self.note(w_b=w_b, m=share, same_label=same.float(), target_entropy=entropy.masked_fill(same, 0))
        if self.options.ratio == "matrix" and not bool(same.all()):
            log_p = logits.float().log_softmax(-1)
            belief = (log_p.gather(1, other[:, None]) - log_p.gather(1, own[:, None]))[:, 0]
            said = torch.logit(w_b.clamp(1e-6, 1 - 1e-6))
            self._remember("belief_gap", (said - belief).abs()[~same])

    def _remember(self, name: str, values: Tensor) -> None:
        """For the log, and for the next ``diagnose``."""
        self.note(**{name: values})
        total, count = self.recent.get(name, (0.0, 0))
        self.recent[name] = [total + float(values.mean()), count + 1]

    def after_step(self, lr: float) -> None:
        self.matrix.after_step(lr)

    def diagnose(self) -> dict[str, float]:
        out = {name: total / count for name, (total, count) in self.recent.items()}
        self.recent = {}
        moved, count = self.matrix.movement(), self.partner_count
        out |= {"partner_max": int(count.max()), "partner_never": float((count == 0).float().mean())}
        if len(moved):
            out |= {"visited": len(moved), "moved_mean": float(moved.mean()), "moved_max": float(moved.max())}
        return out

    def extra_state(self) -> dict[str, Any]:
        return super().extra_state() | {"seen": self.seen, "recent": self.recent}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        super().load_extra_state(state)
        self.seen, self.recent = state["seen"], state["recent"]
        if self.options.embed_when == "epoch":
            self.matrix.base = self._base()


def soft_loss(
    logits: Tensor, own: Tensor, other: Tensor, w_b: Tensor, kind: str = "kl", weights: Tensor | None = None
) -> Tensor:
    """Loss of a prediction against (1 - w_b)·own + w_b·other, with gradient to ``w_b`` (SPEC 2(a), DA13).

    Args:
        logits: (R, C). own, other: (R,) int64. w_b: (R,) float32 in [0, 1].
        kind: "kl", KL(y ‖ p) = Σ y·(log y - log p); "ce", without the target's entropy; both mean over rows; "bce", binary
            cross-entropy of softmax outputs, mean over rows and classes.
        weights: of classes, as in ``base.weigh``.
    """
    logits = logits.float()
    target = torch.zeros_like(logits).scatter_add(1, own[:, None], (1 - w_b)[:, None])
    target = target.scatter_add(1, other[:, None], w_b[:, None])
    log_p = logits.log_softmax(-1)
    if kind == "bce":
        rest = torch.log1p(-log_p.exp().clamp(max=1 - 1e-7))
        each = -(target * log_p + (1 - target) * rest)
        return each.mean() if weights is None else weigh(each.mean(1), weights, own, other, w_b)
    loss = -(target * log_p).sum(1)
    if kind == "kl":
        # 0·log 0 = 0, and classes without a share must not send an infinite gradient into the others.
        loss = loss + (target * target.clamp(min=1e-12).log()).sum(1)
    return weigh(loss, weights, own, other, w_b)

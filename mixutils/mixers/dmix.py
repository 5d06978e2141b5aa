"""DMIX: partners by distance, ratios from a learned matrix; and its ablations, and the short paper's method.

Sawhney et al., DMix: Adaptive Distance-aware Interpolative Mixup, ACL 2022 (SPEC chapter 2), and Sawhney et al., DMix:
Distance Constrained Interpolative Mixup, MRL 2021 (SPEC chapter 3). With sentence embeddings e_i of the training texts,

    M_ij = D(e_i, e_j) / max_j D(e_i, e_j),   S_i = {j ≠ i : M_ij ≥ T · max_j M_ij},   j ~ Uniform(S_i),
    h_k = (1 - M_ij)·h_k^i + M_ij·h_k^j,      y = (1 - M_ij)·y_i + M_ij·y_j,           loss KL(y ‖ p).

All variants are one class: how a partner is chosen (``select``), where the ratio comes from (``ratio``), whether M is trained
(``m_train``). The short paper's method is ``select="top_percent", ratio="beta"``.

Work: anchors and partners run together below level k and the mixtures alone above: (K + k)/K passes of a plain step, as TMix
with partners from the data set. M's learning rate is ``Recipe.mixer_lr`` (SPEC DA11, X10).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..geometry import BALLS, KINDS
from ..model import MASKS
from .base import Mixer, one_of

TABLE5 = (3, 4, 6, 7, 9, 12)  # SPEC DA18


@dataclass(frozen=True)
class DMixOptions:
    """Settings of DMIX; defaults are the adaptive paper's, and the resolutions of SPEC 2(e) and 3(e)."""

    levels: tuple[int, ...] = TABLE5  # for 12 layers; one is drawn per batch (SPEC DA18, DA19)
    mix_mask: str = "union"  # who may be attended to above the level (SPEC DA30)
    distance: str = "hyp_atan"  # | hyp_atanh | spherical | euclidean | cosine (SPEC DA1)
    ball: str = "none"  # | scale | expmap0 (SPEC DA2)
    ball_scale: float = 0.0  # factor of ball = scale and expmap0; 0: 1/(1.001 · largest norm)
    embed_when: str = "once"  # | epoch: sentence embeddings again from the current encoder (SPEC DA3)
    embed_pool: str = "cls"  # | mean | pooler
    select: str = "value"  # | top_percent (rank threshold; the short paper) | random (M-Ratio) (SPEC DA6, 3(a))
    T: float = 0.7  # for select = value
    tau: float = 10.0  # for select = top_percent: so many percent of the other examples, farthest first
    tau_unit: str = "percent"  # | count (SPEC SD1)
    cosine_sort: str = "distance"  # | similarity: the nearest instead (SPEC SD3); only top_percent by cosine
    self_partner: bool = False  # may an example be its own partner (SPEC DA10, SD4)
    ratio: str = "matrix"  # | beta (M-Threshold, the short paper; SPEC DA15's other reading of -NT)
    alpha: float = 1.0  # for ratio = beta
    beta_fold: bool = False
    draw: str = "batch"  # one Beta ratio per batch or per example
    m_train: bool = True  # false: -NT; SPEC DA16 for M-Ratio
    m_norm: str = "row_max"  # | global_max | row_minmax (SPEC DA5)
    m_on: str = "partner"  # | self: M_ij weighs the anchor (SPEC DA7)
    m_range: str = "clamp"  # | sigmoid | none (SPEC DA8)
    m_param: str = "full"  # | row_scale: one trained factor per row times the fixed matrix (SPEC DA12)
    m_label_grad: bool = True  # gradient to M through the label too (SPEC DA14)
    m_optimizer: str = "bertadam"  # | adam: the update rule of M's entries, with Table 8's β and ε
    loss: str = "kl"  # | ce | bce (SPEC DA13, SD7)
    compat_public_script: bool = False  # states mixed with themselves, one detached ratio for all labels (SPEC DA42)
    dense: bool = False  # N × N tensors instead of visited pairs: the reference for small N, same numbers

    def __post_init__(self) -> None:
        one_of("mix_mask", self.mix_mask, MASKS)
        one_of("distance", self.distance, KINDS)
        one_of("ball", self.ball, BALLS)
        one_of("embed_when", self.embed_when, ("once", "epoch"))
        one_of("embed_pool", self.embed_pool, ("cls", "mean", "pooler"))
        one_of("select", self.select, ("value", "top_percent", "random"))
        one_of("tau_unit", self.tau_unit, ("percent", "count"))
        one_of("cosine_sort", self.cosine_sort, ("distance", "similarity"))
        one_of("ratio", self.ratio, ("matrix", "beta"))
        one_of("draw", self.draw, ("batch", "example"))
        one_of("m_norm", self.m_norm, ("row_max", "global_max", "row_minmax"))
        one_of("m_on", self.m_on, ("partner", "self"))
        one_of("m_range", self.m_range, ("clamp", "sigmoid", "none"))
        one_of("m_param", self.m_param, ("full", "row_scale"))
        one_of("m_optimizer", self.m_optimizer, ("bertadam", "adam"))
        one_of("loss", self.loss, ("kl", "ce", "bce"))
        if not self.levels or any(isinstance(v, str) or not 0 <= v <= 12 for v in self.levels):
            raise ValueError(f"levels must be numbers from 0 to 12, not {self.levels!r}")
        if not 0 <= self.T < 1:
            raise ValueError(f"T must be at least 0 and below 1, not {self.T}")
        if not (0 < self.tau <= 100 or (self.tau_unit == "count" and self.tau >= 1)):
            raise ValueError(
                f"tau must be a percentage above 0 and at most 100, or a count of at least 1, not {self.tau}"
            )
        if self.alpha <= 0:
            raise ValueError(f"alpha must be positive, not {self.alpha}")
        if self.ball_scale < 0:
            raise ValueError(f"ball_scale must be positive, or 0 for 1/(1.001 · largest norm), not {self.ball_scale}")
        if self.cosine_sort == "similarity" and (self.distance, self.select) != ("cosine", "top_percent"):
            raise ValueError("cosine_sort='similarity' goes with distance='cosine' and select='top_percent'")
        if self.m_param == "row_scale" and (self.m_range == "sigmoid" or self.dense):
            raise ValueError("m_param='row_scale' goes with m_range 'clamp' or 'none', and has no dense reference")

    @property
    def trains(self) -> bool:
        """Whether a gradient reaches M."""
        return self.m_train and self.ratio == "matrix" and not self.compat_public_script


class DMix(Mixer):
    """DMIX and its ablations.

    After ``prepare``: ``matrix`` (current values of M: ``full(rows)``, ``row_max(rows)``), ``points`` (distances), ``partner_count``
    (N,) int64. ``diagnose`` has visited, moved_mean, moved_max, belief_gap, selected, partner_max, partner_never; ``log`` has
    w_b, m, selected, same_label, target_entropy, set_mean, set_min, set_max.
    """

    Options = DMixOptions

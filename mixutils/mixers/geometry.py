"""Distances between sentence embeddings: hyperbolic as the DMIX papers print it, and its relatives; blocked.

Sawhney et al., DMix, ACL 2022, equations 5 and 6; Ganea, Bécigneul and Hofmann, Hyperbolic Neural Networks, NeurIPS 2018.
With the Möbius sum x ⊕ y the papers' distance is 2·arctan ‖(-b) ⊕ a‖. The norm has a closed form (SPEC 2(a)), in which the
denominator is the numerator plus a product of one number per point:

    z² = ‖(-b) ⊕ a‖² = g / (g + (1 - ‖a‖²)(1 - ‖b‖²)),   g = ‖a - b‖².

So one Gram matrix gives everything, and no N × N × d sum is ever made. z is symmetric; arctan and artanh are increasing in z
and order pairs alike wherever both are defined (SPEC DA1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from .options import one_of

Kind = Literal["hyp_atan", "hyp_atanh", "spherical", "euclidean", "cosine"]
KINDS = get_args(Kind)
Ball = Literal["none", "scale", "expmap0"]
#: Distances that are in memory at a time: small enough for caches, large enough for one matrix product.
BLOCK = 4_000_000
_TINY = 1e-30
_HALF_PI = 1.5707962  # the largest float32 below π/2


class Extremes(NamedTuple):
    """The ends of every point's distances to the others (``Points.extremes``)."""

    top: Tensor  # (N, k) float32, the largest, falling
    where: Tensor  # (N, k) int64, to whom
    low: Tensor  # (N,) float32, the smallest
    cut: Tensor | None  # (N,) float64, ``pair_order`` of the pair that has the rank that was asked for
    share: Tensor | None  # (N,) float32, share of the others at or above the threshold


class Points:
    """N embeddings, prepared for distances to each other.

    Args:
        vectors: (N, d) float32 or float64, finite. kind, ball: (SPEC DA1, DA2); "none" takes
            vectors as they are, "scale" multiplies them with a factor, "expmap0" maps e to tanh(‖e‖)·e/‖e‖ after that.
        ball_scale: the factor; 0 is 1/(1.001 · largest norm), which brings all points into the ball.

    Raises:
        ValueError: an unknown kind or ball; vectors that are not finite or not (N, d); artanh with points on both sides of the
            unit sphere, where it is undefined.
    """

    def __init__(self, vectors: Tensor, kind: Kind = "hyp_atan", ball: Ball = "none", ball_scale: float = 0.0) -> None:
        one_of("distance", kind, KINDS)
        one_of("ball", ball, get_args(Ball))
        if vectors.dim() != 2:
            raise ValueError(f"embeddings must be (N, d), not of shape {tuple(vectors.shape)}")
        self.kind = kind
        vectors = into_ball(vectors, ball, ball_scale)
        norm = _square_norms(vectors)
        if not bool(torch.isfinite(norm).all()):
            raise ValueError("embeddings must be finite numbers")
        if kind == "cosine":  # 1 - cos = ‖a/‖a‖ - b/‖b‖‖² / 2
            vectors = vectors / norm.sqrt().clamp(min=_TINY).to(vectors.dtype)[:, None]
        if kind == "hyp_atanh" and norm.min() < 1 <= norm.max():
            raise ValueError(
                "artanh is undefined for points on both sides of the unit sphere (SPEC DA2); take ball='scale' or hyp_atan"
            )
        self.factor = 1 + norm if kind == "spherical" else 1 - norm  # (N,) float64, before the shift
        # ‖a - b‖² does not change with a common shift, and centred vectors lose fewer digits in a float32 product.
        self.vectors = vectors.float() - vectors.mean(0, dtype=torch.float64).float()
        self.square = _square_norms(self.vectors)  # (N,) float64

    def __len__(self) -> int:
        return len(self.square)

    def between(self, rows: Tensor) -> Tensor:
        """Distances (R, N) float32 of points ``rows`` to all points; 0 of a point to itself."""
        return self.distance(self.order(rows))

    def order(self, rows: Tensor) -> Tensor:
        """(R, N) float32 numbers that are ordered as the distances are: z² for the hyperbolic kinds, g for the others."""
        # g = ‖a‖² + ‖b‖² - 2⟨a, b⟩
        beside = self.square.float().expand(len(rows), -1)
        with torch.autocast(rows.device.type, enabled=False):  # bfloat16 products would order neighbours at random
            gap = torch.addmm(beside, self.vectors[rows], self.vectors.T, alpha=-2)
        gap.add_(self.square[rows].float()[:, None]).clamp_(min=0)
        self._refine(gap, rows)
        gap[torch.arange(len(rows), device=rows.device), rows] = 0
        if self.kind in ("euclidean", "cosine"):
            return gap
        a, b = self.factor[rows].float()[:, None], self.factor.float()
        below = torch.addcmul(gap if self.kind != "spherical" else -gap, a, b)
        return gap.div_(below.clamp_(min=_TINY))

    def _refine(self, gap: Tensor, rows: Tensor) -> None:
        """Recompute in float64 what float32 cannot tell from zero: pairs of (nearly) equal texts."""
        i, j = (gap < 1e-4 * self.square[rows].float()[:, None]).nonzero(as_tuple=True)
        if len(i) < gap.numel() // 8:
            gap[i, j] = self._gap(rows[i], j).float()
            return
        # So many that a product of the whole block costs less than single pairs; in pieces, for the copy in float64.
        left, own = self.vectors[rows].double(), self.square[rows][:, None]
        for piece in torch.arange(len(self), device=rows.device).split(4096):
            exact = own + self.square[piece] - 2 * left @ self.vectors[piece].double().T
            gap[:, piece] = exact.clamp(min=0).float()

    def _gap(self, i: Tensor, j: Tensor) -> Tensor:
        """‖a - b‖² of single pairs, float64."""
        return ((self.vectors[i].double() - self.vectors[j].double()) ** 2).sum(-1)

    def pair_order(self, rows: Tensor, columns: Tensor) -> Tensor:
        """``order`` of single pairs in float64; index tensors of one shape, result of that shape."""
        gap = self._gap(rows, columns)
        if self.kind in ("euclidean", "cosine"):
            return gap
        product = self.factor[rows] * self.factor[columns]
        below = product - gap if self.kind == "spherical" else product + gap
        return gap / below.clamp(min=_TINY)

    def pairs(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Distances of single pairs, computed in float64; index tensors of one shape, result float32 of that shape."""
        return self.distance(self.pair_order(rows, columns)).float()

    def distance(self, order: Tensor) -> Tensor:
        """Distances from what ``order`` returns, in its precision."""
        if self.kind in ("hyp_atan", "spherical"):
            return 2 * torch.atan(order.sqrt())
        if self.kind == "hyp_atanh":
            return 2 * torch.atanh(order.sqrt().clamp(max=1 - torch.finfo(order.dtype).eps))
        return order.sqrt() if self.kind == "euclidean" else order / 2

    def order_of(self, distance: Tensor) -> Tensor:
        """The inverse of ``distance``: what ``order`` has where a pair has this distance."""
        if self.kind in ("hyp_atan", "spherical"):
            return torch.tan((distance / 2).clamp(max=_HALF_PI)) ** 2
        if self.kind == "hyp_atanh":
            return torch.tanh(distance / 2) ** 2
        return distance**2 if self.kind == "euclidean" else 2 * distance

    def blocks(self) -> Iterator[Tensor]:
        """Index tensors of consecutive rows, so small that a block of distances to all points fits in memory."""
        size = max(1, min(len(self), BLOCK // max(1, len(self))))
        yield from torch.arange(len(self), device=self.square.device).split(size)

    def extremes(self, k: int, rank: int = 0, threshold: Callable[[Tensor, Tensor], Tensor] | None = None) -> Extremes:
        """What one blocked pass over all pairs tells about every point's distances to the others, never to itself; see ``Extremes``.

        Args:
            k: how many of the largest distances. rank: which distance ``cut`` is; r is the r-th largest, -r the r-th smallest,
                0 none. threshold: from a block's largest and smallest distances, both (R,), to those (R,) that ``share``
                counts from.

        Raises:
            ValueError: fewer than two points, or no such rank.
        """
        others = len(self) - 1
        if others < 1:
            raise ValueError("distances between examples need at least two of them")
        if not -others <= rank <= others:
            raise ValueError(f"rank must be between -{others} and {others}, not {rank}")
        parts: list[Extremes] = []
        for rows in self.blocks():
            own = torch.arange(len(rows), device=rows.device)
            order = self.order(rows)
            order[own, rows] = torch.inf
            low = self.pairs(rows, order.argmin(1))
            cut = self.pair_order(rows, order.kthvalue(-rank).indices) if rank < 0 else None
            order[own, rows] = -torch.inf
            where = order.topk(min(k, others), dim=1).indices
            top = self.pairs(rows[:, None].expand_as(where), where)
            if rank > 0:
                cut = self.pair_order(rows, order.kthvalue(len(self) - rank + 1).indices)
            share = None
            if threshold is not None:
                enough = self.order_of(threshold(top[:, 0], low))
                share = (order >= enough[:, None]).sum(1).float() / others
            parts.append(Extremes(top, where, low, cut, share))
        return Extremes(*(None if column[0] is None else torch.cat(column) for column in zip(*parts, strict=True)))


def _square_norms(vectors: Tensor) -> Tensor:
    """(N,) float64, in pieces: a copy in float64 of all vectors would double the memory."""
    return torch.cat([(piece.double() ** 2).sum(1) for piece in vectors.split(4096)])


def into_ball(vectors: Tensor, ball: str, ball_scale: float = 0.0) -> Tensor:
    """Vectors (N, d) brought into the unit ball, or left alone, in their own type; see ``Points``."""
    if ball == "none":
        return vectors
    factor = ball_scale or 1 / (1.001 * _square_norms(vectors).max().sqrt()).clamp(min=_TINY)
    scaled = (vectors * factor).to(vectors.dtype)
    if ball == "scale":
        return scaled
    norm = _square_norms(scaled).sqrt().clamp(min=_TINY)[:, None]
    return (scaled * (torch.tanh(norm) / norm).to(vectors.dtype)).to(vectors.dtype)


def pairwise(a: Tensor, b: Tensor, kind: Kind = "hyp_atan") -> Tensor:
    """Distances (len(a), len(b)) float32 between two sets of vectors (n, d); for many, take the rows of ``Points.blocks``."""
    points = Points(torch.cat([a, b]), kind)
    return points.between(torch.arange(len(a), device=a.device))[:, len(a) :]

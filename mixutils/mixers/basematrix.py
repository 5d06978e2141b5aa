"""DMIX's matrix before training: normalised distances, computed when asked (SPEC 2(a), eq. 7).

What is kept is per row: where its scale begins and ends, and its largest entries. An entry costs one distance.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .geometry import Points

EPS = 1e-3  # M is kept in [EPS, 1 - EPS] (SPEC DA8)
TOP = 8  # largest entries that are kept per row
_TINY = 1e-30


class BaseMatrix:
    """M_ij = D(e_i, e_j) / max_j D(e_i, e_j), or another normalisation, as a function of index tensors.

    Args:
        points: N points with distances. norm: "row_max", "global_max" or "row_minmax", (D - min)/(max - min) (SPEC DA5); the
            diagonal counts nowhere. T: threshold, only to count how many it selects. rank: the rank whose distance is kept in
            ``cut``; see ``Points.extremes``.

    Attributes:
        low, scale: (N,) float32, M_ij = (D_ij - low_i) / scale_i.
        top, where: (N, k) float32 and int64, the k largest entries of every row, falling, and their columns.
        cut: (N,) float64, the rank's place in the order of distances (``Points.pair_order``), or None. share: (N,) float32, |S_i| / (N - 1) before training.
    """

    def __init__(self, points: Points, norm: str = "row_max", T: float = 0.7, rank: int = 0) -> None:
        self.points = points
        limit = None
        if norm == "global_max":
            limit = points.extremes(1).top.max()

        def scales(top: Tensor, low: Tensor) -> tuple[Tensor, Tensor]:
            """Where a row's scale begins, and how long it is."""
            if norm == "row_minmax":
                return low, (top - low).clamp(min=_TINY)
            return torch.zeros_like(top), (top if limit is None else limit.expand_as(top)).clamp(min=_TINY)

        def threshold(top: Tensor, low: Tensor) -> Tensor:
            begin, scale = scales(top, low)
            # A hair below, so that rounding never excludes the entry that is the threshold.
            return (begin + T * ((top - begin) / scale) * scale) * (1 - 1e-6)

        ends = points.extremes(TOP, rank, threshold)
        self.low, self.scale = scales(ends.top[:, 0], ends.low)
        self.top, self.where = self._normalise(ends.top, torch.arange(len(points), device=ends.top.device)), ends.where
        self.cut, self.share = ends.cut, ends.share

    def __len__(self) -> int:
        return len(self.points)

    def _normalise(self, distance: Tensor, rows: Tensor) -> Tensor:
        """In [0, 1] also where rounding would leave it; distances (R, C) of the points ``rows`` (R,)."""
        return ((distance - self.low[rows][:, None]) / self.scale[rows][:, None]).clamp(0, 1)

    def at(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Entries (R, C) float32 of ``rows`` (R,) at ``columns`` (R, C), from distances in float64."""
        return self._normalise(self.points.pairs(rows[:, None].expand_as(columns), columns), rows)

    def rows(self, rows: Tensor) -> Tensor:
        """Whole rows (R, N) float32; 0 on the diagonal."""
        return self._normalise(self.points.between(rows), rows)


class Range:
    """How a stored number becomes an entry of M (SPEC DA8): what keeps M in [0, 1] while it is trained.

    "clamp": the number itself, in [ε, 1 - ε]. The paper's projection after the first step would bring the whole matrix into
    that range, so it starts there. "sigmoid": M = σ(number). "none": the number itself, wherever it goes.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def store(self, value: Tensor) -> Tensor:
        """The number to be stored for an entry in [0, 1]."""
        if self.kind == "none":
            return value
        value = value.clamp(EPS, 1 - EPS)
        return value if self.kind == "clamp" else torch.logit(value)

    def show(self, stored: Tensor) -> Tensor:
        """The entry that a stored number stands for; differentiable."""
        return torch.sigmoid(stored) if self.kind == "sigmoid" else stored

    def project(self, stored: Tensor) -> Tensor:
        """Stored numbers after an update."""
        return stored.clamp(EPS, 1 - EPS) if self.kind == "clamp" else stored

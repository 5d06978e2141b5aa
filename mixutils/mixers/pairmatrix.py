"""DMIX's matrix at any scale: normalised distances when asked (SPEC 2(a), eq. 7), learned values of visited pairs only.

Of the matrix before training it is known per row where its scale begins and ends, and its largest entries. An entry costs
one distance.

A dense N × N matrix with Adam's moments is 12 N² bytes: 54 GB for SST-2's 67,349 phrases (SPEC DA12), of which one epoch
touches one entry per row. Here a visited pair takes a *slot* of its row: column, value, two moments, time of its last gradient.

Two facts make this the same method as the dense one, number for number (``tests/dense.py``):

- A dense optimiser goes on moving an entry after its gradient has become zero, because the first moment fades by β1 per step.
  So every visited entry is updated for another ``TAIL`` steps after its last gradient; what would follow moves it by less than
  32 · 0.9^200 = 2e-8 learning rates in all, which no float32 near M shows. On a later visit the moments fade for the steps in between.
- The row maximum, which the threshold needs at each step (SPEC DA9), is the larger of the learned entries and the largest entry
  that was not visited, which is among the ``TOP`` kept ones unless all of them were visited; then the row is computed whole.

Gradient clipping does not see M's entries; the paper's protocol has none (SPEC 2(b)).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .geometry import Points

EPS = 1e-3  # M is kept in [EPS, 1 - EPS] (SPEC DA8)
TOP = 8  # largest entries that are kept per row
_TINY = 1e-30
BETA1, BETA2, ADAM_EPS = 0.9, 0.999, 1e-6  # Table 8
TAIL = 200  # updates after an entry's last gradient
#: The buffers of ``PairMatrix`` that have slots, and what stands in an empty one.
_EMPTY = {"column": -1, "value": 0.0, "first": 0.0, "m": 0.0, "v": 0.0, "last": -1}


class BaseMatrix:
    """M_ij = D(e_i, e_j) / max_j D(e_i, e_j), or another normalisation, as a function of index tensors.

    Args:
        points: N points with distances. norm: "row_max", "global_max" or "row_minmax", (D - min)/(max - min) (SPEC DA5); the
            diagonal counts nowhere. T: threshold, only to count how many it selects. rank: the rank whose distance is kept in
            ``cut``.

    Attributes:
        low, scale: (N,) float32, M_ij = (D_ij - low_i) / scale_i. top, where, cut, share: as of ``Extremes``, for k = ``TOP``,
            but ``top`` of M; ``share`` is |S_i| / (N - 1) before training.
    """

    def __init__(self, points: Points, norm: str = "row_max", T: float = 0.7, rank: int = 0) -> None:
        self.points = points
        limit = points.extremes(1).top.max() if norm == "global_max" else None

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


class Range(NamedTuple):
    """How a stored number becomes an entry of M (SPEC DA8): what keeps M in [0, 1] while it is trained.

    "clamp": the number itself, in [ε, 1 - ε]. The paper's projection after the first step would bring the whole matrix into
    that range, so it starts there. "sigmoid": M = σ(number). "none": the number itself, wherever it goes.
    """

    kind: str

    def store(self, value: Tensor) -> Tensor:
        """The number to be stored for an entry in [0, 1]."""
        return torch.logit(value, EPS) if self.kind == "sigmoid" else self.project(value)

    def show(self, stored: Tensor) -> Tensor:
        """The entry that a stored number stands for; differentiable."""
        return torch.sigmoid(stored) if self.kind == "sigmoid" else stored

    def project(self, stored: Tensor) -> Tensor:
        """Stored numbers where the range has them, also after an update."""
        return stored.clamp(EPS, 1 - EPS) if self.kind == "clamp" else stored


class Matrix(nn.Module):
    """Current values of M; what the choice of partners and the ratio see. Subclasses say where learned values are.

    Index tensors are on the matrix' device. ``rows`` is (R,) int64; values are float32.
    """

    def __init__(self, base: BaseMatrix, kept: Range) -> None:
        super().__init__()
        self.base, self.kept = base, kept

    def __len__(self) -> int:
        return len(self.base)

    def at(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Entries (R, C) at ``columns`` (R, C)."""

    def full(self, rows: Tensor) -> Tensor:
        """Whole rows (R, N); the diagonal is what the formula gives, 0, and no entry that counts."""

    def row_max(self, rows: Tensor) -> Tensor:
        """(R,) largest entry beside the diagonal (SPEC DA9)."""

    def gather(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Entries (R,) at ``columns`` (R,), with gradient to M. ``after_step`` uses the gradient."""

    def after_step(self, lr: float) -> None:
        """One update of the learned values."""

    def movement(self) -> Tensor:
        """(V,) |M - M before training| of the pairs that a gradient has reached, or (N,) of rows for factors per row."""
        return torch.zeros(0)


class PairMatrix(Matrix):
    """The matrix with slots for visited pairs; without ``train`` it stays what it is before training (-NT).

    Buffers, (N, V) with V as many slots as the fullest row needs: ``column`` int32, -1 in an empty slot; ``value``, ``first``,
    ``m``, ``v`` float32: stored number now and at first, moments; ``last`` int32: step of the last gradient. ``count`` (N,)
    int32: slots in use. ``clock``: number of updates. They are the state of a run: a checkpoint holds them, O(N) in all.
    """

    def __init__(self, base: BaseMatrix, kept: Range, train: bool = True) -> None:
        super().__init__(base, kept)
        self.train_values = train
        device = base.top.device
        for name, empty in _EMPTY.items():
            kind = torch.int32 if isinstance(empty, int) else torch.float32
            self.register_buffer(name, torch.full((len(base), 0), empty, dtype=kind, device=device))
        self.register_buffer("count", torch.zeros(len(base), dtype=torch.int32, device=device))
        self.register_buffer("clock", torch.zeros((), dtype=torch.int32, device=device))
        self._leaf: Tensor | None = None
        self._active = torch.zeros(2, 0, dtype=torch.int64, device=device)  # rows and slots that are still updated

    def at(self, rows: Tensor, columns: Tensor) -> Tensor:
        stored = self.kept.store(self.base.at(rows, columns))
        same = self.column[rows][:, None, :] == columns[:, :, None]  # at most one per pair
        return self.kept.show(torch.where(same.any(-1), (same * self.value[rows][:, None, :]).sum(-1), stored))

    def full(self, rows: Tensor) -> Tensor:
        stored = self.kept.store(self.base.rows(rows))
        i, slot = (self.column[rows] >= 0).nonzero(as_tuple=True)
        stored[i, self.column[rows[i], slot].long()] = self.value[rows[i], slot]
        return self.kept.show(stored)

    def row_max(self, rows: Tensor) -> Tensor:
        top, column = self.base.top[rows], self.column[rows]
        visited = (self.base.where[rows][:, :, None] == column[:, None, :]).any(-1)
        top = self.kept.store(top).masked_fill(visited, -torch.inf)
        learned = self.value[rows].masked_fill((column < 0) | (column == rows[:, None]), -torch.inf)
        largest = self.kept.show(torch.cat([top, learned], 1).amax(1))
        unsure = visited.all(1) & (len(self) - 1 > top.shape[1])
        if bool(unsure.any()):
            largest[unsure] = self.full(rows[unsure]).scatter(1, rows[unsure][:, None], -torch.inf).amax(1)
        return largest

    def gather(self, rows: Tensor, columns: Tensor) -> Tensor:
        if not (self.train_values and torch.is_grad_enabled()):
            return self.at(rows, columns[:, None])[:, 0]
        self._at = rows, self._slots(rows, columns)
        self._leaf = self.value[self._at].requires_grad_()
        return self.kept.show(self._leaf)

    def _slots(self, rows: Tensor, columns: Tensor) -> Tensor:
        """The slot of every pair (R,); pairs that have none get one."""
        same = self.column[rows] == columns[:, None]
        known = same.any(1)
        if bool(known.all()):
            return same.int().argmax(1)
        # A pair, and also a row, may occur twice in a batch.
        i, j = (x.contiguous() for x in torch.unique(torch.stack([rows[~known], columns[~known]]), dim=1))
        place = torch.arange(len(i), device=i.device) - torch.searchsorted(i, i)  # 0, 1, ... within a row
        slot = self.count[i].long() + place
        self._resize(max(self.column.shape[1], int(slot.max()) + 1))
        self.column[i, slot] = j.int()
        self.value[i, slot] = self.first[i, slot] = self.kept.store(self.base.at(i, j[:, None])[:, 0])
        self.count.index_add_(0, i, torch.ones_like(i, dtype=torch.int32))
        return (self.column[rows] == columns[:, None]).int().argmax(1)

    def _resize(self, width: int) -> None:
        """So many slots per row; new ones are empty."""
        missing = width - self.column.shape[1]
        for name, empty in _EMPTY.items():
            setattr(self, name, F.pad(getattr(self, name), (0, missing), value=empty))

    @torch.no_grad()
    def after_step(self, lr: float) -> None:
        """Update the entries whose last gradient is at most ``TAIL`` steps ago, those of this step included."""
        if not self.train_values:
            return
        self.clock += 1
        leaf, self._leaf = self._leaf, None
        if leaf is not None and leaf.grad is not None:
            self._learn(leaf.grad)
        self._update(lr)

    def _learn(self, gradients: Tensor) -> None:
        """Take this step's gradients (R,) into the moments of the pairs that were gathered."""
        i, slot = self._at
        # A pair that occurs twice has two gradients.
        key, group = torch.unique(i * self.column.shape[1] + slot, return_inverse=True)
        gradient = torch.zeros(len(key), device=gradients.device).index_add_(0, group, gradients)
        i, slot = key // self.column.shape[1], key % self.column.shape[1]
        last = self.last[i, slot]
        fresh = (last < 0) | (self.clock - last > TAIL + 1)
        missed = torch.where(last < 0, 0, self.clock - 1 - last - TAIL).clamp(min=0).double()
        # One step less of fading: the update below does the rest.
        m, v = self.m[i, slot] * (BETA1**missed).float(), self.v[i, slot] * (BETA2**missed).float()
        # The update multiplies by β first: add the gradient in that measure.
        self.m[i, slot] = m + gradient * ((1 - BETA1) / BETA1)
        self.v[i, slot] = v + gradient**2 * ((1 - BETA2) / BETA2)
        self.last[i, slot] = self.clock
        self._active = torch.cat([self._active, torch.stack([i, slot])[:, fresh]], 1)

    def _update(self, lr: float) -> None:
        """Move every entry whose last gradient is recent, as BERTAdam does without weight decay (SPEC 2(b), DA12)."""
        i, slot = self._active
        live = self.clock - self.last[i, slot] <= TAIL
        i, slot = self._active = self._active[:, live]
        m, v = self.m[i, slot] * BETA1, self.v[i, slot] * BETA2
        self.m[i, slot], self.v[i, slot] = m, v
        self.value[i, slot] = self.kept.project(self.value[i, slot] - lr * m / (v.sqrt() + ADAM_EPS))

    def movement(self) -> Tensor:
        seen = self.last >= 0
        return (self.kept.show(self.value[seen]) - self.kept.show(self.first[seen])).abs()

    def _load_from_state_dict(self, state, prefix, *args, **kwargs) -> None:
        """Take as many slots as the stored state has, then load it."""
        if (stored := state.get(prefix + "column")) is not None:
            self._resize(stored.shape[1])
        super()._load_from_state_dict(state, prefix, *args, **kwargs)
        recent = (self.last >= 0) & (self.clock - self.last <= TAIL)
        self._active = recent.nonzero().T


class RowScale(Matrix):
    """M_ij = s_i · base_ij with one trained factor per row; the form in the authors' published script.

    ``factor`` (N,) is an ordinary parameter of the run's optimiser, clipping included.
    """

    def __init__(self, base: BaseMatrix, kept: Range, train: bool = True) -> None:
        super().__init__(base, kept)
        self.factor = nn.Parameter(torch.ones(len(base), device=base.top.device), requires_grad=train)

    def _times(self, rows: Tensor, entries: Tensor) -> Tensor:
        return self.kept.project(entries * self.factor[rows][:, None])

    def at(self, rows: Tensor, columns: Tensor) -> Tensor:
        return self._times(rows, self.base.at(rows, columns)).detach()

    def full(self, rows: Tensor) -> Tensor:
        return self._times(rows, self.base.rows(rows)).detach()

    def row_max(self, rows: Tensor) -> Tensor:
        return self._times(rows, self.base.top[rows, :1])[:, 0].detach()

    def gather(self, rows: Tensor, columns: Tensor) -> Tensor:
        return self._times(rows, self.base.at(rows, columns[:, None]))[:, 0]

    def movement(self) -> Tensor:
        return (self.factor.detach() - 1).abs()

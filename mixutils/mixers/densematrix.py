"""Two other forms of DMIX's matrix: N × N tensors, the reference for small N, and one trained factor per row (SPEC DA12)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .basematrix import BaseMatrix, Range
from .pairmatrix import BETA1, BETA2, Matrix, Rule


class DenseMatrix(Matrix):
    """M as the paper writes it: every entry is a parameter, every update and projection runs over all of them.

    Args:
        as of ``PairMatrix``.

    Buffers: ``value``, ``first``, ``m``, ``v``, all (N, N) float32; ``clock``, number of updates.
    """

    def __init__(self, base: BaseMatrix, kept: Range, rule: str = "bertadam", train: bool = True) -> None:
        super().__init__(base, kept)
        self.rule, self.train_values = Rule(rule), train
        everybody = torch.arange(len(base), device=base.top.device)
        value = torch.cat([base.at(rows, everybody.expand(len(rows), -1)) for rows in everybody.split(64)])
        value = kept.store(value)
        self.register_buffer("value", value)
        for name in ("first", "m", "v"):
            self.register_buffer(name, value.clone() if name == "first" else torch.zeros_like(value))
        self.register_buffer("clock", torch.zeros((), dtype=torch.int32, device=value.device))
        self._leaf: Tensor | None = None

    def at(self, rows: Tensor, columns: Tensor) -> Tensor:
        return self.kept.show(self.value[rows[:, None], columns])

    def full(self, rows: Tensor) -> Tensor:
        return self.kept.show(self.value[rows])

    def row_max(self, rows: Tensor) -> Tensor:
        whole = self.full(rows)
        whole[torch.arange(len(rows), device=rows.device), rows] = -torch.inf
        return whole.amax(1)

    def gather(self, rows: Tensor, columns: Tensor) -> Tensor:
        if not (self.train_values and torch.is_grad_enabled()):
            return self.at(rows, columns[:, None])[:, 0]
        self._leaf = self.value.clone().requires_grad_()
        return self.kept.show(self._leaf[rows, columns])

    @torch.no_grad()
    def after_step(self, lr: float) -> None:
        if not self.train_values:
            return
        self.clock += 1
        leaf, self._leaf = self._leaf, None
        gradient = torch.zeros_like(self.value) if leaf is None or leaf.grad is None else leaf.grad
        self.m = self.m * BETA1 + gradient * (1 - BETA1)
        self.v = self.v * BETA2 + gradient**2 * (1 - BETA2)
        self.value = self.kept.project(self.value - self.rule.move(self.m, self.v, lr, self.clock))

    def movement(self) -> Tensor:
        seen = self.v > 0
        return (self.kept.show(self.value[seen]) - self.kept.show(self.first[seen])).abs()


class RowScale(Matrix):
    """M_ij = s_i · base_ij with one trained factor per row; the form in the authors' published script.

    ``factor`` (N,) is an ordinary parameter of the run's optimiser, clipping included.
    """

    def __init__(self, base: BaseMatrix, kept: Range, train: bool = True) -> None:
        super().__init__(base, kept)
        self.factor = nn.Parameter(torch.ones(len(base), device=base.top.device), requires_grad=train)

    def _times(self, rows: Tensor, entries: Tensor) -> Tensor:
        return self.kept.project(entries * self.factor[rows][:, None])

    @torch.no_grad()
    def at(self, rows: Tensor, columns: Tensor) -> Tensor:
        return self._times(rows, self.base.at(rows, columns))

    @torch.no_grad()
    def full(self, rows: Tensor) -> Tensor:
        return self._times(rows, self.base.rows(rows))

    @torch.no_grad()
    def row_max(self, rows: Tensor) -> Tensor:
        return self._times(rows, self.base.top[rows, :1])[:, 0]

    def gather(self, rows: Tensor, columns: Tensor) -> Tensor:
        return self._times(rows, self.base.at(rows, columns[:, None]))[:, 0]

    def movement(self) -> Tensor:
        return (self.factor.detach() - 1).abs()

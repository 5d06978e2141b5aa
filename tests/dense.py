"""DMIX's matrix as the paper writes it, the reference for small N: N × N tensors, all of which are updated at every step."""

from __future__ import annotations

import torch
from torch import Tensor

from mixutils.mixers.pairmatrix import ADAM_EPS, BETA1, BETA2, BaseMatrix, Matrix, Range


class DenseMatrix(Matrix):
    """M as the paper writes it: every entry is a parameter, every update and projection runs over all of them.

    Args:
        as of ``PairMatrix``.

    Buffers: ``value``, ``first``, ``m``, ``v``, all (N, N) float32; ``clock``, number of updates.
    """

    def __init__(self, base: BaseMatrix, kept: Range, train: bool = True) -> None:
        super().__init__(base, kept)
        self.train_values = train
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
        self.value = self.kept.project(self.value - lr * self.m / (self.v.sqrt() + ADAM_EPS))

    def movement(self) -> Tensor:
        seen = self.v > 0
        return (self.kept.show(self.value[seen]) - self.kept.show(self.first[seen])).abs()

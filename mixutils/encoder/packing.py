"""Packing: the layers of an encoder compute real tokens only.

A batch is as wide as its longest text, and texts differ: much of a padded batch is padding. Every part of a
layer but attention treats each token by itself, so the tokens of all rows can stand in one row, (1, T, d), without the
places that nobody reads. ``attention`` puts them back into rows for its own two small products. What comes out is what the
padded encoder computes, to rounding; only dropout draws fewer numbers.

Mixing of hidden states reads padding where one of the two texts is longer (SPEC 1.3), so "what nobody reads" is a
question of the edit; see ``model.Classifier``.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor

#: Architectures whose layers treat every token by itself outside of attention, and take positions from the embeddings alone.
PACKABLE = {"bert", "roberta", "electra", "xlm-roberta", "camembert"}


@dataclass(frozen=True)
class Packing:
    """Which places of R rows of L tokens are computed, and which of them are attended to."""

    index: Tensor  # (T,) int64, computed places, counted through all rows
    rows: int  # R
    length: int  # L
    bias: Tensor  # (R, 1, 1, L) float32, added to attention scores: 0, or float32's smallest number for hidden places

    @classmethod
    def of(cls, wanted: Tensor, visible: Tensor) -> Packing:
        """From two (R, L) boolean masks; every visible place must be wanted."""
        bias = torch.zeros(visible.shape, device=visible.device).masked_fill_(~visible, torch.finfo(torch.float32).min)
        return cls(wanted.flatten().nonzero().squeeze(1), *wanted.shape, bias[:, None, None])

    def pack(self, states: Tensor) -> Tensor:
        """(R, L, d) -> (1, T, d)."""
        return states.reshape(self.rows * self.length, -1).index_select(0, self.index)[None]

    def unpack(self, states: Tensor) -> Tensor:
        """(1, T, d) -> (R, L, d), zero where nothing was computed."""
        out = states.new_zeros(self.rows * self.length, states.shape[-1])
        return out.index_copy(0, self.index, states[0]).view(self.rows, self.length, -1)


#: The packing of the states that layers get; None where they are rows.
current: ContextVar[Packing | None] = ContextVar("packing", default=None)

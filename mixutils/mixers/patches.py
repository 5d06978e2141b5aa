"""DropMix's patches: which units of a text are replaced, for all four window shapes and readings of N (SPEC 6(a), RA5, RA8).

A *unit* is one channel at one position. The patch is the union of the best windows (``windows``) of the saliency map; maps
whose windows span all channels, or all positions, are summed over them first, so that only "unit" and "general" patches
ever work on N·D numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor

from ..tasks.encode import Batch
from .windows import Rule, union, window_scores

Shape = Literal["unit", "channel", "word", "general"]
PATCHES = get_args(Shape)
Length = Literal["union", "a", "min"]


class Places(NamedTuple):
    """Positions that are units."""

    height: Tensor  # (R,) int64, how many
    columns: int  # N, the number of columns of the map, at least the batch's L
    order: Tensor | None = None  # (R, N) int64, columns with the units first, in order; None: they are first


class Chosen(NamedTuple):
    """Units that come from the partner."""

    units: Tensor  # (R, L, D) bool
    per_position: Tensor  # (R, L) int64, their number at each position
    count: Tensor  # (R,) int64, S, over all N


def find_places(
    batch: Batch, first: Tensor, second: Tensor, length: Length, full: int | None, protect_special: bool
) -> Places:
    """Which positions of the mixtures are units.

    Args:
        batch: rows with their padding at the end. first, second: (R,) rows that are mixed.
        length: "union", positions where either text has a token; "a", the first; "min", both (SPEC RA5).
        full: number of positions of every mixture, padding included; None: as ``length`` says.
        protect_special: leave out positions where either text has a special token (SPEC RA8).
    """
    one_mask, other_mask = batch.attention_mask[first] > 0, batch.attention_mask[second] > 0
    width = batch.input_ids.shape[1]
    columns = width if full is None else max(full, width)
    if full is not None:
        unit = torch.ones(len(first), columns, dtype=torch.bool, device=first.device)
    else:
        unit = {"union": one_mask | other_mask, "a": one_mask, "min": one_mask & other_mask}[length]
    if not protect_special:
        return Places(unit.sum(1), columns)
    special = (batch.text_id == -1) & (batch.attention_mask > 0)
    unit[:, :width] &= ~(special[first] | special[second])
    return Places(unit.sum(1), columns, unit.long().argsort(dim=1, descending=True, stable=True))


@dataclass(frozen=True)
class Patch:
    """The patch of R mixtures with D channels."""

    shape: Shape
    n: int  # window of "word" (n × D) and "general" (n × width); cut to a text's height
    width: int
    places: Places  # which positions are units
    channels: int  # D
    lam: Tensor  # (R,) float64 in [0, 1], λ
    rule: Rule = "stop"  # see ``windows.union``
    keep: bool = False  # the salient patch *stays*, and all else comes from the partner (SPEC RA1, literal mask)

    @property
    def budget(self) -> Tensor:
        """(R,) int64: floor(λ·N·D). A product such as 0.29 · 100 falls just below the integer that is meant."""
        return torch.floor(self.lam * (self.places.height * self.channels) + 1e-9).long()

    def without_saliency(self, width: int) -> Chosen | None:
        """The patch where no window fits or all units do, in every row; None if some row's depends on saliency.

        ``width`` is L, columns of the batch, here and below.
        """
        n, w = self._extent()
        height, budget = self.places.height, self.budget
        nothing = budget == 0 if self.rule == "exceed" else budget < height.clamp(max=n) * w
        everything = budget >= height * self.channels
        if not bool((nothing | everything).all()):
            return None
        taken = everything[:, None, None].expand(-1, self.places.columns, self.channels)
        return self._finish(taken, width)

    def salient(self, gradient: Tensor) -> Chosen:
        """The patch of the most salient windows; saliency is the magnitude of ``gradient``, (R, L, D) float."""
        width, channels = gradient.shape[1:]
        x = torch.nn.functional.pad(gradient, (0, 0, 0, self.places.columns - width))
        if self.places.order is not None:
            x = x.gather(1, self.places.order[:, :, None].expand(-1, -1, channels))
        n, w = self._extent()
        return self._take(window_scores(x, self.places.height, n, w), width)

    def random(self, width: int, rng: np.random.Generator) -> Chosen:
        """The patch of windows in random order (SPEC RA1, control)."""
        n, w = self._extent()
        shape = (len(self.lam), self.places.columns - n + 1, self.channels - w + 1)
        return self._take(torch.from_numpy(rng.random(shape, dtype=np.float32)).to(self.lam.device), width)

    def _extent(self) -> tuple[int, int]:
        """Positions and channels of the windows in the map; N or D for windows that span it."""
        columns = self.places.columns
        n = {"unit": 1, "channel": columns}.get(self.shape, min(self.n, columns))
        w = {"unit": 1, "channel": 1, "word": self.channels}.get(self.shape, min(self.width, self.channels))
        return n, w

    def _take(self, scores: Tensor, width: int) -> Chosen:
        height, budget = self.places.height, self.budget
        n, w = self._extent()

        # Windows that span all positions, or all channels, are counted in whole channels, or positions.
        def whole(budget: Tensor, size: Tensor | int) -> Tensor:
            return (budget + (size - 1) * (self.rule == "exceed")) // size

        if scores.shape[1] == 1:
            budget = whole(budget, height.clamp(min=1))
            height, n = height.clamp(max=1), 1
        if scores.shape[2] == 1:
            budget, w = whole(budget, self.channels), 1
        taken = union(scores, height, n, w, budget, self.rule)
        return self._finish(taken.expand(-1, self.places.columns, self.channels), width)

    def _finish(self, taken: Tensor, width: int) -> Chosen:
        """From the union over unit positions to units of the batch that come from the partner."""
        columns = torch.arange(self.places.columns, device=taken.device)
        unit = (columns < self.places.height[:, None])[:, :, None]
        taken = unit & ~taken if self.keep else unit & taken
        if self.places.order is not None:
            order = self.places.order[:, :, None].expand_as(taken)
            taken = torch.zeros_like(taken).scatter_(1, order, taken)
        per_position = taken.sum(2)
        return Chosen(taken[:, :width], per_position[:, :width], per_position.sum(1))

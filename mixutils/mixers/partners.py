"""The choice of a partner among far examples, without computing the rows of M: rejection sampling with an exact fallback.

A uniform draw from the others that is accepted if it belongs to S_i is a uniform draw from S_i. Up to ``TRIES`` candidates per
anchor are tested, at one distance each; only an anchor whose S_i is so small that all of them fail costs a whole row, from which
it then draws. Both ways are uniform over S_i, so the choice is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

TRIES = 256  # candidates per anchor
FIRST = 16  # of which so many are tested at once: in most settings one of them is accepted


class Draws(NamedTuple):
    """All randomness of one choice; how much is drawn does not depend on what is then accepted.

    Attributes:
        candidates: (R, C) int64, each uniform over the examples that may be partners. point: (R,) float64 in [0, 1), the place
            in S_i of the partner that the fallback takes.
    """

    candidates: Tensor
    point: Tensor


def draw(rng: np.random.Generator, rows: Tensor, n: int, self_partner: bool, tries: int = TRIES) -> Draws:
    """Candidates for the anchors ``rows`` (R,) among n examples; without ``self_partner`` from ``others`` (SPEC DA10)."""
    if self_partner:
        found = torch.from_numpy(rng.integers(n, size=(len(rows), tries))).to(rows.device)
    else:
        found = others(rng, rows, n, tries)
    return Draws(found, torch.from_numpy(rng.random(len(rows))).to(rows.device))


def others(rng: np.random.Generator, rows: Tensor, n: int, count: int = 1) -> Tensor:
    """Draws (R, count) int64, uniform over n examples but the anchor, whose own number is in ``rows`` (R,) int64.

    Raises:
        ValueError: there is no other example.
    """
    if n < 2:
        raise ValueError(f"a partner needs at least two training examples, and there is {n}")
    found = torch.from_numpy(rng.integers(n - 1, size=(len(rows), count))).to(rows.device)
    return found + (found >= rows[:, None])


def choose(
    draws: Draws,
    rows: Tensor,
    belongs: Callable[[Tensor, Tensor], Tensor],
    members: Callable[[Tensor], Tensor],
) -> tuple[Tensor, Tensor]:
    """One partner per anchor, uniform over S_i.

    Args:
        rows: (R,) int64. belongs: which candidates are in S_i: places (r,) in ``rows`` and columns (r, c) to (r, c) bool.
        members: S_i itself: places (r,) in ``rows`` to (r, N) bool; every row has one at least.

    Returns:
        Partners (R,) int64, and (R, FIRST) bool, which of the first candidates were accepted: their share estimates |S_i|/(N - 1).
    """
    partner = torch.full_like(rows, -1)
    waiting = torch.arange(len(rows), device=rows.device)
    first = torch.zeros(len(rows), 0, dtype=torch.bool, device=rows.device)
    for tried in (draws.candidates[:, :FIRST], draws.candidates[:, FIRST:]):
        if not tried.shape[1] or not len(waiting):
            break
        tried = tried[waiting]
        accepted = belongs(waiting, tried)
        first = first if first.shape[1] else accepted
        hit = accepted.any(1)
        place = accepted.int().argmax(1)
        partner[waiting[hit]] = tried[hit, place[hit]]
        waiting = waiting[~hit]
    if not len(waiting):
        return partner, first
    partner[waiting] = pick(members(waiting), draws.point[waiting])
    return partner, first


def pick(members: Tensor, point: Tensor) -> Tensor:
    """The member at a point of every row's set: of m members the one with number ⌊point · m⌋.

    Args:
        members: (R, N) bool, at least one true per row. point: (R,) float64 in [0, 1).
    """
    running = members.cumsum(1)
    number = (point * running[:, -1]).long()
    return (running > number[:, None]).int().argmax(1)

"""With whom: random others, the K nearest and the K farthest of a pool (DNM), and far examples by a threshold (DMIX).

Drawing takes a ``numpy.random.Generator``; all else is a function of distances. Nobody is paired with itself where it is not
asked for, except where there is nobody else.

DMIX chooses without computing the rows of M, by rejection sampling with an exact fallback. A uniform draw from the others
that is accepted if it belongs to S_i is a uniform draw from S_i. Up to ``TRIES`` candidates per anchor are tested, at one
distance each; only an anchor whose S_i is so small that all of them fail costs a whole row, from which it then draws. Both
ways are uniform over S_i, so the choice is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .geometry import Points

TRIES = 256  # candidates per anchor
FIRST = 16  # of which so many are tested at once: in most settings one of them is accepted
Set = Literal["both", "largest", "smallest"]


def others(rng: np.random.Generator, rows: Tensor, n: int, count: int = 1) -> Tensor:
    """Draws (R, count) int64, uniform over n examples but the anchor, whose own number is in ``rows`` (R,) int64.

    A ValueError if there is no other example.
    """
    if n < 2:
        raise ValueError(f"a partner needs at least two training examples, and there is {n}")
    found = torch.from_numpy(rng.integers(n - 1, size=(len(rows), count))).to(rows.device)
    return found + (found >= rows[:, None])


def distinct_others(rng: np.random.Generator, own: np.ndarray, pool: int, partners: int) -> np.ndarray:
    """Random partners (n, partners) int64, never the anchor, none twice for one anchor; in a pool of one it meets itself.

    Args:
        own: (n,) int, the anchor's place in the pool. pool: its size m. partners: how many per anchor, cut to m - 1.
    """
    if pool == 1:
        return own[:, None]
    keys = rng.random((len(own), pool))
    keys[np.arange(len(own)), own] = np.inf
    return np.argsort(keys, axis=1, kind="stable")[:, : min(partners, pool - 1)]


def reduce_k(k: int, others: int) -> int:
    """K of a small pool: at most floor(others / 2), so that the two sets are disjoint (SPEC NA6), and at least 1."""
    return max(1, min(k, others // 2))


def cosine_distances(vectors: Tensor) -> Tensor:
    """1 - cos of all pairs: (n, d) -> (n, n) float32, without gradient (SPEC NA8)."""
    return Points(vectors.detach().float(), "cosine").between(torch.arange(len(vectors), device=vectors.device))


def select(distance: Tensor, own: Tensor, k: int, which: Set = "both") -> Tensor:
    """Partners of every anchor by distance (DNM, section 3.2; SPEC 5(a), NA6, NA7).

    The others are sorted by (distance, index); the K first are the smallest distances, the K last the largest. Equal
    distances therefore never put one partner into both sets.

    Args:
        distance: (n, m) of n anchors to a pool of m. own: (n,) int64, the anchor's own column. k: K; see ``reduce_k``.

    Returns:
        (n, r) int64 columns: K largest (largest first), then K smallest (smallest first); r = 2K, or K for one set. With two
        candidates in the pool the only other one is in both sets; with one, the anchor meets itself.
    """
    m = distance.shape[1]
    if m == 1:
        return own[:, None]
    k = reduce_k(k, m - 1)
    order = distance.scatter(1, own[:, None], torch.inf).sort(dim=1, stable=True).indices[:, : m - 1]
    largest, smallest = order[:, m - 1 - k :].flip(1), order[:, :k]
    return {"both": torch.cat([largest, smallest], 1), "largest": largest, "smallest": smallest}[which]


class Draws(NamedTuple):
    """All randomness of one choice; how much is drawn does not depend on what is then accepted."""

    candidates: Tensor  # (R, C) int64, each uniform over the examples that may be partners
    point: Tensor  # (R,) float64 in [0, 1), the place in S_i of the partner that the fallback takes


def draw(rng: np.random.Generator, rows: Tensor, n: int, self_partner: bool, tries: int = TRIES) -> Draws:
    """Candidates for the anchors ``rows`` (R,) among n examples; without ``self_partner`` from ``others`` (SPEC DA10)."""
    if self_partner:
        found = torch.from_numpy(rng.integers(n, size=(len(rows), tries))).to(rows.device)
    else:
        found = others(rng, rows, n, tries)
    return Draws(found, torch.from_numpy(rng.random(len(rows))).to(rows.device))


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
    """The member (R,) at a point (R,) in [0, 1) of every row's set (R, N) bool: of m members, m > 0, the one number ⌊point · m⌋."""
    running = members.cumsum(1)
    number = (point * running[:, -1]).long()
    return (running > number[:, None]).int().argmax(1)

"""With whom: the K nearest and the K farthest of a pool, or random others (DNM).

DNM chooses partners by cosine distance between sentence vectors (its section 3.2; SPEC 5(a), NA6, NA7). Choosing is a pure function of a matrix of distances; drawing takes a ``numpy.random.Generator``. No function here returns the
anchor itself, except where there is nobody else.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from .geometry import Points
from .options import one_of

Set = Literal["both", "largest", "smallest"]


def reduce_k(k: int, others: int) -> int:
    """K of a small pool: at most floor(others / 2), so that the two sets are disjoint (SPEC NA6), and at least 1."""
    return max(1, min(k, others // 2))


def cosine_distances(vectors: Tensor) -> Tensor:
    """1 - cos of all pairs: (n, d) -> (n, n) float32, without gradient (SPEC NA8)."""
    return Points(vectors.detach().float(), "cosine").between(torch.arange(len(vectors), device=vectors.device))


def select(distance: Tensor, own: Tensor, k: int, which: Set = "both") -> Tensor:
    """Partners of every anchor by distance.

    The others are sorted by (distance, index); the K first are the smallest distances, the K last the largest. Equal
    distances therefore never put one partner into both sets.

    Args:
        distance: (n, m) of n anchors to a pool of m. own: (n,) int64, the anchor's own column. k: K; see ``reduce_k``.
        which: "both", "largest" or "smallest".

    Returns:
        (n, r) int64 columns: K largest (largest first), then K smallest (smallest first); r = 2K, or K for one set. With two
        candidates in the pool the only other one is in both sets; with one, the anchor meets itself.
    """
    one_of("which", which, get_args(Set))
    m = distance.shape[1]
    if m == 1:
        return own[:, None]
    k = reduce_k(k, m - 1)
    order = distance.scatter(1, own[:, None], torch.inf).sort(dim=1, stable=True).indices[:, : m - 1]
    largest, smallest = order[:, m - 1 - k :].flip(1), order[:, :k]
    return {"both": torch.cat([largest, smallest], 1), "largest": largest, "smallest": smallest}[which]


def draw_others(rng: np.random.Generator, own: np.ndarray, pool: int, partners: int) -> np.ndarray:
    """Random partners, never the anchor, none twice for one anchor.

    Args:
        own: (n,) int, the anchor's place in the pool. pool: its size m. partners: how many per anchor, cut to m - 1.

    Returns:
        (n, partners) int64. In a pool of one the anchor meets itself.
    """
    if pool == 1:
        return own[:, None]
    keys = rng.random((len(own), pool))
    keys[np.arange(len(own)), own] = np.inf
    return np.argsort(keys, axis=1, kind="stable")[:, : min(partners, pool - 1)]

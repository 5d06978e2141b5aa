"""DropMix's patch as the paper describes it: windows one after the other, in plain Python (SPEC 6(a)). The tests' authority."""

from __future__ import annotations

import numpy as np


def greedy(saliency: np.ndarray, n: int, w: int, budget: int, rule: str = "stop") -> np.ndarray:
    """Units covered by the best n × w windows.

    Args:
        saliency: (N, D), the real positions only. n, w: window; n is cut to N.

    Returns:
        (N, D) bool.
    """
    height, channels = saliency.shape
    covered = np.zeros((height, channels), bool)
    if height == 0:
        return covered
    n = min(n, height)
    square = saliency.astype(np.float64) ** 2
    windows = [
        (square[i : i + n, j : j + w].sum(), i, j) for i in range(height - n + 1) for j in range(channels - w + 1)
    ]
    for _, i, j in sorted(windows, key=lambda t: (-t[0], t[1], t[2])):
        new = covered.copy()
        new[i : i + n, j : j + w] = True
        if new.sum() > budget:
            if rule == "skip":
                continue
            return new if rule == "exceed" and covered.sum() < budget else covered
        covered = new
    return covered


def ranked(saliency: np.ndarray, n: int, w: int, budget: int) -> np.ndarray:
    """The same by ranks, a sliding minimum and a histogram (SPEC 6(a), "Fast exact union"); for maps too large for the loop."""
    from scipy.ndimage import minimum_filter
    from scipy.signal import convolve2d

    score = convolve2d(saliency.astype(np.float64) ** 2, np.ones((n, w)), mode="valid")
    rank = np.empty(score.size, np.int64)
    rank[np.lexsort((np.arange(score.size), -score.ravel()))] = np.arange(score.size)
    padded = np.full(saliency.shape, score.size)
    padded[: score.shape[0], : score.shape[1]] = rank.reshape(score.shape)
    # The windows that cover (p, q) start at p - n + 1 .. p and q - w + 1 .. q.
    first = minimum_filter(padded, (n, w), mode="constant", cval=score.size, origin=((n - 1) // 2, (w - 1) // 2))
    taken = np.cumsum(np.bincount(first.ravel(), minlength=score.size + 1)[: score.size])
    return first < np.searchsorted(taken, budget, side="right")

"""The union of the best windows of a map, exactly and without a loop over windows or examples (DropMix, section 4.1).

Given scores of all n × w windows (stride 1), DropMix takes windows in decreasing order until the next one would carry their
union above a budget of units (SPEC 6(a)). Equal scores are taken in row-major order of their places. The greedy loop need
not be run: let c(u) be the best score of a window that covers unit u, a sliding maximum. The union of all windows with
scores above t is {u : c(u) > t}, so the loop stops at the (budget + 1)-th largest c, found by counting, not by sorting.
Only windows that share this very score can still be taken, and among them the same argument holds with places for scores.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

RULES = ("stop", "skip", "exceed")
_NONE = -1  # key of what is no unit or no window; below every real key


def slide(x: Tensor, size: int, dim: int, op: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """``op`` over every run of ``size`` neighbours along ``dim``; about 2·log2(size) elementwise operations.

    Args:
        x: with at least ``size`` entries along ``dim``. op: associative, such as torch.add or torch.maximum.

    Returns:
        Of x's shape, but ``x.shape[dim] - size + 1`` entries along ``dim``.
    """
    count = x.shape[dim] - size + 1
    out, offset, block, width = None, 0, x, 1
    while True:
        if size & width:
            piece = block.narrow(dim, offset, count)
            out = piece if out is None else op(out, piece)
            offset += width
        if 2 * width > size:
            return out
        long = block.shape[dim] - width
        block = op(block.narrow(dim, 0, long), block.narrow(dim, width, long))
        width *= 2


def window_scores(saliency: Tensor, height: Tensor, n: int, w: int) -> Tensor:
    """Squared L2 norm of every window, up to one factor per row: the order of the paper's F_A (SPEC 6(a)).

    Args:
        saliency: (R, N, D) float; only magnitudes count. height: (R,) int64, positions of each row that count.
        n, w: windows of n <= N positions by w <= D channels.

    Returns:
        (R, N - n + 1, D - w + 1) float32.
    """
    inside = torch.arange(saliency.shape[1], device=saliency.device) < height[:, None]
    x = saliency.float() * inside[:, :, None]
    # A power of two per row keeps squares of tiny gradients from vanishing and rounds nothing.
    top = x.abs().amax((1, 2), keepdim=True)
    x = torch.ldexp(x, -torch.frexp(top).exponent).square()
    for dim, size in sorted(((1, n), (2, w)), key=lambda d: d[1] < x.shape[d[0]]):  # spanning windows first
        x = x.sum(dim, keepdim=True) if size == x.shape[dim] else slide(x, size, dim, torch.add)
    return x


def kth_largest(keys: Tensor, k: Tensor) -> Tensor:
    """The k-th largest entry of every row, by counting: two rounds of 16 bits.

    Args:
        keys: (R, M) int32, at least -1. k: (R,) int64, 1 <= k <= M.

    Returns:
        (R,) int32.
    """
    rows = torch.arange(len(keys), device=keys.device)
    bins = 1 + (1 << 15)
    high = (keys >> 16) + 1  # -1 comes first
    found = torch.bincount((high + (rows * bins)[:, None]).flatten(), minlength=len(keys) * bins).view(-1, bins)
    above = found.flip(1).cumsum(1).flip(1)  # entries in this bin or a higher one
    chosen = (above >= k[:, None]).sum(1) - 1
    rest = k - (above - found).gather(1, chosen[:, None])[:, 0]  # place within the chosen bin, from the top
    row, column = (high == chosen[:, None]).nonzero(as_tuple=True)
    low = keys[row, column] & 0xFFFF
    bins = 1 << 16
    found = torch.bincount(low + row * bins, minlength=len(keys) * bins).view(-1, bins)
    above = found.flip(1).cumsum(1).flip(1)
    last = (above >= rest[:, None]).sum(1) - 1
    return (((chosen - 1) << 16) | last).int()


def union(scores: Tensor, height: Tensor, n: int, w: int, budget: Tensor, rule: str = "stop") -> Tensor:
    """Units covered by the best windows within a budget.

    Args:
        scores: (R, N - n + 1, D - w + 1) float32, non-negative.
        height: (R,) int64, positions of each row that are units, 0..N; a row with fewer than n has one window, which covers
            all of them.
        budget: (R,) int64, largest number of units.
        rule: "stop" at the first window that would exceed the budget; "skip" it and go on; "exceed", take it too unless
            the budget is met exactly (SPEC RA3).

    Returns:
        (R, N, D) bool.
    """
    if rule not in RULES:
        raise ValueError(f"budget must be one of {', '.join(map(repr, RULES))}, not {rule!r}")
    keys = scores.contiguous().view(torch.int32)  # the bits of non-negative floats have the order of the floats
    place = torch.arange(keys.shape[1], device=keys.device)
    window = place < (height - n + 1).clamp(min=1)[:, None]
    window &= (height > 0)[:, None]
    keys = torch.where(window[:, :, None], keys, _NONE)
    best = _spread(keys, n, w)
    position = torch.arange(best.shape[1], device=keys.device)
    best = torch.where((position < height[:, None])[:, :, None], best, _NONE)
    units = height * best.shape[2]
    size = best[0].numel()
    edge = kth_largest(best.flatten(1), (budget + 1).clamp(max=size))
    edge = torch.where(budget < units, edge, _NONE)[:, None, None]
    chosen = best > edge
    left = budget - chosen.sum((1, 2))
    tied = (keys == edge).sum((1, 2))
    open_ = (edge[:, 0, 0] != _NONE) & (left > 0) & ((tied > 1) | (rule == "exceed"))
    rows = open_.nonzero()[:, 0]
    if len(rows):
        chosen[rows] |= _among_equals(keys[rows], best[rows], edge[rows], left[rows], n, w, rule == "exceed")
    if rule == "skip":
        _fill(chosen, keys, best, budget, n, w)
    return chosen


def _spread(keys: Tensor, n: int, w: int) -> Tensor:
    """For every unit the largest key of a window that covers it: (R, P, Q) -> (R, P + n - 1, Q + w - 1)."""
    padded = torch.nn.functional.pad(keys, (w - 1, w - 1, n - 1, n - 1), value=_NONE)
    return slide(slide(padded, n, 1, torch.maximum), w, 2, torch.maximum)


def _among_equals(keys, best, edge, left, n: int, w: int, exceed: bool) -> Tensor:
    """Units of the windows at the edge that are still taken, first places first."""
    windows = keys[0].numel()
    order = torch.arange(windows, 0, -1, dtype=torch.int32, device=keys.device).view(keys.shape[1:])
    first = _spread(torch.where(keys == edge, order, _NONE), n, w)
    first = torch.where(best == edge, first, _NONE)
    size = first[0].numel()
    last = kth_largest(first.flatten(1), (left + 1).clamp(max=size))[:, None, None]
    taken = first > last
    if exceed:
        over = taken.sum((1, 2)) < left
        taken |= (first == last) & (first != _NONE) & over[:, None, None]
    return taken


def _fill(chosen: Tensor, keys: Tensor, best: Tensor, budget: Tensor, n: int, w: int) -> None:
    """Go on after windows that do not fit. Each round takes the best window that adds something and still fits.

    A window that once did not fit never will: what it adds shrinks by no more than what is left. A round therefore meets
    windows in the greedy loop's order, and fewer than n·w rounds are needed.
    """
    order = torch.arange(keys[0].numel(), 0, -1, device=keys.device)
    unit = best != _NONE
    while True:
        left = budget - chosen.sum((1, 2))
        adds = slide(slide((unit & ~chosen).int(), n, 1, torch.add), w, 2, torch.add)
        fits = (keys != _NONE) & (adds > 0) & (adds <= left[:, None, None])
        if not bool(fits.any()):
            return
        value = ((keys.long() << 32) | order.view(keys.shape[1:])).masked_fill(~fits, _NONE).flatten(1)
        top = value.max(1, keepdim=True).values
        taken = torch.where((value == top) & (top != _NONE), 0, _NONE).view_as(keys).int()
        chosen |= (_spread(taken, n, w) == 0) & unit

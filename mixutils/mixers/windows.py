"""The union of the best windows of a map, exactly and without a loop over windows (DropMix, section 4.1).

Given scores of all n × w windows (stride 1), DropMix takes windows in decreasing order until the next one would carry their
union above a budget of units (SPEC 6(a)). Equal scores are taken in row-major order of their places. The greedy loop need
not be run: let c(u) be the best score of a window that covers unit u, a sliding maximum. The union of all windows with
scores above t is {u : c(u) > t}, so the loop stops at the (budget + 1)-th largest c, an order statistic. Only windows that
share this very score can still be taken, and among them the same argument holds with places for scores.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

from .options import one_of

Rule = Literal["stop", "skip", "exceed"]
RULES = get_args(Rule)
_NONE = -1  # score of what is no unit or no window; below every real score


def slide(x: Tensor, size: int, dim: int, op: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """``op`` over every run of ``size`` neighbours along ``dim``, of which ``x.shape[dim] - size + 1`` > 0 are left.

    These are about 2·log2(size) elementwise operations; ``op`` is associative, such as torch.add or torch.maximum.
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
    """Squared L2 norms of all windows, (R, N - n + 1, D - w + 1) float32, non-negative; of single units the magnitude itself.

    One factor per row aside, which leaves the order of the paper's F_A (SPEC 6(a)).

    Args:
        saliency: (R, N, D) float; only magnitudes count. height: (R,) int64, positions of each row that count.
        n, w: windows of n <= N positions by w <= D channels.
    """
    x = saliency.float()
    # A power of two per row keeps squares of tiny gradients from vanishing and rounds nothing.
    top = torch.maximum(x.amax((1, 2)), -x.amin((1, 2)))
    scale = torch.ldexp(torch.ones_like(top), -torch.frexp(top).exponent.clamp(-126, 126))
    inside = torch.arange(x.shape[1], device=x.device) < height[:, None]
    x = x * (inside * scale[:, None])[:, :, None]
    if n == w == 1:
        return x.abs_()
    x = x.square_()
    for dim, size in sorted(((1, n), (2, w)), key=lambda d: d[1] < x.shape[d[0]]):  # spanning windows first
        x = x.sum(dim, keepdim=True) if size == x.shape[dim] else slide(x, size, dim, torch.add)
    return x


def kth_largest(x: Tensor, k: Tensor) -> Tensor:
    """The k-th largest entry (R,) of every row of x (R, M), each row with its own k (R,) int64, 1 <= k <= M."""
    if x.is_cuda:  # kthvalue warns there that the *index* it finds is not deterministic
        return x.sort(dim=1, descending=True).values.gather(1, k[:, None] - 1)[:, 0]
    places = (x.shape[1] + 1 - k).tolist()
    return torch.stack([row.kthvalue(place).values for row, place in zip(x, places, strict=True)])


def union(scores: Tensor, height: Tensor, n: int, w: int, budget: Tensor, rule: Rule = "stop") -> Tensor:
    """Units (R, N, D) bool that are covered by the best windows within a budget.

    Args:
        scores: (R, N - n + 1, D - w + 1) float32, non-negative.
        height: (R,) int64, positions of each row that are units, 0..N; a row with fewer than n has one window, which covers
            all of them.
        budget: (R,) int64, largest number of units.
        rule: "stop" at the first window that would exceed the budget; "skip" it and go on; "exceed", take it too unless
            the budget is met exactly (SPEC RA3). Any other is a ValueError.
    """
    one_of("budget", rule, RULES)
    place = torch.arange(scores.shape[1], device=scores.device)
    none = (place > (height - n).clamp(min=0)[:, None]) | (height == 0)[:, None]
    scores = scores.masked_fill(none[:, :, None], _NONE)
    best = _spread(scores, n, w)
    position = torch.arange(best.shape[1], device=scores.device)
    best.masked_fill_((position >= height[:, None])[:, :, None], _NONE)
    units, size = height * best.shape[2], best[0].numel()
    edge = kth_largest(best.flatten(1), (budget + 1).clamp(max=size))
    edge = torch.where(budget < units, edge, _NONE)[:, None, None]
    chosen = best > edge
    left = budget - chosen.sum((1, 2))
    tied = (scores == edge).sum((1, 2))
    rows = ((budget < units) & (left > 0) & ((tied > 1) | (rule == "exceed"))).nonzero()[:, 0]
    if len(rows):
        chosen[rows] |= _among_equals(scores[rows], best[rows], edge[rows], left[rows], n, w, rule == "exceed")
    if rule == "skip":
        _fill(chosen, scores, best, budget, n, w)
    return chosen


def _spread(x: Tensor, n: int, w: int) -> Tensor:
    """For every unit the largest entry of a window that covers it: (R, P, Q) -> (R, P + n - 1, Q + w - 1), a new tensor."""
    padded = torch.nn.functional.pad(x, (w - 1, w - 1, n - 1, n - 1), value=_NONE)
    return slide(slide(padded, n, 1, torch.maximum), w, 2, torch.maximum)


def _among_equals(scores, best, edge, left, n: int, w: int, exceed: bool) -> Tensor:
    """Units of the windows at the edge that are still taken, first places first."""
    first = _spread(torch.where(scores == edge, _order(scores), _NONE), n, w)
    first = torch.where(best == edge, first, _NONE)
    last = kth_largest(first.flatten(1), (left + 1).clamp(max=first[0].numel()))[:, None, None]
    taken = first > last
    if exceed:
        over = taken.sum((1, 2)) < left
        taken |= (first == last) & (first != _NONE) & over[:, None, None]
    return taken


def _order(scores: Tensor) -> Tensor:
    """(P, Q) int32: numbers that fall from place to place in row-major order, all positive."""
    shape = scores.shape[1:]
    return torch.arange(shape.numel(), 0, -1, dtype=torch.int32, device=scores.device).view(shape)


def _fill(chosen: Tensor, scores: Tensor, best: Tensor, budget: Tensor, n: int, w: int) -> None:
    """Go on after windows that do not fit. Each round takes the best window that adds something and still fits.

    A window that once did not fit never will: what it adds shrinks by no more than what is left. A round therefore meets
    windows in the greedy loop's order, and fewer than n·w rounds are needed.
    """
    order, unit = _order(scores), best != _NONE
    while True:
        left = budget - chosen.sum((1, 2))
        adds = slide(slide((unit & ~chosen).int(), n, 1, torch.add), w, 2, torch.add)
        fits = (scores != _NONE) & (adds > 0) & (adds <= left[:, None, None])
        if not bool(fits.any()):
            return
        value = torch.where(fits, scores, _NONE)
        first = torch.where(fits & (value == value.amax((1, 2), keepdim=True)), order, _NONE)
        taken = fits & (first == first.amax((1, 2), keepdim=True))
        chosen |= (_spread(taken.int(), n, w) > 0) & unit

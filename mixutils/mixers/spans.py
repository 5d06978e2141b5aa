"""The token edits of SSMix and its ablations, batched: no Python loop over examples.

All functions work on R rows padded to L tokens. A text of a row is a contiguous run of tokens; ``text_id`` says which
(0 first text, 1 second text, -1 special or padding), so special tokens are never counted and never touched.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Text(NamedTuple):
    """Place of one text in each row: ``start`` (R,) int64 first token, ``n`` (R,) int64 number of tokens (may be 0)."""

    start: Tensor
    n: Tensor

    def rows(self, rows: Tensor) -> Text:
        return Text(self.start[rows], self.n[rows])


def locate(text_id: Tensor, part: int) -> Text:
    """Where text ``part`` (0 or 1) is in each row of ``text_id`` (R, L)."""
    inside = text_id == part
    return Text(inside.to(torch.uint8).argmax(1), inside.sum(1))


def span_length(
    n_a: Tensor, n_b: Tensor, ratio: Tensor | float, rounding: str = "floor", short: str = "shorten"
) -> Tensor:
    """l = max(min([ratio·n_a], n_b), 1) ([P] SSMix section 2), 0 where either text is empty (SPEC SA12).

    Args:
        n_a, n_b: (R,) int64 token counts. ratio: λ_0, a number or (R,).
        rounding: "floor" or "round" (SPEC SA3).
        short: "shorten" as printed; "skip": no mixing where n_b < [ratio·n_a]; "authors": l = max([ratio·n_a], 1) as long as
            it is at most n_b + 2, the partner's text with its two special tokens, and no mixing beyond (SPEC SA5).

    Returns:
        (R,) int64, 0 <= l <= n_a; l <= n_b too, but for "authors".
    """
    exact = torch.as_tensor(ratio, dtype=torch.float64, device=n_a.device) * n_a
    # A product such as 0.29 · 100 falls just below the integer that is meant.
    wanted = (torch.floor(exact + 1e-9) if rounding == "floor" else torch.round(exact)).long()
    length = torch.minimum(wanted, n_b).clamp(min=1)
    if short == "authors":
        length = torch.where(wanted > n_b + 2, 0, wanted.clamp(min=1))
    if short == "skip":
        length = torch.where(n_b < wanted, 0, length)
    return torch.where((n_a > 0) & (n_b > 0), torch.minimum(length, n_a), 0)


def best_span(saliency: Tensor, text: Text, length: Tensor, largest: bool) -> Tensor:
    """First token of the span of ``length`` with the largest or smallest summed saliency; the first one on ties.

    Args:
        saliency: (R, L) float32. length: (R,) int64, 0 <= length <= text.n.

    Returns:
        (R,) int64, column in the row. Where ``length`` is 0 the result is the text's start and means nothing.
    """
    rows, width = saliency.shape
    # float64 prefix sums of float32 values are exact over the range of values that occur, so equal spans stay equal.
    total = torch.zeros(rows, width + 1, dtype=torch.float64, device=saliency.device)
    torch.cumsum(saliency.double(), dim=1, out=total[:, 1:])
    begin = torch.arange(width, device=saliency.device).expand(rows, width)
    end = (begin + length[:, None]).clamp(max=width)
    score = total.gather(1, end) - total[:, :width]
    allowed = (begin >= text.start[:, None]) & (begin + length[:, None] <= (text.start + text.n)[:, None])
    worst = -torch.inf if largest else torch.inf
    score = torch.where(allowed, score, worst)
    best = score.max(1, keepdim=True).values if largest else score.min(1, keepdim=True).values
    return (score == best).to(torch.uint8).argmax(1)  # argmax of a mask is its first true column


def random_span(text: Text, length: Tensor, uniform: Tensor) -> Tensor:
    """First token of a span at a uniformly random place; ``uniform`` (R,) in [0, 1) is the draw."""
    places = (text.n - length + 1).clamp(min=1)
    return text.start + (uniform * places).long().clamp(max=places - 1)


def replace_span(ids_a: Tensor, ids_b: Tensor, u: Tensor, v: Tensor, length: Tensor) -> Tensor:
    """``ids_a`` with its ``length`` tokens from ``u`` replaced by those of ``ids_b`` from ``v``.

    Args:
        ids_a: (R, L) int64. ids_b: (R, L') int64. u, v, length: (R,) int64.
    """
    offset = torch.arange(ids_a.shape[1], device=ids_a.device) - u[:, None]
    inside = (offset >= 0) & (offset < length[:, None])
    source = (v[:, None] + offset).clamp(0, ids_b.shape[1] - 1)
    return torch.where(inside, ids_b.gather(1, source), ids_a)


def random_tokens(text: Text, length: Tensor, width: int, rng: np.random.Generator) -> Tensor:
    """``length`` tokens of each text in rows of ``width`` columns, without replacement: (R, width) bool."""
    keys = torch.from_numpy(rng.random((len(length), width))).to(length.device)
    column = torch.arange(width, device=length.device)
    keys = torch.where(column < text.n[:, None], keys, torch.inf)  # counted from the start of the text
    chosen = keys.argsort(1).argsort(1) < length[:, None]
    place = column - text.start[:, None]
    return (place >= 0) & chosen.gather(1, place.clamp(min=0))

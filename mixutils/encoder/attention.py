"""Attention for Hugging Face encoders, padded or packed, with dropout from the model's own generator.

The same arithmetic as transformers' "eager" attention. It exists because torch's dropout on a CPU draws its bits serially
(see ``dropout``), and so that all dropout of a run comes from one stream.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import packing
from .dropout import Dropout


def plain_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[Tensor, Tensor]:
    """softmax(q kᵀ · scaling + mask) v (B, L, heads, d / heads), and the weights (B, heads, L, L) after dropout.

    Args, as transformers calls it:
        query, key, value: (B, heads, L, d / heads). attention_mask: additive, broadcast to (B, heads, L, L), or None.
    """
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = torch.matmul(query, key.transpose(2, 3)) * scaling
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = scores.softmax(-1)
    own = getattr(module, "dropout", None)
    weights = own(weights) if isinstance(own, Dropout) else F.dropout(weights, dropout, module.training)
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), weights


def packed_attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **rest: Any
) -> tuple[Tensor, Tensor]:
    """``plain_attention`` for packed states, (1, heads, T, d / heads) each, and for padded ones where no packing is in use.

    A packing has its own ``attention_mask``. Of packed states it returns (1, T, heads, d / heads) and weights (R, heads, L, L).
    """
    packed = packing.current.get()
    if packed is None:
        return plain_attention(module, query, key, value, attention_mask, **rest)
    heads = query.shape[1]
    padded = [
        packed.unpack(x.transpose(1, 2).flatten(2)).unflatten(2, (heads, -1)).transpose(1, 2)
        for x in (query, key, value)
    ]
    out, weights = plain_attention(module, *padded, packed.bias, **rest)
    return packed.pack(out).unflatten(2, (heads, -1)), weights


#: The names by which transformers knows them.
PLAIN, PACKED = "mixutils_plain", "mixutils_packed"


def register() -> None:
    """Make both known to transformers."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    for name, attention in ((PLAIN, plain_attention), (PACKED, packed_attention)):
        AttentionInterface.register(name, attention)
        AttentionMaskInterface.register(name, eager_mask)

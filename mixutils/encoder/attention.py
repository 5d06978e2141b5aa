"""Plain attention for Hugging Face encoders, with dropout from the model's own generator.

The same arithmetic as transformers' "eager" attention. It exists because torch's dropout on a CPU draws its bits serially
(see ``dropout``), and so that all dropout of a run comes from one stream.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .dropout import Dropout

NAME = "mixutils_plain"


def plain_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: object,
) -> tuple[Tensor, Tensor]:
    """softmax(q kᵀ · scaling + mask) v, as transformers calls it.

    Args:
        query, key, value: (B, heads, L, d / heads). attention_mask: additive, broadcast to (B, heads, L, L), or None.

    Returns:
        (B, L, heads, d / heads), and the weights (B, heads, L, L) after dropout.
    """
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = torch.matmul(query, key.transpose(2, 3)) * scaling
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = scores.softmax(-1)
    own = getattr(module, "dropout", None)
    weights = own(weights) if isinstance(own, Dropout) else F.dropout(weights, dropout, module.training)
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), weights


def register(name: str = NAME, attention: Callable[..., tuple[Tensor, Tensor]] = plain_attention) -> str:
    """Make an attention known to transformers; returns the name to ask for."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    AttentionInterface.register(name, attention)
    AttentionMaskInterface.register(name, eager_mask)
    return name

"""How much each token (or unit) matters: gradients of the loss with respect to h_0.

Simonyan, Vedaldi and Zisserman, Deep Inside Convolutional Networks, 2013, as used by SSMix (section 2) and DropMix
(section 4.1). Where a training step contains the clean loss anyway, its backward pass leaves the gradient behind and
saliency is free: keep level 0 in ``Classifier.forward`` and read ``.grad`` afterwards. ``separate`` is the extra pass
for the cases in which it does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ..tasks.encode import Batch
from .model import WORDS, Classifier

Norm = Literal["l2", "l1", "rms"]
NORMS: dict[Norm, Callable[[Tensor], Tensor]] = {
    "l2": lambda g: g.float().norm(dim=-1),
    "l1": lambda g: g.float().abs().sum(-1),
    "rms": lambda g: g.float().pow(2).mean(-1).sqrt(),  # the l2 norm divided by sqrt(d): the same spans (SPEC SA8)
}


def token_saliency(gradient: Tensor, norm: Norm = "l2") -> Tensor:
    """Saliency of tokens, (B, L) float32, non-negative: "l2" ([P] SSMix), "l1" or "rms" ``norm`` of a gradient.

    The gradient is (B, L, d), any float type, of the summed or averaged loss: the scale of a row does not matter.
    """
    return NORMS[norm](gradient)


def separate(model: Classifier, batch: Batch, at: str = "embedding_output", train_mode: bool = True) -> Tensor:
    """Detached gradient (B, L, d) of the summed cross-entropy in a pass of its own; no parameter's ``.grad`` is touched.

    Args:
        at: "embedding_output" (h_0), "word_embedding" (the look-up alone, SPEC SA6) or "last_hidden" (SPEC RA4).
        train_mode: whether dropout is on (SPEC SA7); the model's mode is restored.
    """
    with model.mode(train_mode), torch.enable_grad():
        level = {"word_embedding": WORDS, "embedding_output": 0, "last_hidden": model.depth}[at]
        out = model(batch, keep=(level,))
        return _gradient(out.logits, batch.labels, out.kept[level])


def at_top(model: Classifier, states: Tensor, labels: Tensor, train_mode: bool = True) -> Tensor:
    """``separate`` at the last hidden states (B, L, d) where these are known already: no pass through the encoder.

    No gradient flows back into ``states``; ``labels`` are (B,) int64.
    """
    with model.mode(train_mode), torch.enable_grad():
        leaf = states.detach().requires_grad_()
        return _gradient(model.classify(model.pool(leaf)), labels, leaf)


def _gradient(logits: Tensor, labels: Tensor, source: Tensor) -> Tensor:
    loss = F.cross_entropy(logits.float(), labels, reduction="sum")
    return torch.autograd.grad(loss, source)[0].detach()

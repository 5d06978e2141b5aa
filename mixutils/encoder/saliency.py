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
from .model import Classifier

Norm = Literal["l2", "l1", "rms"]
NORMS: dict[Norm, Callable[[Tensor], Tensor]] = {
    "l2": lambda g: g.float().norm(dim=-1),
    "l1": lambda g: g.float().abs().sum(-1),
    "rms": lambda g: g.float().pow(2).mean(-1).sqrt(),  # the l2 norm divided by sqrt(d): the same spans (SPEC SA8)
}


def token_saliency(gradient: Tensor, norm: Norm = "l2") -> Tensor:
    """Saliency of tokens from a gradient.

    Args:
        gradient: (B, L, d), any float type, of the summed or averaged loss: the scale of a row does not matter.
        norm: "l2" ([P] SSMix), "l1" or "rms".

    Returns:
        (B, L) float32, non-negative.
    """
    return NORMS[norm](gradient)


def separate(model: Classifier, batch: Batch, at: str = "embedding_output", train_mode: bool = True) -> Tensor:
    """Gradient of the summed cross-entropy in a pass of its own; no parameter's ``.grad`` is touched.

    Args:
        at: "embedding_output" (h_0), "word_embedding" (the look-up alone, SPEC SA6) or "last_hidden" (SPEC RA4).
        train_mode: whether dropout is on (SPEC SA7); the model's mode is restored.

    Returns:
        (B, L, d) gradient, detached.
    """
    with model.mode(train_mode), torch.enable_grad():
        if at == "word_embedding":
            seen: list[Tensor] = []
            handle = model.encoder.get_input_embeddings().register_forward_hook(lambda m, a, out: seen.append(out))
            try:
                logits, source = model(batch).logits, seen[0]
            finally:
                handle.remove()
        else:
            level = {"embedding_output": 0, "last_hidden": model.depth}[at]
            out = model(batch, keep=(level,))
            logits, source = out.logits, out.kept[level]
        return _gradient(logits, batch.labels, source)


def at_top(model: Classifier, states: Tensor, labels: Tensor, train_mode: bool = True) -> Tensor:
    """``separate`` at the last hidden states where these are known already: no pass through the encoder.

    Args:
        states: (B, L, d) last hidden states; no gradient flows back into them. labels: (B,) int64.
    """
    with model.mode(train_mode), torch.enable_grad():
        leaf = states.detach().requires_grad_()
        return _gradient(model.classify(model.pool(leaf)), labels, leaf)


def _gradient(logits: Tensor, labels: Tensor, source: Tensor) -> Tensor:
    loss = F.cross_entropy(logits.float(), labels, reduction="sum")
    return torch.autograd.grad(loss, source)[0].detach()

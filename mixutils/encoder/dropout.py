"""Dropout whose randomness is an argument, and which costs a tenth of a CPU step less.

torch draws one Bernoulli number per element with a serial generator; on two cores that alone takes a sixth of a MiniLM
training step. Here 16 random bits per element are compared with a threshold, four elements per 64-bit draw. The probability
is therefore a multiple of 2^-16 (0.1 becomes 0.100006), and the scale is the exact inverse of what is kept, so that the
expectation is unchanged. On a GPU, and wherever no generator is given, torch's own dropout is used.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LEVELS = 1 << 16


class Dropout(nn.Dropout):
    """``nn.Dropout`` with an optional ``numpy.random.Generator``; see the module."""

    rng: np.random.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        threshold = round(self.p * _LEVELS)
        if self.rng is None or not self.training or not x.is_cpu or threshold in (0, _LEVELS):
            return F.dropout(x, self.p, self.training)
        n = x.numel()
        draws = torch.from_numpy(self.rng.integers(0, 1 << 64, (n + 3) // 4, dtype=np.uint64).view(np.int16))
        keep = draws[:n].view(x.shape) >= threshold - _LEVELS // 2
        return x * keep.to(x.dtype).mul_(_LEVELS / (_LEVELS - threshold))


def take_over(model: nn.Module) -> None:
    """Replace every plain ``nn.Dropout`` below ``model`` by ``Dropout`` with the same probability."""
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Dropout:
                setattr(parent, name, Dropout(child.p))


def give_rng(model: nn.Module, rng: np.random.Generator | None) -> None:
    """Let all ``Dropout`` modules of a model draw from one generator; None gives them back to torch."""
    for module in model.modules():
        if isinstance(module, Dropout):
            module.rng = rng


#: Values of ``Run.dropout`` that switch one dropout layer off and leave the others (DropMix's ablated layer, SPEC RA9).
ABLATIONS = ("no-embedding", "no-classifier")


def ablate(model: nn.Module, which: str) -> None:
    """Switch off one dropout layer of a ``Classifier``: after the embeddings (a ValueError without one), or before its head."""
    if which == "no-classifier":
        model.dropout.p = 0.0
        return
    inside = {id(m) for layer in model.layers for m in layer.modules()}
    outside = [m for m in model.encoder.modules() if isinstance(m, nn.Dropout) and id(m) not in inside]
    if not outside:
        raise ValueError("this encoder has no dropout after its embeddings")
    for module in outside:
        module.p = 0.0

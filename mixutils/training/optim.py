"""Optimisers, parameter groups and learning-rate schedules."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

#: Updates after which both bias corrections are exactly 1 in double precision, for every β up to 0.9999; a whole number
#: that float32, torch's type for the count, still tells from its neighbours.
_CORRECTED = 1_000_000.0


class BertAdam(torch.optim.AdamW):
    """Adam as the original BERT used it: decoupled weight decay and *no* bias correction.

    Devlin et al., BERT, NAACL 2019 (their ``AdamWeightDecayOptimizer``), SPEC 2(b). The update is
    ``lr · (m / (sqrt(v) + eps) + weight_decay · p)`` with the moving averages m, v as they are, so the first steps are larger
    than Adam's by (1 - β1)/sqrt(1 - β2), which warm-up hides. It is torch's fused AdamW with a count of updates that starts
    where the corrections have ended: one pass over the memory instead of nine.
    """

    def __init__(self, params, lr: float, betas=(0.9, 0.999), eps: float = 1e-6, weight_decay: float = 0.01) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, fused=True)
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p] = {
                    "step": torch.tensor(_CORRECTED, dtype=torch.float32, device=p.device),
                    "exp_avg": torch.zeros_like(p),
                    "exp_avg_sq": torch.zeros_like(p),
                }


OPTIMIZERS = {
    "adamw": partial(torch.optim.AdamW, fused=True),
    "adam": partial(torch.optim.Adam, fused=True),
    "bertadam": BertAdam,
}


def build_optimizer(
    name: str, model: nn.Module, mixer: nn.Module, lr: float, mixer_lr: float, weight_decay: float, betas, eps: float
) -> torch.optim.Optimizer:
    """An optimiser over the model's and the mixer's parameters.

    Biases and LayerNorm weights (everything with fewer than two dimensions) do not decay (SPEC 4(b), 2(b)), nor do the
    mixer's parameters (SPEC DA12), which may have a learning rate of their own (SPEC X10). ``Mixer.head_parameters`` count
    as the model's.

    Raises:
        ValueError: an unknown name; the message lists the known ones.
    """
    if name not in OPTIMIZERS:
        raise ValueError(f"unknown optimizer {name!r}; known: {', '.join(OPTIMIZERS)}")
    head = getattr(mixer, "head_parameters", list)()
    params = [p for p in (*model.parameters(), *head) if p.requires_grad]
    groups = [
        {"params": [p for p in params if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in params if p.dim() < 2], "weight_decay": 0.0},
    ]
    own = [p for p in mixer.parameters() if p.requires_grad and all(p is not h for h in head)]
    if own:
        groups.append({"params": own, "weight_decay": 0.0, "lr": mixer_lr})
    return OPTIMIZERS[name](groups, lr=lr, betas=betas, eps=eps)


def learning_rate(schedule: str, step: int, total: int, warmup: float) -> float:
    """Factor of the learning rate for update ``step`` (0-based) of ``total``.

    "linear" rises over the first ``warmup`` share of the steps and then falls to 0 after the last; "constant" is 1.
    """
    if schedule == "constant":
        return 1.0
    if schedule != "linear":
        raise ValueError(f"unknown schedule {schedule!r}; known: linear, constant")
    rise = int(warmup * total)
    if step < rise:
        return step / max(1, rise)
    return max(0.0, (total - step) / max(1, total - rise))

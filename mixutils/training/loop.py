"""The training loop: one for all mixers, ignorant of papers.

A run with the same seed gives the same bits on the same machine, also when it was killed and resumed in between: order of
batches, draws of the mixer and dropout each have a stream of their own, and all of them are part of the saved state.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import rng
from ..encoder.dropout import give_rng
from ..encoder.model import Classifier
from ..mixers.base import Mixer
from ..tasks.encode import Batch, EncodedSplit, EncodedTask
from .metrics import predict, score
from .optim import build_optimizer, learning_rate
from .policies import choose


@dataclass(frozen=True)
class Recipe:
    """How a model is trained and evaluated. Every field is part of the run's name."""

    lr: float = 2e-5  # peak learning rate
    epochs: int = 3  # passes over the training part; ignored where steps is set
    steps: int = 0  # number of updates, each on batch_size rows drawn anew (DNM); 0: count epochs
    carry: bool = False  # batches run on over the end of a pass, so that only the last of all may be smaller
    batch_size: int = 32  # rows per update
    optimizer: str = "adamw"  # adamw | adam | bertadam
    weight_decay: float = 0.0  # decoupled; not on biases and LayerNorm
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    schedule: str = "linear"  # linear | constant
    warmup: float = 0.0  # share of the updates
    clip: float = 0.0  # largest gradient norm; 0: none
    mixer_lr: float = 0.0  # learning rate of the mixer's own parameters; 0: as lr (SPEC X10)
    eval_every: int = 0  # updates between evaluations; 0, or more than an epoch has (unless steps or carry): once an epoch. Always after the last
    class_weights: str = "none"  # none | balanced: factors of the loss, see ``balance``
    eval_first: int = 0  # the same in the first epoch, if it shall have more; then all ends of epochs are evaluated too


def balance(labels: np.ndarray, classes: int) -> Tensor:
    """Weights (C,) float32 of classes whose rows count alike together: n / (C·n_c), as scikit-learn's "balanced".

    C counts the classes that occur in ``labels`` (n,) int64; the mean weight of a row is 1, and what does not occur has 1 too.
    """
    from sklearn.utils.class_weight import compute_class_weight

    out, there = torch.ones(classes), np.unique(labels)
    out[torch.from_numpy(there)] = torch.from_numpy(compute_class_weight("balanced", classes=there, y=labels)).float()
    return out


@dataclass
class State:
    """Everything that changes while training; what a checkpoint of an unfinished run consists of."""

    step: int = 0
    curve: list[dict[str, Any]] = field(default_factory=list)
    #: Confusion matrix and bits of each part, per evaluation.
    details: list[dict[str, Any]] = field(default_factory=list)
    step_ms: list[float] = field(default_factory=list)
    loss_sum: float = 0.0
    loss_count: int = 0
    best: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    train_s: float = 0.0
    eval_s: float = 0.0


def autocast(device: torch.device, precision: str) -> Callable[[], contextlib.AbstractContextManager]:
    """A maker of autocast contexts for "bfloat16", or of empty ones for "float32"."""
    if precision == "float32":
        return contextlib.nullcontext
    if precision != "bfloat16":
        raise ValueError(f"precision must be 'float32' or 'bfloat16' here, not {precision!r}")
    return lambda: torch.autocast(device.type, torch.bfloat16)


def batches(split: EncodedSplit, recipe: Recipe, seed: int, start: int = 0) -> Iterator[Tensor]:
    """Rows of update ``start`` and all later ones, each (batch_size,) int64; the same for every method."""
    n, size, device = len(split), recipe.batch_size, split.labels.device

    def draw(i: int) -> Tensor:
        return torch.from_numpy(rng.numpy_rng(seed, "order", i).permutation(n)).to(device)

    if recipe.steps:
        found = (draw(step)[:size] for step in range(recipe.steps))
    elif recipe.carry:
        found = torch.cat([draw(epoch) for epoch in range(recipe.epochs)]).split(size)
    else:
        found = (rows for epoch in range(recipe.epochs) for rows in draw(epoch).split(size))
    yield from itertools.islice(found, start, None)


def count_steps(n: int, recipe: Recipe) -> int:
    """Updates of a run on n training rows."""
    if recipe.carry and not recipe.steps:
        return math.ceil(n * recipe.epochs / recipe.batch_size)
    return recipe.steps or recipe.epochs * math.ceil(n / recipe.batch_size)


def epoch_steps(n: int, recipe: Recipe) -> int:
    """Updates of an epoch of n training rows; 0 for runs without such epochs (steps or carry)."""
    return 0 if recipe.steps or recipe.carry else math.ceil(n / recipe.batch_size)


def evaluation_steps(n: int, recipe: Recipe) -> list[int]:
    """After which updates (1-based) a run is evaluated."""
    total, per_epoch = count_steps(n, recipe), math.ceil(n / recipe.batch_size)
    every = recipe.eval_every
    if not every or every > epoch_steps(n, recipe) > 0:
        every = per_epoch
    found = {*range(every, total + 1, every), total}
    if first := recipe.eval_first:
        found |= {*range(first, min(per_epoch, total), first), *range(per_epoch, total, per_epoch)}
    return sorted(found)


def train(
    model: Classifier,
    mixer: Mixer,
    data: EncodedTask,
    recipe: Recipe,
    seed: int,
    *,
    precision: str = "float32",
    keep: Sequence[str] = (),
    save: Callable[[State, dict[str, Any]], None] | None = None,
    resume: Callable[[dict[str, Any]], State | None] | None = None,
) -> State:
    """Train and evaluate.

    Args:
        model, mixer, data: on one device; ``data.splits`` has "train" and at least one other part, all of which are
            evaluated.
        precision: "bfloat16" for autocast, else "float32".
        keep: policies (see ``policies``) whose weights are kept in ``State.best``.
        save: called after each evaluation with the state and the objects that belong to it; may store them.
        resume: called before the first step with the same objects; loads them and returns the stored state, or None.

    Returns:
        The final state; its curve has one entry per evaluation.

    Raises:
        RuntimeError: the loss is not finite. ValueError: class weights for a mixer whose loss has none.
    """
    device = next(model.parameters()).device
    cast = autocast(device, precision)
    split = data.splits["train"]
    total = count_steps(len(split), recipe)
    evaluate_at = set(evaluation_steps(len(split), recipe))
    mixer.to(device)
    mixer_rng = rng.numpy_rng(seed, "mixer")
    # Where dropout is not ours (fused attention, GPUs) it draws from torch's global generator.
    torch.manual_seed(rng.derive(seed, "dropout"))
    dropout_rng = rng.numpy_rng(seed, "dropout")
    give_rng(model, dropout_rng)
    if recipe.class_weights != "none":
        if not mixer.weighs_classes:
            raise ValueError(f"class_weights are not for {type(mixer).__name__}, which compares label embeddings")
        mixer.class_weights = balance(split.labels.cpu().numpy(), data.classes).to(device)
    with torch.no_grad(), cast():
        mixer.prepare(model, replace(data, splits={"train": split}), mixer_rng)
    mixer.to(device)
    own_lr = recipe.mixer_lr or recipe.lr
    optimizer = build_optimizer(
        recipe.optimizer, model, mixer, recipe.lr, own_lr, recipe.weight_decay, recipe.betas, recipe.eps
    )
    peaks = [group["lr"] for group in optimizer.param_groups]
    objects = {"model": model, "mixer": mixer, "optimizer": optimizer}
    objects |= {"mixer_rng": mixer_rng, "dropout_rng": dropout_rng}
    state = (resume(objects) if resume else None) or State()
    model.train()
    for rows in batches(split, recipe, seed, state.step):
        begin = time.perf_counter()
        factor = learning_rate(recipe.schedule, state.step, total, recipe.warmup)
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * factor
        loss = take_step(model, mixer, split.batch(rows), mixer_rng, cast, optimizer, recipe.clip, own_lr * factor)
        if not math.isfinite(loss):
            where = f"at step {state.step + 1} of {total}"
            raise RuntimeError(f"the loss is {loss} {where}; a smaller lr than {recipe.lr} may help")
        state.step += 1
        state.loss_sum, state.loss_count = state.loss_sum + loss, state.loss_count + 1
        elapsed = time.perf_counter() - begin
        state.step_ms.append(elapsed * 1e3)
        state.train_s += elapsed
        if state.step in evaluate_at:
            _evaluate(model, mixer, data, state, cast)
            for policy in keep:
                if choose(policy, state.curve) == len(state.curve) - 1:
                    state.best[policy] = {k: v.detach().clone() for k, v in tensors_of(model, mixer).items()}
            if save:
                save(state, objects)
    return state


def take_step(
    model: Classifier,
    mixer: Mixer,
    batch: Batch,
    mixer_rng: np.random.Generator,
    cast: Callable[[], contextlib.AbstractContextManager],
    optimizer: torch.optim.Optimizer,
    clip: float = 0.0,
    mixer_lr: float = 0.0,
) -> float:
    """One update: forward and backward of all parts of the loss, then the optimiser; returns the loss.

    With a loss that is not finite nothing is updated. ``mixer_lr`` is handed to ``Mixer.after_step``.
    """
    parts, total = mixer.losses(model, batch, mixer_rng), 0.0
    while True:
        with cast():
            part = next(parts, None)
        if part is None:
            break
        loss = part.loss if part.weight == 1 else part.weight * part.loss
        loss.backward()
        total += float(loss.detach())
    if math.isfinite(total):
        if clip:
            torch.nn.utils.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], clip)
        optimizer.step()
        mixer.after_step(mixer_lr)
    optimizer.zero_grad(set_to_none=True)
    return total


def evaluate(model: Classifier, mixer: Mixer, split: EncodedSplit, cast) -> tuple[dict[str, float], dict[str, Any]]:
    """The metrics of one part, and its details: "confusion" and "bits" (see ``metrics.score``)."""
    result = score(predict(model, mixer, split, cast), split.labels.cpu().numpy())
    details = {name: result.pop(name) for name in ("confusion", "bits")}
    return result, details


def _evaluate(model: Classifier, mixer: Mixer, data: EncodedTask, state: State, cast) -> None:
    begin = time.perf_counter()
    metrics, details = {}, {}
    for name, split in data.splits.items():
        if name != "train":
            metrics[name], details[name] = evaluate(model, mixer, split, cast)
    point = {"step": state.step, "train_loss": state.loss_sum / state.loss_count, "metrics": metrics}
    if own := mixer.diagnose():
        point["mixer"] = own
    state.curve.append(point)
    state.details.append(details)
    state.loss_sum, state.loss_count = 0.0, 0
    state.eval_s += time.perf_counter() - begin


def tensors_of(model: Classifier, mixer: Mixer) -> dict[str, Tensor]:
    """The tensors of both, under "model." and "mixer."."""
    return {
        f"{name}.{k}": v for name, part in (("model", model), ("mixer", mixer)) for k, v in part.state_dict().items()
    }

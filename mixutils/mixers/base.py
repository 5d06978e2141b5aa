"""The interface of a mixer, and the draws and losses that all families share.

Conventions (SPEC 1.2): ``w_b`` is the weight of the *partner* in the label, (rows,), float32, in [0, 1], everywhere.
A paper's own ratio is converted in one place of its family. Drawing takes a ``numpy.random.Generator``, so that CPU and
GPU see the same draws; applying is deterministic.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..encoder.model import Classifier
from ..tasks.encode import Batch, EncodedSplit, EncodedTask
from .options import Options
from .partners import others


class Part(NamedTuple):
    """One term of a training step's loss."""

    name: str  # for the log
    loss: Tensor  # scalar with gradient
    weight: float = 1.0  # its factor in the step's loss


class Mixer(nn.Module):
    """What happens in one training step. Parameters of the module, if any, are trained with the model's.

    A mixer is either this abstract class or final. All its settings are fields of ``Options``, a frozen dataclass whose
    defaults are the resolutions of the SPEC.
    """

    Options: ClassVar[type]
    counts: ClassVar[tuple[str, ...]] = ()  # buffers that count over a whole training; no prediction depends on them
    train_split: EncodedSplit | None = None  # for partners; None before ``prepare``
    class_weights: Tensor | None = None  # (C,) float32, factors of the loss; None: every row counts alike

    def __init__(self, options: Any) -> None:
        super().__init__()
        self.options = options
        self._sums: dict[str, float] = {}
        self._count: dict[str, int] = {}

    def prepare(self, model: Classifier, data: EncodedTask, rng: np.random.Generator) -> None:
        """Called once before training, with the training part only; never sees validation or test (SPEC 7, rule 8)."""
        self.train_split = data.splits["train"]

    @property
    def weighs_classes(self) -> bool:
        """Whether ``class_weights`` reach the loss; a label without a share for each class has none."""
        return True

    def losses(self, model: Classifier, batch: Batch, rng: np.random.Generator) -> Iterator[Part]:
        """The terms of one step's loss.

        The caller must run ``(part.weight * part.loss).backward()`` before it asks for the next part: a later part may
        use gradients that an earlier one left behind. This is how SSMix gets its saliency without a pass of its own.
        """
        raise NotImplementedError(f"{type(self).__name__} must define losses()")

    def head_parameters(self) -> list[nn.Parameter]:
        """Those of the mixer's parameters that are part of the classifier: they learn and decay as the model's own do."""
        return []

    def after_step(self, lr: float) -> None:
        """Called after each update, before gradients are cleared: what is learned outside ``parameters()`` is updated here.

        ``lr`` is the learning rate of the mixer's own parameters in this step, schedule included.
        """

    def predict(self, model: Classifier, batch: Batch) -> Tensor:
        """Logits (B, C) or any scores whose arg max is the prediction, on unmixed text."""
        return model(batch).logits

    def diagnose(self) -> dict[str, float]:
        """Numbers about the mixer's own state at an evaluation, for the learning curve."""
        return {}

    def load_selected(self, state: dict[str, Tensor]) -> None:
        """Go back to the ``state_dict`` of a step with all but ``counts``, which keep what the whole training counted."""
        now = self.state_dict()
        self.load_state_dict(state | {name: now[name] for name in self.counts if name in now})

    def note(self, **values: float | Tensor) -> None:
        """Add to the averages that ``log`` returns."""
        for name, value in values.items():
            number = float(value.detach().float().mean()) if isinstance(value, Tensor) else float(value)
            self._sums[name] = self._sums.get(name, 0.0) + number
            self._count[name] = self._count.get(name, 0) + 1

    def log(self) -> dict[str, float]:
        """Means of everything noted so far, for the record."""
        return {name: total / self._count[name] for name, total in self._sums.items()}

    def extra_state(self) -> dict[str, Any]:
        """JSON-able state beside the parameters, for a run that is interrupted and resumed."""
        return {"sums": dict(self._sums), "count": dict(self._count)}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        self._sums, self._count = dict(state["sums"]), dict(state["count"])


class Plain(Mixer):
    """Plain fine-tuning, the unmixed baseline of every paper: cross-entropy on the batch; 1 pass a step."""

    Options = Options  # nothing to choose

    def losses(self, model: Classifier, batch: Batch, rng: np.random.Generator) -> Iterator[Part]:
        yield Part("clean", cross_entropy(model(batch).logits, batch.labels, self.class_weights))


def clean_half(
    model: Classifier, batch: Batch, level: int | None = None, weights: Tensor | None = None
) -> Generator[Part, None, Tensor | None]:
    """The clean terms as one half of a step's loss; returns the gradient (R, L, d) that they left at ``level``, if there is one.

    Raises:
        RuntimeError: the next part was asked for before the backward pass.
    """
    out = model(batch, keep=() if level is None else (level,))
    yield Part("clean", cross_entropy(out.logits, batch.labels, weights), 0.5)
    gradient = None if level is None else out.kept[level].grad
    if level is not None and gradient is None:
        raise RuntimeError("saliency needs the clean part's backward pass before the second part is asked for")
    return gradient


def draw_beta(
    rng: np.random.Generator, alpha: float, size: int, per: str, device: torch.device | str, fold: bool
) -> Tensor:
    """Weights of the partner from a Beta draw: (size,) float32 in [0, 1].

    λ' ~ Beta(α, α) weighs the *first* text; with ``fold``, λ = max(λ', 1 - λ'). Returned is ``w_b`` = 1 - λ. One draw is for all
    rows or, ``per`` "example", each row has its own (SPEC SA14).
    """
    lam = rng.beta(alpha, alpha, size=1 if per == "batch" else size)
    lam = np.maximum(lam, 1 - lam) if fold else lam
    return torch.from_numpy(np.broadcast_to(1 - lam, (size,)).astype(np.float32)).to(device)


def mix_rows(a: Tensor, b: Tensor, w_b: Tensor) -> Tensor:
    """(1 - w_b)·a + w_b·b, row by row; ``w_b`` = 0 gives ``a`` and 1 gives ``b`` to the bit.

    Args:
        a, b: (R, ...) of one shape and type. w_b: (R,) float32.
    """
    w = w_b.to(a.dtype).view(-1, *[1] * (a.dim() - 1))
    return (1 - w) * a + w * b


def weigh(
    loss: Tensor, weights: Tensor | None, y_a: Tensor, y_b: Tensor | None = None, w_b: Tensor | None = None
) -> Tensor:
    """Mean of the losses (R,) of rows, each times the weight of its class; of a mixture the weights are mixed as the labels are.

    Args:
        weights: (C,) float32, or None for a plain mean. y_a, y_b: (R,) int64. w_b: (R,) float, without gradient here.
    """
    if weights is None:
        return loss.mean()
    own = weights[y_a]
    if y_b is not None:
        own = torch.lerp(own, weights[y_b], w_b.detach().float())
    return (own * loss).mean()


def mixed_cross_entropy(logits: Tensor, y_a: Tensor, y_b: Tensor, w_b: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean over rows of (1 - w_b)·CE(p, y_a) + w_b·CE(p, y_b) (SPEC 1.4), see ``weigh``; logits (R, C)."""
    log_p = F.log_softmax(logits.float(), dim=-1)
    own, other = (F.nll_loss(log_p, y, reduction="none") for y in (y_a, y_b))
    return weigh((1 - w_b) * own + w_b * other, weights, y_a, y_b, w_b)


def cross_entropy(logits: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean cross-entropy in float32 whatever the precision of the logits; ``weights`` as in ``weigh``."""
    if weights is None:
        return F.cross_entropy(logits.float(), y)
    return weigh(F.cross_entropy(logits.float(), y, reduction="none"), weights, y)


Pairing = Literal["halves", "permutation", "dataset"]


def pair(
    batch: Batch, pairing: Pairing, rng: np.random.Generator, split: EncodedSplit | None = None
) -> tuple[Batch, Tensor, Tensor]:
    """Who is mixed with whom: the rows to run, and which of them, ``first``, counting up from 0, and ``second``, both (n,).

    Args:
        pairing: "halves", the first half of the batch with the second in both directions, without an odd last row (SPEC SA13,
            SA26); a "permutation" of the batch; or uniform draws from all other rows of the "dataset", never the anchor
            itself (SPEC DA20, 7 rule 6); see ``others``.
        split: the training part; only for "dataset".
    """
    n = len(batch)
    if pairing == "halves":
        n = max(1, n - n % 2)  # one row alone meets itself
    first = torch.arange(n, device=batch.labels.device)
    if pairing == "halves":
        return batch.rows(slice(0, n)), first, first.roll(n // 2)
    if pairing == "permutation":
        return batch, first, torch.from_numpy(rng.permutation(n)).to(first.device)
    partners = others(rng, batch.index, len(split))[:, 0]
    return split.batch(torch.cat([batch.index, partners])), first, first + n

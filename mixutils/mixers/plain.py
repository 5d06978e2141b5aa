"""Plain fine-tuning: the unmixed baseline of every paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..encoder.model import Classifier
from ..tasks.encode import Batch
from .base import Mixer, Part, cross_entropy


@dataclass(frozen=True)
class PlainOptions:
    """Nothing to choose."""


class Plain(Mixer):
    """Cross-entropy on the batch; 1 pass a step."""

    Options = PlainOptions

    def losses(self, model: Classifier, batch: Batch, rng: np.random.Generator) -> Iterator[Part]:
        yield Part("clean", cross_entropy(model(batch).logits, batch.labels))

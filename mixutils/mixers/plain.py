"""Plain fine-tuning: the unmixed baseline of every paper."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..encoder.model import Classifier
from ..tasks.encode import Batch
from .base import Mixer, Part, cross_entropy
from .options import Options


class Plain(Mixer):
    """Cross-entropy on the batch; 1 pass a step."""

    Options = Options  # nothing to choose

    def losses(self, model: Classifier, batch: Batch, rng: np.random.Generator) -> Iterator[Part]:
        yield Part("clean", cross_entropy(model(batch).logits, batch.labels))

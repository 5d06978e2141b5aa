"""Evaluation: predictions of one split and every metric that a paper may have meant (SPEC 1.5)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..encoder.model import Classifier
from ..mixers.base import Mixer
from ..tasks.encode import Batch, EncodedSplit


@torch.inference_mode()
def predict(model: Classifier, mixer: Mixer, split: EncodedSplit, autocast, batch_size: int = 64) -> np.ndarray:
    """Scores of all rows of a split in their own order, (n, C) float32; dropout off, mode restored."""

    def scores(batch: Batch) -> Tensor:
        with autocast():
            return mixer.predict(model, batch).float()

    with model.mode(training=False, counted=False):
        return split.each(scores, batch_size).cpu().numpy()


def score(scores: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """All metrics of one split.

    Args:
        scores: (n, C) logits or other scores. labels: (n,) int.

    Returns:
        Metrics in [0, 1] (micro F1 is accuracy with single labels; both are kept, because the DMIX papers print "F1"
        without an average), the loss in nats, the confusion matrix as nested lists, rows = true class, and ``bits``: which
        rows are right, see ``pack_bits``.
    """
    from sklearn.metrics import confusion_matrix

    predicted = scores.argmax(1)
    confusion = confusion_matrix(labels, predicted, labels=np.arange(scores.shape[1]))
    f1 = f1_per_class(confusion)
    accuracy = float((predicted == labels).mean())
    return {
        "accuracy": accuracy,
        "f1_micro": accuracy,
        "f1_macro": float(np.average(f1)),
        "f1_weighted": float(np.average(f1, weights=confusion.sum(1))),
        "loss": float(F.cross_entropy(torch.from_numpy(scores), torch.from_numpy(labels))),
        "confusion": confusion.tolist(),
        "bits": pack_bits(predicted == labels),
    }


def pack_bits(right: np.ndarray) -> str:
    """(n,) bool as hex digits: one bit per row in order, the first is the highest; zeros fill the last byte."""
    return np.packbits(right).tobytes().hex()


def f1_per_class(confusion: list[list[int]] | np.ndarray) -> list[float]:
    """F1 of each class from a confusion matrix (rows true, columns predicted); 0 for a class that never occurs."""
    m = np.asarray(confusion)
    return (2 * np.diag(m) / np.maximum(m.sum(0) + m.sum(1), 1)).tolist()

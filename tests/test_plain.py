"""Plain fine-tuning is cross-entropy on the batch, one pass, and nothing random."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mixutils.mixers import build
from tests.conftest import make_batch


def test_the_loss_is_the_clean_cross_entropy_in_one_pass(model):
    batch = make_batch([3, 5, 1])
    draws = np.random.default_rng(0)
    before = model.work
    (part,) = build("none").losses(model, batch, draws)
    assert (model.work - before) / model.depth / len(batch) == pytest.approx(1)
    log_p = torch.log_softmax(model(batch).logits.detach().double(), -1)
    expected = -np.mean([float(log_p[i, y]) for i, y in enumerate(batch.labels)])
    assert (part.weight, part.loss.item()) == (1, pytest.approx(expected, rel=1e-5))
    assert draws.random() == np.random.default_rng(0).random()


def test_there_is_nothing_to_choose():
    with pytest.raises(ValueError, match="none has no option alpha; its options: none"):
        build("none", alpha=1.0)

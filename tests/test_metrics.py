"""Metrics by hand; predictions in the order of the rows, without side effects."""

from __future__ import annotations

import math
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from mixutils.mixers import build
from mixutils.training.metrics import f1_per_class, predict, score
from tests.conftest import make_model, make_task

LABELS = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 0, 0])
CONFUSION = [[2, 1, 0], [1, 1, 0], [1, 0, 0]]


def scores_for(predicted: np.ndarray, classes: int) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[predicted] * 5


def test_all_metrics_of_a_hand_example():
    out = score(scores_for(PREDICTED, 3), LABELS)
    assert out["accuracy"] == out["f1_micro"] == pytest.approx(3 / 6)
    # F1 = 2 hits / (true + predicted): 4/7, 2/4 and, for the class that is never predicted, 0.
    assert out["f1_macro"] == pytest.approx((4 / 7 + 1 / 2 + 0) / 3)
    assert out["f1_weighted"] == pytest.approx((3 * 4 / 7 + 2 * 1 / 2 + 1 * 0) / 6)
    assert out["confusion"] == CONFUSION


def test_f1_of_each_class_from_the_confusion_matrix():
    assert f1_per_class(CONFUSION) == pytest.approx([4 / 7, 1 / 2, 0])
    assert f1_per_class([[3, 0], [0, 0]]) == [1.0, 0.0]  # the second class never occurs


@pytest.mark.parametrize("classes", [2, 3, 20])
def test_f1_is_scikit_learns_to_the_last_bit(classes):
    rng = np.random.default_rng(classes)
    for n in (1, 7, 300):
        scores = rng.standard_normal((n, classes)).astype(np.float32)
        labels = rng.integers(0, max(classes - 1, 1), n)  # the last class has no rows
        out, predicted, every = score(scores, labels), scores.argmax(1), np.arange(classes)
        for average in ("macro", "weighted"):
            theirs = f1_score(labels, predicted, labels=every, average=average, zero_division=0.0)
            assert out[f"f1_{average}"] == theirs
        assert (
            f1_per_class(out["confusion"])
            == f1_score(labels, predicted, labels=every, average=None, zero_division=0.0).tolist()
        )


def test_a_class_without_rows_counts_as_zero_in_macro_and_not_in_weighted():
    out = score(scores_for(np.array([0, 1]), 3), np.array([0, 1]))
    assert out["f1_macro"] == pytest.approx(2 / 3)
    assert out["f1_weighted"] == 1.0


def test_loss_is_cross_entropy_in_nats():
    even = score(np.zeros((4, 3), dtype=np.float32), np.array([0, 1, 2, 0]))
    assert even["loss"] == pytest.approx(math.log(3))
    assert {"accuracy", "f1_micro", "f1_macro", "f1_weighted", "loss"} <= set(even)


def test_predictions_come_in_the_order_of_the_rows_whatever_the_batch_size():
    model, task = make_model(), make_task(n=23)
    split = task.splits["train"]
    one_by_one = predict(model, build("none"), split, nullcontext, batch_size=1)
    together = predict(model, build("none"), split, nullcontext, batch_size=7)
    assert together.shape == (23, 3)
    assert together.dtype == np.float32
    np.testing.assert_allclose(together, one_by_one, atol=1e-5)
    assert np.ptp(together, axis=0).min() > 1e-3  # rows differ, so a wrong order would show


@pytest.mark.parametrize("training", [True, False])
def test_predicting_switches_dropout_off_and_restores_mode_and_count(training):
    model, task = make_model(hidden_dropout_prob=0.5), make_task()
    model.train(training)
    model.work, model.tokens = 17.0, 170
    generator = torch.get_rng_state()
    first = predict(model, build("none"), task.splits["train"], nullcontext)
    second = predict(model, build("none"), task.splits["train"], nullcontext)
    np.testing.assert_array_equal(first, second)
    assert model.training is training
    assert (model.work, model.tokens) == (17.0, 170)
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(p.grad is None for p in model.parameters())

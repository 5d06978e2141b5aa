"""Class weights: the formula of scikit-learn, mixed as the labels are, in the loss of every mixer or refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mixutils.companion import make_plan
from mixutils.mixers import REGISTRY, build
from mixutils.mixers.base import cross_entropy, mixed_cross_entropy
from mixutils.mixers.dmix import soft_loss
from mixutils.runs.run import Run
from mixutils.training.loop import Recipe, balance, train
from tests.conftest import make_model, make_task

WEIGHTS = torch.tensor([0.5, 2.0, 4.0])
WITHOUT = {m for m in REGISTRY if not build(m).weighs_classes}


@pytest.mark.parametrize(
    ("labels", "classes", "weights"),
    [
        ([0, 0, 0, 1], 2, [4 / (2 * 3), 4 / (2 * 1)]),
        ([0, 1, 2], 3, [1, 1, 1]),
        ([0, 0, 2, 2, 2], 4, [5 / (2 * 2), 1, 5 / (2 * 3), 1]),  # classes that do not occur
    ],
)
def test_balanced_is_the_rows_over_classes_times_the_rows_of_the_class(labels, classes, weights):
    found = balance(np.array(labels), classes)
    assert found.tolist() == pytest.approx(weights)
    assert found[labels].mean() == pytest.approx(1)


def rows() -> tuple[torch.Tensor, ...]:
    draw = torch.Generator().manual_seed(0)
    logits, w_b = torch.randn(5, 3, generator=draw), torch.rand(5, generator=draw)
    return logits, torch.tensor([0, 1, 2, 0, 1]), torch.tensor([2, 1, 0, 1, 0]), w_b


@pytest.mark.parametrize("kind", ["hard", "mixed", "kl", "ce", "bce"])
def test_a_row_counts_by_the_weight_of_its_class_or_by_the_mixture_of_both(kind):
    logits, a, b, w_b = rows()
    losses, p = [], logits.double().softmax(1)
    for i in range(5):
        t = torch.zeros(3).double()
        t[a[i]] += 1 - w_b[i] if kind != "hard" else 1
        t[b[i]] += w_b[i] if kind != "hard" else 0
        one = -(t * p[i].log()).sum()
        if kind == "kl":
            one += torch.special.xlogy(t, t).sum()
        if kind == "bce":
            one = F.binary_cross_entropy(p[i], t)
        losses.append(float((t * WEIGHTS).sum() * one))
    if kind == "hard":
        got = cross_entropy(logits, a, WEIGHTS)
    else:
        got = mixed_cross_entropy(logits, a, b, w_b, WEIGHTS)
    if kind in ("kl", "ce", "bce"):
        got = soft_loss(logits, a, b, w_b, kind, WEIGHTS)
    assert float(got) == pytest.approx(np.mean(losses), rel=1e-5)


def step_loss(method: str, weights: torch.Tensor | None) -> float:
    mixer, task, model = build(method), make_task(18), make_model()
    rng = np.random.default_rng(3)
    mixer.prepare(model, task, rng)
    mixer.class_weights = weights
    total = 0.0
    for part in mixer.losses(model, task.splits["train"].batch(torch.arange(9)), rng):
        (part.weight * part.loss).backward()
        total += float(part.weight * part.loss.detach())
    return total


@pytest.mark.parametrize("method", [m for m in REGISTRY if m not in WITHOUT])
def test_weights_reach_every_term_of_the_loss(method):
    assert step_loss(method, torch.full((3,), 2.0)) == pytest.approx(2 * step_loss(method, None), rel=1e-5)


@pytest.mark.parametrize("method", sorted(WITHOUT))
def test_a_loss_without_classes_refuses_them_before_training(method):
    with pytest.raises(ValueError, match=r"class_weights are not for .*label embeddings"):
        train(make_model(), build(method), make_task(), Recipe(class_weights="balanced"), 0)


def test_a_plan_with_such_a_method_is_refused_by_name():
    wishes = {"options": "recipe.class_weights=balanced"}
    with pytest.raises(ValueError, match=r"class weights are not for .*dnm.*: their loss compares label embeddings"):
        make_plan("compare", "smoke", methods="all", **wishes)
    plan = make_plan("compare", "smoke", methods="none,tmix", **wishes)
    assert {r.recipe.class_weights for r in plan.runs} == {"balanced"}


def test_without_weights_a_run_has_its_old_name_and_with_them_another():
    run = Run("trec-coarse", "none", 3)
    assert "class_weights" not in run.to_dict()["recipe"]
    weighted = run.with_(recipe__class_weights="balanced")
    assert weighted.hash != run.hash
    assert Run.from_dict(weighted.to_dict()) == weighted


def test_training_with_weights_is_another_training():
    def trained(kind: str) -> torch.Tensor:
        task, model = make_task(20), make_model()
        task.splits["train"].labels[:] = torch.arange(20) // 8  # 8, 8, 4
        train(model, build("none"), task, Recipe(lr=1e-3, epochs=1, batch_size=8, class_weights=kind), 0)
        return model.classifier.weight.detach()

    assert not torch.equal(trained("balanced"), trained("none"))

"""Optimisers against their formulas, groups and schedules by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from mixutils.training.optim import BertAdam, build_optimizer, learning_rate


def test_bertadam_is_the_formula_in_float64():
    """m, v without bias correction, decoupled decay."""
    rng = np.random.default_rng(0)
    p0, grads = rng.normal(size=(3, 2)), rng.normal(size=(5, 3, 2))
    parameter = nn.Parameter(torch.tensor(p0))
    optimizer = BertAdam([parameter], lr=0.1, betas=(0.9, 0.99), eps=1e-6, weight_decay=0.01)
    p, m, v = p0.copy(), np.zeros((3, 2)), np.zeros((3, 2))
    for g in grads:
        parameter.grad = torch.tensor(g)
        optimizer.step()
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        p = p - 0.1 * (m / (np.sqrt(v) + 1e-6) + 0.01 * p)
        np.testing.assert_allclose(parameter.detach().numpy(), p, rtol=1e-10)


def test_decay_spares_biases_norms_and_the_mixer():
    model = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2), nn.Embedding(3, 2))
    mixer = nn.Linear(2, 2)
    optimizer = build_optimizer("adamw", model, mixer, 1e-3, 1e-2, 0.5, (0.9, 0.999), 1e-8)
    decayed, spared, own = optimizer.param_groups
    assert {p.dim() for p in decayed["params"]} == {2}
    assert {p.dim() for p in spared["params"]} == {1}
    assert (decayed["weight_decay"], spared["weight_decay"], own["weight_decay"]) == (0.5, 0.0, 0.0)
    assert (decayed["lr"], own["lr"]) == (1e-3, 1e-2)
    assert len(own["params"]) == 2


def test_adam_does_not_decay_by_default_group():
    model = nn.Linear(2, 2)
    optimizer = build_optimizer("adam", model, nn.Identity(), 1e-3, 1e-3, 0.0, (0.9, 0.999), 1e-8)
    assert type(optimizer) is torch.optim.Adam
    assert len(optimizer.param_groups) == 2


def test_linear_schedule_by_hand():
    factors = [learning_rate("linear", step, 10, 0.2) for step in range(10)]
    assert factors == pytest.approx([0, 0.5, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])
    assert learning_rate("linear", 0, 10, 0.0) == 1
    assert [learning_rate("constant", s, 10, 0.2) for s in (0, 9)] == [1, 1]


def test_linear_schedule_equals_transformers():
    from transformers import get_linear_schedule_with_warmup

    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = get_linear_schedule_with_warmup(optimizer, 7, 50)
    for step in range(50):
        assert learning_rate("linear", step, 50, 7 / 50) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()


def test_wrong_names_list_the_right_ones():
    with pytest.raises(ValueError, match="adamw, adam, bertadam"):
        build_optimizer("sgd", nn.Linear(1, 1), nn.Identity(), 1, 1, 0, (0.9, 0.999), 1e-8)
    with pytest.raises(ValueError, match="linear, constant"):
        learning_rate("cosine", 0, 10, 0.1)

"""Dropout from a generator of our own against the definition, and against torch's where that is used."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from mixutils.encoder.dropout import ABLATIONS, Dropout, ablate, give_rng, take_over
from mixutils.runs.execute import build_model
from mixutils.runs.run import Run
from tests.conftest import make_batch, make_model


def layer(p: float, seed: int = 0) -> Dropout:
    out = Dropout(p).train()
    out.rng = np.random.default_rng(seed)
    return out


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_share_scale_and_expectation(p, dtype):
    x = torch.ones(401, 257, dtype=dtype)
    y = layer(p)(x)
    dropped = (y == 0).float().mean().item()
    n = x.numel()
    assert abs(dropped - p) < 4 * (p * (1 - p) / n) ** 0.5 + 2**-16
    kept = y[y != 0].float().unique()
    assert len(kept) == 1
    assert kept.item() == pytest.approx(1 / (1 - p), rel=0.01 if dtype == torch.bfloat16 else 1e-4)


def test_elements_are_independent():
    """Neighbours share a 64-bit draw, 16 bits each: no correlation along rows, and none between calls."""
    drop = layer(0.5)
    a, b = (drop(torch.ones(4000, 8)).ne(0).double() for _ in range(2))
    for left, right in ((a[:, :-1], a[:, 1:]), (a, b), (a[:, 0], a[:, 4])):
        assert abs(torch.corrcoef(torch.stack([left.flatten(), right.flatten()]))[0, 1]) < 0.03


def test_the_gradient_passes_where_the_value_did():
    x = torch.randn(50, 30, requires_grad=True)
    y = layer(0.3)(x)
    y.sum().backward()
    assert torch.equal(x.grad != 0, y != 0)
    torch.testing.assert_close(x.grad * x, y)


def test_off_in_evaluation_and_at_zero():
    x = torch.randn(5, 3)
    assert torch.equal(layer(0.5).eval()(x), x)
    assert torch.equal(layer(0.0)(x), x)
    assert (layer(1.0)(x) == 0).all()


def test_same_generator_same_mask():
    x = torch.ones(7, 9)
    assert torch.equal(layer(0.5, 3)(x), layer(0.5, 3)(x))
    assert not torch.equal(layer(0.5, 3)(x), layer(0.5, 4)(x))


def test_without_a_generator_it_is_torchs_dropout():
    x, plain, ours = torch.randn(20, 20), nn.Dropout(0.4).train(), Dropout(0.4).train()
    torch.manual_seed(0)
    a = plain(x)
    torch.manual_seed(0)
    assert torch.equal(ours(x), a)


def test_a_models_dropout_is_taken_over_with_its_probabilities():
    model = make_model(hidden_dropout_prob=0.2)
    modules = [m for m in model.modules() if isinstance(m, nn.Dropout)]
    assert all(type(m) is Dropout for m in modules)
    assert model.encoder.embeddings.dropout.p == 0.2
    give_rng(model, np.random.default_rng(0))
    assert len({id(m.rng) for m in modules}) == 1
    take_over(model)  # twice is once
    model.train()
    out = [model(make_batch([4, 2])).logits for _ in range(2)]
    assert not torch.equal(*out)


def rates(model) -> dict[str, float]:
    return {name: m.p for name, m in model.named_modules() if isinstance(m, nn.Dropout)}


def test_one_dropout_layer_is_switched_off_and_the_others_stay():
    """SPEC RA9: DropMix ablates "the Dropout layer"; which one is open."""
    changed = {}
    for which in ABLATIONS:
        model = make_model(hidden_dropout_prob=0.1)
        before = rates(model)
        ablate(model, which)
        changed[which] = [name for name, p in rates(model).items() if p != before[name]]
        assert all(rates(model)[name] == 0 for name in changed[which])
    assert changed == {"no-embedding": ["encoder.embeddings.dropout"], "no-classifier": ["dropout"]}


def test_an_encoder_without_embedding_dropout_is_refused():
    model = make_model()
    model.encoder.embeddings.dropout = nn.Identity()
    with pytest.raises(ValueError, match="no dropout after its embeddings"):
        ablate(model, "no-embedding")


def test_dropout_of_a_run():
    """None leaves the encoder's own, a number replaces all, a name switches one off."""
    run = Run("docs-coarse", "none", 0, encoder="random:tiny")
    found = {
        value: rates(build_model(run.with_(dropout=value), 3, torch.device("cpu")))
        for value in (None, 0.0, 0.2, "no-embedding", "no-classifier")
    }
    assert set(found[None].values()) == {0.1}
    assert set(found[0.0].values()) == {0.0}
    assert set(found[0.2].values()) == {0.2}
    for name in ABLATIONS:
        assert sorted(found[name].values()) == [0.0, *[0.1] * (len(found[name]) - 1)]
    with pytest.raises(ValueError, match="no-embedding, no-classifier"):
        run.with_(dropout="none")

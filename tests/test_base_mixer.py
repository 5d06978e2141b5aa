"""What all mixers share: losses of soft labels against slow float64 formulas, draws against scipy, pairings, options, logs."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mixutils.mixers import REGISTRY, build
from mixutils.mixers.base import (
    Mixer,
    cross_entropy,
    draw_beta,
    mix_rows,
    mixed_cross_entropy,
    pair,
)
from mixutils.mixers.options import one_of, options_from
from tests.conftest import make_batch, make_model, make_task


def rows_of(n: int, classes: int, seed: int, scale: float = 3.0):
    """Logits, two labels and a weight per row."""
    rng = np.random.default_rng(seed)
    logits = scale * rng.standard_normal((n, classes))
    return logits, rng.integers(0, classes, n), rng.integers(0, classes, n), rng.random(n).astype(np.float32)


cases = given(n=st.integers(1, 9), classes=st.integers(2, 7), seed=st.integers(0, 10**6), scale=st.floats(0, 200))


@settings(max_examples=60, deadline=None)
@cases
def test_the_mixed_loss_is_the_cross_entropy_with_the_soft_label(n, classes, seed, scale):
    logits, y_a, y_b, w = rows_of(n, classes, seed, scale)
    soft = (1 - w[:, None]) * np.eye(classes)[y_a] + w[:, None] * np.eye(classes)[y_b]
    expected = -(soft * scipy.special.log_softmax(logits.astype(np.float32).astype(float), axis=1)).sum(1).mean()
    found = mixed_cross_entropy(*(torch.from_numpy(v) for v in (logits.astype(np.float32), y_a, y_b, w)))
    assert found.item() == pytest.approx(expected, rel=1e-5, abs=1e-5)


@settings(max_examples=30, deadline=None)
@cases
def test_the_mixed_loss_at_its_ends_is_each_texts_own(n, classes, seed, scale):
    logits, y_a, y_b, _ = (torch.from_numpy(v) for v in rows_of(n, classes, seed, scale))
    zero, one = torch.zeros(n), torch.ones(n)
    torch.testing.assert_close(mixed_cross_entropy(logits, y_a, y_b, zero), cross_entropy(logits, y_a))
    torch.testing.assert_close(mixed_cross_entropy(logits, y_a, y_b, one), cross_entropy(logits, y_b))


def test_swapping_texts_and_weights_changes_nothing():
    logits, y_a, y_b, w = (torch.from_numpy(v) for v in rows_of(8, 4, 0))
    torch.testing.assert_close(mixed_cross_entropy(logits, y_a, y_b, w), mixed_cross_entropy(logits, y_b, y_a, 1 - w))


def test_losses_of_bfloat16_logits_are_computed_in_float32():
    logits, y_a, y_b, w = (torch.from_numpy(v) for v in rows_of(64, 5, 0))
    half = logits.to(torch.bfloat16)
    assert mixed_cross_entropy(half, y_a, y_b, w).dtype == cross_entropy(half, y_a).dtype == torch.float32
    assert torch.equal(mixed_cross_entropy(half, y_a, y_b, w), mixed_cross_entropy(half.float(), y_a, y_b, w))
    assert torch.equal(cross_entropy(half, y_a), cross_entropy(half.float(), y_a))


@pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
def test_partner_weights_have_the_beta_distribution(alpha):
    w = draw_beta(np.random.default_rng(1), alpha, 4000, "example", "cpu", fold=False)
    assert w.dtype == torch.float32
    assert scipy.stats.kstest(w.numpy(), scipy.stats.beta(alpha, alpha).cdf).pvalue > 1e-3
    folded = draw_beta(np.random.default_rng(1), alpha, 4000, "example", "cpu", fold=True)
    # The same draws: the first text keeps the larger share.
    np.testing.assert_allclose(folded, np.minimum(w, 1 - w), atol=1e-7)


@pytest.mark.parametrize("size", [1, 5])
def test_a_draw_per_batch_costs_one_number_and_one_per_example_as_many_as_rows(size):
    for per, used in (("batch", 1), ("example", size)):
        rng, other = np.random.default_rng(3), np.random.default_rng(3)
        assert draw_beta(rng, 1.0, size, per, "cpu", fold=False).shape == (size,)
        other.beta(1.0, 1.0, size=used)
        assert rng.random() == other.random()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=5), st.integers(0, 100))
def test_mixed_rows_lie_between_their_ends(weights, seed):
    g = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, len(weights), 3, 2, generator=g)
    w = torch.tensor(weights)
    mixed = mix_rows(a, b, w)
    assert (mixed >= torch.minimum(a, b) - 1e-6).all()
    assert (mixed <= torch.maximum(a, b) + 1e-6).all()
    slow = [(1 - float(x)) * p.double() + float(x) * q.double() for x, p, q in zip(w, a, b, strict=True)]
    torch.testing.assert_close(mixed.double(), torch.stack(slow), atol=1e-6, rtol=1e-5)
    assert mix_rows(a.bfloat16(), b.bfloat16(), w).dtype == torch.bfloat16


@settings(max_examples=30, deadline=None)
@given(n=st.integers(2, 17))
def test_even_pairs_every_row_once_with_the_other_half_in_both_directions(n):
    batch, first, second = pair(make_batch([1 + i % 4 for i in range(n)]), "halves", None)
    m = n - n % 2
    assert len(batch) == m
    assert first.tolist() == list(range(m))
    assert sorted(second.tolist()) == list(range(m))
    assert second[second].tolist() == first.tolist()
    half = m // 2
    assert all((a < half) != (b < half) for a, b in zip(first.tolist(), second.tolist(), strict=True))


@dataclass(frozen=True)
class Some:
    levels: tuple = (1,)
    alpha: float = 1.0


def test_options_come_from_names_and_lists_are_tuples():
    assert options_from(Some, {"levels": [1, 2]}, "some") == Some((1, 2), 1.0)
    assert hash(options_from(Some, {"levels": [1, 2]}, "some"))  # a list could not be hashed
    with pytest.raises(ValueError, match=r"^some has no option beta, gamma; its options: levels, alpha$"):
        options_from(Some, {"beta": 1, "alpha": 2, "gamma": 0}, "some")


def test_a_value_outside_the_list_is_refused_with_the_list():
    one_of("kind", 2, (1, 2))
    with pytest.raises(ValueError, match=r"^kind must be one of 'a', 'b', not 'c'$"):
        one_of("kind", "c", ("a", "b"))


def test_a_mixer_must_say_its_losses():
    with pytest.raises(NotImplementedError, match=r"Mixer must define losses\(\)"):
        Mixer(Some()).losses(None, None, None)


def test_the_log_is_the_mean_of_everything_noted():
    mixer = Mixer(Some())
    assert mixer.log() == {}
    mixer.note(w_b=torch.tensor([0.0, 1.0]), n=1)
    mixer.note(w_b=torch.tensor(0.25, dtype=torch.bfloat16, requires_grad=True))
    assert mixer.log() == {"w_b": (0.5 + 0.25) / 2, "n": 1.0}


def test_an_interrupted_log_goes_on_where_it_was():
    whole, first, second = (Mixer(Some()) for _ in range(3))
    for value in (0.1, 0.7):
        whole.note(x=value)
        first.note(x=value)
    second.load_extra_state(json.loads(json.dumps(first.extra_state())))
    for mixer in (whole, second):
        mixer.note(x=0.3, y=1)
    assert second.log() == whole.log()
    assert first.log() == {"x": pytest.approx(0.4)}  # the state is a copy


@pytest.mark.parametrize("name", REGISTRY)
def test_options_are_frozen_and_hashable(name):
    options = build(name).options
    assert isinstance(hash(options), int)
    for field in vars(options):
        with pytest.raises(AttributeError):
            setattr(options, field, None)


def test_the_defaults_of_a_mixer_do_nothing():
    mixer, model, batch = Mixer(Some()), make_model(), make_batch([2])
    assert mixer.diagnose() == {}
    assert mixer.after_step(0.1) is None
    assert mixer.prepare(model, make_task(), None) is None
    assert torch.equal(mixer.predict(model, batch), model(batch).logits)
    assert list(mixer.parameters()) == []

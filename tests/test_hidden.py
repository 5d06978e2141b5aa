"""Word, sentence and layer mixing: the identities of SPEC 7 and an explicit formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import chisquare

from mixutils.mixers import build
from mixutils.mixers.base import draw_beta, mix_rows, mixed_cross_entropy, pair
from mixutils.mixers.hidden import mixed_logits
from tests.conftest import make_batch, make_model, make_task

LEVELS = [0, 1, 2, 3, "sentence"]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_pure_mixture_is_the_sample_itself(model, level, weight):
    """SPEC 7, rule 1: w_b = 0 gives the first sample's logits, 1 the partner's (equal lengths)."""
    batch = make_batch([5, 5, 5])
    first, second = torch.tensor([0, 1, 2]), torch.tensor([2, 0, 1])
    with torch.no_grad():
        plain = model(batch).logits
        _, mixed = mixed_logits(model, batch, level, first, second, torch.full((3,), weight))
    torch.testing.assert_close(mixed, plain[second if weight else first], atol=1e-5, rtol=1e-5)


def test_a_pure_mixture_of_unequal_lengths_needs_the_firsts_mask(model):
    batch = make_batch([6, 2])
    first, second = torch.tensor([0, 1]), torch.tensor([1, 0])
    with torch.no_grad():
        plain = model(batch).logits
        for level in range(4):
            _, mixed = mixed_logits(model, batch, level, first, second, torch.zeros(2), mask="first")
            torch.testing.assert_close(mixed, plain, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("level", LEVELS)
def test_mixing_a_sample_with_itself_changes_nothing(model, level):
    """SPEC 7, rules 2 and 3."""
    batch = make_batch([6, 2, 4])
    rows = torch.arange(3)
    with torch.no_grad():
        _, mixed = mixed_logits(model, batch, level, rows, rows, torch.tensor([0.3, 0.5, 0.9]))
        torch.testing.assert_close(mixed, model(batch).logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("level", LEVELS)
def test_clean_rows_in_the_same_pass_are_the_clean_logits(model, level):
    batch = make_batch([6, 2, 4, 4])
    batch, first, second = pair(batch, "halves", None)
    w = torch.full((4,), 0.25)
    for mask in ("union", "first", "ones"):
        with torch.no_grad():
            clean, mixed = mixed_logits(model, batch, level, first, second, w, mask, with_clean=True)
            _, alone = mixed_logits(model, batch, level, first, second, w, mask)
        torch.testing.assert_close(clean, model(batch).logits, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(mixed, alone, atol=1e-5, rtol=1e-5)


def test_sentence_mixing_is_linear_in_the_pooled_vector(model):
    batch = make_batch([6, 2])
    w = torch.tensor([0.3])
    with torch.no_grad():
        vector = model(batch).vector
        _, mixed = mixed_logits(model, batch, "sentence", torch.tensor([0]), torch.tensor([1]), w)
        expected = model.classifier(0.7 * vector[:1] + 0.3 * vector[1:])
    torch.testing.assert_close(mixed, expected)


def test_the_loss_is_the_formula_in_float64():
    rng = np.random.default_rng(0)
    logits, w = rng.normal(size=(5, 4)), rng.random(5)
    a, b = rng.integers(0, 4, 5), rng.integers(0, 4, 5)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    target = np.zeros((5, 4))
    target[np.arange(5), a] += 1 - w
    target[np.arange(5), b] += w
    expected = -(target * np.log(p)).sum(1).mean()
    got = mixed_cross_entropy(torch.tensor(logits), torch.tensor(a), torch.tensor(b), torch.tensor(w))
    assert float(got) == pytest.approx(expected, rel=1e-6)


def test_four_terms_are_averaged_as_printed():
    """SSMix section 3.4: the mean of L(A), L(B), L_mix(A, B), L_mix(B, A)."""
    model, batch = make_model(), make_batch([4, 4, 4, 4])
    mixer = build("wordmix", pairing="halves", clean=True, alpha=0.2, beta_fold=True)
    (part,) = mixer.losses(model, batch, np.random.default_rng(5))
    drawn = np.random.default_rng(5)
    drawn.integers(1)  # the level
    w = draw_beta(drawn, 0.2, 4, "batch", "cpu", True)
    with torch.no_grad():
        clean = model(batch).logits
        halves = [slice(0, 2), slice(2, 4)]
        terms = [F.cross_entropy(clean[h], batch.labels[h]) for h in halves]
        for here, there in (halves, halves[::-1]):
            rows = torch.arange(4)
            _, mixed = mixed_logits(model, batch, 0, rows[here], rows[there], w[:2])
            terms.append(mixed_cross_entropy(mixed, batch.labels[here], batch.labels[there], w[:2]))
    assert part.loss.item() * part.weight == pytest.approx(float(sum(terms) / 4), rel=1e-5)


def test_weights_of_the_partner_from_a_beta_draw():
    folded = draw_beta(np.random.default_rng(0), 0.2, 4000, "example", "cpu", fold=True)
    assert ((folded >= 0) & (folded <= 0.5)).all()
    free = draw_beta(np.random.default_rng(0), 0.2, 4000, "example", "cpu", fold=False)
    assert free.max() > 0.9
    # SPEC 1.4: 33 % of Beta(0.2, 0.2) draws lie between 0.1 and 0.9
    assert ((free > 0.1) & (free < 0.9)).float().mean() == pytest.approx(0.33, abs=0.03)
    one = draw_beta(np.random.default_rng(0), 1.0, 5, "batch", "cpu", fold=False)
    assert len(set(one.tolist())) == 1
    lam = np.random.default_rng(0).beta(1.0, 1.0)
    assert float(one[0]) == pytest.approx(1 - lam, rel=1e-6)  # λ weighs the first text, w_b the partner


def test_tiny_alpha_never_gives_nan():
    assert torch.isfinite(draw_beta(np.random.default_rng(0), 0.025, 5000, "example", "cpu", False)).all()


def test_mix_rows_is_exact_at_the_ends():
    a, b = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    mixed = mix_rows(a, b, torch.tensor([0.0, 1.0]))
    assert torch.equal(mixed[0], a[0])
    assert torch.equal(mixed[1], b[1])


def test_an_odd_batch_drops_its_last_row_and_a_single_row_meets_itself():
    batch, first, second = pair(make_batch([3, 4, 5]), "halves", None)
    assert (len(batch), first.tolist(), second.tolist()) == (2, [0, 1], [1, 0])
    batch, first, second = pair(make_batch([3]), "halves", None)
    assert (len(batch), first.tolist(), second.tolist()) == (1, [0], [0])


def test_partners_come_from_the_whole_training_part():
    train = make_task(40).splits["train"]
    batch = train.batch(torch.arange(8))
    together, first, second = pair(batch, "dataset", np.random.default_rng(1), train)
    assert torch.equal(together.index[:8], torch.arange(8))
    assert torch.equal(together.input_ids[:8, : batch.input_ids.shape[1]], batch.input_ids)
    seen = torch.cat([pair(batch, "dataset", np.random.default_rng(s), train)[0].index[8:] for s in range(60)])
    assert seen.min() == 0
    assert seen.max() == 39
    assert torch.equal(first, torch.arange(8))
    assert torch.equal(second, torch.arange(8, 16))


def test_a_partner_from_the_training_part_is_never_the_anchor_and_else_uniform():
    """SPEC DA20; 7, rule 6."""
    train = make_task(7).splits["train"]
    anchors = torch.tensor([0, 3, 6]).repeat(400)
    together, first, second = pair(train.batch(anchors), "dataset", np.random.default_rng(1), train)
    assert torch.equal(together.index[first], anchors)
    for anchor in (0, 3, 6):
        counts = np.bincount(together.index[second][anchors == anchor], minlength=7)
        assert counts[anchor] == 0
        assert chisquare(np.delete(counts, anchor)).pvalue > 1e-3


def test_one_training_row_has_no_partner_in_the_training_part():
    train = make_task(1).splits["train"]
    with pytest.raises(ValueError, match="at least two training examples"):
        pair(train.batch(torch.zeros(1, dtype=torch.long)), "dataset", np.random.default_rng(0), train)


def test_passes_are_the_least_possible(model):
    """TMix with clean terms at level k of K: 1 + (K - k)/K passes; without, 1."""
    batch = make_batch([4, 4, 4, 4])
    for given, extra in ((12, 0.0), (8, 1 / 3), (4, 2 / 3), (0, 1.0)):
        model.work = 0
        mixer = build("tmix", levels=(given,), pairing="halves", clean=True)
        list(mixer.losses(model, batch, np.random.default_rng(0)))
        assert model.work / (4 * 3) == pytest.approx(1 + extra)
    model.work = 0
    list(build("tmix", levels=(8,)).losses(model, batch, np.random.default_rng(0)))
    assert model.work / (4 * 3) == pytest.approx(1)


def test_wrong_options_are_refused_with_the_right_ones():
    with pytest.raises(ValueError, match="halves"):
        build("tmix", pairing="neighbours")
    with pytest.raises(ValueError, match="alpha must be positive"):
        build("tmix", alpha=0.0)
    with pytest.raises(ValueError, match="draw must be one of"):
        build("tmix", draw="row")
    with pytest.raises(ValueError, match="levels"):
        build("tmix", levels=("cls",))
    with pytest.raises(ValueError, match="its options: alpha, beta_fold"):
        build("tmix", alfa=1)
    with pytest.raises(ValueError, match="partners from the data set"):
        build("tmix", pairing="dataset", clean=True)

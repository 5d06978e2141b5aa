"""EMix: the formula in float64, its ends, and what its coefficient is for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from mixutils.mixers import build
from mixutils.mixers.hidden import emix_rows, spread
from mixutils.tasks.encode import EncodedSplit
from tests.conftest import make_model, make_task


def test_the_mixture_is_the_formula_in_float64():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 3, 5)), 3 * rng.normal(size=(4, 3, 5))
    r, sa, sb = rng.uniform(0.05, 0.95, 4), rng.uniform(0.5, 2, 4), rng.uniform(0.5, 2, 4)
    p = 1 / (1 + (sa / sb) * (1 - r) / r)
    expected = (p[:, None, None] * a + (1 - p)[:, None, None] * b) / np.sqrt(p**2 + (1 - p) ** 2)[:, None, None]
    given = [torch.tensor(x) for x in (a, b, 1 - r, sa, sb)]
    np.testing.assert_allclose(emix_rows(*given), expected, rtol=1e-5)


def test_the_ends_are_the_texts_themselves():
    a, b = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    one, two = torch.ones(2), torch.full((2,), 2.0)
    assert torch.equal(emix_rows(a, b, torch.zeros(2), one, two), a)
    assert torch.equal(emix_rows(a, b, torch.ones(2), one, two), b)


def test_equal_spread_leaves_the_ratio_and_the_spread():
    """With equal σ the coefficient is r, and for independent states the mixture keeps the spread."""
    rng = np.random.default_rng(0)
    a, b = (torch.from_numpy(rng.normal(size=(1, 200, 200))).float() for _ in range(2))
    one, w = torch.ones(1), torch.tensor([0.3])
    mixed = emix_rows(a, b, w, one, one)
    torch.testing.assert_close(mixed, (0.7 * a + 0.3 * b) / (0.49 + 0.09) ** 0.5)
    assert float(mixed.std()) == pytest.approx(1, abs=0.02)


def test_spread_is_that_of_real_tokens():
    h = torch.randn(2, 4, 8)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    found = spread(h, mask)
    torch.testing.assert_close(found, torch.stack([h[0].std(correction=0), h[1, :2].std(correction=0)]))
    assert torch.isfinite(spread(torch.ones(1, 2, 3), torch.ones(1, 2))).all()


def test_the_label_is_mixed_by_the_ratio_alone():
    """A loss on uniform predictions does not see the label, on certain ones it is linear in w_b."""
    model, task = make_model(), make_task(24)
    mixer = build("emix", levels=(4,))
    mixer.prepare(model, task, np.random.default_rng(0))
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.tensor([0.0, -1.0, -2.0]))
    log_p = model.classifier.bias.log_softmax(-1)
    rng = np.random.default_rng(1)
    (part,) = mixer.losses(model, task.splits["train"].batch(torch.arange(8)), rng)
    again = np.random.default_rng(1)
    again.integers(1)
    partner = again.integers(23, size=(8, 1))[:, 0]
    partner += partner >= np.arange(8)  # the anchor is left out
    w = 1 - again.beta(1.0, 1.0)
    labels = task.splits["train"].labels
    expected = -((1 - w) * log_p[labels[:8]] + w * log_p[labels[partner]]).mean().item()
    assert part.loss.item() == pytest.approx(expected, rel=1e-5)
    assert mixer.log()["w_b"] == pytest.approx(w, rel=1e-5)


def test_a_partner_is_never_the_anchor_and_else_uniform(monkeypatch):
    model, task, asked = make_model(), make_task(7), []
    mixer = build("emix", levels=(4,))
    mixer.prepare(model, task, np.random.default_rng(0))
    anchors = torch.tensor([0, 3, 6]).repeat(400)
    batch, fetch = task.splits["train"].batch(anchors), EncodedSplit.batch
    monkeypatch.setattr(EncodedSplit, "batch", lambda split, rows: asked.append(rows) or fetch(split, rows))
    with torch.no_grad():
        list(mixer.losses(model, batch, np.random.default_rng(2)))
    own, partner = asked[0].chunk(2)
    assert torch.equal(own, anchors)
    for anchor in (0, 3, 6):
        counts = np.bincount(partner[anchors == anchor], minlength=7)
        assert counts[anchor] == 0
        assert chisquare(np.delete(counts, anchor)).pvalue > 1e-3


def test_one_training_row_has_no_partner():
    model, task = make_model(), make_task(1)
    mixer = build("emix")
    mixer.prepare(model, task, np.random.default_rng(0))
    with pytest.raises(ValueError, match="at least two training examples"):
        list(
            mixer.losses(model, task.splits["train"].batch(torch.zeros(1, dtype=torch.long)), np.random.default_rng(0))
        )


def test_wrong_options_are_refused_with_the_right_ones():
    for options, message in (
        ({"alpha": -1.0}, "positive"),
        ({"levels": (13,)}, "0 to 12"),
        ({"draw": "row"}, "'batch', 'example'"),
        ({"mix_mask": "both"}, "union"),
    ):
        with pytest.raises(ValueError, match=message):
            build("emix", **options)

"""SSMix as a training step: its two passes, its loss, its options."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mixutils.encoder.saliency import separate, token_saliency
from mixutils.mixers import build
from mixutils.mixers.base import mixed_cross_entropy
from mixutils.mixers.ssmix import only_text
from tests.conftest import make_batch, make_task


def step(mixer, model, batch, seed: int = 0) -> float:
    """One step's forward and backward passes; returns the loss."""
    total = 0.0
    for part in mixer.losses(model, batch, np.random.default_rng(seed)):
        (part.weight * part.loss).backward()
        total += part.weight * part.loss.item()
    return total


def prepared(name: str, **options):
    mixer = build(name, **options)
    mixer.prepare(None, make_task(), np.random.default_rng(0))
    return mixer


def test_the_gradient_is_that_of_the_four_term_loss(model):
    """Two backward passes add up to the gradient of the average of four losses, computed the plain way."""
    batch = make_batch([8, 5, 6, 9])
    step(prepared("ssmix", ratio=0.3), model, batch)
    got = {k: p.grad.clone() for k, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    saliency = token_saliency(separate(model, batch, train_mode=False))
    first, second = torch.arange(4), torch.arange(4).roll(2)
    mixed, w = prepared("ssmix", ratio=0.3).mix(batch, first, second, saliency, np.random.default_rng(0))
    y = batch.labels
    clean, mixture = model(batch).logits, model(mixed).logits
    terms = [
        F.cross_entropy(clean[:2], y[:2]),
        F.cross_entropy(clean[2:], y[2:]),
        mixed_cross_entropy(mixture[:2], y[:2], y[2:], w[:2]),
        mixed_cross_entropy(mixture[2:], y[2:], y[:2], w[2:]),
    ]
    (sum(terms) / 4).backward()
    for key, gradient in got.items():
        torch.testing.assert_close(gradient, dict(model.named_parameters())[key].grad, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "passes"),
    [
        ({}, 2),
        ({"saliency_mode": "eval"}, 3),
        ({"saliency_at": "word_embedding"}, 3),
        ({"clean": False}, 2),
        ({"select": "random"}, 2),
        ({"select": "tokens"}, 2),
        ({"select": "unk"}, 2),
    ],
)
def test_passes_per_step(model, options, passes):
    model.work = 0
    step(prepared("ssmix", **options), model, make_batch([8, 5, 6, 9]))
    assert model.work / (4 * model.depth) == pytest.approx(passes)


def test_the_second_part_needs_the_first_parts_backward_pass(model):
    parts = prepared("ssmix").losses(model, make_batch([4, 4]), np.random.default_rng(0))
    next(parts)
    with pytest.raises(RuntimeError, match="backward"):
        next(parts)


def test_norms_pick_the_same_spans_where_the_spec_says_so(model):
    """SPEC SA8: L2 norm and root mean square differ by a factor."""
    batch = make_batch([8, 5, 6, 9])
    gradient = separate(model, batch, train_mode=False)
    rows, other = torch.arange(4), torch.arange(4).roll(2)
    mixed = [
        prepared("ssmix", ratio=0.3)
        .mix(batch, rows, other, token_saliency(gradient, norm), np.random.default_rng(0))[0]
        .input_ids
        for norm in ("l2", "rms")
    ]
    assert torch.equal(*mixed)


def test_unk_keeps_the_label_and_ignores_the_partner(model):
    batch = make_batch([8, 5, 6, 9])
    rows = torch.arange(4)
    results = [
        prepared("unk", ratio=0.4).mix(batch, rows, rows.roll(k), None, np.random.default_rng(0)) for k in (1, 2)
    ]
    assert torch.equal(results[0][0].input_ids, results[1][0].input_ids)
    assert (results[0][1] == 0).all()
    assert ((results[0][0].input_ids == 1).sum(1) == torch.tensor([3, 2, 2, 3])).all()  # floor(0.4 n)


def test_separate_saliency_of_pairs_sees_one_text_at_a_time(model):
    """SPEC SA10: each text alone between [CLS] and [SEP], with the pair's label."""
    batch = make_batch([5, 3], [2, 4])
    alone, place = only_text(batch, 1, 0)
    assert alone.input_ids[0, :4].tolist() == [2, *batch.input_ids[0][batch.text_id[0] == 1].tolist(), 3]
    assert alone.attention_mask.sum(1).tolist() == [4, 6]
    assert place.sum(1).tolist() == [2, 4]
    mixer = prepared("ssmix", pair_saliency="separate", saliency_mode="eval")
    gradient = mixer._separate(model, batch)
    expected = separate(model, alone, train_mode=False)[1, 1:5]
    torch.testing.assert_close(gradient[1][batch.text_id[1] == 1], expected, atol=1e-6, rtol=1e-5)
    assert (gradient[batch.text_id == -1] == 0).all()


def test_texts_without_tokens_train(model):
    """A text may be empty after cleaning or truncation: [CLS] [SEP] alone (SPEC SA12)."""
    for name in ("ssmix", "ssmix-saliency", "ssmix-saliency-span", "unk"):
        for batch in (make_batch([0, 0]), make_batch([0, 5]), make_batch([0, 3], [2, 0])):
            assert np.isfinite(step(prepared(name), model, batch))


def test_beta_ratio_is_drawn_per_batch():
    """SPEC RA14, DropMix's SSMix."""
    mixer, batch, rows = prepared("ssmix", ratio_draw="beta", alpha=1.0), make_batch([40, 40]), torch.arange(2)
    rng = np.random.default_rng(0)
    shares = [
        float(mixer.mix(batch, rows, rows.roll(1), torch.rand(batch.input_ids.shape), rng)[1][0]) for _ in range(200)
    ]
    assert min(shares) < 0.1
    assert max(shares) > 0.9


def test_log_tells_what_was_mixed(model):
    mixer = prepared("ssmix", ratio=0.5)
    step(mixer, model, make_batch([8, 8, 8, 0]))
    assert mixer.log() == pytest.approx({"w_b": 0.25, "replaced": 0.25, "unmixed": 0.5})


@pytest.mark.parametrize(
    "field",
    ["select", "span_rounding", "short_partner", "saliency_at", "saliency_norm", "pair_saliency", "nosal_place"],
)
def test_a_wrong_value_lists_the_right_ones(field):
    with pytest.raises(ValueError, match=f"{field} must be one of"):
        build("ssmix", **{field: "nonsense"})


def test_ratio_is_a_share():
    with pytest.raises(ValueError, match="between 0 and 1"):
        build("ssmix", ratio=1.5)

"""The batched span edits against a plain, slow SSMix written from the SPEC, one example at a time."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mixutils.mixers import build
from mixutils.mixers.spans import Text, best_span, locate, random_span, random_tokens, replace_span, span_length
from tests.conftest import make_batch


def slow_span(scores: list[float], length: int, largest: bool) -> int:
    """First start of the best span, by trying all of them."""
    best, place = None, 0
    for start in range(len(scores) - length + 1):
        total = math.fsum(scores[start : start + length])
        if best is None or (total > best if largest else total < best):
            best, place = total, start
    return place


def slow_ssmix(a: list[int], b: list[int], s_a: list[float], s_b: list[float], ratio: float) -> tuple[list[int], int]:
    """SPEC 4(a) for one text: l = max(min(floor(ratio n_A), n_B), 1); least salient span of A <- most salient of B."""
    if not a or not b:
        return list(a), 0
    length = max(min(math.floor(ratio * len(a) + 1e-9), len(b)), 1)
    u, v = slow_span(s_a, length, largest=False), slow_span(s_b, length, largest=True)
    return [*a[:u], *b[v : v + length], *a[u + length :]], length


counts = st.lists(st.integers(0, 14), min_size=2, max_size=8).map(lambda x: x[: len(x) // 2 * 2])


@settings(max_examples=150, deadline=None)
@given(
    first=counts,
    pair=st.booleans(),
    ratio=st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.29, 0.5, 1.0]),
    seed=st.integers(0, 10_000),
    ties=st.booleans(),
)
def test_batched_ssmix_equals_the_slow_one(first, pair, ratio, seed, ties):
    rng = np.random.default_rng(seed)
    second = rng.integers(0, 10, len(first)).tolist() if pair else None
    batch = make_batch(first, second, seed)
    shape = tuple(batch.input_ids.shape)
    # Small integers make many ties; float32 noise makes none.
    saliency = torch.from_numpy(
        rng.integers(0, 3, shape).astype(np.float32) if ties else rng.random(shape).astype(np.float32)
    )
    n = len(first)
    rows, partner = torch.arange(n), torch.arange(n).roll(n // 2)
    mixed, w_b = build("ssmix", ratio=ratio).mix(batch, rows, partner, saliency, rng)
    for i in range(n):
        j = int(partner[i])
        replaced = total = 0
        expected = batch.input_ids[i].clone()
        for part in (0, 1) if pair else (0,):
            here, there = batch.text_id[i] == part, batch.text_id[j] == part
            new, length = slow_ssmix(
                batch.input_ids[i][here].tolist(),
                batch.input_ids[j][there].tolist(),
                saliency[i][here].tolist(),
                saliency[j][there].tolist(),
                ratio,
            )
            expected[here] = torch.tensor(new, dtype=torch.long)
            replaced, total = replaced + length, total + int(here.sum())
        assert torch.equal(mixed.input_ids[i], expected)
        assert float(w_b[i]) == pytest.approx(replaced / total if total else 0.0)


@pytest.mark.parametrize(
    ("n_a", "n_b", "ratio", "length", "share"),
    [
        (10, 10, 0.2, 2, 0.2),
        (6, 6, 0.1, 1, 1 / 6),
        (9, 9, 0.1, 1, 1 / 9),
        (40, 3, 0.1, 3, 3 / 40),
        (5, 0, 0.5, 0, 0.0),
        (100, 100, 0.29, 29, 0.29),
    ],
)
def test_vectors_of_the_spec(n_a, n_b, ratio, length, share):
    """SPEC 4(a), test vectors; a partner without tokens leaves the text unmixed (SA12)."""
    got = span_length(torch.tensor([n_a]), torch.tensor([n_b]), ratio)
    assert got.tolist() == [length]
    batch = make_batch([n_a, n_b], seed=1)
    saliency = torch.rand(batch.input_ids.shape)
    _, w_b = build("ssmix", ratio=ratio).mix(
        batch, torch.tensor([0]), torch.tensor([1]), saliency, np.random.default_rng(0)
    )
    assert float(w_b) == pytest.approx(share)


def test_worked_example_of_the_pair_figure():
    """The paper's Figure 5: one token of five and one of six, λ = 2/11."""
    batch = make_batch([5, 5], [6, 6])
    _, w_b = build("ssmix", ratio=0.2).mix(
        batch, torch.tensor([0]), torch.tensor([1]), torch.rand(batch.input_ids.shape), np.random.default_rng(0)
    )
    assert float(w_b) == pytest.approx(2 / 11)


@pytest.mark.parametrize("name", ["ssmix", "ssmix-saliency", "ssmix-saliency-span", "unk"])
@pytest.mark.parametrize("pair", [False, True])
def test_special_tokens_length_and_mask_never_change(name, pair):
    batch = make_batch([9, 4, 1, 12], [3, 5, 7, 2] if pair else None)
    mixer = build(name, ratio=0.4)
    mixer.unk = 1
    first, second = torch.arange(4), torch.arange(4).roll(2)
    mixed, w_b = mixer.mix(batch, first, second, torch.rand(batch.input_ids.shape), np.random.default_rng(0))
    special = batch.text_id == -1
    assert torch.equal(mixed.input_ids[special], batch.input_ids[special])
    assert torch.equal(mixed.attention_mask, batch.attention_mask)
    assert ((w_b >= 0) & (w_b <= 1)).all()
    changed = (mixed.input_ids != batch.input_ids).sum(1)
    content = (batch.text_id >= 0).sum(1)
    if name == "unk":
        assert (w_b == 0).all()
        assert ((mixed.input_ids == 1).sum(1) > 0).all()
    else:
        # Counted tokens bound the tokens that differ: a replaced token may happen to be the same word.
        assert (changed <= (w_b * content).round()).all()


@pytest.mark.parametrize("name", ["ssmix-saliency", "ssmix-saliency-span"])
def test_ablations_replace_as_many_tokens_as_their_label_says(name):
    """Tokens of A and B from disjoint vocabularies: replaced tokens can be counted."""
    batch = make_batch([12, 7, 9, 12])
    ids = batch.input_ids.clone()
    ids[2:][batch.text_id[2:] == 0] += 100
    batch = replace(batch, input_ids=ids)
    first, second = torch.tensor([0, 1]), torch.tensor([2, 3])
    mixed, w_b = build(name, ratio=0.3).mix(batch, first, second, None, np.random.default_rng(3))
    counted = (mixed.input_ids > 100).sum(1)
    assert torch.allclose(counted / torch.tensor([12.0, 7.0]), w_b)
    if name == "ssmix-saliency-span":
        place = mixed.input_ids > 100
        assert torch.equal(mixed.input_ids[place], batch.input_ids[second][place])  # place by place


def test_mixing_a_text_with_itself_keeps_the_label_side():
    """SPEC 7, rule 2: only tokens change. A span of the text replaces another span of it, so no foreign word appears."""
    batch = make_batch([8, 5])
    rows = torch.arange(2)
    mixed, _ = build("ssmix", ratio=0.3).mix(
        batch, rows, rows, torch.rand(batch.input_ids.shape), np.random.default_rng(0)
    )
    for i in range(2):
        assert set(mixed.input_ids[i].tolist()) <= set(batch.input_ids[i].tolist())


def test_options_of_span_length():
    n_a, n_b = torch.tensor([16, 40]), torch.tensor([16, 3])
    assert span_length(n_a, n_b, 0.1, "round").tolist() == [2, 3]
    assert span_length(n_a, n_b, 0.1, "floor").tolist() == [1, 3]
    assert span_length(n_a, n_b, 0.1, short="skip").tolist() == [1, 0]


def test_count_special_counts_them_in_length_and_share():
    """SPEC SA4: a text of 8 words has 10 tokens with [CLS] and [SEP]."""
    batch = make_batch([8, 8])
    arguments = (
        batch,
        torch.tensor([0]),
        torch.tensor([1]),
        torch.rand(batch.input_ids.shape),
        np.random.default_rng(0),
    )
    assert float(build("ssmix", ratio=0.2).mix(*arguments)[1]) == pytest.approx(1 / 8)
    assert float(build("ssmix", ratio=0.2, count_special=True).mix(*arguments)[1]) == pytest.approx(2 / 10)


def test_same_place_option_uses_one_start():
    batch = make_batch([10, 6])
    ids = batch.input_ids.clone()
    ids[1][batch.text_id[1] == 0] += 100
    batch = replace(batch, input_ids=ids)
    mixer = build("ssmix-saliency", ratio=0.2, nosal_place="same")
    for seed in range(20):
        mixed, _ = mixer.mix(batch, torch.tensor([0]), torch.tensor([1]), None, np.random.default_rng(seed))
        place = (mixed.input_ids[0] > 100).nonzero()[:, 0]
        assert torch.equal(mixed.input_ids[0][place], ids[1][place])


def test_random_span_is_uniform_over_all_places():
    text = Text(torch.full((6000,), 1), torch.full((6000,), 7))
    draw = torch.from_numpy(np.random.default_rng(0).random(6000))
    counts = torch.bincount(random_span(text, torch.full((6000,), 3), draw), minlength=8)
    assert counts[0] == 0
    assert counts[6:].sum() == 0
    from scipy.stats import chisquare

    assert chisquare(counts[1:6].numpy()).pvalue > 0.001


def test_random_tokens_are_uniform_and_without_replacement():
    text, length = Text(torch.full((3000,), 1), torch.full((3000,), 6)), torch.full((3000,), 2)
    chosen = random_tokens(text, length, 9, np.random.default_rng(0))
    assert (chosen.sum(1) == 2).all()
    assert not chosen[:, 0].any()
    assert not chosen[:, 7:].any()
    from scipy.stats import chisquare

    assert chisquare(chosen.sum(0)[1:7].numpy()).pvalue > 0.001


def test_locate_and_replace_on_hand_made_rows():
    batch = make_batch([3, 2], [1, 4])
    first, second = locate(batch.text_id, 0), locate(batch.text_id, 1)
    assert (first.start.tolist(), first.n.tolist()) == ([1, 1], [3, 2])
    assert (second.start.tolist(), second.n.tolist()) == ([5, 4], [1, 4])
    a, b = torch.tensor([[1, 2, 3, 4]]), torch.tensor([[9, 8, 7, 6]])
    assert replace_span(a, b, torch.tensor([1]), torch.tensor([2]), torch.tensor([2])).tolist() == [[1, 7, 6, 4]]


def test_best_span_takes_the_first_of_equals():
    text = Text(torch.tensor([1]), torch.tensor([5]))
    saliency = torch.tensor([[9.0, 0.5, 0.5, 0.5, 0.5, 0.5, 9.0]])
    for largest in (True, False):
        assert best_span(saliency, text, torch.tensor([2]), largest).tolist() == [1]

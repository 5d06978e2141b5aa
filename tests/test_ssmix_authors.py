"""SSMix's options "authors" against a plain imitation of SPEC SA5 and SA16, one text at a time."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from mixutils.mixers import build
from mixutils.mixers.spans import span_length
from tests.conftest import make_batch, make_task
from tests.test_spans import slow_span

CLS, SEP = 2, 3
RATIOS = (0.1, 0.2, 0.4, 0.7, 1.0)


def prepared(name: str, **options):
    mixer = build(name, **options)
    mixer.prepare(None, make_task(), np.random.default_rng(0))
    return mixer


def imitate(a, b, s_a, s_b, ratio: float, draws, short: str, place: str) -> tuple[list[int], int, str]:
    """One text of one example: the mixed text, how many of its tokens were replaced, and what happened.

    Args:
        a, b: tokens without special ones. s_a, s_b: their saliencies, or None for - saliency. draws: two in [0, 1), for the
            starts in A and in B. short, place: ``short_partner`` and ``nosal_place``.
    """
    if not a or not b:
        return a, 0, "empty"
    wanted = max(math.floor(ratio * len(a) + 1e-9), 1)
    length = wanted if short == "authors" else min(wanted, len(b))
    if length > len(b) + 2:
        return a, 0, "too long"
    framed = [CLS, *b, SEP]
    if s_a is not None:
        u = slow_span(s_a, length, largest=False)
        v = 1 + slow_span(s_b, length, largest=True) if length <= len(b) else 0
    else:
        u = int(draws[0] * (len(a) - length + 1))
        if place == "authors":
            room = len(b) + (1 if short == "authors" else 0)
            if u + length > room:
                return a, 0, "does not fit"
            v = 1 + u
        else:
            v = 1 + int(draws[1] * (len(b) - length + 1)) if length <= len(b) else 0
    span = framed[v : v + length]
    assert len(span) == length
    what = "special" if {CLS, SEP} & set(span) else "shortened" if length < wanted else "plain"
    return [*a[:u], *span, *a[u + length :]], length, what


def compare(name: str, options: dict[str, str], pair: bool, seed: int) -> Counter:
    """A batch of random texts, long ones and short partners; returns how often each outcome occurred."""
    rng = np.random.default_rng(seed)
    n = 8
    lengths = [
        rng.permuted(np.concatenate([rng.integers(0, 5, n // 2), rng.integers(0, 31, n // 2)])) for _ in range(2)
    ]
    batch = make_batch(lengths[0], lengths[1] if pair else None, seed)
    ratio = RATIOS[seed % len(RATIOS)]
    saliency = torch.from_numpy(rng.random(tuple(batch.input_ids.shape), np.float32))
    rows, partner = torch.arange(n), torch.arange(n).roll(n // 2)
    by_saliency = name == "ssmix"
    mixed, w_b = prepared(name, ratio=ratio, **options).mix(
        batch, rows, partner, saliency if by_saliency else None, np.random.default_rng(seed)
    )
    again, outcomes = np.random.default_rng(seed), Counter()
    expected, replaced, total = batch.input_ids.clone(), np.zeros(n), np.zeros(n)
    for part in (0, 1) if pair else (0,):
        draws = again.random((2, n))
        for i, j in enumerate(partner.tolist()):
            here, there = batch.text_id[i] == part, batch.text_id[j] == part
            new, length, what = imitate(
                batch.input_ids[i][here].tolist(),
                batch.input_ids[j][there].tolist(),
                saliency[i][here].tolist() if by_saliency else None,
                saliency[j][there].tolist(),
                ratio,
                draws[:, i],
                options.get("short_partner", "shorten"),
                options.get("nosal_place", "independent"),
            )
            outcomes[what] += 1
            expected[i][here] = torch.tensor(new, dtype=torch.long)
            replaced[i] += length
            total[i] += int(here.sum())
    assert torch.equal(mixed.input_ids, expected)
    np.testing.assert_allclose(w_b, replaced / np.maximum(total, 1), rtol=1e-6)
    special = batch.text_id == -1
    assert torch.equal(mixed.input_ids[special], batch.input_ids[special])  # SPEC 7, rule 5: of the first text, none
    for field in ("attention_mask", "token_type_ids", "text_id"):
        assert torch.equal(getattr(mixed, field), getattr(batch, field))
    return outcomes


BOTH = {"short_partner": "authors", "nosal_place": "authors"}


@pytest.mark.parametrize("pair", [False, True], ids=["single", "pair"])
@pytest.mark.parametrize(
    ("name", "options", "outcomes"),
    [
        ("ssmix", {"short_partner": "authors"}, {"plain", "special", "too long", "empty"}),
        ("ssmix-saliency", {"short_partner": "authors"}, {"plain", "special", "too long", "empty"}),
        ("ssmix-saliency", {"nosal_place": "authors"}, {"plain", "shortened", "does not fit", "empty"}),
        ("ssmix-saliency", BOTH, {"plain", "special", "too long", "does not fit", "empty"}),
    ],
    ids=["saliency, short partner", "random, short partner", "random, place", "random, both"],
)
def test_the_batched_edit_equals_the_plain_imitation(name, options, outcomes, pair):
    """480 examples with texts of 0 to 30 tokens and shares of 0.1 to 1, pairs twice as many; every outcome occurs."""
    seen = sum((compare(name, options, pair, seed) for seed in range(60)), Counter())
    assert set(seen) == outcomes
    assert min(seen.values()) >= 5


def test_how_far_a_span_reaches_into_the_partner():
    """SPEC SA5 at its edges: the text, with [CLS], with both special tokens, and one token more."""
    batch = make_batch([10, 3])
    words = batch.input_ids[1][batch.text_id[1] == 0].tolist()
    expected = {3: words, 4: [CLS, *words], 5: [CLS, *words, SEP], 6: None}
    for length, span in expected.items():
        mixed, w_b = prepared("ssmix", ratio=length / 10, short_partner="authors").mix(
            batch, torch.tensor([0]), torch.tensor([1]), torch.rand(batch.input_ids.shape), np.random.default_rng(0)
        )
        if span is None:
            assert torch.equal(mixed.input_ids[0], batch.input_ids[0])
            assert float(w_b) == 0
        else:
            row = mixed.input_ids[0].tolist()
            assert any(row[i : i + length] == span for i in range(len(row)))
            assert float(w_b) == pytest.approx(length / 10)
    n_a, n_b = torch.full((4,), 40), torch.tensor([3, 2, 1, 0])
    assert span_length(n_a, n_b, 0.1, short="authors").tolist() == [4, 4, 0, 0]
    assert span_length(n_a, n_b, 0.1, short="skip").tolist() == [0, 0, 0, 0]


def test_a_pairs_second_text_stands_alone():
    """Its span reaches into [CLS] and the last [SEP], not into the [SEP] between the texts or the first text."""
    batch = make_batch([4, 4], [10, 3])
    words = batch.input_ids[1][batch.text_id[1] == 1].tolist()
    mixed, _ = prepared("ssmix", ratio=0.5, short_partner="authors").mix(
        batch, torch.tensor([0]), torch.tensor([1]), torch.rand(batch.input_ids.shape), np.random.default_rng(0)
    )
    second = mixed.input_ids[0][batch.text_id[0] == 1].tolist()
    assert any(second[i : i + 5] == [CLS, *words, SEP] for i in range(6))


def test_the_start_is_uniform_in_the_first_text_and_fits_as_often_as_it_should():
    """SPEC SA16: A has 10 words and B 6; of the 9 starts of a span of 2, those from 0 to 4 fit."""
    n = 6000
    batch = make_batch([10] * n + [6] * n)
    ids = batch.input_ids.clone()
    ids[n:][batch.text_id[n:] == 0] += 100
    mixed, w_b = prepared("ssmix-saliency", ratio=0.2, nosal_place="authors").mix(
        replace(batch, input_ids=ids), torch.arange(n), torch.arange(n, 2 * n), None, np.random.default_rng(0)
    )
    foreign = mixed.input_ids > 100
    start = torch.where(foreign.any(1), foreign.int().argmax(1) - 1, 9)
    counts = torch.bincount(start, minlength=10)
    assert counts[5:9].sum() == 0
    assert chisquare(counts[[0, 1, 2, 3, 4, 9]].numpy(), np.array([1, 1, 1, 1, 1, 4]) * n / 9).pvalue > 1e-3
    torch.testing.assert_close(w_b, foreign.sum(1) / 10)


def test_single_tokens_come_from_common_places_only():
    """SPEC SA17 has no place beyond the partner's text: "authors" is "shorten" there, and UNK has no partner."""
    batch = make_batch([10, 3, 2, 12])
    first, second = torch.arange(4), torch.arange(4).roll(2)
    for name in ("ssmix-saliency-span", "unk"):
        results = []
        for short in ("authors", "shorten"):
            mixer = prepared(name, ratio=0.5, short_partner=short)
            mixed, w_b = mixer.mix(batch, first, second, None, np.random.default_rng(0))
            results.append((mixed.input_ids.tolist(), w_b.tolist()))
        assert results[0] == results[1]


@pytest.mark.parametrize("pair", [False, True], ids=["single", "pair"])
def test_partners_without_tokens_train(model, pair):
    for name in ("ssmix", "ssmix-saliency"):
        batch = make_batch([0, 9, 6, 0], [3, 0, 0, 1] if pair else None)
        for part in prepared(name, ratio=0.5, **BOTH).losses(model, batch, np.random.default_rng(0)):
            (part.weight * part.loss).backward()
            assert torch.isfinite(part.loss)

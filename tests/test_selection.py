"""Selection against a sorted brute force, for any distances, ties included; never the anchor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mixutils.mixers.partners import cosine_distances, distinct_others, reduce_k, select


def brute_force(distance: np.ndarray, own: int, k: int) -> tuple[list[int], list[int]]:
    """K largest (largest first) and K smallest of one row, by sorting the others by distance and then by index."""
    others = sorted((float(d), j) for j, d in enumerate(distance) if j != own)
    return [j for _, j in reversed(others[len(others) - k :])], [j for _, j in others[:k]]


@st.composite
def pools(draw):
    """Distances of a few different values, so that ties are common; anchors are any columns of the pool."""
    m, n = draw(st.integers(2, 14)), draw(st.integers(1, 6))
    values = draw(st.lists(st.integers(0, 4), min_size=n * m, max_size=n * m))
    own = draw(st.lists(st.integers(0, m - 1), min_size=n, max_size=n))
    return torch.tensor(values).reshape(n, m) / 2, torch.tensor(own)


@settings(max_examples=200, deadline=None)
@given(pools(), st.integers(1, 9))
def test_the_sets_of_a_sorted_brute_force(pool, k):
    distance, own = pool
    before = distance.clone()
    found = {which: select(distance, own, k, which) for which in ("both", "largest", "smallest")}
    reduced = reduce_k(k, distance.shape[1] - 1)
    for i, row in enumerate(distance.numpy()):
        largest, smallest = brute_force(row, int(own[i]), reduced)
        assert found["largest"][i].tolist() == largest
        assert found["smallest"][i].tolist() == smallest
        assert found["both"][i].tolist() == largest + smallest
        assert int(own[i]) not in largest + smallest
    assert torch.equal(distance, before)


@settings(max_examples=100, deadline=None)
@given(pools(), st.integers(1, 9))
def test_the_two_sets_never_share_a_partner(pool, k):
    distance, own = pool
    chosen = select(distance, own, k)
    for row in chosen.tolist():
        assert len(set(row)) == len(row) or distance.shape[1] == 2  # with two rows there is one other only


@pytest.mark.parametrize(("n", "k"), [(20, 5), (20, 9), (19, 9), (11, 5), (10, 4), (5, 2), (4, 1), (3, 1), (2, 1)])
def test_k_of_small_batches_is_what_the_spec_says(n, k):
    """SPEC NA6: floor((n - 1) / 2) where the batch is too small for K; one partner where it has only two rows."""
    wanted = 5 if n == 20 and k == 5 else 9
    assert reduce_k(wanted, n - 1) == k == max(1, min(wanted, (n - 1) // 2))
    assert select(torch.rand(n, n), torch.arange(n), wanted).shape == (n, 2 * k)


def test_one_row_meets_itself():
    assert select(torch.zeros(1, 1), torch.tensor([0]), 5).tolist() == [[0]]
    assert distinct_others(np.random.default_rng(0), np.array([0]), 1, 10).tolist() == [[0]]


def test_equal_sentences_are_near_and_opposite_ones_are_far():
    vectors = torch.tensor([[1.0, 0.0], [2.0, 0.0], [-1.0, 0.1], [0.0, 1.0], [1.0, 1.0]])
    distance = cosine_distances(vectors)
    assert select(distance, torch.arange(5), 1)[0].tolist() == [2, 1]
    assert distance.diagonal().tolist() == [0] * 5


def test_distances_are_one_minus_cosine_in_float64_and_carry_no_gradient():
    vectors = torch.randn(20, 48, generator=torch.Generator().manual_seed(0), requires_grad=True)
    unit = vectors.detach().double() / vectors.detach().double().norm(dim=1, keepdim=True)
    distance = cosine_distances(vectors)
    assert not distance.requires_grad
    torch.testing.assert_close(distance.double(), 1 - unit @ unit.T, atol=1e-6, rtol=1e-5)


def test_nearly_parallel_vectors_are_ordered_as_in_float64():
    """[CLS] states of an untrained encoder have cosines near 1; the order must not drown in rounding."""
    common = torch.ones(1, 64) * 10
    vectors = common + 0.05 * torch.randn(20, 64, generator=torch.Generator().manual_seed(1))
    unit = vectors.double() / vectors.double().norm(dim=1, keepdim=True)
    exact = select(1 - unit @ unit.T, torch.arange(20), 5)
    with torch.autocast("cpu", torch.bfloat16):
        found = select(cosine_distances(vectors), torch.arange(20), 5)
    assert torch.equal(found, exact)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.integers(1, 14), st.integers(0, 99))
def test_random_partners_are_others_and_different(pool, partners, seed):
    own = np.arange(pool)[::-1].copy()
    chosen = distinct_others(np.random.default_rng(seed), own, pool, partners)
    assert chosen.shape == (pool, min(partners, pool - 1))
    for anchor, row in zip(own, chosen, strict=True):
        assert anchor not in row
        assert len(set(row)) == len(row)
        assert (row >= 0).all()
        assert (row < pool).all()


def test_random_partners_are_uniform():
    own = np.zeros(9000, dtype=int)
    counts = np.bincount(distinct_others(np.random.default_rng(0), own, 4, 1)[:, 0], minlength=4)
    assert counts[0] == 0
    assert counts[1:] == pytest.approx([3000] * 3, abs=5 * (9000 * 2 / 9) ** 0.5)

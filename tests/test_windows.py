"""The union of windows in closed form against the greedy loop, on maps with and without ties."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mixutils.mixers.windows import RULES, kth_largest, slide, union, window_scores
from tests.greedy import greedy, ranked


def random_map(rng: np.random.Generator, shape: tuple[int, ...], ties: bool) -> np.ndarray:
    """Small integers make many ties; float32 noise makes none."""
    return (rng.integers(0, 3, shape) if ties else rng.random(shape)).astype(np.float32)


@settings(max_examples=400, deadline=None)
@given(
    heights=st.lists(st.integers(0, 8), min_size=1, max_size=4),
    channels=st.integers(1, 7),
    n=st.integers(1, 8),
    w=st.integers(1, 7),
    lam=st.sampled_from([0.0, 0.03, 0.1, 0.5, 0.9, 1.0]) | st.floats(0, 1),
    rule=st.sampled_from(RULES),
    ties=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_the_union_equals_the_greedy_loop(heights, channels, n, w, lam, rule, ties, seed):
    columns, w = max(8, *heights), min(w, channels)
    saliency = random_map(np.random.default_rng(seed), (len(heights), columns, channels), ties)
    height = torch.tensor(heights)
    budget = (lam * height * channels).long()
    scores = window_scores(torch.from_numpy(saliency), height, n, w)
    got = union(scores, height, n, w, budget, rule)
    for row, real in enumerate(heights):
        assert not got[row, real:].any()
        expected = greedy(saliency[row, :real], n, w, int(budget[row]), rule)
        np.testing.assert_array_equal(got[row, :real].numpy(), expected)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("n", "w"), [(1, 1), (2, 1), (5, 1), (32, 1), (40, 1), (3, 4), (2, 48)])
def test_larger_maps_equal_the_ranked_form(n, w, ties):
    """Two authorities: this one also has room for wide windows and for thousands of equal scores."""
    saliency = random_map(np.random.default_rng(n), (3, 40, 48), ties)
    height = torch.full((3,), 40)
    scores = window_scores(torch.from_numpy(saliency), height, n, w)
    for lam in (0.0, 0.01, 0.3, 0.5, 0.97, 1.0):
        budget = int(lam * 40 * 48)
        got = union(scores, height, n, w, torch.full((3,), budget))
        for row in range(3):
            np.testing.assert_array_equal(got[row].numpy(), ranked(saliency[row], n, w, budget))


def test_the_two_authorities_agree():
    rng = np.random.default_rng(0)
    for _ in range(60):
        shape = tuple(rng.integers(1, 8, 2))
        n, w = (int(rng.integers(1, s + 1)) for s in shape)
        saliency, budget = random_map(rng, shape, bool(rng.integers(2))), int(rng.integers(0, shape[0] * shape[1] + 1))
        np.testing.assert_array_equal(ranked(saliency, n, w, budget), greedy(saliency, n, w, budget))


def test_budget_is_kept_and_rules_are_ordered():
    """|stop| <= |skip| <= budget; "exceed" meets the budget by at most one window more (SPEC RA3)."""
    rng = np.random.default_rng(1)
    saliency = torch.from_numpy(random_map(rng, (6, 12, 9), False))
    height = torch.tensor([12, 12, 7, 3, 1, 12])
    budget = torch.tensor([17, 40, 31, 8, 5, 107])
    scores = window_scores(saliency, height, 3, 2)
    size = {rule: union(scores, height, 3, 2, budget, rule).sum((1, 2)) for rule in RULES}
    assert (size["stop"] <= size["skip"]).all()
    assert (size["skip"] <= budget).all()
    assert (size["exceed"] >= budget).all()
    assert (size["exceed"] - size["stop"] <= 6).all()
    assert (size["stop"] < size["skip"]).any()


@settings(max_examples=60, deadline=None)
@given(size=st.integers(1, 9), length=st.integers(9, 14), seed=st.integers(0, 1000))
def test_sliding_sums_and_maxima_equal_naive_ones(size, length, seed):
    x = torch.from_numpy(np.random.default_rng(seed).integers(0, 9, (2, length, 3)))
    windows = x.unfold(1, size, 1)
    assert torch.equal(slide(x, size, 1, torch.add), windows.sum(-1))
    assert torch.equal(slide(x, size, 1, torch.maximum), windows.amax(-1))


@settings(max_examples=100, deadline=None)
@given(rows=st.integers(1, 5), width=st.integers(1, 12), seed=st.integers(0, 1000), whole=st.booleans())
def test_every_row_has_its_own_order_statistic(rows, width, seed, whole):
    rng = np.random.default_rng(seed)
    x = rng.integers(-1, 4, (rows, width)).astype(np.int32) if whole else rng.random((rows, width), dtype=np.float32)
    k = rng.integers(1, width + 1, rows)
    expected = np.take_along_axis(-np.sort(-x, axis=1), k[:, None] - 1, 1)[:, 0]
    np.testing.assert_array_equal(kth_largest(torch.from_numpy(x), torch.from_numpy(k)).numpy(), expected)


def test_scores_are_squared_norms_up_to_a_power_of_two():
    saliency = torch.randn(2, 6, 5, dtype=torch.float64)
    got = window_scores(saliency, torch.tensor([6, 6]), 3, 2).double()
    expected = (saliency**2).unfold(1, 3, 1).unfold(2, 2, 1).sum((-1, -2))
    factor = got[:, :1, :1] / expected[:, :1, :1]
    torch.testing.assert_close(got, expected * factor, rtol=1e-5, atol=0)
    assert torch.allclose(factor.log2(), factor.log2().round(), atol=1e-4)


@pytest.mark.parametrize("scale", [1e-30, 1e-19, 1e19])
def test_tiny_and_huge_gradients_choose_the_same_units(scale):
    """Squares of 1e-30 vanish in float32; a confident model has such gradients."""
    saliency, height = torch.rand(2, 9, 7) + 0.1, torch.tensor([9, 5])
    budget = torch.tensor([20, 11])
    results = [union(window_scores(saliency * s, height, 2, 1), height, 2, 1, budget) for s in (1.0, scale)]
    assert torch.equal(*results)
    assert results[0].any()


def test_a_map_of_zeros_is_taken_from_the_start():
    """Ties go by place: a text whose loss is exactly zero still gets the patch its label will speak of."""
    height = torch.tensor([4])
    got = union(window_scores(torch.zeros(1, 4, 3), height, 2, 1), height, 2, 1, torch.tensor([6]))
    assert got[0].int().tolist() == [[1, 1, 1], [1, 1, 1], [0, 0, 0], [0, 0, 0]]


def test_the_scores_are_left_alone_and_wrong_rules_listed():
    scores, height = torch.rand(1, 4, 3), torch.tensor([2])
    before = scores.clone()
    union(scores, height, 2, 1, torch.tensor([3]))
    assert torch.equal(scores, before)
    with pytest.raises(ValueError, match="'stop', 'skip', 'exceed'"):
        union(scores, height, 2, 1, torch.tensor([3]), "fill")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_and_cpu_choose_the_same_units():
    rng = np.random.default_rng(0)
    for ties in (False, True):
        saliency = torch.from_numpy(random_map(rng, (4, 20, 16), ties))
        height = torch.tensor([20, 13, 2, 20])
        budget = torch.tensor([100, 50, 20, 320])
        for n, w in ((1, 1), (3, 1), (2, 4)):
            here = union(window_scores(saliency, height, n, w), height, n, w, budget)
            there = union(window_scores(saliency.cuda(), height.cuda(), n, w), height.cuda(), n, w, budget.cuda())
            assert torch.equal(here, there.cpu())

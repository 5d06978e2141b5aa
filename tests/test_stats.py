"""Statistics of one cell against hand-computed numbers and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from mixutils.evidence.stats import paired, summarize


def test_summary_of_a_hand_example_divides_by_n_minus_one():
    s = summarize([90.0, 92.0, 94.0, 96.0])  # squared deviations 9 + 1 + 1 + 9 = 20
    assert (s.n, s.mean) == (4, 93.0)
    assert s.variance == pytest.approx(20 / 3)
    assert s.sd == pytest.approx(math.sqrt(20 / 3))
    assert s.se == pytest.approx(math.sqrt(20 / 3 / 4))
    assert s.high - s.mean == pytest.approx(3.182446 * s.se)  # the tables' t for 3 degrees of freedom


def test_one_value_has_a_mean_and_no_spread():
    s = summarize([81.25])
    assert (s.n, s.mean) == (1, 81.25)
    assert all(math.isnan(v) for v in (s.sd, s.variance, s.se, s.low, s.high))


def test_no_value_is_no_number():
    s = summarize([])
    assert s.n == 0
    assert all(math.isnan(v) for v in (s.mean, s.sd, s.variance, s.se, s.low, s.high))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-400, 400).map(lambda k: k / 8), min_size=2, max_size=9, unique=True))
def test_the_interval_is_that_of_the_one_sample_t_test(values):
    s = summarize(values)
    assert (s.low, s.high) == pytest.approx(tuple(scipy_stats.ttest_1samp(values, 0).confidence_interval(0.95)))


def test_intervals_of_five_values_cover_the_mean_as_often_as_they_say():
    # Percentile bootstrap intervals, which the first release had, cover it in 83 of 100 cases.
    rng = np.random.default_rng(1)
    found = [summarize(rng.normal(5, 2, 5)) for _ in range(2000)]
    assert np.mean([s.low < 5 < s.high for s in found]) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("value", [0.1, 93.4, -0.3])
def test_equal_values_have_an_interval_that_is_exactly_their_mean(value):
    # 0.1 three times has the mean 0.10000000000000002; an interval beside it would make a negative error bar.
    s = summarize([value] * 3)
    assert s.low == s.mean == s.high


def test_pairs_are_the_seeds_that_both_sides_have():
    s = paired({0: 5.0, 1: 7.0, 3: 9.0}, {1: 4.0, 2: 1.0, 3: 7.0})
    assert (s.n, s.mean) == (2, 2.5)
    assert paired({0: 1.0}, {1: 1.0}).n == 0


def test_pairing_takes_out_what_seeds_share():
    left = {seed: 50 + 10 * seed + 1 for seed in range(5)}
    right = {seed: 50 + 10 * seed for seed in range(5)}
    s = paired(left, right)
    assert (s.low, s.mean, s.high) == (1, 1, 1)

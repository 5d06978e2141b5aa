"""Intervals and tests of one mean: they hold their level, and agree with scipy and statsmodels."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired

from mixutils.evidence import estimate
from mixutils.evidence.unit import Unit, paired
from tests.fakes_evidence import noise

CELLS = 5000


def standard(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    return x.mean(-1), x.std(-1, ddof=1) / np.sqrt(x.shape[-1]), x.shape[-1] - 1.0


@pytest.mark.parametrize("kind", ["normal", "heavy"])
@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_t_interval_covers_95_percent(kind, n):
    mean, se, df = standard(noise(np.random.default_rng(n), kind, (CELLS, n)))
    low, high = estimate.interval(mean, se, df)
    covered = np.mean((low <= 0) & (high >= 0))
    # Heavy tails make it cautious: that is the better side.
    assert 0.94 <= covered <= (0.96 if kind == "normal" else 0.975)


def test_percentile_intervals_of_five_values_would_not():
    x = np.random.default_rng(0).standard_normal((500, 5))
    draws = x[:, np.random.default_rng(1).integers(5, size=(999, 5))].mean(-1)
    low, high = np.quantile(draws, [0.025, 0.975], axis=1)
    assert np.mean((low <= 0) & (high >= 0)) < 0.9


@pytest.mark.parametrize("seed", range(5))
def test_interval_and_p_are_those_of_scipy(seed):
    x = np.random.default_rng(seed).normal(0.5, 1, 5)
    unit = paired(range(5), x)
    theirs = stats.ttest_1samp(x, 0)
    assert unit.interval == pytest.approx(tuple(theirs.confidence_interval(0.95)))
    assert unit.p[0] == pytest.approx(stats.ttest_1samp(x, 0, alternative="greater").pvalue)
    assert unit.p[1] == pytest.approx(stats.ttest_1samp(x, 0, alternative="less").pvalue)


@pytest.mark.parametrize("seed", range(5))
def test_equivalence_is_that_of_statsmodels(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0, 0.4, 6), rng.normal(0, 0.4, 6)
    theirs = ttost_paired(a, b, -0.5, 0.5)[0]
    assert float(estimate.inside(*standard(a - b), 0.5)) == pytest.approx(theirs)


@pytest.mark.parametrize("n", [3, 5, 10, 40])
def test_power_and_smallest_effect_are_those_of_statsmodels(n):
    sd = 1.7
    mde = float(estimate.detectable(sd / np.sqrt(n), n - 1.0))
    assert mde == pytest.approx(sd * TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8), rel=1e-3)
    theirs = TTestPower().power(1.0 / sd, n, 0.025, alternative="larger")  # in the effect's own direction
    assert float(estimate.power(1.0, sd / np.sqrt(n), n - 1.0)) == pytest.approx(theirs, abs=1e-3)


def test_no_power_is_stated_for_effects_that_nobody_reports():
    assert np.isnan(estimate.power(np.array([-1.0, 0.0, np.nan]), 1.0, 4.0)).all()


@pytest.mark.parametrize("n", [3, 5, 8])
def test_sign_flips_are_counted_one_by_one(n):
    x = np.random.default_rng(n).normal(0.7, 1, n)
    means = np.array([np.mean(np.array(signs) * x) for signs in product([-1, 1], repeat=n)])
    above, below = estimate.sign_flip(x)
    assert above == pytest.approx(np.mean(means >= x.mean() - 1e-12))
    assert below == pytest.approx(np.mean(means <= x.mean() + 1e-12))


def test_five_positive_differences_reach_one_in_32_and_none_at_all_are_no_evidence():
    assert estimate.sign_flip(np.full(5, 0.2))[0] == pytest.approx(1 / 32)
    assert estimate.sign_flip(np.zeros(5)) == (1.0, 1.0)


def test_equal_differences_are_not_a_mean_without_noise():
    unit = paired(range(3), np.full(3, 0.4), least=estimate.resolution(250))
    assert unit.se > 0.05
    assert unit.interval[0] < 0.4 < unit.interval[1]
    assert paired(range(3), np.zeros(3)).p == (0.5, 0.5)


# --------------------------------------------------------------------------------------------------- one cell over seeds


def test_the_mean_of_a_hand_example():
    found = estimate.mean_of([90.0, 92.0, 94.0, 96.0])  # squared deviations 9 + 1 + 1 + 9 = 20
    assert (found.estimate, found.df) == (93.0, 3.0)
    assert found.se == pytest.approx(np.sqrt(20 / 3 / 4))
    assert found.high - found.estimate == pytest.approx(3.182446 * found.se)  # the tables' t for 3 degrees of freedom


def test_one_value_has_a_mean_and_no_interval_and_no_value_is_no_number():
    assert estimate.mean_of([81.25]).estimate == 81.25
    assert np.isnan([estimate.mean_of([81.25]).se, *estimate.mean_of([81.25]).triple[1:]]).all()
    assert np.isnan(estimate.mean_of([]).triple).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-400, 400).map(lambda k: k / 8), min_size=2, max_size=9, unique=True))
def test_the_interval_of_a_cell_is_that_of_the_one_sample_t_test(values):
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert estimate.mean_of(values).triple[1:] == pytest.approx(tuple(theirs))


def test_intervals_of_five_values_cover_the_mean_as_often_as_they_say():
    rng = np.random.default_rng(1)
    found = [estimate.mean_of(rng.normal(5, 2, 5)) for _ in range(2000)]
    assert np.mean([s.low < 5 < s.high for s in found]) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("value", [0.1, 93.4, -0.3])
def test_equal_values_have_an_interval_that_is_exactly_their_mean(value):
    # 0.1 three times has the mean 0.10000000000000002; an interval beside it would make a negative error bar.
    found = estimate.mean_of([value] * 3)
    assert found.low == found.estimate == found.high


# ------------------------------------------------------------------------------------------------------ evaluated rows


def test_noise_of_rows_is_that_of_a_two_way_analysis_of_variance():
    rng = np.random.default_rng(3)
    d = rng.normal(size=(4, 1)) + 3 * rng.normal(size=(1, 12)) + rng.normal(size=(4, 12))
    seed, row = np.indices(d.shape)
    table = anova_lm(
        smf.ols("d ~ C(seed) + C(row)", pd.DataFrame({"d": d.ravel(), "seed": seed.ravel(), "row": row.ravel()})).fit()
    )
    squares = table["mean_sq"]
    expected = (squares["C(row)"] - squares["Residual"]) / d.size
    assert estimate.rows_noise(d) == pytest.approx(expected)


@pytest.mark.parametrize("of_rows", [0.0, 0.1, 0.3])
def test_the_interval_over_seeds_and_rows_covers_other_seeds_and_rows(of_rows):
    """That over seeds alone does not, where the rows matter."""
    rng = np.random.default_rng(11)
    covered, by_seeds = [], []
    for _ in range(1000):
        d = (
            0.02 * rng.standard_normal((5, 1))
            + of_rows * rng.standard_normal((1, 250))
            + 0.3 * rng.standard_normal((5, 250))
        )
        unit = paired(range(5), d.mean(1), rows=("digest", d))
        (low, high), (inner_low, inner_high) = unit.interval_rows, unit.interval
        assert low <= inner_low
        assert high >= inner_high
        covered.append(low <= 0 <= high)
        by_seeds.append(inner_low <= 0 <= inner_high)
    assert np.mean(covered) >= 0.935
    assert (np.mean(by_seeds) < 0.9) == (of_rows == 0.3)


def test_where_rows_are_the_noise_a_bootstrap_over_seeds_and_rows_agrees():
    rng = np.random.default_rng(5)
    n, rows = 40, 300
    d = 0.05 * rng.standard_normal((n, 1)) + 0.6 * rng.standard_normal((1, rows)) + 0.3 * rng.standard_normal((n, rows))
    draws = [d[np.ix_(rng.integers(n, size=n), rng.integers(rows, size=rows))].mean() for _ in range(2000)]
    ours = d.mean(1).var(ddof=1) / n + estimate.rows_noise(d)
    assert np.sqrt(ours) == pytest.approx(np.std(draws), rel=0.1)


def test_a_unit_without_bits_has_no_interval_over_rows():
    assert np.isnan(paired(range(5), np.arange(5.0)).interval_rows).all()
    known = paired(range(5), np.arange(5.0), rows_variance=0.0)  # every seed has rows of its own
    assert known.interval_rows == pytest.approx(known.interval)


def test_two_pairs_are_a_mean_without_an_interval_and_one_is_void():
    two, one = paired(range(2), np.array([1.0, 2.0])), paired(range(1), np.array([1.0]))
    assert not two.void
    assert not two.counts
    assert np.isnan(two.interval).all()
    assert one.void == "1 pair of runs"
    assert Unit().n == 0

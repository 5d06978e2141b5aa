"""Pooling over data sets: both intervals hold their level, and agree with what others calculate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mixutils.evidence import estimate
from tests.fakes_evidence import noise

CELLS = 5000


def cells(kind: str, tasks: int, n: int, unequal: bool, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Means, variances of the means and degrees of freedom of simulated cells without any effect."""
    widths = np.exp(np.linspace(-1.5, 1.5, tasks)) if unequal and tasks > 1 else np.ones(tasks)
    x = noise(np.random.default_rng(seed), kind, (CELLS, tasks, n)) * widths[:, None]
    return x.mean(-1), x.var(-1, ddof=1) / n, n - 1.0


@pytest.mark.parametrize("unequal", [False, True])
@pytest.mark.parametrize("kind", ["normal", "heavy", "collapse"])
@pytest.mark.parametrize("tasks", [1, 2, 3, 5, 8, 12])
def test_the_interval_for_these_tasks_covers(tasks, kind, unequal):
    """95 % ± 1 with normal noise and five seeds; heavy tails and runs that collapse make it cautious, never the reverse."""
    p = estimate.these_tasks(*cells(kind, tasks, 5, unequal, tasks))
    covered = np.mean((p.low <= 0) & (p.high >= 0))
    assert 0.94 <= covered <= (0.96 if kind == "normal" else 0.995)


@pytest.mark.parametrize("n", [2, 3, 10])
def test_it_covers_with_other_numbers_of_seeds(n):
    for tasks in (5, 12):  # two seeds only count from five data sets on
        p = estimate.these_tasks(*cells("normal", tasks, n, True, n))
        assert np.mean((p.low <= 0) & (p.high >= 0)) >= 0.94


@pytest.mark.parametrize("n", [2, 5])
@pytest.mark.parametrize("kind", ["normal", "heavy"])
@pytest.mark.parametrize("tasks", [5, 8, 12])
def test_the_interval_for_tasks_like_these_covers_the_mean_of_all_tasks(tasks, kind, n):
    rng = np.random.default_rng(tasks)
    truth = 0.8 * rng.standard_normal((CELLS, tasks, 1))  # data sets differ, around 0
    means = (truth + noise(rng, kind, (CELLS, tasks, n))).mean(-1)
    p = estimate.like_these(means)
    assert 0.94 <= np.mean((p.low <= 0) & (p.high >= 0)) <= 0.965
    these = estimate.these_tasks(means, np.full_like(means, 1 / n), n - 1.0)
    assert np.mean((these.low <= 0) & (these.high >= 0)) < 0.94  # which is not what the other interval is about


@pytest.mark.parametrize("seed", range(4))
def test_two_tasks_are_welchs_test(seed):
    """x̄ + ȳ has the error of x̄ − (−ȳ): that of Welch's test between x and −y."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(0.3, 1, 5), rng.normal(0.1, 3, 8)
    p = estimate.these_tasks(
        np.array([x.mean(), y.mean()]), np.array([x.var(ddof=1) / 5, y.var(ddof=1) / 8]), np.array([4.0, 7.0])
    )
    theirs = stats.ttest_ind(x, -y, equal_var=False)
    assert float(p.df) == pytest.approx(theirs.df)
    assert float(p.estimate / p.se) == pytest.approx(theirs.statistic)
    interval = theirs.confidence_interval(0.95)
    assert (float(p.low), float(p.high)) == pytest.approx((interval.low / 2, interval.high / 2))


def test_three_tasks_by_hand():
    # Variances of means 0.04, 0.09, 0.01 with 4, 4 and 2 degrees of freedom:
    # se² = 0.14 / 9, df = 0.14² / (0.04²/4 + 0.09²/4 + 0.01²/2) = 0.0196 / 0.002475
    p = estimate.these_tasks(np.array([1.0, 2.0, 0.6]), np.array([0.04, 0.09, 0.01]), np.array([4.0, 4.0, 2.0]))
    assert float(p.estimate) == pytest.approx(1.2)
    assert float(p.se) == pytest.approx(0.124722, abs=1e-6)
    assert float(p.df) == pytest.approx(7.919192, abs=1e-6)


def test_one_task_is_its_own_t_interval():
    x = np.random.default_rng(0).normal(size=5)
    p = estimate.these_tasks(np.array([x.mean()]), np.array([x.var(ddof=1) / 5]), np.array([4.0]))
    assert (float(p.low), float(p.high)) == pytest.approx(tuple(stats.ttest_1samp(x, 0).confidence_interval()))


def test_tasks_like_these_is_the_t_interval_over_means():
    means = np.random.default_rng(1).normal(size=7)
    p = estimate.like_these(means)
    assert (float(p.low), float(p.high)) == pytest.approx(tuple(stats.ttest_1samp(means, 0).confidence_interval()))


def test_rows_widen_the_interval_and_add_no_degrees_of_freedom_of_their_own():
    means, variances, df = np.array([1.0, 0.5]), np.array([0.04, 0.01]), np.array([4.0, 4.0])
    p = estimate.these_tasks(means, variances, df, np.array([0.02, 0.03]))
    assert float(p.se) == pytest.approx(np.sqrt(0.10) / 2)
    assert float(p.df) == pytest.approx(0.10**2 / (0.04**2 / 4 + 0.01**2 / 4))


def test_heterogeneity_is_what_noise_does_not_explain():
    assert estimate.heterogeneity(np.array([1.0, 2.0, 3.0]), np.full(3, 0.36)) == pytest.approx(0.8)
    assert estimate.heterogeneity(np.array([1.0, 1.1, 0.9]), np.full(3, 0.5)) == 0
    rng = np.random.default_rng(0)
    truth = 1.5 * rng.standard_normal((4000, 8, 1))
    x = truth + rng.standard_normal((4000, 8, 5))
    found = estimate.heterogeneity(x.mean(-1), x.var(-1, ddof=1) / 5)
    assert np.sqrt(np.mean(found**2)) == pytest.approx(1.5, rel=0.05)


def test_leaving_one_task_out():
    low, high = estimate.without_one(np.array([1.0, 2.0, 6.0]))
    assert (float(low), float(high)) == (1.5, 4.0)


@pytest.mark.parametrize("tasks", [1, 3, 8])
def test_an_effect_of_twice_the_smallest_one_is_found(tasks):
    """MDE of each simulated claim itself, and of the true noise."""
    means, variances, df = cells("normal", tasks, 5, True, 20 + tasks)
    own = estimate.these_tasks(means, variances, df)
    mde = np.median(estimate.detectable(own.se, own.df))
    found = estimate.these_tasks(means + 2 * mde, variances, df)
    assert np.mean(found.low > 0) >= 0.95
    each = estimate.these_tasks(means + 2 * estimate.detectable(own.se, own.df)[:, None], variances, df)
    assert np.mean(each.low > 0) >= 0.95
    half = estimate.these_tasks(means + mde, variances, df)
    assert 0.7 <= np.mean(half.low > 0) <= 0.9  # 80 % at the MDE itself

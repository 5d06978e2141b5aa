"""Statistics against hand-computed numbers, scipy and statsmodels."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests

from mixutils.stats import (
    CONFIRMED,
    CONTRADICTED,
    UNDECIDED,
    Comparison,
    bootstrap,
    compare,
    corrected,
    holm,
    summarize,
)


def series(*values: float) -> dict[int, float]:
    return dict(enumerate(values))


def versus_zero(*differences: float) -> Comparison:
    return compare(series(*differences), dict.fromkeys(range(len(differences)), 0.0))


def test_summary_of_a_hand_example_divides_by_n_minus_one():
    s = summarize([90.0, 92.0, 94.0, 96.0])  # squared deviations 9 + 1 + 1 + 9 = 20
    assert (s.n, s.mean) == (4, 93.0)
    assert s.variance == pytest.approx(20 / 3)
    assert s.sd == pytest.approx(math.sqrt(20 / 3))
    assert s.se == pytest.approx(math.sqrt(20 / 3 / 4))


def test_one_value_has_a_mean_and_no_spread():
    s = summarize([81.25])
    assert (s.n, s.mean) == (1, 81.25)
    assert all(math.isnan(v) for v in (s.sd, s.variance, s.se, s.low, s.high))


def test_no_value_is_no_number():
    s = summarize([])
    assert s.n == 0
    assert math.isnan(s.mean)
    assert math.isnan(s.sd)


def test_bootstrap_is_the_same_every_time_and_leaves_the_global_generator_alone():
    values = [1.0, 4.0, 2.0, 8.0, 5.0]
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    assert bootstrap(values) == bootstrap(values)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_bootstrap_of_two_values_is_their_range():
    # The resampled mean is 1, 2 or 3 with chances 1/4, 1/2, 1/4: both ends of a 95 % interval are extremes.
    assert bootstrap([1.0, 3.0]) == (1.0, 3.0)


def test_bootstrap_of_a_small_sample_agrees_with_all_its_resamples():
    values = np.array([0.0, 1.0, 3.0, 7.0])
    means = [np.mean(r) for r in product(values, repeat=4)]  # all 256, equally likely
    low, high = bootstrap(values)
    exact = np.quantile(means, [0.025, 0.975])
    assert (low, high) == pytest.approx(exact, abs=0.26)  # means are multiples of 1/4


@pytest.mark.parametrize("value", [0.1, 93.4, -0.3])
def test_equal_values_have_an_interval_that_is_exactly_their_mean(value):
    # 0.1 three times has the mean 0.10000000000000002; an interval beside it would make a negative error bar.
    s = summarize([value] * 3)
    assert s.low == s.mean == s.high


def test_bootstrap_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    intervals = [bootstrap(rng.normal(5, 2, 25)) for _ in range(200)]
    assert 0.88 < np.mean([low < 5 < high for low, high in intervals]) < 0.99


def test_five_seeds_on_one_side_have_p_one_over_32():
    c = versus_zero(1.0, 2.0, 3.0, 4.0, 5.0)
    assert c.p_greater == 1 / 32
    assert c.p_less == 1.0
    assert c.p == c.p_greater
    # As far as five seeds can go: the sign that is claimed is confirmed, the other one contradicted.
    assert (c.verdict(1), c.verdict(-1)) == (CONFIRMED, CONTRADICTED)


def test_ten_seeds_on_one_side_have_p_one_over_1024():
    assert versus_zero(*range(1, 11)).p_greater == 1 / 1024


def test_ties_do_not_move_the_smallest_p():
    # A normal approximation would give 0.0127 for five, and 0.0228 for four equal differences.
    assert versus_zero(1.0, 1.0, 1.0, 1.0, 1.0).p_greater == 1 / 32
    assert versus_zero(1.0, 1.0, 1.0, 1.0).p_greater == 1 / 16


def test_one_opposite_seed_by_hand():
    # Ranks 1 to 5, the smallest difference is negative: W+ = 14; two of 32 sign patterns reach it.
    assert versus_zero(-1.0, 2.0, 3.0, 4.0, 5.0).p_greater == pytest.approx(2 / 32)


def test_equal_cells_differ_by_nothing_and_are_undecided():
    c = compare(series(90, 91, 92, 93, 94), series(90, 91, 92, 93, 94))
    assert (c.n, c.mean, c.low, c.high) == (5, 0, 0, 0)
    assert c.p_greater == c.p_less == 1.0
    assert c.verdict() == UNDECIDED


def test_differences_of_differences_survive_the_digits_that_records_keep():
    thirds = [round(k / 9, 9) for k in (3, 6, 4, 7, 5)]
    sixths = [round((k + 2) / 9, 9) for k in (3, 6, 4, 7, 5)]
    gains = {s: 100 * b - 100 * a for s, (a, b) in enumerate(zip(thirds, sixths, strict=True))}
    other = dict.fromkeys(range(5), 100 * round(2 / 9, 9))
    assert any(gains[s] != other[s] for s in range(5))  # rounding made them differ ...
    assert compare(gains, other).p_greater == 1.0  # ... and the test does not count that


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-30, 30, allow_nan=False), min_size=0, max_size=4))
def test_fewer_than_five_seeds_never_decide(differences):
    c = versus_zero(*differences)
    assert c.verdict(1) == c.verdict(-1) == UNDECIDED


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-400, 400).map(lambda k: k / 8), min_size=5, max_size=9))
def test_a_claim_and_its_opposite_are_never_both_confirmed(differences):
    c = versus_zero(*differences)
    flipped = versus_zero(*[-d for d in differences])
    assert c.p_greater == pytest.approx(flipped.p_less)
    assert (c.verdict(1), flipped.verdict(1)) != (CONFIRMED, CONFIRMED)
    assert (c.verdict(1) == CONFIRMED) == (c.verdict(-1) == CONTRADICTED)
    if c.verdict(1) == CONFIRMED:
        assert c.mean > 0
        assert c.p_greater < 0.05


def test_seeds_that_only_one_cell_has_do_not_count():
    c = compare({0: 5.0, 1: 7.0, 4: 100.0}, {0: 4.0, 1: 5.0, 2: -100.0})
    assert (c.n, c.mean) == (2, 1.5)


def test_pairing_is_by_seed_and_not_by_order():
    left, right = {3: 30.0, 1: 10.0}, {1: 9.0, 3: 29.0}
    assert compare(left, right).low == compare(left, right).high == 1.0


def test_nothing_in_common_gives_no_numbers_and_no_verdict():
    c = compare({0: 1.0}, {1: 2.0})
    assert c.n == 0
    assert math.isnan(c.mean)
    assert c.verdict() == UNDECIDED


@pytest.mark.parametrize(("sign", "side"), [(1, "greater"), (-1, "less")])
def test_welch_stands_on_the_side_of_the_difference_as_wilcoxon_does(sign, side):
    a, b = [93.0, 94.5, 92.0, 95.0, 93.5], [91.0, 92.0, 91.5, 90.0, 91.8]
    left, right = (a, b) if sign > 0 else (b, a)
    c = compare(series(*left), series(*right))
    assert c.p_welch == pytest.approx(scipy_stats.ttest_ind(left, right, equal_var=False, alternative=side).pvalue)
    assert c.p_welch < 0.05
    assert c.p == 1 / 32


def test_welch_by_hand():
    # Means 2 and 0, variances 1 and 1, n = 3 each: t = 2 / sqrt(2/3), 4 degrees of freedom.
    c = compare(series(1.0, 2.0, 3.0), series(0.0, 1.0, -1.0))
    assert c.p_welch == pytest.approx(scipy_stats.t.sf(2 / math.sqrt(2 / 3), 4))


def test_welch_needs_a_spread():
    assert math.isnan(versus_zero(2.0, 2.0).p_welch)
    assert math.isnan(versus_zero(2.0).p_welch)


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.03, 0.5; times 4, 3, 2, 1: 0.04, 0.06, 0.06, 0.5; never below its predecessor.
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])


def test_holm_takes_the_maximum_so_far_and_stops_at_one():
    assert holm([0.02, 0.021, 0.9]) == pytest.approx([0.06, 0.06, 0.9])
    assert holm([0.4, 0.6]) == pytest.approx([0.8, 0.8])
    assert holm([0.7, 0.8]) == pytest.approx([1.0, 1.0])


def test_holm_agrees_with_statsmodels_and_leaves_unknown_values_out():
    p = [0.04, math.nan, 0.001, 0.2, math.nan, 0.03]
    out = holm(p)
    known = [x for x in p if not math.isnan(x)]
    assert [x for x in out if not math.isnan(x)] == pytest.approx(multipletests(known, method="holm")[1])
    assert [math.isnan(x) for x in out] == [math.isnan(x) for x in p]
    assert holm([]) == []


def test_holm_over_comparisons_keeps_the_two_directions_apart():
    up, down, flat = versus_zero(1, 2, 3, 4, 5), versus_zero(-1, -2, -3, -4, -5, -6), versus_zero(1, -1, 2, -2, 3)
    out = corrected([up, down, flat])
    assert out == pytest.approx(
        [
            holm([up.p_greater, down.p_greater, flat.p_greater])[0],
            holm([up.p_less, down.p_less, flat.p_less])[1],
            holm([up.p_greater, down.p_greater, flat.p_greater])[2],
        ]
    )
    # Three claims were tested in each direction, so the smallest p of a direction counts three times.
    assert out[:2] == pytest.approx([3 / 32, 3 / 64])
    assert corrected([]) == []

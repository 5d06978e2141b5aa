"""Best of several rows: by one rule on both sides, without bias, and at the level that is said (SPEC 9.4)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mixutils.evidence import Evidence, best, estimate, mean
from mixutils.evidence.best import Chosen, maxima, rule_of, spread
from tests.fakes_evidence import made

TIMES = 800


def simulated(rng: np.random.Generator, rows: int, n: int, shared: float) -> tuple[np.ndarray, np.ndarray]:
    """Reported and selecting numbers of equal rows; ``shared``: how much of a run's luck shows on both parts."""
    luck = np.sqrt(shared) * rng.standard_normal((rows, n))
    return tuple(luck + np.sqrt(1 - shared) * rng.standard_normal((rows, n)) for _ in range(2))


def sides(reported: np.ndarray, selecting: np.ndarray, first: int) -> tuple[Chosen, Chosen]:
    best = [k > 1 for k in (first, len(reported) - first)]
    return Chosen(reported[:first], selecting[:first], best[0]), Chosen(reported[first:], selecting[first:], best[1])


@pytest.mark.parametrize(("first", "second"), [(1, 5), (4, 5)])
@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_chosen_on_a_hold_out_no_side_is_ahead_and_the_level_holds(first, second, shared):
    rng = np.random.default_rng(7)
    means, rejected = [], []
    for _ in range(TIMES):
        a, b = sides(*simulated(rng, first + second, 5, shared), first)
        d = a.reduced - b.reduced
        means.append(d.mean())
        se = d.std(ddof=1) / np.sqrt(5) * spread(a, b)
        rejected.append(2 * min(estimate.one_sided(d.mean(), se, 4.0)) < 0.05)
    assert np.mean(means) == pytest.approx(0, abs=3.5 * np.std(means) / np.sqrt(TIMES))
    assert np.mean(rejected) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / TIMES)


def test_chosen_with_the_compared_seed_the_longer_side_would_be_ahead():
    """Why ``best`` leaves the seed out: one training's luck shows on all its parts."""
    rng = np.random.default_rng(8)
    ahead = []
    for _ in range(1000):
        reported, selecting = simulated(rng, 6, 5, 0.9)
        ahead.append(reported[1 + selecting[1:].mean(1).argmax()].mean() - reported[0].mean())
    assert np.mean(ahead) > 0.3


def test_of_equal_rows_the_first_is_chosen_whatever_the_last_bit_of_a_sum():
    selecting = np.array([[0.3, 0.2, 0.1], [0.1, 0.2, 0.3]])  # 0.6 and 0.6000000000000001
    assert Chosen(selecting, selecting, True).index.tolist() == [1, 0, 0]


@pytest.mark.parametrize(("first", "second"), [(1, 5), (4, 5)])
def test_differences_of_maxima_are_not_ahead_and_the_level_holds(first, second):
    rng = np.random.default_rng(9)
    means, rejected = [], []
    for _ in range(400):
        reported, _ = simulated(rng, first + second, 5, 0.0)
        a, b = sides(reported, reported, first)
        difference, se, null = maxima(a, b, rng, 199)
        p = [
            max(p, q) for p, q in zip(estimate.one_sided(difference, se, 4.0), _permuted(difference, null), strict=True)
        ]
        means.append(difference)
        rejected.append(2 * min(p) < 0.05)
    assert np.mean(means) == pytest.approx(0, abs=3.5 * np.std(means) / np.sqrt(400))
    assert np.mean(rejected) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_equal_best_rows_among_unequal_ones_are_no_difference_either():
    """Permuted names alone would call the first side better: they compare it with rows that are no rivals."""
    rng = np.random.default_rng(10)
    level = np.array([1.5, 0, 0, 1.5, 0, -1])[:, None]
    supported = []
    for _ in range(400):
        reported = level + rng.standard_normal((6, 5))
        a, b = sides(reported, reported, 1)
        difference, se, null = maxima(a, b, rng, 199)
        supported.append(2 * max(estimate.one_sided(difference, se, 4.0)[0], _permuted(difference, null)[0]) < 0.05)
    assert np.mean(supported) <= 0.05


def _permuted(difference: float, null: np.ndarray) -> tuple[float, float]:
    n = len(null) + 1
    return (np.sum(null >= difference) + 1) / n, (np.sum(null <= difference) + 1) / n


def test_the_permutation_test_is_that_of_scipy():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(4, 5)) + np.array([[1.0], [0], [0], [0]])
    a, b = sides(values, values, 1)
    difference, _, null = maxima(a, b, rng, 20_000)

    def statistic(*rows, axis=-1):
        tops = np.stack([r.mean(axis) for r in rows])
        return tops[0] - tops[1:].max(0)

    theirs = stats.permutation_test(
        tuple(values),
        statistic,
        permutation_type="samples",
        alternative="greater",
        n_resamples=20_000,
        vectorized=True,
        rng=rng,
    )
    assert _permuted(difference, null)[0] == pytest.approx(theirs.pvalue, abs=0.01)


def test_each_seed_has_the_row_that_the_other_seeds_choose():
    selecting = np.array([[9.0, 0, 0], [1, 1, 1]])
    chosen = Chosen(np.array([[10.0, 20, 30], [40, 50, 60]]), selecting, best=True)
    # Without the first seed row 1 is ahead; without another one row 0 is.
    assert chosen.index.tolist() == [1, 0, 0]
    assert chosen.reduced.tolist() == [40, 20, 30]
    assert (chosen.weights("hold-out") * chosen.values).sum(0).tolist() == [40, 20, 30]


def test_sides_that_choose_nothing_are_not_widened():
    values = np.random.default_rng(0).normal(size=(1, 5))
    row, average = Chosen(values, values, False), Chosen(np.repeat(values, 3, 0), values, False)
    assert spread(row, row) == 1
    assert spread(row, average) == 1
    assert average.reduced == pytest.approx(values[0])
    assert rule_of("a", mean("b", "c")) == ""


def test_never_one_of_each_rule():
    with pytest.raises(ValueError, match="both sides must be chosen by one rule"):
        rule_of(best("a", "b"), best("c", "d", rule="reported"))
    assert rule_of(best("a"), best("c", "d", rule="reported")) == "reported"  # one row is not chosen
    with pytest.raises(ValueError, match="hold-out or reported"):
        best("a", rule="validation")
    with pytest.raises(ValueError, match="needs rows"):
        best()


CELLS = {("1", row, "mr"): np.array([70.0, 72, 71, 70, 73]) + i for i, row in enumerate("abc")}


def test_a_best_side_is_read_on_the_selecting_part_and_its_names_are_said():
    worse_on_test = {key: 10 - v for key, v in CELLS.items()}
    e = Evidence(made({**CELLS, ("1", "x", "mr"): np.full(5, 60.0)}, worse_on_test | {("1", "x", "mr"): np.zeros(5)}))
    (unit,) = e.diff("1", best("a", "b", "c"), "x")
    # The selecting part prefers a, the reported one would have preferred c.
    assert unit.differences == pytest.approx(CELLS["1", "a", "mr"] - 60)
    assert unit.note == "best: a"


def test_without_a_selecting_part_there_is_no_hold_out():
    e = Evidence(made(CELLS))
    (unit,) = e.diff("1", best("a", "b"), "c")
    assert unit.void == "no part beside the reported one can choose"
    (unit,) = e.diff("1", best("a", "b", rule="reported"), "c")
    assert not unit.void
    assert unit.note == "best: b"


def test_a_row_without_runs_is_left_out_and_said():
    e = Evidence(made(CELLS, CELLS))
    (unit,) = e.diff("1", best("a", "never trained"), "c")
    assert unit.note == "without never trained"
    assert unit.mean == pytest.approx(-2)
    assert e.diff("1", best("never", "trained"), "c") == ()


def test_means_of_rows():
    (unit,) = Evidence(made(CELLS)).diff("1", mean("a", "c"), "b")
    assert unit.mean == pytest.approx(0)
    assert unit.pair == "mean of a, c − b"

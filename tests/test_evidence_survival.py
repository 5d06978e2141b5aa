"""Steps to a goal: log-rank tests with runs that are there too early or never."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.duration.survfunc import survdiff

from mixutils.evidence import Evidence, survival
from mixutils.evidence.survival import arrival, race
from tests.fakes_evidence import made

#: Ten runs, two of them never at the goal: (step, reached, at the first evaluation).
A = [(20, True, False), (30, True, False), (30, True, False), (50, True, False), (80, False, False)]
B = [(30, True, False), (50, True, False), (60, True, False), (80, True, False), (80, False, False)]


def test_observed_minus_expected_by_hand():
    # Step 20: 10 on the way, 5 of a, 1 arrives. 30: 9, 4 of a, 3 arrive. 50: 6, 2, 2. 60: 4, 1, 1. 80: 3, 1, 1.
    expected = 1 * 5 / 10 + 3 * 4 / 9 + 2 * 2 / 6 + 1 * 1 / 4 + 1 * 1 / 3
    variance = (
        1 / 4
        + 3 * (4 / 9) * (5 / 9) * 6 / 8
        + 2 * (1 / 3) * (2 / 3) * 4 / 5
        + 1 * (1 / 4) * (3 / 4)
        + (1 / 3) * (2 / 3)
    )
    assert race(A, B).excess() == pytest.approx((4 - expected, variance))


@pytest.mark.parametrize("seed", range(4))
def test_the_test_is_that_of_statsmodels_and_near_coxs(seed):
    rng = np.random.default_rng(seed)
    groups = [
        [(int(t), bool(t < 200), False) for t in np.minimum(rng.exponential(m, 40), 200).round()] for m in (60, 110)
    ]
    test = race(*groups)
    found, p = survival.pooled([test])
    chi2, theirs = survdiff(test.time, test.reached.astype(int), test.of_a.astype(int))
    assert p == pytest.approx(theirs)
    assert (found.estimate / found.se) ** 2 == pytest.approx(chi2)
    cox = PHReg(test.time, test.of_a.astype(float), status=test.reached.astype(int), ties="efron").fit()
    assert found.estimate == pytest.approx(cox.params[0], abs=0.15)


def test_data_sets_are_strata():
    rng = np.random.default_rng(0)
    tests = [
        race(*([(int(t), True, False) for t in rng.integers(low, low + 50, 6)] for low in (start, start + 10)))
        for start in (10, 500)
    ]
    _, p = survival.pooled(tests)
    time, reached, of_a = (np.concatenate([getattr(t, name) for t in tests]) for name in ("time", "reached", "of_a"))
    assert p == pytest.approx(survdiff(time, reached.astype(int), of_a.astype(int), strata=np.repeat([0, 1], 12))[1])


def test_names_permuted_the_log_rank_test_holds_its_level():
    rng = np.random.default_rng(1)
    times = rng.integers(1, 30, (400, 3, 10)) * 10
    found = [
        survival.pooled(
            [race(*([(t, t < 280, False) for t in half] for half in (task[:5], task[5:]))) for task in claim]
        )[1]
        for claim in times
    ]
    assert np.mean(np.array(found) < 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_a_goal_is_reached_early_late_or_never():
    steps, values = np.array([10, 20, 30]), np.array([50.0, 70, 60])
    assert arrival(steps, values, 65) == (20, True, False)
    assert arrival(steps, values, 50) == (10, True, True)
    assert arrival(steps, values, 75) == (30, False, False)
    assert race(A, B).words() == "median steps 30 against 60; never reached by 1 of 5 and 1 of 5"
    late, early = [(80, False, False)] * 3, [(10, True, True)] * 2
    assert race(late, B).words().startswith("median steps never against 60; never reached by 3 of 3")
    said = "median steps ≤ 10 against never; never reached by 0 of 3 and 3 of 3; at the first evaluation by 2 of 3 and 0 of 3"
    assert race([*early, A[0]], late).words() == said


def test_more_than_a_tenth_at_the_goal_at_once_say_nothing():
    early = [(10, True, True), *A[1:]]
    assert race(A, B).void == ""
    assert race(early, B).void == ""  # one of ten
    assert race(early, early).void == "20 % of the runs are at the goal at their first evaluation"
    assert race([(80, False, False)] * 4, [(80, False, False)] * 4).void == "no run reaches the goal"


def curve_frame(frame: pd.DataFrame, curves: dict[str, list[float]]) -> pd.DataFrame:
    """A curve of the selecting part for every run, by row."""
    lines = []
    for line in frame[frame["primary"]].to_dict("records"):
        for step, value in zip((10, 20, 30, 40), curves[line["row"]], strict=True):
            lines.append(line | {"step": step, "value": value + line["seed"] / 10, "part": "validation"})
    return pd.DataFrame(lines)


CELLS = {("1", row, column): np.full(8, 80.0) for row in ("fast", "slow") for column in ("mr", "cr")}
CURVES = {"fast": [50, 79, 80, 81], "slow": [50, 60, 70, 79.5]}


def evidence() -> Evidence:
    frame = made(CELLS, CELLS, hash=lambda key, seed: f"{key[1]}{key[2]}{seed}")
    return Evidence(frame, curves=curve_frame(frame, CURVES))


def test_a_claim_about_steps():
    e = evidence()
    e.claim("F", "fast is faster", e.steps("1", "fast", "slow", goal=75), kind="steps")
    e.claim("S", "slow is faster", e.steps("1", "slow", "fast", goal={"mr": 75, "cr": 78}), kind="steps")
    e.claim("N", "no goal is known", e.steps("1", "slow", "fast", goal={}), kind="steps")
    f, s, n = e.verdicts()
    assert f.word == "supported"
    assert f.why.startswith("log hazard ratio +")
    assert f.units[0].note == "median steps 20 against 40; never reached by 0 of 8 and 0 of 8"
    assert s.word == "contradicted"
    assert n.word == "not tested"
    assert "fewer than 3 runs a side with a curve and a goal" in n.why
    assert (f.tasks, f.n_units, f.seeds) == (2, 2, (8, 8))


def test_too_many_early_runs_are_not_tested():
    e = evidence()
    e.claim("E", "already there", e.steps("1", "fast", "slow", goal=40), kind="steps")
    (v,) = e.verdicts()
    assert v.word == "not tested"
    assert "100 % of the runs are at the goal at their first evaluation" in v.why


def test_a_goal_can_be_a_share_of_each_runs_own_best():
    e = evidence()
    # 95 % of 81 and of 79.5 points: at steps 20 and 40.
    (mr, _) = e.steps("1", "fast", "slow", share=0.95)
    assert mr.note == "median steps 20 against 40; never reached by 0 of 8 and 0 of 8"
    (early, _) = e.steps("1", "fast", "slow", share=0.5)
    assert early.void == "100 % of the runs are at the goal at their first evaluation"


def test_goals_can_be_relative_to_a_row_and_need_curves():
    e = evidence()
    assert e.last("1", "slow", "mr") == pytest.approx(79.5 + 0.35)
    with pytest.raises(ValueError, match="need the curves"):
        Evidence(made(CELLS)).steps("1", "fast", "slow", goal=1)

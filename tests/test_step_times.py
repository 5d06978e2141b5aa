"""Step times: medians over runs, relative within a data set, the benchmark of the same encoder first."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import scipy.stats

from mixutils.companion import make_plan
from mixutils.runs.records import Records
from mixutils.show.step_times import BENCHMARK, step_times
from tests.fakes import done, shipped

ROWS = [("2", "EmbedMix"), ("2", "TMix"), ("2", "No such row"), ("2", "SSMix")]
TIMED = {"EmbedMix": "wordmix + clean", "SSMix": "ssmix", "TMix": "tmix + clean"}
MS = {"wordmix": 10.0, "tmix": 12.0, "ssmix": 20.0}


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """Writes a benchmark's record."""
    monkeypatch.setenv("MIXUTILS_FIGURES", str(tmp_path / "figures"))
    monkeypatch.setenv("MIXUTILS_DATA", "")

    def write(encoder: str, rounds: dict[str, list[float]] | None = None, **ms: float) -> None:
        mixers = [
            {"encoder": encoder, "method": m.replace("_", " + "), "ms": v, "passes": 2.0}
            | ({"rounds": rounds[m]} if rounds else {})
            for m, v in ms.items()
        ]
        (tmp_path / "figures" / "bench").mkdir(parents=True)
        (tmp_path / "figures" / "bench" / "bench-cpu.json").write_text(json.dumps({"mixers": mixers, "repeats": 4}))

    return write


@pytest.fixture
def made(bench, tmp_path):
    plan = make_plan("ssmix", "laptop", seeds="3")
    slow = {0: 1, 1: 1, 2: 50}  # one slow run of three does not move a median
    records = [
        done(r, 50, step_ms=MS.get(r.method, 5.0) * slow[r.seed], passes=1.5, mixer_parameters=7) for r in plan.runs
    ]
    return plan, shipped(records, tmp_path / "records")


def test_medians_over_runs_relative_within_a_data_set(made):
    plan, store = made
    lines = step_times(plan, store, plan.columns[:1], ROWS, "EmbedMix", TIMED)
    assert [(t["row"], t["ms"], t["relative"], t["n"]) for t in lines] == [
        ("EmbedMix", 10, 1, 3),
        ("TMix", 12, 1.2, 3),
        ("SSMix", 20, 2, 3),
    ]
    assert {(t["column"], t["passes"], t["parameters"]) for t in lines} == {(plan.columns[0].title, 1.5, 1007)}
    assert len(step_times(plan, store, plan.columns, ROWS, "EmbedMix", TIMED)) == 3 * len(plan.columns)


def test_the_benchmark_of_the_same_encoder_comes_first(made, bench):
    plan, store = made
    bench(plan.setting.encoder, wordmix_clean=200.0, ssmix=440.0, other=1.0)
    lines = step_times(plan, store, plan.columns, ROWS, "EmbedMix", TIMED)
    assert [(t["column"], t["row"], t["method"], t["relative"], t["n"]) for t in lines[:2]] == [
        (BENCHMARK, "EmbedMix", "wordmix", 1.0, 4),
        (BENCHMARK, "SSMix", "ssmix", 2.2, 4),
    ]
    assert all(math.isnan(t["parameters"]) for t in lines[:2])
    assert BENCHMARK not in {t["column"] for t in lines[2:]}


def test_a_ratio_has_an_interval_where_the_benchmark_keeps_three_repeats(made, bench):
    plan, store = made
    kept = {"wordmix_clean": [100.0, 200.0, 400.0], "ssmix": [200.0, 420.0, 760.0], "tmix_clean": [1.0, 2.0]}
    bench(plan.setting.encoder, kept, wordmix_clean=200.0, ssmix=420.0, tmix_clean=1.5)
    lines = {t["row"]: t for t in step_times(plan, store, [], ROWS, "EmbedMix", TIMED)}
    ratios = np.array([2.0, 2.1, 1.9])  # turn by turn: a clock that drifts hits both alike
    half = scipy.stats.t.ppf(0.975, 2) * scipy.stats.sem(ratios)
    assert (lines["SSMix"]["low"], lines["SSMix"]["high"]) == pytest.approx((2 - half, 2 + half))
    assert (lines["EmbedMix"]["low"], lines["EmbedMix"]["high"]) == (1, 1)
    assert math.isnan(lines["TMix"]["low"])  # two repeats


def test_without_repeats_there_is_no_interval(made, bench):
    plan, store = made
    bench(plan.setting.encoder, wordmix_clean=200.0, ssmix=420.0)
    lines = step_times(plan, store, plan.columns[:1], ROWS, "EmbedMix", TIMED)
    assert all(math.isnan(t[end]) for t in lines for end in ("low", "high"))


def test_another_encoders_benchmark_says_nothing(made, bench):
    plan, store = made
    bench("random:bert-base", wordmix_clean=200.0)
    assert BENCHMARK not in {t["column"] for t in step_times(plan, store, plan.columns, ROWS, "EmbedMix", TIMED)}


def test_without_its_base_a_time_is_relative_to_nothing(made):
    plan, store = made
    lines = step_times(plan, store, plan.columns[:1], ROWS[1:], "EmbedMix", TIMED)
    assert all(math.isnan(t["relative"]) for t in lines)
    assert step_times(plan, Records(), plan.columns, ROWS, "EmbedMix", TIMED) == []

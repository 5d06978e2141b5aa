"""Step times of printed rows: what the notebook of SSMix reads from the benchmark of the same encoder."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats

from tests import notebook
from tests.fakes import timed

TIMED = {"EmbedMix": "wordmix + clean", "TMix": "tmix + clean", "No such row": "nothing", "SSMix": "ssmix"}


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """Writes a benchmark's record and returns what the notebook makes of it."""
    monkeypatch.setenv("MIXUTILS_FIGURES", str(tmp_path))
    timing = notebook.measuring("ssmix", "times")
    timing.names["c"] = SimpleNamespace(plan=SimpleNamespace(setting=SimpleNamespace(encoder="minilm")))

    def lines(encoder: str, ms: dict[str, float], rounds: dict[str, list[float]] | None = None) -> dict:
        timed(tmp_path, encoder, ms, rounds)
        return timing.step_times(TIMED, "EmbedMix").set_index("row").to_dict("index")

    return lines


def test_times_of_the_printed_rows_are_relative_to_the_base(bench):
    made = bench("minilm", {"wordmix + clean": 200.0, "ssmix": 440.0, "other": 1.0})
    assert list(made) == ["EmbedMix", "SSMix"]
    line = made["SSMix"]
    assert (line["method"], line["ms"], line["passes"], line["relative"], line["repeats"]) == ("ssmix", 440, 2, 2.2, 4)
    assert all(math.isnan(line[end]) for line in made.values() for end in ("low", "high"))  # no single repeats


def test_a_ratio_has_an_interval_where_the_benchmark_keeps_three_repeats(bench):
    kept = {"wordmix + clean": [100.0, 200.0, 400.0], "ssmix": [200.0, 420.0, 760.0], "tmix + clean": [1.0, 2.0]}
    made = bench("minilm", {"wordmix + clean": 200.0, "ssmix": 420.0, "tmix + clean": 1.5}, kept)
    ratios = np.array([2.0, 2.1, 1.9])  # turn by turn: a clock that drifts hits both alike
    half = scipy.stats.t.ppf(0.975, 2) * scipy.stats.sem(ratios)
    assert (made["SSMix"]["low"], made["SSMix"]["high"]) == pytest.approx((2 - half, 2 + half))
    assert (made["EmbedMix"]["low"], made["EmbedMix"]["high"]) == (1, 1)
    assert math.isnan(made["TMix"]["low"])  # two repeats


@pytest.mark.parametrize(
    ("encoder", "ms"), [("random:bert-base", {"wordmix + clean": 200.0}), ("minilm", {"ssmix": 1.0})], ids=str
)
def test_another_encoders_benchmark_and_one_without_the_base_say_nothing(encoder, ms, bench):
    assert bench(encoder, ms) == {}


def test_without_a_benchmark_there_is_nothing(bench, tmp_path):
    bench("minilm", {})
    (tmp_path / "bench" / "bench-cpu.json").unlink()
    timing = notebook.measuring("ssmix", "times")
    timing.names["c"] = SimpleNamespace(plan=SimpleNamespace(setting=SimpleNamespace(encoder="minilm")))
    times = timing.step_times(TIMED, "EmbedMix")
    assert times.empty
    assert timing.draw_times(times, "EmbedMix") is None

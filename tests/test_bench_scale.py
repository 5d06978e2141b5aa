"""The bench at full scale, at a small one: its authority is the printed formula, its epoch visits every row once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mixutils.bench import scale as bench_scale
from mixutils.mixers.basematrix import BaseMatrix
from mixutils.mixers.geometry import Points
from tests.test_geometry import cloud, explicit


def test_explicit_rows_are_the_printed_formula():
    e = cloud(20, 8, 1.0, 5.0)
    rows = torch.tensor([3, 11])
    expected = explicit(e, "hyp_atan")[rows]
    found = bench_scale.explicit_rows(e, rows)
    found[torch.arange(2), rows] = 0
    torch.testing.assert_close(found, expected)


def test_both_forms_agree_and_the_ratio_is_that_of_the_times(monkeypatch):
    monkeypatch.setattr(bench_scale, "POINTS", 200)
    monkeypatch.setattr(bench_scale, "WIDTH", 32)
    monkeypatch.setattr(bench_scale, "BYTES", 200 * 32 * 4 * 20)
    found = bench_scale.closed_against_explicit(torch.device("cpu"), 2)
    assert found["largest_relative_error"] < 1e-4
    assert found["speed_up"] == pytest.approx(found["explicit_s"] / found["closed_s"])


def test_an_epoch_visits_every_row_once():
    matrix, ms = bench_scale.one_epoch(BaseMatrix(Points(cloud(50, 8, 1.0, 5.0))), 50, np.random.default_rng(0))
    assert matrix.count.tolist() == [1] * 50
    assert int(matrix.clock) == 7
    assert ms > 0


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the system does not count resident memory")
def test_the_peak_of_memory_is_that_since_the_reset():
    cpu = torch.device("cpu")
    torch.ones(40_000_000)  # 160 MB before the count begins
    start = bench_scale._reset_peak(cpu)
    torch.ones(10_000_000)
    assert 35 < bench_scale._peak(cpu) - start < 120

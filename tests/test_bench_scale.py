"""DMIX at full scale, at a small one: its authority is the printed formula, its epoch visits every row once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mixutils.encoder.load import load_tokenizer
from mixutils.mixers.geometry import Points
from mixutils.mixers.pairmatrix import BaseMatrix
from mixutils.tasks import encode, load_task, subset
from tests import notebook
from tests.test_geometry import cloud, explicit

CPU = torch.device("cpu")


@pytest.fixture
def bench():
    """The notebook's functions, with small settings."""
    found = notebook.measuring("dmix_matrix")
    found.names |= {"POINTS": 200, "WIDTH": 32, "BYTES": 200 * 32 * 4 * 20}
    return found


def test_explicit_rows_are_the_printed_formula(bench):
    e = cloud(20, 8, 1.0, 5.0)
    rows = torch.tensor([3, 11])
    expected = explicit(e, "hyp_atan")[rows]
    found = bench.explicit_rows(e, rows)
    found[torch.arange(2), rows] = 0
    torch.testing.assert_close(found, expected)


def test_both_forms_agree_and_the_ratio_is_that_of_the_times(bench):
    found = bench.closed_against_explicit(CPU, 2)
    assert found["largest_relative_error"] < 1e-4
    assert found["speed_up"] == pytest.approx(found["explicit_s"] / found["closed_s"])


def test_an_epoch_visits_every_row_once(bench):
    matrix, ms = bench.one_epoch(BaseMatrix(Points(cloud(50, 8, 1.0, 5.0))), 50, np.random.default_rng(0))
    assert matrix.count.tolist() == [1] * 50
    assert int(matrix.clock) == 7
    assert ms > 0


def test_a_whole_data_set_is_timed_beside_tmix(bench):
    data = subset(load_task("docs-coarse", use_hub=False), 60, "random", 0, None)
    task = encode(data.with_splits({"train": data.splits["train"]}), load_tokenizer("random:tiny"))
    found = bench.whole_data_set("random:tiny", task, CPU, 3)
    assert found["rows"] == 60
    assert found["low"] <= found["over_tmix"] <= found["high"]
    assert 0 < found["selected"] <= 1

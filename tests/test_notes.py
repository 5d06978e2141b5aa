"""What is odd about a user's data, and about what a run makes of them, is said and kept."""

from __future__ import annotations

import pytest

from mixutils.runs.execute import prepare_data
from mixutils.runs.run import Run
from mixutils.tasks import load_task
from mixutils.tasks.notes import summary
from tests.test_data_door import FEW, ROWS, labelled
from tests.test_folder import write


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The folder of a data set."""
    monkeypatch.setenv("MIXUTILS_DATA", str(tmp_path))
    return tmp_path / "mine"


def test_what_is_odd_about_data_is_noted(mine):
    rows = [*ROWS, *labelled(["y", "n", "2.5"], ["", "text 1 is good", "text 1 is good"])]
    write(mine / "train.jsonl", rows)
    data = load_task("mine", False)
    assert summary(data) == "train 43 rows; 3 classes (2.5 1, n 21, y 21)"
    assert data.notes == (
        "1 of 43 texts of train are empty",
        "labels with a fraction ('2.5') are names of classes without an order",
        "1 of 3 classes have one training row ('2.5')",
        "texts of train that also have another label: 1",
    )


def test_what_is_odd_about_a_run_is_noted_and_kept(mine):
    write(mine / "train.jsonl", [*ROWS, *labelled("abcdef")])
    write(mine / "test.jsonl", [ROWS[0], ROWS[1] | {"label": "y"}, *FEW * 10])
    run = Run("mine", "none", 0, policy="official", evaluate=("test",))
    assert prepare_data(run, False)[0].notes == (
        "6 of 8 classes have one training row ('a', 'b', 'c', 'd', 'e', …)",
        "test has no row of 6 of 8 classes",
        "2 of 42 rows of test have a text that trains, 1 with another label",
    )
    few = prepare_data(run.with_(train_size=20, subset="fixed"), False)[0].notes
    assert few[1] == "1 of 8 classes have none of the 20 training rows ('a')"

"""Records that are not enough: outdated ones, and files that are none; neither hides nor replaces what is good."""

from __future__ import annotations

import json

import pytest

from mixutils.runs.generations import GENERATION
from mixutils.runs.launch import jobs_for
from mixutils.runs.records import KEPT, NEWER, Records, write_whole
from mixutils.runs.run import Run
from tests.fakes import accuracy, done, failed, shipped

RUNS = [Run("docs-coarse", "none", seed, train_size=48) for seed in range(4)]
#: Generation 2 changed the numbers of this run, and of the plain ones not.
CHANGED = Run("docs-coarse", "nonlinear", 0, encoder="cnn", train_size=48)


def test_an_outdated_record_is_not_done_and_says_why(tmp_path):
    own, other = Records(), shipped([done(CHANGED, 50), done(RUNS[0], 50)], tmp_path)
    own.put(done(CHANGED, 50))
    for store in (own, other):
        assert (store.done(CHANGED), store.failed(CHANGED)) == (False, False)
        assert store.done(CHANGED.hash) is False
        assert "dropout of shallow encoders" in store.outdated(CHANGED)
        assert accuracy(store, CHANGED) == 0.5  # as the number of its generation
    assert (other.done(RUNS[0]), other.outdated(RUNS[0]), other.outdated(RUNS[1])) == (True, "", "")
    assert other.export([CHANGED, RUNS[0]], tmp_path / "out.jsonl") == 2
    assert jobs_for([CHANGED, RUNS[0]], other).keys() == {CHANGED.hash}


def test_an_outdated_run_can_fail_and_be_done_again(tmp_path):
    store = shipped([done(CHANGED, 50)], tmp_path)
    store.put(done(CHANGED, 60))
    store.put(failed(CHANGED, "ValueError: broken"))
    assert store.failed(CHANGED)
    assert store.get(CHANGED)["error"] == "ValueError: broken"
    assert store.outdated(CHANGED)
    assert store.export([CHANGED], tmp_path / "out.jsonl") == 1  # the old numbers are still there
    store.put(done(CHANGED, 70) | {"generation": GENERATION})
    assert (store.done(CHANGED), store.outdated(CHANGED), accuracy(store, CHANGED)) == (True, "", 0.7)


@pytest.mark.parametrize("run", [RUNS[0], CHANGED])
def test_an_older_generation_never_replaces_a_newer_one(run, tmp_path):
    new, old = done(run, 70) | {"generation": GENERATION}, done(run, 50)
    store = Records()
    store.put(new)
    with pytest.warns(
        UserWarning, match="is done by generation 2, which stays; a record of generation 1 was not stored"
    ):
        store.put(old)
    assert accuracy(store, run) == 0.7
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps(old), "utf-8")
    assert store.merge(path)[KEPT] == [old]
    assert accuracy(store, run) == 0.7
    own = Records(tmp_path / "own")
    own.put(old)
    path.write_text(json.dumps(new), "utf-8")
    assert accuracy(Records(own.folder, [path]), run) == 0.7
    assert own.merge(path)[NEWER] == [new]
    assert accuracy(own, run) == 0.7


def test_a_damaged_file_is_said_once_and_kept_when_the_run_is_done_again():
    store = Records()
    path = store.put(done(RUNS[0], 50))
    path.write_bytes(path.read_bytes()[:-100])
    damaged = path.read_bytes()
    with pytest.warns(UserWarning, match="not JSON") as said:
        assert [store.done(RUNS[0]) for _ in range(3)] == [False] * 3
    # Garbage of earlier tests may complain meanwhile, in its own category.
    assert [warning.category for warning in said].count(UserWarning) == 1
    store.put(done(RUNS[0], 60))
    assert accuracy(store, RUNS[0]) == 0.6
    assert path.with_name(f"{path.name}.damaged").read_bytes() == damaged
    assert [r["hash"] for r in store.all()] == [RUNS[0].hash]


def test_a_damaged_file_that_is_repaired_counts_again():
    store = Records()
    path = store.put(done(RUNS[0], 50))
    good = path.read_bytes()
    path.write_bytes(good.replace(b'"status": "done"', b'"status": "gone"'))
    with pytest.warns(UserWarning, match="status must be done or failed, not 'gone'"):
        assert not store.done(RUNS[0])
    write_whole(path, good)
    assert store.done(RUNS[0])


def test_a_damaged_file_does_not_hide_what_is_shipped(tmp_path):
    store = shipped([done(RUNS[0], 50)], tmp_path)
    store.folder.mkdir()
    store.path(RUNS[0].hash).write_text("{", "utf-8")
    with pytest.warns(UserWarning, match="not JSON"):
        assert store.done(RUNS[0])


def test_a_record_in_the_file_of_another_run_is_not_used():
    store = Records()
    path = store.put(done(RUNS[0], 50))
    path.rename(store.path(RUNS[1].hash))
    with pytest.warns(UserWarning, match=f"hash must be {RUNS[1].hash} as in the file's name, not {RUNS[0].hash}"):
        assert store.all() == []

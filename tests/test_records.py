"""The store: what goes in comes out, what is shipped is sorted, what is foreign is refused."""

from __future__ import annotations

import json
import math

import pytest

from mixutils.records import Records, compact, write_whole
from mixutils.run import Run
from tests.fakes import done, failed, kind, shipped

RUNS = [Run("docs-coarse", "none", seed, train_size=48) for seed in range(4)]


def test_the_states_of_a_run():
    store = Records()
    assert (store.get(RUNS[0]), store.done(RUNS[0]), store.failed(RUNS[0])) == (None, False, False)
    store.put(failed(RUNS[0], "RuntimeError: no memory"))
    assert (store.done(RUNS[0]), store.failed(RUNS[0])) == (False, True)
    assert store.get(RUNS[0])["error"] == "RuntimeError: no memory"
    store.put(done(RUNS[0], 75))
    assert (store.done(RUNS[0]), store.failed(RUNS[0])) == (True, False)


def test_a_record_is_found_by_run_and_by_name_and_by_another_store():
    path = Records().put(done(RUNS[0], 75))
    assert path.name == f"{RUNS[0].hash}.json"
    assert Records().get(RUNS[0]) == Records().get(RUNS[0].hash) == json.loads(path.read_text("utf-8"))


def test_a_failure_that_is_repeated_elsewhere_is_seen_at_once():
    mine, other = Records(), Records()
    mine.put(failed(RUNS[0]))
    assert mine.failed(RUNS[0])
    other.put(done(RUNS[0], 75))
    assert mine.done(RUNS[0])


def test_floats_are_short_and_what_is_not_finite_is_none():
    value = {"a": 1 / 3, "b": [2 / 3e7, (1e300, 5, True, "x", None)], "c": math.nan, "d": -math.inf}
    assert compact(value) == {
        "a": 0.333333333,
        "b": [6.66666667e-08, [1e300, 5, True, "x", None]],
        "c": None,
        "d": None,
    }
    assert json.dumps(compact(0.1 + 0.2)) == "0.3"


def test_compacting_twice_changes_nothing():
    value = {"a": [k / 7 for k in range(50)]}
    assert compact(compact(value)) == compact(value)


def test_the_configuration_is_stored_as_it_is():
    # A learning rate with many digits: shortened, it would be another run.
    run = Run("docs-coarse", "none", 0).with_(recipe__lr=1e-4 / 3)
    store = Records()
    store.put(done(run, 75))
    assert Run.from_dict(Records().get(run)["run"]) == run
    assert Records(store.folder.parent / "elsewhere").merge(store.folder) == 1


def test_a_store_lists_everything_sorted_by_name(tmp_path):
    there = shipped([done(RUNS[0], 1), done(RUNS[1], 2)], tmp_path)
    there.put(failed(RUNS[2]))
    assert [r["hash"] for r in there.all()] == sorted(r.hash for r in RUNS[:3])


def test_own_records_come_before_shipped_ones(tmp_path):
    store = shipped([done(RUNS[0], 10), done(RUNS[1], 10)], tmp_path)
    store.put(done(RUNS[0], 90))
    assert store.get(RUNS[0])["selected"]["last"]["metrics"]["test"]["accuracy"] == 0.9
    assert store.get(RUNS[1])["selected"]["last"]["metrics"]["test"]["accuracy"] == 0.1


def test_export_is_sorted_complete_and_the_same_whatever_the_order(tmp_path):
    store = Records()
    for i, run in enumerate(RUNS[:3]):
        store.put(done(run, 50 + i))
    store.put(failed(RUNS[3]))
    assert store.export(RUNS, tmp_path / "a.jsonl") == 3
    assert store.export([*reversed(RUNS), RUNS[0]], tmp_path / "new" / "b.jsonl") == 3
    lines = (tmp_path / "a.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["hash"] for line in lines] == sorted(r.hash for r in RUNS[:3])
    assert all(list(json.loads(line)) == sorted(json.loads(line)) for line in lines)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "new" / "b.jsonl").read_bytes()
    assert Records(tmp_path / "none", [tmp_path / "a.jsonl"]).get(RUNS[1]) == store.get(RUNS[1])


def test_a_record_survives_every_character_that_ends_a_line_somewhere(tmp_path):
    record = done(RUNS[0], 50)
    record["data"]["labels"] = ["a\u2028b", "c\x85d", "e\x0bf\ng"]
    store = Records()
    store.put(record)
    store.export(RUNS, tmp_path / "out.jsonl")
    back = Records(tmp_path / "other")
    assert back.merge(tmp_path / "out.jsonl") == 1
    assert back.get(RUNS[0])["data"]["labels"] == record["data"]["labels"]


@pytest.mark.parametrize("form", ["folder", "file"])
def test_merge_takes_done_records_and_keeps_what_is_done_here(tmp_path, form):
    there, here = Records(tmp_path / "there"), Records()
    there.put(done(RUNS[0], 10))
    there.put(done(RUNS[1], 10))
    there.put(failed(RUNS[2]))
    here.put(done(RUNS[0], 90))
    here.put(failed(RUNS[1]))
    source = there.folder
    if form == "file":
        source = tmp_path / "there.jsonl"
        there.export(RUNS, source)
    assert here.merge(source) == 1
    accuracy = {r.seed: here.get(r)["selected"]["last"]["metrics"]["test"]["accuracy"] for r in RUNS[:2]}
    assert accuracy == {0: 0.9, 1: 0.1}
    assert here.get(RUNS[2]) is None
    assert here.merge(source) == 0


def test_a_record_under_a_foreign_name_is_refused_and_nothing_is_merged(tmp_path):
    there = Records(tmp_path / "there")
    there.put(done(RUNS[0], 10))
    record = done(RUNS[1], 10)
    record["run"]["seed"] = 77
    there.put(record)
    with pytest.raises(ValueError, match=f"{RUNS[1].hash} does not belong to its configuration"):
        Records().merge(there.folder)
    assert Records().all() == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{broken", r"bad\.jsonl, line 2: not JSON"),
        ('{"hash": "1"}', r"bad\.jsonl, line 2: not a record"),
        ("[1, 2]", r"bad\.jsonl, line 2: not a record"),
    ],
)
def test_what_is_no_record_is_refused_with_its_line(tmp_path, text, message):
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(done(RUNS[0], 10)) + f"\n{text}\n\n", "utf-8")
    with pytest.raises(ValueError, match=message):
        Records().merge(path)
    with pytest.raises(ValueError, match=message):
        Records(shipped=[path])


def test_blank_lines_are_no_records(tmp_path):
    path = tmp_path / "some.jsonl"
    path.write_text("\n" + json.dumps(done(RUNS[0], 10)) + "\n\n", "utf-8")
    assert Records().merge(path) == 1


def test_writing_leaves_no_other_file(tmp_path):
    write_whole(tmp_path / "a", b"one")
    write_whole(tmp_path / "a", b"two")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"two"


def test_the_fakes_have_the_shape_of_a_real_record():
    from mixutils.execute import execute
    from mixutils.train import Recipe

    first = Run(
        "docs-pair",
        "none",
        0,
        encoder="random:tiny",
        recipe=Recipe(epochs=1, batch_size=16),
        policy="auto",
        train_size=32,
        eval_size=32,
        evaluate=("test",),
    )
    run = first.with_(
        method="ssmix", start=first, start_policy="last", probes=("ssmix-spans",), probe_policy="best-on-test"
    )
    real, fake = execute(run, device="cpu"), done(run, 50)
    assert kind(run) == "ssmix"
    assert shape(fake) <= shape(real)


def shape(value, name: str = "") -> set[str]:
    """The places that a record has, without the names of levels of the encoder."""
    if isinstance(value, dict):
        return {name}.union(*(shape(v, f"{name}/{k}") for k, v in value.items()))
    return {name}.union(*(shape(v, f"{name}[]") for v in value[:1])) if isinstance(value, list) else {name}

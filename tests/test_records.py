"""The store: what goes in comes out, what is shipped is sorted, what is foreign is refused."""

from __future__ import annotations

import json
import math
import re
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from mixutils.cli import tools
from mixutils.runs import records
from mixutils.runs.records import NEW, WRONG, Records, compact, write_whole
from mixutils.runs.run import Run
from tests.fakes import accuracy, done, failed, kind, shipped

RUNS = [Run("docs-coarse", "none", seed, train_size=48) for seed in range(4)]


def outcome(report: dict[str, list]) -> tuple[int, ...]:
    """How many records of a merge were new, in place of older ones, there already, and failed."""
    assert not report[WRONG]
    return tuple(len(found) for what, found in report.items() if what != WRONG)


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
    assert outcome(Records(store.folder.parent / "elsewhere").merge(store.folder)) == (1, 0, 0, 0)


def test_a_store_lists_everything_sorted_by_name(tmp_path):
    there = shipped([done(RUNS[0], 1), done(RUNS[1], 2)], tmp_path)
    there.put(failed(RUNS[2]))
    assert [r["hash"] for r in there.all()] == sorted(r.hash for r in RUNS[:3])


def test_own_records_come_before_shipped_ones(tmp_path):
    store = shipped([done(RUNS[0], 10), done(RUNS[1], 10)], tmp_path)
    store.put(done(RUNS[0], 90))
    assert [accuracy(store, r) for r in RUNS[:2]] == [0.9, 0.1]


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
    assert outcome(back.merge(tmp_path / "out.jsonl")) == (1, 0, 0, 0)
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
    report = here.merge(source)
    assert outcome(report) == (1, 0, 1, int(form == "folder"))
    assert [accuracy(here, r) for r in RUNS[:2]] == [0.9, 0.1]
    assert here.get(RUNS[2]) is None
    assert outcome(here.merge(source))[:2] == (0, 0)


def test_a_wrong_record_is_named_and_the_others_are_merged(tmp_path):
    there = Records(tmp_path / "there")
    there.put(done(RUNS[0], 10))
    record = done(RUNS[1], 10)
    record["run"]["seed"] = 77
    there.path(RUNS[1].hash).write_text(json.dumps(record), "utf-8")
    (wrong,) = Records(tmp_path / "a").merge(there.folder)[WRONG]
    assert re.search(f"{RUNS[1].hash} does not belong to its configuration.*not merged", str(wrong))
    record = done(RUNS[1], 10)
    record["more"] = "\ud800"  # in no field that is checked; it is found when it cannot be written
    there.path(RUNS[1].hash).write_text(json.dumps(record), "utf-8")
    merged = Records().merge(there.folder)
    assert "cannot be written as JSON" in str(merged[WRONG][0])
    assert [len(merged[what]) for what in (NEW, WRONG)] == [1, 1]
    assert [r["hash"] for r in Records().all()] == [RUNS[0].hash]


def test_the_report_of_a_merge_counts_what_came_and_what_did_not(tmp_path):
    def made(run: Run, generation: int, precision: str) -> dict:
        record = done(run, 50) | {"generation": generation}
        record["environment"] |= {"precision": precision, "matmul": "highest"}
        return record

    here, other = Records(), Run("docs-pair", "none", 0)
    here.put(done(RUNS[0], 90))
    here.put(done(RUNS[1], 90))
    here.put(failed(RUNS[2]))
    there = [
        made(RUNS[0], 1, "bfloat16"),
        made(RUNS[1], 2, "bfloat16"),
        made(RUNS[2], 1, "float32"),
        made(other, 2, "bfloat16"),
        failed(RUNS[3]),
    ]
    path = tmp_path / "there.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in there), "utf-8")
    report = here.merge(path)
    assert outcome(report) == (2, 1, 1, 1)
    assert tools.told(report) == (
        "3 records merged: 2 new, 1 in place of an older generation, 1 already there, 1 failed and left out; "
        "1 of docs-coarse in bfloat16, generation 2; 1 of docs-coarse in float32-highest, generation 1; "
        "1 of docs-pair in bfloat16, generation 2"
    )
    assert accuracy(here, RUNS[0]) == 0.9
    assert accuracy(here, RUNS[1]) == 0.5
    assert tools.told(here.merge(path)) == "0 records merged: 4 already there, 1 failed and left out"
    path.write_text("", "utf-8")
    assert tools.told(here.merge(path)) == "0 records merged: there were none"


def test_blank_lines_are_no_records(tmp_path):
    path = tmp_path / "some.jsonl"
    path.write_text("\n" + json.dumps(done(RUNS[0], 10)) + "\n\n", "utf-8")
    assert outcome(Records().merge(path)) == (1, 0, 0, 0)


def test_writing_leaves_no_other_file(tmp_path):
    write_whole(tmp_path / "a", b"one")
    write_whole(tmp_path / "a", b"two")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"two"


def test_a_failing_duplicate_is_said_and_never_replaces_a_done_record():
    store = Records()
    path = store.put(done(RUNS[0], 75))
    before = path.read_bytes()
    with pytest.warns(UserWarning, match=f"{RUNS[0].hash} failed here, but is done already.*no memory"):
        Records().put(failed(RUNS[0], "RuntimeError: no memory"))
    assert store.done(RUNS[0])
    assert [p.read_bytes() for p in store.folder.iterdir()] == [before]


def test_a_failure_that_is_written_at_the_same_moment_does_not_replace_it_either(monkeypatch):
    """The failing writer has looked, found nothing, and writes after the other."""
    plain = records.write_whole

    def late(path, content):
        if "failed" in path.name:
            monkeypatch.setattr(records, "write_whole", plain)
            Records().put(done(RUNS[0], 75))
        plain(path, content)

    monkeypatch.setattr(records, "write_whole", late)
    Records().put(failed(RUNS[0]))
    assert Records().done(RUNS[0])
    assert accuracy(Records(), RUNS[0]) == 0.75


def test_success_ends_a_failure():
    store = Records()
    store.put(failed(RUNS[0], "ValueError: one"))
    store.put(failed(RUNS[0], "ValueError: two"))
    assert store.get(RUNS[0])["error"] == "ValueError: two"
    assert [r["status"] for r in store.all()] == ["failed"]
    store.put(done(RUNS[0], 75))
    assert [p.name for p in store.folder.iterdir()] == [f"{RUNS[0].hash}.json"]


def test_failures_under_the_name_of_done_records_are_known_and_end_too():
    """As they were stored before failures had files of their own."""
    store = Records()
    store.folder.mkdir(parents=True)
    store.path(RUNS[0].hash).write_text(json.dumps(failed(RUNS[0], "ValueError: old")), "utf-8")
    assert store.failed(RUNS[0])
    store.put(failed(RUNS[0], "ValueError: new"))
    assert store.get(RUNS[0])["error"] == "ValueError: new"
    store.put(done(RUNS[0], 75))
    assert store.done(RUNS[0])
    assert not list(store.folder.glob("*.failed.json"))


def test_a_shipped_done_record_counts_before_an_own_failure(tmp_path):
    store = shipped([done(RUNS[0], 75)], tmp_path)
    Records(store.folder).put(failed(RUNS[0]))
    assert store.done(RUNS[0])


def test_of_several_shipped_files_the_newer_generation_counts_and_of_equals_the_later_file(tmp_path):
    def file(name: str, percent: float, generation: int):
        path = tmp_path / name
        path.write_text(json.dumps(done(RUNS[0], percent) | {"generation": generation}), "utf-8")
        return path

    files = [file("a", 10, 1), file("b", 20, 2), file("c", 30, 2), file("d", 40, 1)]
    assert accuracy(Records(shipped=files), RUNS[0]) == 0.3


def test_many_writers_of_one_run_leave_one_whole_record():
    """Eight stores write the same run at once, half of them failures, all again and again."""

    def work(number: int) -> None:
        store = Records()
        for i in range(5):
            store.put(done(RUNS[0], 50 + number) if number % 2 else failed(RUNS[0], f"ValueError: {number} {i}"))
            assert store.get(RUNS[0])["hash"] == RUNS[0].hash

    with warnings.catch_warnings(), ThreadPoolExecutor(8) as pool:
        warnings.simplefilter("ignore")
        assert len(list(pool.map(work, range(8)))) == 8
    store = Records()
    assert store.done(RUNS[0])
    assert accuracy(store, RUNS[0]) in {0.51, 0.53, 0.55, 0.57}
    assert {p.suffix for p in store.folder.iterdir()} == {".json"}  # no half-written file is left


def test_a_record_is_read_again_only_when_its_file_is_another(monkeypatch):
    store, read = Records(), []
    monkeypatch.setattr(records, "_read_own", lambda path, plain=records._read_own: read.append(path) or plain(path))
    store.put(done(RUNS[0], 50))
    assert [accuracy(store, RUNS[0]) for _ in range(3)] == [0.5] * 3
    Records().put(done(RUNS[0], 60))
    assert [accuracy(store, RUNS[0]) for _ in range(3)] == [0.6] * 3
    assert len(read) == 3  # the other store has looked before it wrote


def test_the_fakes_have_the_shape_of_a_real_record():
    from mixutils.runs.execute import execute
    from mixutils.training.loop import Recipe

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
        method="ssmix", start=first, start_policy="last"
    )  # what is measured on models is in no new record
    real, fake = execute(run, device="cpu"), done(run, 50)
    assert kind(run) == "ssmix"
    Records().put(real)
    assert Records().done(run)
    assert shape(fake) <= shape(real)


def shape(value, name: str = "") -> set[str]:
    """The places that a record has, without the names of levels of the encoder."""
    if isinstance(value, dict):
        return {name}.union(*(shape(v, f"{name}/{k}") for k, v in value.items()))
    return {name}.union(*(shape(v, f"{name}[]") for v in value[:1])) if isinstance(value, list) else {name}

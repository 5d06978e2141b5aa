"""Every kind of damage is named with file, field, what was expected and what came, at every door, and is never used."""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixutils import paths
from mixutils.runs.records import NEW, WRONG, Records
from mixutils.runs.run import Run
from mixutils.runs.schema import RecordError, check, generation, precision_word
from mixutils.training.loop import Recipe
from tests.fakes import done, failed
from tests.fakes_records import GONE, LAST, RUN, damage, full

#: What is changed, into what, the field that the error names if it is another, and words of the error.
DAMAGE: list[tuple[str, Any, str, str]] = [
    ("hash", "x" * 16, "", "must be 16 hex digits, not 'x"),
    ("hash", "0" * 16, "", "does not belong to its configuration"),
    ("status", "todo", "", "must be done or failed, not 'todo'"),
    ("status", None, "", "must be done or failed, not None"),
    ("run", "a run", "", "must be an object, not 'a run'"),
    ("run.task", GONE, "", "is missing"),
    ("run.learning_rate", 1.0, "run", "Run.__init__() got an unexpected keyword argument 'learning_rate'"),
    ("run.recipe.colour", "red", "run", "Recipe.__init__() got an unexpected keyword argument 'colour'"),
    ("run.precision", "float16", "run", "precision must be one of"),
    ("run.seed", 4, "hash", "does not belong to its configuration"),
    ("run.seed", True, "", "must be a whole number of at least 0, not True"),
    ("run.encoder", 5, "", "must be text, not 5"),
    ("run.task", "half \ud800", "", "must be text"),
    ("run.train_size", 4.5, "", "must be a whole number of at least 1, or null, not 4.5"),
    ("run.evaluate", [1], "run.evaluate[0]", "must be text, not 1"),
    ("run.options", [["alpha", {"a": 1}]], "run.options[0]", "must be a name and its value"),
    ("run.recipe.lr", "fast", "", "must be a finite number, not 'fast'"),
    ("run.recipe.betas", [0.9], "", "must be two finite numbers, not [0.9]"),
    ("run.start.seed", "3", "", "must be a whole number of at least 0, not '3'"),
    ("generation", 0, "", "must be a whole number of at least 1, not 0"),
    ("generation", 2.0, "", "must be a whole number of at least 1, not 2.0"),
    ("generation", True, "", "not True"),
    ("commit", "main", "", "must be a commit"),
    ("date", GONE, "", "is missing"),
    ("date", "31.01.2026", "", "must be a date as 2026-01-31"),
    ("date", "2026-02-30", "", "must be a date as 2026-01-31"),
    ("date", 20260131, "", "must be a date as 2026-01-31"),
    ("environment.device", None, "", "must be text, not None"),
    ("environment.precision", "float16", "", "must be bfloat16 or float32, not 'float16'"),
    ("environment.matmul", "fast", "", "must be highest or high or medium"),
    ("environment.versions.torch", 2, "", "must be text, not 2"),
    ("data.digest", "abc", "", "must be 16 hex digits, not 'abc'"),
    ("data.subset", "0123456789ABCDEF", "", "must be 16 hex digits"),
    ("data.rows.test", 7, "", "must be 16 hex digits, not 7"),
    ("data.rows.other", "0" * 16, "", "is of a part that data.sizes does not have"),
    ("data.labels", [], "", "must be a list of at least 1, not []"),
    ("data.labels.0", 1, "data.labels[0]", "must be text, not 1"),
    ("data.labels.0", "\ud800", "data.labels[0]", "must be text"),
    ("data.sizes.train", GONE, "", "is missing"),
    ("data.sizes.test", 0, "", "must be a whole number of at least 1, not 0"),
    ("data.sizes.test", GONE, "data.histogram.test", "is of a part that data.sizes does not have"),
    ("data.histogram.test", [5, 4], "", "must be 2 counts with the sum 10, not [5, 4]"),
    ("data.histogram.test", [5, 5, 0], "", "must be 2 counts with the sum 10, not [5, 5, 0]"),
    ("data.mean_tokens", "many", "", "must be a number of at least 0, not 'many'"),
    ("curve", [], "", "must be a list of at least 1, not []"),
    ("curve", {}, "", "must be a list of at least 1, not {}"),
    ("curve.1.step", 1, "curve", "must be evaluations in the order of their steps, not [1, 1, 4]"),
    (
        "curve.2.metrics.validation.accuracy",
        1.01,
        "curve[2].metrics.validation.accuracy",
        "a number from 0 to 1, not 1.01",
    ),
    ("curve.0.metrics.validation", GONE, "curve[0].metrics.validation", "is missing"),
    ("curve.0.train_loss", "low", "curve[0].train_loss", "a number of at least 0, or null, not 'low'"),
    ("curve.0.mixer", {"moved": []}, "curve[0].mixer.moved", "must be a finite number, or null, not []"),
    ("selected.last", GONE, "", "is missing"),
    ("selected.last.step", 3, "", "must be a step of the curve, not 3"),
    (LAST, GONE, "", "is missing"),
    (f"{LAST}.accuracy", None, "", "must be a number from 0 to 1, not None"),
    (f"{LAST}.accuracy", "0.8", "", "must be a number from 0 to 1, not '0.8'"),
    (f"{LAST}.accuracy", 0.7, f"{LAST}.bits", "has 8 of 10 rows right, but accuracy is 0.7"),
    (f"{LAST}.f1_macro", -0.1, "", "must be a number from 0 to 1, not -0.1"),
    (f"{LAST}.f1_weighted", GONE, "", "is missing"),
    (f"{LAST}.loss", -1.0, "", "must be a number of at least 0, or null, not -1.0"),
    (f"{LAST}.f1_per_class", [0.5], "", "must be 2 numbers, one per class, not [0.5]"),
    (f"{LAST}.bits", "ff", "", "must be 4 hex digits, a bit for each of 10 rows, not 'ff'"),
    (f"{LAST}.bits", "FF00", "", "must be 4 hex digits"),
    (f"{LAST}.bits", "ff01", "", "must be zeros after 10 rows, not 'ff01'"),
    (f"{LAST}.bits", "ff80", "", "has 9 of 10 rows right, but accuracy is 0.8"),
    (f"{LAST}.confusion", [[4, 1], [2, 3]], "", "has 7 of 10 rows right, but accuracy is 0.8"),
    (f"{LAST}.confusion", [[5, 1], [1, 4]], "", "must be 2 rows of 2 counts with the sum 10"),
    (f"{LAST}.confusion", [[4, 0], [2, 4]], "", "must be rows with the sums [5, 5] of data.histogram"),
    (f"{LAST}.confusion", [[8, 2]], "", "must be 2 rows of 2 counts"),
    (f"{LAST}.confusion.0.0", 4.0, f"{LAST}.confusion[0][0]", "must be a whole number of at least 0, not 4.0"),
    ("selected.last.metrics.other", None, "", "must be an object, not None"),
    ("mixer.w_b", "half", "", "must be a finite number, or null, not 'half'"),
    ("cost", GONE, "", "is missing"),
    ("cost.train_s", -1, "", "must be a number of at least 0, not -1"),
    ("cost.steps", 4.5, "", "must be a whole number of at least 0, not 4.5"),
    ("probes", {"ssmix-spans": {}}, "", "must be of none, not ['ssmix-spans']"),
]


def line_2(record: Any, folder: Path) -> Path:
    """A file whose second line is this; the first is a record."""
    path = folder / "some.jsonl"
    text = record if isinstance(record, bytes) else json.dumps(record).encode()
    path.write_bytes(json.dumps(done(RUN.start, 50)).encode() + b"\n" + text + b"\n")
    return path


def put(record: Any, folder: Path) -> str:
    with pytest.raises(RecordError) as error:
        Records().put(record)
    return str(error.value)


def merge_file(record: Any, folder: Path) -> str:
    merged = Records(folder / "merged").merge(line_2(record, folder))
    assert [r["hash"] for r in merged[NEW]] == [RUN.start.hash]
    (wrong,) = merged[WRONG]
    return str(wrong)


def merge_folder(record: Any, folder: Path) -> str:
    there = folder / "there"
    there.mkdir()
    (there / "a.json").write_bytes(record if isinstance(record, bytes) else json.dumps(record).encode())
    (wrong,) = Records().merge(there)[WRONG]
    return str(wrong)


def ship(record: Any, folder: Path) -> str:
    with pytest.warns(UserWarning, match=": ") as said:
        assert Records(shipped=[line_2(record, folder)]).shipped == [RUN.start.hash]
    (only,) = (warning for warning in said if warning.category is UserWarning)
    return str(only.message)


def read(record: Any, folder: Path) -> str:
    store = Records()
    store.folder.mkdir(parents=True)
    store.path(RUN.hash).write_bytes(record if isinstance(record, bytes) else json.dumps(record).encode())
    with pytest.warns(UserWarning, match="the run counts as not done") as said:
        assert (store.get(RUN), store.done(RUN), store.failed(RUN), store.all()) == (None, False, False, [])
    store.path(RUN.hash).unlink()
    # Once per file, not at every look. Garbage of earlier tests may complain meanwhile, in its own category.
    (only,) = (warning for warning in said if warning.category is UserWarning)
    return str(only.message)


#: Door -> how its errors begin, and what they say is to be done.
DOORS: dict[Callable[[Any, Path], str], tuple[str, str]] = {
    put: ("record ", ""),
    merge_file: ("{folder}/some.jsonl, line 2: ", "not merged: repair it or take it out"),
    merge_folder: ("{folder}/there/a.json: ", "not merged"),
    ship: ("{folder}/some.jsonl, line 2: ", "not used; it came with the checkout: restore the file"),
    read: ("{records}/{hash}.json: ", "the run counts as not done. Repair the file or delete it"),
}


def test_a_record_with_every_field_passes_every_door(tmp_path):
    record = full()
    assert check(full(), "here") == record
    Records().put(record)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Records().get(RUN) == record
    assert Records(tmp_path / "a", [line_2(record, tmp_path)]).get(RUN) == record
    assert Records(tmp_path / "b").merge(paths.records())[NEW] == [record]


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
@pytest.mark.parametrize(("where", "value", "field", "words"), DAMAGE, ids=[f"{d[0]}={d[1]!r:.12}" for d in DAMAGE])
def test_damage_is_named_and_never_used(where, value, field, words, door, tmp_path):
    begin, advice = DOORS[door]
    said = door(damage(full(), where, value), tmp_path)
    assert said.startswith(begin.format(folder=tmp_path, records=paths.records(), hash=RUN.hash))
    assert f": {field or where} " in said
    assert words in said
    assert advice in said
    assert Records().all() == []


@pytest.mark.parametrize("door", list(DOORS)[1:], ids=lambda door: door.__name__)
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{broken", "not JSON"),
        (b'{"hash": "1"}', "not a record (a record has hash, status and run)"),
        (b"[1, 2]", "not a record"),
        (b"7", "not a record"),
        (b'{"hash": "\xff"}', "not JSON ('utf-8' codec can't decode"),
        (b"[" * 100_000, "not JSON"),
        (json.dumps(damage(full(), f"{LAST}.accuracy", math.nan)).encode(), "not JSON (NaN is no number of JSON)"),
        (json.dumps(damage(full(), "mixer.w_b", -math.inf)).encode(), "not JSON (-Infinity is no number of JSON)"),
    ],
)
def test_what_is_no_record_at_all_is_named_by_its_file(content, words, door, tmp_path):
    begin, advice = DOORS[door]
    said = door(content, tmp_path)
    assert said.startswith(begin.format(folder=tmp_path, records=paths.records(), hash=RUN.hash))
    assert words in said
    assert advice in said
    assert Records().all() == []


def test_numbers_that_are_not_finite_are_stored_only_where_they_may_be():
    record = full()
    record["curve"][1]["train_loss"] = record["selected"]["last"]["metrics"]["test"]["loss"] = math.nan
    record["mixer"]["w_b"] = math.inf
    Records().put(record)
    assert Records().get(RUN)["curve"][1]["train_loss"] is None
    with pytest.raises(RecordError, match=r"f1_macro must be a number from 0 to 1, not None"):
        Records().put(damage(full(), f"{LAST}.f1_macro", math.nan))
    with pytest.raises(RecordError, match="cannot be written as JSON: Object of type ndarray"):
        Records().put(damage(full(), "mine", np.zeros(2)))


def test_every_field_of_a_configuration_has_a_shape():
    shapes = paths.facts("runs/record")
    for kind in (Run, Recipe):
        named = {name.removesuffix("?") for name in shapes[kind.__name__.lower()]}
        assert named == {f.name for f in fields(kind)}


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        ("error", "gone", "error is missing"),
        ("error", 3, "error must be text, not 3"),
        ("traceback", ["a"], "traceback must be text, not ['a']"),
        ("date", "today", "date must be a date"),
        ("run.seed", 9, "does not belong to its configuration"),
        ("generation", "2", "generation must be a whole number"),
    ],
)
def test_failures_have_a_shape_too(where, value, words):
    assert check(failed(RUN), "here")
    with pytest.raises(RecordError, match=r"^here: ") as error:
        check(damage(failed(RUN), where, GONE if value == "gone" else value), "here")
    assert words in str(error.value)


@pytest.mark.parametrize(
    "where",
    ["generation", "commit", "data.subset", "data.rows", f"{LAST}.bits", f"{LAST}.confusion", "environment.matmul"],
)
def test_the_fields_that_old_records_lack_may_be_missing(where):
    assert check(damage(full(), where, GONE), "here")


def test_the_error_says_where_and_which_field():
    with pytest.raises(ValueError, match=r"^here: selected\.last\.step ") as error:
        check(damage(full(), "selected.last.step", "4"), "here")
    assert (error.value.where, error.value.field) == ("here", "selected.last.step")
    record = full()
    record["selected"]["last"]["metrics"]["<b>a\nb"] = {}
    with pytest.raises(RecordError) as error:
        check(record, "here")
    assert error.value.field == r"selected.last.metrics.'<b>a\nb'.accuracy"  # one line, whatever a part is called


def test_a_huge_value_is_not_repeated_whole():
    with pytest.raises(RecordError) as error:
        check(damage(full(), "date", "9" * 10_000), "here")
    assert len(str(error.value)) < 200


def test_the_shipped_records_are_records_and_soon_read():
    lines = (paths.ROOT / "figures" / "desk" / "records.jsonl").read_bytes().splitlines()
    records = [json.loads(line) for line in lines]
    begin = time.process_time()
    for number, record in enumerate(records, 1):
        check(record, f"line {number}")
    assert time.process_time() - begin < 8  # about 0.6 s where nothing else runs
    assert len(records) > 1000
    assert {(precision_word(r), generation(r) >= 1) for r in records} <= {
        (word, True) for word in ("bfloat16", "float32-medium", "float32-highest")
    }

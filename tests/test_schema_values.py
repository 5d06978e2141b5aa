"""What records may hold: any bits and counts that agree, any texts; and the words that they are told apart by."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixutils.runs.records import NEW, Records, compact
from mixutils.runs.schema import RecordError, check, generation, precision_word
from mixutils.training.metrics import pack_bits
from tests.fakes import done
from tests.fakes_records import GONE, LAST, RUN, damage, full, measured

INTEGERS = st.integers(1 - 2**63, 2**63 - 1)


@pytest.mark.parametrize(
    ("precision", "matmul", "word"),
    [
        ("bfloat16", "medium", "bfloat16"),
        ("bfloat16", "highest", "bfloat16"),
        ("float32", "medium", "float32-medium"),
        ("float32", "highest", "float32-highest"),
        ("float32", None, "float32"),
    ],
)
def test_the_precision_of_a_record_is_one_word(precision, matmul, word):
    assert precision_word({"environment": {"precision": precision} | ({"matmul": matmul} if matmul else {})}) == word


def test_a_record_that_does_not_say_its_generation_is_of_the_first():
    assert generation(done(RUN, 50)) == 1
    assert generation(full()) == 2


def with_bits(right: np.ndarray) -> dict[str, Any]:
    record = full()
    n = len(right)
    record["data"]["sizes"]["test"] = n
    record["data"]["histogram"]["test"] = [n - n // 2, n // 2]
    record["selected"]["last"]["metrics"]["test"] = measured(right)
    return record


@settings(max_examples=25, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=200), st.data())
def test_bits_and_counts_of_any_part_pass_and_one_other_row_is_seen(rows, data):
    right = np.array(rows)
    assert check(with_bits(right), "here")
    other = right.copy()
    i = data.draw(st.integers(0, len(rows) - 1))
    other[i] = ~other[i]
    with pytest.raises(RecordError, match=r"metrics\.test\.bits has"):
        check(damage(with_bits(right), f"{LAST}.bits", pack_bits(other)), "here")
    with pytest.raises(RecordError, match=r"metrics\.test\.confusion has"):
        check(damage(with_bits(right), f"{LAST}.confusion", measured(other)["confusion"]), "here")


def paths_of(value: Any, way: str = "") -> list[str]:
    """All paths of a record, in the form of ``damage``."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [p for k, v in inner for p in (f"{way}.{k}".strip("."), *paths_of(v, f"{way}.{k}"))]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(paths_of(full())), JSON | st.just(GONE))
def test_whatever_is_put_anywhere_is_a_record_or_a_named_error(where, value):
    record = damage(full(), where, value)
    with contextlib.suppress(RecordError):  # any other error fails the test
        assert check(record, "here") is record


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    labels=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=2, max_size=2),
    notes=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=3),
    numbers=st.dictionaries(st.sampled_from("abc"), st.floats(allow_nan=False, allow_infinity=False) | INTEGERS),
    loss=st.floats(0, 1e6) | st.none(),
)
def test_records_come_back_from_folder_file_and_merge_as_they_were(labels, notes, numbers, loss, tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    record = full()
    record["data"] |= {"labels": labels, "notes": notes}
    record["mixer"] = compact(numbers)
    record["curve"][0]["train_loss"] = compact(loss)
    store = Records(folder / "a")
    store.put(record)
    assert Records(folder / "a").get(RUN) == record
    assert store.export([RUN], folder / "all.jsonl") == 1
    assert Records(folder / "b", [folder / "all.jsonl"]).get(RUN) == record
    other = Records(folder / "c")
    assert other.merge(folder / "all.jsonl")[NEW] == [record]
    assert other.get(RUN) == record

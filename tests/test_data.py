"""Rows, digests and what cannot be trained on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixutils.tasks import DataError, Split, TaskData

text = st.text(max_size=6)
rows = st.lists(st.tuples(text, st.integers(0, 2)), min_size=1, max_size=8)
pairs = st.lists(st.tuples(text, text, st.integers(0, 2)), min_size=1, max_size=8)


def make_split(rows) -> Split:
    """Rows (text, label) or (first, second, label)."""
    *texts, labels = zip(*rows, strict=True)
    return Split(list(texts[0]), list(texts[1]) if len(texts) > 1 else None, np.array(labels, dtype=np.int64))


def make_data(labels=("a", "b", "c"), **splits) -> TaskData:
    return TaskData("mine", tuple(labels), splits, where="/data")


@given(rows, rows)
def test_a_digest_tells_any_two_splits_apart(one, other):
    assert (make_split(one).digest() == make_split(other).digest()) == (one == other)


@given(pairs, pairs)
def test_a_digest_tells_any_two_splits_of_pairs_apart(one, other):
    # NUL separates the texts, so a text that holds it may move it across the border.
    one, other = ([(a.replace("\0", ""), b.replace("\0", ""), y) for a, b, y in rows] for rows in (one, other))
    assert (make_split(one).digest() == make_split(other).digest()) == (one == other)


def test_a_digest_sees_which_text_of_a_pair_a_word_belongs_to():
    assert make_split([("ab", "c", 0)]).digest() != make_split([("a", "bc", 0)]).digest()


def test_a_digest_does_not_stumble_over_half_a_character():
    assert make_split([("\ud800", 0)]).digest() != make_split([("\ud801", 0)]).digest()


def test_a_data_set_has_the_same_digest_in_whatever_order_its_parts_were_read():
    a, b = make_split([("x", 0)]), make_split([("y", 1)])
    assert make_data(train=a, test=b).digest() == make_data(test=b, train=a).digest()
    assert make_data(train=a, test=b).digest() != make_data(train=b, test=a).digest()
    assert make_data(train=a, test=b).digest() != make_data(train=a, validation=b).digest()


@given(pairs, st.data())
def test_taking_rows_keeps_texts_and_labels_together(rows, data):
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1)))
    taken = make_split(rows).take(np.array(chosen, dtype=np.int64))
    assert list(zip(taken.text_a, taken.text_b, taken.labels.tolist(), strict=True)) == [rows[i] for i in chosen]
    assert len(taken) == len(chosen)


@given(rows)
def test_a_histogram_counts_every_row_and_names_every_class(rows):
    data = make_data(train=make_split(rows))
    histogram = data.histogram("train")
    assert list(histogram) == ["a", "b", "c"]
    assert sum(histogram.values()) == len(rows)
    assert histogram["b"] == sum(label == 1 for _, label in rows)
    assert data.classes == 3


def test_two_classes_in_train_are_enough():
    data = make_data(train=make_split([("x", 0), ("y", 2)]), test=make_split([("z", 1)]))
    assert data.check() is data


def test_a_data_set_without_training_rows_is_refused_with_what_it_has():
    some = make_split([("x", 0), ("y", 1)])
    with pytest.raises(DataError, match=r"mine: there is no training part; found test \(2 rows\) in /data"):
        make_data(test=some).check()
    with pytest.raises(DataError, match=r"found train \(0 rows\)"):
        make_data(train=some.take(np.array([], dtype=int))).check()
    with pytest.raises(DataError, match="found nothing"):
        make_data().check()


def test_a_single_class_is_refused_by_its_name():
    with pytest.raises(DataError, match=r"mine: the training part has one class only \('b'\).*/data"):
        make_data(train=make_split([("x", 1), ("y", 1)]), test=make_split([("z", 0)])).check()

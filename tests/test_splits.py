"""Split policies and nested subsets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixutils.tasks import DataError, Split, TaskData, apply_policy, subset
from mixutils.tasks.splits import BY_SEED, POLICIES, set_aside, shared, stratified_order

labels = st.lists(st.integers(0, 4), min_size=1, max_size=120).map(np.array)
seeds = st.integers(0, 1000)
kinds = st.sampled_from(["stratified", "balanced", "random"])


def make_data(**labels_of_parts) -> TaskData:
    """A text says which row of which part it is, so that no two rows are alike."""

    def part(name: str, y) -> Split:
        return Split([f"{name} {i}" for i in range(len(y))], None, np.asarray(y, dtype=np.int64))

    return TaskData("mine", tuple("abcde"), {name: part(name, y) for name, y in labels_of_parts.items()})


def texts(split: Split) -> list[str]:
    return split.text_a


@given(labels, seeds, kinds)
def test_an_order_holds_every_row_once(y, seed, kind):
    assert sorted(stratified_order(y, seed, kind).tolist()) == list(range(len(y)))


@given(labels, seeds)
def test_every_prefix_keeps_the_class_shares(y, seed):
    drawn = y[stratified_order(y, seed)]
    classes, sizes = np.unique(y, return_counts=True)
    for c, size in zip(classes, sizes, strict=True):
        share = size / len(y)
        error = np.abs(np.cumsum(drawn == c) - share * np.arange(1, len(y) + 1))
        # Each class is within one row of its own even spacing; the others can move the border by a row each.
        assert error.max() < 1 + share * max(len(classes) - 2, 0) + 1e-9


@given(st.lists(st.booleans(), min_size=1, max_size=300).map(np.array), seeds)
def test_two_classes_keep_their_shares_within_one_row(y, seed):
    drawn = y[stratified_order(y, seed)]
    assert np.abs(np.cumsum(drawn) - y.mean() * np.arange(1, len(y) + 1)).max() < 1 + 1e-9


@given(labels, seeds)
def test_balanced_prefixes_take_the_classes_in_turn_as_long_as_they_last(y, seed):
    drawn = y[stratified_order(y, seed, "balanced")]
    classes, sizes = np.unique(y, return_counts=True)
    for n in range(len(y) + 1):
        taken = np.array([(drawn[:n] == c).sum() for c in classes])
        left = taken[taken < sizes]
        assert not left.size or taken.max() - left.min() <= 1


@given(labels, seeds, kinds, st.data())
def test_subsets_of_train_are_nested(y, seed, kind, data):
    small, large = sorted(data.draw(st.lists(st.integers(1, len(y)), min_size=2, max_size=2)))
    task = make_data(train=y)
    of = {n: texts(subset(task, n, kind, seed, None).splits["train"]) for n in (small, large)}
    assert len(of[small]) == small
    if large < len(y):
        assert of[large][:small] == of[small]
    else:  # all rows: in the order of the source
        assert set(of[small]) <= set(of[large])


def test_an_unknown_kind_of_subset_lists_the_known_ones():
    with pytest.raises(ValueError, match="'stratified', 'balanced' or 'random', not 'even'"):
        stratified_order(np.array([0, 1]), 0, "even")


@pytest.mark.parametrize("policy", ["auto", "holdout", "tenths", "tenths-by-seed", "tenfold", "cut-7-11"])
@pytest.mark.parametrize(
    "parts", [("train",), ("train", "test"), ("train", "validation"), ("train", "validation", "test")]
)
@settings(max_examples=15, deadline=None)
@given(y=st.lists(st.integers(0, 3), min_size=30, max_size=80), seed=seeds)
def test_a_policy_loses_and_repeats_no_row(policy, parts, y, seed):
    task = make_data(**{part: y if part == "train" else [0, 1, 1] for part in parts})
    made = apply_policy(task, policy, run_seed=seed)
    assert set(made.splits) == {"train", "validation", "test"}
    rows = [text for split in made.splits.values() for text in texts(split)]
    assert len(set(rows)) == len(rows)
    of_train = [text for text in rows if text.startswith("train ")]
    assert set(of_train) == set(texts(task.splits["train"]))
    for part in ("validation", "test"):
        # An official part is used as it is or, where the policy cuts its own, not at all.
        official = texts(task.splits[part]) if part in parts else []
        assert {r for r in rows if r.startswith(part)} in (set(official), set())
    for split in made.splits.values():
        where = [int(text.split()[1]) for text in texts(split)]
        assert where == sorted(where)  # the order of the source
        assert all(y[i] == c for i, c, t in zip(where, split.labels, texts(split), strict=True) if t[:5] == "train")


@pytest.mark.parametrize(
    ("policy", "parts", "expected"),
    [
        ("auto", ("train", "validation", "test"), {"train": 200, "validation": 20, "test": 30}),
        ("auto", ("train", "test"), {"train": 180, "validation": 20, "test": 30}),
        ("auto", ("train", "validation"), {"train": 180, "validation": 20, "test": 20}),
        ("auto", ("train",), {"train": 160, "validation": 20, "test": 20}),
        ("holdout", ("train", "validation", "test"), {"train": 180, "validation": 20, "test": 30}),
        ("holdout", ("train", "validation"), {"train": 180, "validation": 20, "test": 20}),
        ("holdout", ("train",), {"train": 160, "validation": 20, "test": 20}),
        ("tenths", ("train", "test"), {"train": 160, "validation": 20, "test": 20}),
        ("tenths-by-seed", ("train",), {"train": 160, "validation": 20, "test": 20}),
        ("tenfold", ("train",), {"train": 160, "validation": 20, "test": 20}),
        ("cut-50-7", ("train",), {"train": 143, "validation": 50, "test": 7}),
        ("official", ("train", "test"), {"train": 200, "test": 30}),
        ("official-held", ("train", "test"), {"train": 180, "test": 30, "held": 20}),
    ],
)
def test_a_policy_cuts_the_sizes_that_it_says(policy, parts, expected):
    rows = {"train": 200, "validation": 20, "test": 30}
    task = make_data(**{part: np.arange(rows[part]) % 3 for part in parts})
    made = apply_policy(task, policy, run_seed=0)
    assert {name: len(split) for name, split in made.splits.items()} == expected
    if "test" in parts and not policy.startswith(("ten", "cut")):
        assert made.splits["test"] is task.splits["test"]


def test_where_test_labels_are_hidden_the_official_validation_part_reports():
    task = make_data(train=np.arange(100) % 2, validation=[0, 1, 1])
    assert apply_policy(task, "holdout", 0).splits["test"] is task.splits["validation"]


def test_ten_seeds_of_ten_folds_report_and_select_every_row_once_and_every_class_alike():
    y = np.repeat([0, 1, 2], [60, 60, 30])
    made = [apply_policy(make_data(train=y), "tenfold", seed) for seed in range(10)]
    for part in ("validation", "test"):
        assert sorted(t for m in made for t in texts(m.splits[part])) == sorted(
            texts(make_data(train=y).splits["train"])
        )
        assert all(abs(np.bincount(m.splits[part].labels) - [6, 6, 3]).max() <= 1 for m in made)


def test_only_two_policies_follow_the_seed_of_the_run():
    task = make_data(train=np.arange(100) % 3, test=[0, 1])
    for policy in (*POLICIES, "cut-10-10", "pool-10-20"):
        if policy in ("cut-V-T", "pool-V-T"):
            continue
        for variant in (policy, f"{policy}-grouped"):
            digests = {apply_policy(task, variant, seed).digest() for seed in range(3)}
            assert len(digests) == (3 if policy in BY_SEED else 1), variant


@pytest.mark.parametrize(
    ("parts", "sources"),
    [
        ({"train": 300}, {"train": "train", "validation": "train", "test": "train"}),
        ({"train": 300, "test": 80}, {"train": "train", "validation": "train", "test": "test"}),
        ({"train": 300, "validation": 60}, {"train": "train", "validation": "train", "test": "validation"}),
        (
            {"train": 300, "validation": 60, "test": 80},
            {"train": "train", "validation": "validation", "test": "test"},
        ),
    ],
)
def test_a_pool_takes_the_sources_own_parts_and_cuts_the_others_from_train(parts, sources):
    data = make_data(**{name: np.arange(n) % 3 for name, n in parts.items()})
    made = apply_policy(data, "pool-20-50", 0).splits
    assert {k: {t.split()[0] for t in texts(v)} for k, v in made.items()} == {k: {v} for k, v in sources.items()}
    assert (len(made["validation"]), len(made["test"])) == (20, 50)
    assert len(made["train"]) == 300 - 20 * (sources["validation"] == "train") - 50 * (sources["test"] == "train")
    rows = [t for part in made.values() for t in texts(part)]
    assert len(set(rows)) == len(rows)
    for part in made.values():  # stratified: a third each, within a row or two
        assert np.bincount(part.labels).max() - np.bincount(part.labels).min() <= 2


@pytest.mark.parametrize(("rows", "parts"), [(70, (56, 7, 7)), (60, (48, 6, 6)), (73, (3, 20, 50)), (71, (1, 20, 50))])
def test_a_pool_of_too_few_rows_is_cut_in_tenths(rows, parts):
    made = apply_policy(make_data(train=np.arange(rows) % 3), "pool-20-50", 0).splits
    assert tuple(len(made[name]) for name in ("train", "validation", "test")) == parts


def test_a_pool_leaves_short_parts_whole():
    made = apply_policy(make_data(train=np.arange(90) % 3, test=np.arange(30) % 3), "pool-20-50", 0).splits
    assert len(made["test"]) == 30


@given(st.lists(st.booleans(), min_size=20, max_size=200), seeds)
def test_the_pieces_of_a_cut_are_stratified(y, seed):
    pieces = set_aside(make_data(train=y).splits["train"], seed, validation=len(y) // 10, test=len(y) // 4)
    assert list(pieces) == ["train", "validation", "test"]
    share = np.mean(y)
    for piece in pieces.values():
        # A piece lies between two borders, and each is within one row.
        assert abs(piece.labels.sum() - share * len(piece)) < 2 + 1e-9


@pytest.mark.parametrize("policy", ["cut-50-50", "cut-99-1", "cut-0-5", "cut-5-0"])
def test_a_cut_that_leaves_a_part_empty_is_refused(policy):
    with pytest.raises(DataError, match=r"cannot cut parts of \d+ and \d+ rows out of 100"):
        apply_policy(make_data(train=np.arange(100) % 2), policy, 0)


def test_three_rows_can_be_cut_into_tenths_and_two_cannot():
    made = apply_policy(make_data(train=[0, 1, 0]), "tenths", 0)
    assert [len(s) for s in made.splits.values()] == [1, 1, 1]
    with pytest.raises(DataError, match="rows out of 2"):
        apply_policy(make_data(train=[0, 1]), "tenths", 0)


@pytest.mark.parametrize(
    "policy",
    ["tenth", "cut-10", "cut-a-b", "cut-1-2-3", "cut-V-T", "tenths-1-2", "", "tenths-grouped-grouped", "-grouped"],
)
def test_an_unknown_policy_lists_the_known_ones(policy):
    with pytest.raises(ValueError, match=f"unknown split policy '{policy}'; known: {', '.join(POLICIES)}, and"):
        apply_policy(make_data(train=[0, 1]), policy, 0)


def test_evaluation_subsets_are_the_same_for_every_run_and_training_subsets_are_not():
    task = make_data(train=np.arange(90) % 3, validation=np.arange(60) % 2, test=[0, 1, 2])
    made = [subset(task, 12, "balanced", seed, 10) for seed in range(3)]
    assert len({m.splits["train"].digest() for m in made}) == 3
    assert len({m.splits["validation"].digest() for m in made}) == 1
    assert {name: len(split) for name, split in made[0].splits.items()} == {"train": 12, "validation": 10, "test": 3}
    assert made[0].histogram("train") == {"a": 4, "b": 4, "c": 4, "d": 0, "e": 0}
    assert made[0].histogram("validation")["a"] == 5


def test_no_size_and_a_size_beyond_the_data_mean_all_rows():
    task = make_data(train=np.arange(30) % 3, test=[0, 1])
    for size in (None, 30, 1000):
        assert subset(task, size, "stratified", 5, size).digest() == task.digest()


def test_a_fixed_subset_is_the_same_for_every_seed_and_stratified():
    data = TaskData("t", ("a", "b"), {"train": Split([str(i) for i in range(40)], None, np.arange(40) % 2)})
    rows = [subset(data, 10, "fixed", seed, None).splits["train"] for seed in range(3)]
    assert rows[0].text_a == rows[1].text_a == rows[2].text_a
    assert sorted(rows[0].labels.tolist()) == [0] * 5 + [1] * 5
    assert subset(data, 10, "stratified", 1, None).splits["train"].text_a != rows[0].text_a


CUTS = ("tenths", "tenths-by-seed", "holdout", "official-held", "auto", "cut-7-11", "pool-7-11")
#: Few texts, so that many are repeated, some of them with another label.
repeated = st.lists(st.tuples(st.integers(0, 45), st.integers(0, 2)), min_size=60, max_size=90)


def repeating(rows, test=(), pair: bool = False) -> TaskData:
    """Rows (text, label) of train and, where there are some, of test."""

    def part(rows) -> Split:
        numbers, y = zip(*rows, strict=True)
        # Of pairs only both texts together say which pair it is.
        first, second = ([f"p{n % 7}" for n in numbers], [f"q{n // 7}" for n in numbers])
        return Split(first if pair else [f"t{n}" for n in numbers], second if pair else None, np.array(y))

    return TaskData("mine", tuple("abc"), {"train": part(rows)} | ({"test": part(test)} if test else {}), pair)


@pytest.mark.parametrize("policy", CUTS)
@pytest.mark.parametrize("pair", [False, True], ids=["single", "pairs"])
@settings(max_examples=8, deadline=None)
@given(rows=repeated, test=st.one_of(st.just([]), repeated), seed=seeds)
def test_a_grouped_policy_has_equal_texts_on_one_side(policy, pair, rows, test, seed):
    task = repeating([*rows, *enumerate([0, 1, 2] * 30, start=100)], test, pair)  # and some that stand there once
    made = apply_policy(task, f"{policy}-grouped", seed).splits
    plain = apply_policy(task, policy, seed).splits
    assert list(made) == list(plain)
    own = "test" in task.splits and not policy.startswith(("tenths", "cut"))  # a part of the source, as it is
    official = set(made["test"].texts()) if own else set()
    of = {name: set(split.texts()) for name, split in made.items()}
    for name in made:
        assert shared(made, name) == ((len(made["train"]),) * 2 if name == "train" else (0, 0))
        assert all(of[name].isdisjoint(of[other]) for other in of if other != name)
    # Nothing is lost or repeated but the training rows that the official part has too.
    left = sorted(row for row in task.splits["train"].texts() if row not in official)
    cut = [text for name, split in made.items() if not (own and name == "test") for text in split.texts()]
    assert sorted(cut) == left


@pytest.mark.parametrize("policy", CUTS)
@given(
    y=st.lists(st.integers(0, 3), min_size=30, max_size=80), test=st.lists(st.integers(0, 3), max_size=9), seed=seeds
)
@settings(max_examples=15, deadline=None)
def test_without_repeated_texts_a_grouped_policy_is_the_policy(policy, y, test, seed):
    task = make_data(train=[*y, *[0, 1] * 9], **{"test": test} if test else {})  # two classes: it is checked
    assert apply_policy(task, f"{policy}-grouped", seed).digest() == apply_policy(task, policy, seed).digest()


def test_a_grouped_cut_has_as_many_texts_as_it_says_and_the_rows_that_repeat_them():
    task = repeating([(n, n % 3) for n in range(100)] + [(0, 0)] * 50)
    sizes = {
        name: (len(set(s.texts())), len(s)) for name, s in apply_policy(task, "cut-10-20-grouped", 0).splits.items()
    }
    assert {name: texts for name, (texts, _) in sizes.items()} == {"train": 70, "validation": 10, "test": 20}
    assert sum(rows for _, rows in sizes.values()) == 150


def test_a_training_part_of_which_nothing_is_left_is_refused():
    with pytest.raises(DataError, match="no training part"):
        apply_policy(repeating([(0, 0), (1, 1)], [(0, 0), (1, 1)]), "official-grouped", 0)


def test_rows_that_train_too_are_counted_with_and_without_their_label():
    task = repeating([(0, 0), (0, 1), (1, 0), (2, 0)], [(0, 0), (0, 2), (1, 1), (3, 0), (2, 0), (2, 0)])
    assert shared(task.splits, "test") == (5, 3)

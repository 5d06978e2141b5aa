"""What the notebook ``ssmix_spans`` measures, on an untrained model: every number again, by a slow explicit formula."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mixutils.encoder.load import load_tokenizer
from mixutils.mixers import build
from mixutils.runs.trained import Trained
from mixutils.tasks.data import Split, TaskData
from mixutils.tasks.encode import encode
from tests.conftest import make_model
from tests.notebook import measuring

spans = measuring("ssmix_spans")
EXAMPLES, PAIRS, RATIO, WORDS = spans.EXAMPLES, spans.PAIRS, spans.RATIO, spans.WORDS

WORDLIST = [
    "red",
    "green",
    "blue",
    "black",
    "white",
    "dark",
    "light",
    "warm",
    "cold",
    "high",
    "low",
    "fast",
    "slow",
    "old",
    "young",
    "big",
    "small",
    "good",
    "bad",
    "new",
]


def make_data(rows: int, pair: bool = False, labels=("no", "yes", "perhaps"), words=WORDS, seed: int = 0) -> TaskData:
    rng = np.random.default_rng(seed)

    def texts() -> list[str]:
        return [" ".join(rng.choice(WORDLIST, rng.integers(words[0], words[1] + 1))) for _ in range(rows)]

    def split() -> Split:
        return Split(texts(), texts() if pair else None, np.arange(rows) % len(labels))

    return TaskData("mine", tuple(labels), {"train": split(), "test": split()}, pair)


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("random:tiny")


@pytest.fixture(scope="module")
def tiny():
    return make_model(classes=3, layers=3, vocab_size=30522)


def measure(tiny, tokenizer, data: TaskData):
    special = SimpleNamespace(pad=tokenizer.pad_token_id, unk=tokenizer.unk_token_id)  # all that is asked of the mixer
    return spans.spans_and_mixtures(Trained(SimpleNamespace(max_length=64), tiny, special, data, tokenizer))


@pytest.fixture(scope="module", params=[False, True], ids=["single", "pair"])
def found(request, tiny, tokenizer):
    data = make_data(30, request.param)
    return measure(tiny, tokenizer, data), data


def test_what_is_measured_is_json_of_the_reported_part_and_the_same_every_time(found, tiny, tokenizer):
    result, data = found
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert (result["part"], result["ratio"], len(result["examples"])) == ("test", RATIO, EXAMPLES)
    assert measure(tiny, tokenizer, data) == measure(tiny, tokenizer, data)


def test_texts_are_those_of_the_data_with_different_labels(found):
    result, data = found
    split, seen = data.splits["test"], []
    for example in result["examples"]:
        labels = []
        for text in example["texts"]:
            words = [" ".join(p["tokens"]) for p in text["parts"]]
            (row,) = [
                i for i in range(len(split)) if [split.text_a[i], *([split.text_b[i]] if data.pair else [])] == words
            ]
            assert text["label"] == data.labels[split.labels[row]]
            assert text["predicted"] in data.labels
            labels.append(text["label"])
            seen.append(row)
        assert labels[0] != labels[1]
    assert len(set(seen)) == len(seen)


def test_spans_are_the_extremes_of_all_windows(found):
    result, _ = found
    for example in result["examples"]:
        for k, span in enumerate(example["spans"]):
            a, b = (t["parts"][k] for t in example["texts"])
            n = span["length"]
            assert n == max(1, min(int(RATIO * len(a["tokens"]) + 1e-9), len(b["tokens"])))
            for text, start, best in ((a, span["least_in_a"], min), (b, span["most_in_b"], max)):
                assert min(text["saliency"]) > 0
                sums = [sum(text["saliency"][i : i + n]) for i in range(len(text["tokens"]) - n + 1)]
                assert sums[start] == pytest.approx(best(sums), rel=1e-6)


def test_mixtures_are_a_with_the_span_of_b_and_the_share_of_the_label(found):
    result, _ = found
    for example in result["examples"]:
        count = sum(len(p["tokens"]) for p in example["texts"][0]["parts"])
        replaced = sum(s["length"] for s in example["spans"])
        for name, mixture in example["mixtures"].items():
            assert mixture["w_b"] == (0 if name == "unk" else pytest.approx(replaced / count, rel=1e-6))
            for k, piece in enumerate(mixture["parts"]):
                a, b = (t["parts"][k]["tokens"] for t in example["texts"])
                n = example["spans"][k]["length"]
                assert len(piece["tokens"]) == len(a)
                assert piece["changed"] == [x != y for x, y in zip(a, piece["tokens"], strict=True)]
                assert sum(piece["changed"]) <= n
                foreign = {t for t, c in zip(piece["tokens"], piece["changed"], strict=True) if c}
                assert foreign <= ({"[UNK]"} if name == "unk" else set(b))
                if name == "unk":
                    assert piece["tokens"].count("[UNK]") == n
                if name == "ssmix":
                    u, v = example["spans"][k]["least_in_a"], example["spans"][k]["most_in_b"]
                    assert piece["tokens"] == [*a[:u], *b[v : v + n], *a[u + n :]]


def test_hidden_mixtures_leave_the_line_only_below_the_last_layer(found):
    projection = found[0]["projection"]
    off = projection["off_line"]
    assert list(off) == ["level 0", "level 2", "level 3", "ssmix"]  # levels 0, 7 and 12 of 12 on three layers
    assert off["level 3"] == pytest.approx(0, abs=1e-5)
    assert min(off["level 0"], off["level 2"], off["ssmix"]) > 1e-3
    assert 0 < projection["explained"] <= 1
    assert projection["pairs"] <= PAIRS
    a, b = np.array(projection["A"]), np.array(projection["B"])
    # On the line, at weights 0.1 to 0.9, in the plane as well.
    steps = np.linspace(0.1, 0.9, 9)[:, None]
    np.testing.assert_allclose(projection["level 3"], (1 - steps) * a + steps * b, atol=1e-4 * np.abs(b - a).max())


def test_the_plane_is_that_of_the_principal_components():
    g = torch.Generator().manual_seed(0)
    states = {"A": torch.randn(1, 1, 6, generator=g), "B": torch.randn(1, 1, 6, generator=g)}
    states["ssmix"] = torch.randn(1, 20, 6, generator=g)
    found, points = spans.seen_flat(states), torch.cat([part[0] for part in states.values()])
    centred = points - points.mean(0)
    _, singular, axes = torch.linalg.svd(centred, full_matrices=False)
    flat = np.array([found["A"], found["B"], *found["ssmix"]])
    np.testing.assert_allclose(np.abs(flat), np.abs(centred @ axes[:2].T), atol=1e-5)  # an axis may point either way
    assert found["explained"] == pytest.approx(float((singular[:2] ** 2).sum() / (singular**2).sum()), rel=1e-5)
    assert found["pairs"] == 1


@pytest.mark.parametrize("seed", range(3))
def test_the_distance_from_the_line_by_a_slow_formula(seed):
    g = torch.Generator().manual_seed(seed)
    begin, end = torch.randn(2, 4, 6, generator=g)
    points = torch.randn(4, 5, 6, generator=g)
    found = spans.off_line(begin, end, points)
    assert found.shape == (4, 5)
    t = np.linspace(-30, 30, 60_001)[:, None]  # the nearest of many points of the line
    for p in range(4):
        a, b = begin[p].double().numpy(), end[p].double().numpy()
        line = a + t * (b - a)
        for i in range(5):
            near = np.linalg.norm(line - points[p, i].double().numpy(), axis=1).min() / np.linalg.norm(b - a)
            assert float(found[p, i]) == pytest.approx(near, rel=1e-3)


def test_pairs_have_different_labels_and_use_a_row_once():
    rng = np.random.default_rng(0)
    for classes in (2, 5):
        labels = rng.integers(0, classes, 300)
        first, second = np.transpose(spans.pairs_of(rng.permutation(300), labels))
        assert len(first) == PAIRS
        assert (labels[first] != labels[second]).all()
        assert len({*first, *second}) == 2 * PAIRS
    assert spans.pairs_of(np.arange(4), np.array([0, 0, 0, 1])) == [(0, 3)]


def test_handy_rows_are_preferred_and_all_are_taken_where_there_are_too_few():
    data = make_data(20)
    split = data.splits["test"]
    long = Split([*split.text_a, "word " * 40], None, np.append(split.labels, 0))
    assert sorted(spans.handy_rows(long, np.random.default_rng(0))) == list(range(20))
    few = make_data(20, words=(1, 3)).splits["test"]
    assert sorted(spans.handy_rows(few, np.random.default_rng(0))) == list(range(20))


def test_short_texts_and_few_rows_are_measured_too(tiny, tokenizer):
    result = measure(tiny, tokenizer, make_data(3, words=(1, 2)))
    assert len(result["examples"]) == 1
    assert all(s["length"] == 1 for s in result["examples"][0]["spans"])


def test_without_two_labels_there_is_nothing_to_measure_and_no_failure(tiny, tokenizer):
    data = make_data(6)
    alone = Split(data.splits["test"].text_a, None, np.zeros(6, dtype=np.int64))
    result = measure(tiny, tokenizer, data.with_splits({"train": data.splits["train"], "test": alone}))
    assert result == {"part": "test", "ratio": RATIO, "examples": [], "projection": None}


@pytest.mark.parametrize("name", spans.VARIANTS)
@pytest.mark.parametrize("pair", [False, True], ids=["single", "pairs"])
def test_a_mixture_has_as_many_separators_as_a_whatever_the_texts_say(name, pair, tokenizer):
    first, second = ["red [SEP] green", "[SEP] [SEP] blue sky"], ["a [CLS] b c", "[PAD] d [SEP]"]
    data = TaskData("mine", ("a", "b"), {"train": Split(first, second if pair else None, np.array([0, 1]))}, pair)
    task = encode(data, tokenizer, renumber=False)
    batch, a = task.splits["train"].batch(torch.arange(2)), torch.tensor([0])
    saliency = torch.rand(batch.input_ids.shape, generator=torch.Generator().manual_seed(0))
    mixer = build(name, ratio=0.6)
    mixer.pad, mixer.unk = task.pad, task.unk
    mixed, _ = mixer.mix(batch, a, a + 1, saliency, np.random.default_rng(0))
    assert not torch.equal(mixed.input_ids, batch.input_ids[a])
    assert int((mixed.input_ids == tokenizer.sep_token_id).sum()) == 1 + pair

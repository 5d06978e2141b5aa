"""What DropMix's notebooks measure: statistics by hand, words against a loop, masks against what a mixer does."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import stats

from mixutils.encoder.load import load_encoder, load_tokenizer
from mixutils.encoder.model import Classifier
from mixutils.encoder.saliency import separate
from mixutils.mixers import REGISTRY, build
from mixutils.runs import execute as execution
from mixutils.runs.run import Run
from mixutils.runs.trained import Trained, trained
from mixutils.tasks import TaskData
from mixutils.tasks.data import Split
from mixutils.training.loop import Recipe
from tests.conftest import make_model, make_task
from tests.notebook import measuring

TEXTS = ["a fine funny film", "dull and far too long", "funny", "not a good film , too long", "fine", "it is dull"]


channels, masks = measuring("dropmix_channels"), measuring("dropmix_saliency")


@pytest.fixture(scope="module")
def toy():
    """A random model and a data set with two classes."""
    torch.manual_seed(0)
    labels = np.array([0, 1, 0, 1, 0, 1])
    data = TaskData("toy", ("positive", "negative"), {"train": Split(TEXTS, None, labels)})
    model = Classifier(load_encoder("random:tiny"), 2, 0.0).eval()
    return Trained(SimpleNamespace(task="toy", max_length=32), model, None, data, load_tokenizer("random:tiny"))


def test_statistics_of_several_profiles_and_of_constant_ones():
    own, other = np.random.default_rng(0).integers(0, 5, (2, 4, 12)).astype(float)  # many ties
    own[3] = other[3] = 1
    found = channels.statistics(own, other)
    for x, y, correlation, skewness, spread in zip(own[:3], other[:3], *(v[:3] for v in found.values()), strict=True):
        assert correlation == pytest.approx(stats.spearmanr(x, y).statistic)
        centred = (x - y) - (x - y).mean()
        assert skewness == pytest.approx((centred**3).mean() / (centred**2).mean() ** 1.5)
        assert spread == max(abs(x - y))
    assert [value[3] for value in found.values()] == [0, 0, 0]


def test_p_values_count_the_value_itself():
    found = channels.against_null(2.0, np.array([1.0, 2.0, 3.0]), 1e-9)
    assert (found["value"], found["p_greater"], found["p_less"]) == (2.0, 3 / 4, 3 / 4)
    assert channels.against_null(9.0, np.zeros(99), 1e-9)["p_greater"] == 1 / 100
    assert found["null"] == pytest.approx([1.05, 2.0, 2.95])


def test_profiles_by_hand():
    share = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 1, 1]], np.float32)
    first = np.array([True, True, False, False])
    found = channels.profiles(share, first, np.random.default_rng(0))
    assert found["importance"] == [[1.0, 0.5, 0.0], [0.0, 1.0, 1.0]]
    assert found["difference"] == [1.0, -0.5, -1.0]
    # Two of the six ways to choose two of four samples have so large a difference: these labels and their mirror image.
    assert found["spread"]["p_greater"] == pytest.approx(2 / 6, abs=0.06)
    assert found["edge"] == 1.0
    assert found["beyond"] == [0, 0]


def test_labels_that_mean_nothing_are_rarely_significant_and_others_are():
    rng = np.random.default_rng(0)
    p = []
    for trial in range(40):
        share = rng.random((60, 40), np.float32)  # no ties: with them p values are too large, not uniform
        p.append(
            channels.profiles(share, np.repeat([True, False], 30), np.random.default_rng(trial))["spread"]["p_greater"]
        )
    assert stats.kstest(p, "uniform").pvalue > 0.01
    share[:30, 3] = 1
    found = channels.profiles(share, np.repeat([True, False], 30), np.random.default_rng(0))
    assert found["spread"]["p_greater"] < 0.01
    assert found["beyond"][0] == 1


def test_the_null_of_the_sorted_differences_has_their_own_ranks():
    share = (np.random.default_rng(0).random((50, 30)) < 0.3).astype(np.float32)
    low, high = np.array(channels.profiles(share, np.repeat([True, False], 25), np.random.default_rng(0))["band"])
    assert (low <= high).all()
    assert (np.diff(low) <= 1e-5).all()
    assert (np.diff(high) <= 1e-5).all()


def test_with_two_classes_the_order_of_saliency_does_not_depend_on_the_label(toy):
    batch = toy.batch(toy.data.splits["train"])
    own = separate(toy.model, batch, train_mode=False).abs()
    batch.labels[:] = 1 - batch.labels
    other = separate(toy.model, batch, train_mode=False).abs()
    scale = own.flatten(1).norm(dim=1)[:, None, None]
    torch.testing.assert_close(own / scale, other / other.flatten(1).norm(dim=1)[:, None, None], atol=1e-5, rtol=1e-3)


def test_contributed_words_against_a_loop(toy):
    split = toy.data.splits["train"]
    split = Split([*split.text_a, ""], None, np.append(split.labels, 0))
    found, rows = channels.contributed(toy, split), toy.read(split)
    assert found.shape == (7, toy.model.width)
    for i in range(6):
        batch = rows.batch(torch.tensor([i]))
        size = separate(toy.model, batch, train_mode=False)[0].abs()
        words = [p for p in range(size.shape[0]) if batch.text_id[0, p] >= 0]
        for d in range(toy.model.width):
            best = max(words, key=lambda p: float(size[p, d]))
            assert found[i, d] == batch.input_ids[0, best]
    assert set(found[6]) == {-1}  # a text without words


def test_association_is_the_z_value_of_the_log_odds_ratio(toy, monkeypatch):
    monkeypatch.setitem(channels.association.__globals__, "load_task", lambda name: toy.data)
    z, number = channels.association(toy, [0, 1]), toy.tokenizer.convert_tokens_to_ids
    # "long" is in none of three positive texts and in two of three negative ones; cells raised by one half.
    a, b, c, d = 0.5, 3.5, 2.5, 1.5
    expected = np.log(a * d / (b * c)) / np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    assert z[number("long")] == pytest.approx(expected)
    assert z[number("funny")] > 0
    assert z[number("[CLS]")] == z[number("zebra")] == 0
    assert channels.association(toy, [1, 0]) == pytest.approx(-z)


def test_the_most_frequent_words_come_with_their_counts():
    tokens = np.repeat(np.arange(20), [5, *[2] * 18, 9])
    ids, counts = channels.most_frequent(tokens)
    assert ids.tolist() == [19, 0, *range(1, 13)]  # of equally frequent ones the first
    assert counts.tolist() == [9, 5, *[2] * 12]
    ids, counts = channels.most_frequent(np.array([7, -1, -1]))  # -1 stands for a text without words
    assert (ids.tolist(), counts.tolist()) == ([7], [1])


def test_top_channels_whose_words_fit_are_told_from_those_that_do_not(toy):
    z, draw = np.zeros(1030), np.random.default_rng(0)
    z[1000:1014] = 5.0
    own, other = draw.integers(1000, 1030, (2, 400, 64))
    own[:, :3] = draw.integers(1000, 1014, (400, 3))
    found = channels.words([own, other], z, np.linspace(1, -1, 64), toy.tokenizer)
    assert found["channels"] == [[0, 1, 2], [63, 62, 61]]
    first, second = found["fit"]
    assert first["value"] == 1.0
    assert first["p_greater"] < 0.01
    assert second["value"] == second["mean"] == 0.0
    assert second["p_greater"] == 1.0
    assert [len(w) for w in found["words"][0]] == [14, 14, 14]
    assert channels.words([own, np.full_like(other, -1)], z, np.zeros(64), toy.tokenizer)["fit"][1]["mean"] == 0.0


def test_two_classes_are_positive_and_negative_where_they_exist():
    assert channels.two_classes(("negative", "neutral", "positive")) == [2, 0]
    assert channels.two_classes(("a", "b", "c")) == [0, 1]


# --------------------------------------------------------------------------------------------------------------- masks


def test_masks_are_those_of_the_mixers(toy):
    found = masks.example_of(toy, masks.SENTENCE, "dull and far too long , it is not")
    n, width = len(found["tokens_a"]), toy.model.width
    assert found["width"] == width
    assert len(found["tokens_b"]) == len(found["saliency"]) == len(found["word_of"]) == n
    assert max(map(max, found["saliency"])) == 1000
    for name in masks.VARIANTS:
        units = masks.unpack(found["masks"][name], width)
        assert units.shape == (n, width)
        assert units.mean() == pytest.approx(found["masks"][name]["w_b"])
        assert units.mean(1) == pytest.approx(found["masks"][name]["share"], abs=1e-5)
    budget = int(0.2 * n * width)
    assert masks.unpack(found["masks"]["unit"], width).sum() == budget
    assert masks.unpack(found["masks"]["channel"], width).sum() == int(0.2 * width) * n
    assert masks.unpack(found["masks"]["word"], width).sum() % width == 0
    for name in ("channel", "word", "general"):
        ours, literal = (masks.unpack(found["masks"][k], width) for k in (name, f"{name}, literal"))
        assert ours.sum() <= budget
        assert (ours ^ literal).all()  # the literal mask takes exactly the rest from B
    top = np.array(found["saliency"])[masks.unpack(found["masks"]["unit"], width)]
    rest = np.array(found["saliency"])[~masks.unpack(found["masks"]["unit"], width)]
    assert top.min() >= rest.max()


def test_words_follow_the_text_and_pieces_their_word(toy):
    found = masks.example_of(toy, masks.SENTENCE, "fine")
    assert "".join(found["words"]) == masks.SENTENCE.replace(" ", "")
    assert set(masks.MARKED) <= set(found["words"])
    jaglom = found["words"].index("jaglom")
    pieces = [t for t, w in zip(found["tokens_a"], found["word_of"], strict=True) if w == jaglom]
    assert "".join(p.removeprefix("##") for p in pieces) == "jaglom"
    assert found["word_of"][0] == -1
    assert found["tokens_b"][:3] == ["[CLS]", "fine", "[SEP]"]
    assert set(found["tokens_b"][3:]) == {""}


def test_the_predicted_label_is_taken_and_an_unknown_one_refused(toy):
    found = masks.example_of(toy, "fine", "dull")
    assert found["label"] == found["predicted"]
    assert masks.example_of(toy, "fine", "dull", "negative")["label"] == "negative"
    with pytest.raises(ValueError, match="no class is called 'good'; there are positive, negative"):
        masks.example_of(toy, "fine", "dull", "good")


def test_a_partner_is_about_as_long_and_always_the_same(toy):
    assert masks.partner_of(toy, "one two three four") == "a fine funny film"
    assert masks.partner_of(toy, "one") in ("funny", "fine")
    assert masks.partner_of(toy, "one") == masks.partner_of(toy, "two")


def test_the_papers_sentence_is_measured_with_the_words_that_it_marks(toy):
    found = masks.masks(toy)
    (example,) = found["examples"]
    assert (found["ratio"], found["n"], example["of_paper"]) == (0.2, 2, True)
    assert set(example["marked"]) < set(example["words"])


# ---------------------------------------------------------------------------------------------- counts during training


def test_selections_are_counted_text_by_text():
    model, mixer = make_model(), build("dropmix-c", ratio_draw="fixed", ratio=0.25, count_channels=True)
    task = make_task(12)
    mixer.prepare(model, task, np.random.default_rng(0))
    for rows in ([0, 1, 2, 3], [2, 3, 4, 5]):
        for part in mixer.losses(model, task.splits["train"].batch(torch.tensor(rows)), np.random.default_rng(0)):
            part.loss.backward()
    assert mixer.seen.tolist() == [1, 1, 2, 2, 1, 1, *[0] * 6]
    # A quarter of 32 channels, each time that a text came by; whole channels, so every count is a whole number.
    assert mixer.selected.sum(1).tolist() == [8, 8, 16, 16, 8, 8, *[0] * 6]
    assert torch.equal(mixer.selected, mixer.selected.round())


SHORT = Run(
    "docs-coarse",
    "dropmix-c",
    0,
    encoder="random:tiny",
    recipe=Recipe(lr=1e-12, epochs=3, batch_size=16),  # all epochs are equal, and of equals the first one is best
    train_size=48,
    eval_size=30,
    probes=("dropmix-channels",),
    probe_policy="best-on-validation",
)


def test_counts_are_those_of_the_whole_training_also_on_an_early_checkpoint():
    """Figures 3b and 3c are about training, whichever epoch is reported."""
    run = SHORT.with_(options=(("ratio_draw", "fixed"), ("ratio", 0.25), ("count_channels", True)))
    record = execution.execute(run)
    assert record["selected"]["best-on-validation"]["step"] == 3
    assert record["cost"]["steps"] == 9
    t = trained(run)
    assert t.mixer.seen.tolist() == [3.0] * 48  # every text in each of three epochs
    assert float(t.mixer.selected.sum()) == pytest.approx(48 * 3 * int(0.25 * t.model.width), rel=1e-5)
    found = channels.channels(t)
    share = np.array(found["importance"])
    assert share.sum(1) == pytest.approx(
        int(0.25 * t.model.width)
    )  # with a fixed share every text has as many channels
    assert sum(found["difference"]) == pytest.approx(0, abs=1e-4)
    few = trained(run)
    few.mixer.seen[few.data.splits["train"].labels == 0] = 0
    assert channels.channels(few)["why"] == "fewer than two training samples in one of the classes"


@pytest.mark.parametrize("method", ["nonlinear", "dnm"])
def test_what_a_mixer_predicts_with_is_that_of_the_selected_checkpoint(method, monkeypatch):
    """Label embeddings and policy go back with the weights; nothing of them is a count."""
    at_the_end, train = {}, execution.train

    def watch(model, mixer, *args, **kwargs):
        state = train(model, mixer, *args, **kwargs)
        at_the_end.update({k: v.tolist() for k, v in mixer.state_dict().items()})
        at_the_end["best"] = {k: v.tolist() for k, v in state.best["best-on-validation"].items()}
        return state

    monkeypatch.setattr(execution, "train", watch)
    run = SHORT.with_(method=method, recipe__mixer_lr=1e-5)
    record = execution.execute(run)
    assert record["selected"]["best-on-validation"]["step"] < record["cost"]["steps"]
    found = {k: v.tolist() for k, v in trained(run).mixer.state_dict().items()}
    assert found == {k.removeprefix("mixer."): v for k, v in at_the_end["best"].items() if "mixer." in k}
    assert found["space.embeddings"] != at_the_end["space.embeddings"]


def test_counts_are_buffers_that_no_prediction_needs():
    model, task = make_model(), make_task(12)
    known = set()
    for name in REGISTRY:
        options = {"count_channels": True} if name.startswith("dropmix-") else {}
        mixer = build(name, **options)
        mixer.prepare(model, task, np.random.default_rng(0))
        known |= set(mixer.counts)
        assert set(mixer.counts) <= {k for k, _ in mixer.named_buffers()}
        batch = task.splits["validation"].batch(torch.arange(6))
        with torch.no_grad():
            before = mixer.predict(model, batch)
            for count in mixer.counts:
                getattr(mixer, count).add_(1)
            assert torch.equal(mixer.predict(model, batch), before)
            state = {k: torch.zeros_like(v) for k, v in mixer.state_dict().items()}
            mixer.load_selected(state)
        for key, value in mixer.state_dict().items():
            assert bool((value == (1 if key in mixer.counts else 0)).all()), (name, key)
    assert known == {"selected", "seen", "partner_count"}

"""DropMix's two probes: statistics against scipy, counts against loops, masks against what a mixer does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mixutils import probes
from mixutils.encoder.load import load_encoder, load_tokenizer
from mixutils.encoder.model import Classifier
from mixutils.encoder.saliency import separate
from mixutils.mixers import REGISTRY, build
from mixutils.probes import dropmix_channels as channels
from mixutils.probes import dropmix_masks as masks
from mixutils.runs import execute as execution
from mixutils.runs.run import Run
from mixutils.tasks import TaskData, encode
from mixutils.tasks.data import Split
from mixutils.training.loop import Recipe
from tests.conftest import make_model, make_task

TEXTS = ["a fine funny film", "dull and far too long", "funny", "not a good film , too long", "fine", "it is dull"]


@pytest.fixture(scope="module")
def trained():
    """A random model, a tokenizer and a data set with two classes."""
    torch.manual_seed(0)
    labels = np.array([0, 1, 0, 1, 0, 1])
    data = TaskData("toy", ("positive", "negative"), {"train": Split(TEXTS, None, labels)})
    model = Classifier(load_encoder("random:tiny"), 2, 0.0).eval()
    return model, load_tokenizer("random:tiny"), data


@given(st.integers(0, 2**32 - 1), st.integers(2, 30))
def test_rank_correlation_and_skewness_are_scipys(seed, width):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 5, (2, 3, width)).astype(float)  # many ties
    for x, y, ours in zip(a, b, channels.rank_correlation(a, b), strict=True):
        if np.ptp(x) and np.ptp(y):
            assert ours == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-9)
        else:
            assert ours == 0
    for x, ours in zip(a, channels.skewness(a), strict=True):
        assert ours == pytest.approx(stats.skew(x) if np.ptp(x) else 0, abs=1e-9)


def test_profiles_by_hand():
    share = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 1, 1]], np.float32)
    sign = np.array([1, 1, -1, -1])
    found = channels.profiles(share, sign, np.random.default_rng(0))
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
        p.append(channels.profiles(share, np.repeat([1, -1], 30), np.random.default_rng(trial))["spread"]["p_greater"])
    assert stats.kstest(p, "uniform").pvalue > 0.01
    share[:30, 3] = 1
    found = channels.profiles(share, np.repeat([1, -1], 30), np.random.default_rng(0))
    assert found["spread"]["p_greater"] < 0.01
    assert found["beyond"][0] == 1


def test_the_null_of_the_sorted_differences_has_their_own_ranks():
    share = (np.random.default_rng(0).random((50, 30)) < 0.3).astype(np.float32)
    low, high = np.array(channels.profiles(share, np.repeat([1, -1], 25), np.random.default_rng(0))["band"])
    assert (low <= high).all()
    assert (np.diff(low) <= 1e-5).all()
    assert (np.diff(high) <= 1e-5).all()


def test_with_two_classes_the_order_of_saliency_does_not_depend_on_the_label(trained):
    model, tokenizer, data = trained
    task = encode(data, tokenizer, 32, renumber=False)
    batch = task.splits["train"].batch(torch.arange(6))
    own = separate(model, batch, train_mode=False).abs()
    batch.labels[:] = 1 - batch.labels
    other = separate(model, batch, train_mode=False).abs()
    scale = own.flatten(1).norm(dim=1)[:, None, None]
    torch.testing.assert_close(own / scale, other / other.flatten(1).norm(dim=1)[:, None, None], atol=1e-5, rtol=1e-3)


def test_contributed_words_against_a_loop(trained):
    model, tokenizer, data = trained
    split = encode(data, tokenizer, 32, renumber=False).splits["train"]
    vocabulary, counts = channels.contributed(model, split.in_order(4), (0, 1))
    expected = np.zeros_like(counts)
    for i in range(len(split)):
        batch = split.batch(torch.tensor([i]))
        size = separate(model, batch, train_mode=False)[0].abs()
        words = [p for p in range(size.shape[0]) if batch.text_id[0, p] >= 0]
        for d in range(model.width):
            best = max(words, key=lambda p: float(size[p, d]))
            word = int(batch.input_ids[0, best])
            expected[int(split.labels[i]), d, np.flatnonzero(vocabulary == word)[0]] += 1
    assert np.array_equal(counts, expected)
    assert counts.sum() == 6 * model.width


def test_association_is_the_z_value_of_the_log_odds_ratio(trained, monkeypatch):
    _, tokenizer, data = trained
    monkeypatch.setattr(channels, "load_task", lambda name: data)
    z = channels.association("toy", (0, 1), tokenizer, 32)
    # "long" is in none of three positive texts and in two of three negative ones; cells raised by one half.
    a, b, c, d = 0.5, 3.5, 2.5, 1.5
    expected = np.log(a * d / (b * c)) / np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    assert z[tokenizer.convert_tokens_to_ids("long")] == pytest.approx(expected)
    assert z[tokenizer.convert_tokens_to_ids("funny")] > 0
    assert z[tokenizer.convert_tokens_to_ids("[CLS]")] == z[tokenizer.convert_tokens_to_ids("zebra")] == 0


def test_share_that_fits_looks_at_the_most_frequent_words():
    counts = np.zeros((2, 20), int)
    counts[0, :16] = np.arange(16, 0, -1)  # 14 words count, the last two do not
    counts[1, :2] = 1
    z = np.full(20, -3.0)
    z[[0, 1, 14, 15]] = 3.0
    assert channels.share_that_fits(counts, z).tolist() == pytest.approx([2 / 14, 1.0])
    assert channels.share_that_fits(np.zeros((1, 20), int), z).tolist() == [0.0]


def test_top_channels_whose_words_fit_are_told_from_those_that_do_not(trained):
    _, tokenizer, _ = trained
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 50, (2, 64, 30))
    vocabulary, z = np.arange(1000, 1030), np.zeros(30)
    z[:14] = 5.0
    difference = np.linspace(1, -1, 64)
    counts[0, :3] = 1
    counts[0, :3, :14] = 99
    found = channels.words(counts, vocabulary, z, difference, tokenizer)
    assert found["channels"] == [[0, 1, 2], [63, 62, 61]]
    first, second = found["fit"]
    assert first["value"] == 1.0
    assert first["p_greater"] < 0.01
    assert second["value"] == second["mean"] == 0.0
    assert second["p_greater"] == 1.0
    assert [len(w) for w in found["words"][0]] == [14, 14, 14]


def test_two_classes_are_positive_and_negative_where_they_exist():
    assert channels.two_classes(("negative", "neutral", "positive")) == (2, 0)
    assert channels.two_classes(("a", "b", "c")) == (0, 1)


# --------------------------------------------------------------------------------------------------------------- masks


def test_masks_are_those_of_the_mixers(trained):
    model, tokenizer, data = trained
    found = masks.measure(model, data, tokenizer, 32, masks.SENTENCE, "dull and far too long , it is not")
    n, width = len(found["tokens_a"]), model.width
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


def test_words_follow_the_text_and_pieces_their_word(trained):
    model, tokenizer, data = trained
    found = masks.measure(model, data, tokenizer, 32, masks.SENTENCE, "fine")
    assert "".join(found["words"]) == masks.SENTENCE.replace(" ", "")
    assert set(masks.MARKED) <= set(found["words"])
    jaglom = found["words"].index("jaglom")
    pieces = [t for t, w in zip(found["tokens_a"], found["word_of"], strict=True) if w == jaglom]
    assert "".join(p.removeprefix("##") for p in pieces) == "jaglom"
    assert found["word_of"][0] == -1
    assert found["tokens_b"][:3] == ["[CLS]", "fine", "[SEP]"]
    assert set(found["tokens_b"][3:]) == {""}


def test_the_predicted_label_is_taken_and_an_unknown_one_refused(trained):
    model, tokenizer, data = trained
    found = masks.measure(model, data, tokenizer, 32, "fine", "dull")
    assert found["label"] == found["predicted"]
    assert masks.measure(model, data, tokenizer, 32, "fine", "dull", "negative")["label"] == "negative"
    with pytest.raises(ValueError, match="no class is called 'good'; there are positive, negative"):
        masks.measure(model, data, tokenizer, 32, "fine", "dull", "good")


def test_a_partner_is_about_as_long_and_always_the_same(trained):
    _, _, data = trained
    assert masks.partner_of("one two three four", data) == "a fine funny film"
    assert masks.partner_of("one", data) in ("funny", "fine")
    assert masks.partner_of("one", data) == masks.partner_of("two", data)


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


def probed(monkeypatch, measure, **changes):
    """What a probe measures on the best checkpoint of a short run, and the record."""
    monkeypatch.setitem(probes.REGISTRY, "look", lambda model, mixer, data, tokenizer, run: measure(model, mixer))
    run = Run(
        "docs-coarse",
        "dropmix-c",
        0,
        encoder="random:tiny",
        recipe=Recipe(lr=1e-3, epochs=3, batch_size=16),
        train_size=48,
        eval_size=30,
        probes=("look",),
        probe_policy="best-on-validation",
    ).with_(**changes)
    record = execution.execute(run)
    return record["probes"]["look"], record


def test_a_probe_sees_the_counts_of_the_whole_training_also_on_an_early_checkpoint(monkeypatch):
    """Figures 3b and 3c are about training, whichever epoch is reported."""
    options = (("ratio_draw", "fixed"), ("ratio", 0.25), ("count_channels", True))
    # With no learning rate to speak of all epochs are equal, and of equals the first one is best.
    found, record = probed(
        monkeypatch,
        lambda model, mixer: {"seen": mixer.seen.tolist(), "selected": float(mixer.selected.sum())},
        options=options,
        recipe__lr=1e-12,
    )
    assert record["selected"]["best-on-validation"]["step"] == 3
    assert record["cost"]["steps"] == 9
    assert found["seen"] == [3.0] * 48  # every text in each of three epochs
    width = load_encoder("random:tiny").config.hidden_size
    assert found["selected"] == pytest.approx(48 * 3 * int(0.25 * width), rel=1e-5)


@pytest.mark.parametrize("method", ["nonlinear", "dnm"])
def test_what_a_mixer_predicts_with_is_that_of_the_selected_checkpoint(method, monkeypatch):
    """Label embeddings and policy go back with the weights; nothing of them is a count."""
    at_the_end, train = {}, execution.train

    def watch(model, mixer, *args, **kwargs):
        state = train(model, mixer, *args, **kwargs)
        at_the_end.update({k: v.tolist() for k, v in mixer.state_dict().items()}, best=state.best["best-on-validation"])
        return state

    def look(model, mixer):
        return {k: v.tolist() for k, v in mixer.state_dict().items()}

    monkeypatch.setattr(execution, "train", watch)
    found, record = probed(monkeypatch, look, method=method, recipe__lr=1e-12, recipe__mixer_lr=1e-5)
    assert record["selected"]["best-on-validation"]["step"] < record["cost"]["steps"]
    assert found == {k.removeprefix("mixer."): v.tolist() for k, v in at_the_end["best"].items() if "mixer." in k}
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

"""What the first notebook shows is what the mixers do: shares, labels and colours of one real training step."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from mixutils.mixers import REGISTRY
from mixutils.report.teaching import SHOWN, WIDTH, TwoSentences, origin_maps, token_edits
from mixutils.show import style
from mixutils.tasks import DataError

MIXERS = [n for n in REGISTRY if n not in ("none", "no-dropout")]
TOKEN_MIXERS = ("ssmix", "ssmix-saliency", "ssmix-saliency-span", "unk")
A, B = "one two three four five six seven eight nine ten", "red green blue black"  # no word twice, unequal lengths
UNK = style.TEXT_COLOURS["unk"]


@pytest.fixture(scope="module")
def two():
    return TwoSentences(A, B, "random:tiny")


@pytest.fixture(autouse=True)
def _closed():
    style.use()
    yield
    plt.close("all")


def trace(two, name, **options):
    return two.trace(name, **{**SHOWN.get(name, {}), **options})


@pytest.mark.parametrize("name", MIXERS)
def test_shares_are_shares_and_every_mixer_shows_something(name, two):
    t = trace(two, name)
    assert 0 <= t.w_b <= 1
    assert t.share.min() >= 0
    assert t.share.max() <= 1
    assert t.share.any() or (t.nobody is not None and t.nobody.any())
    assert t.share.shape[0] in (1, 10)


@pytest.mark.parametrize("name", ["wordmix", "senmix", "tmix"])
def test_hidden_mixers_give_every_unit_the_share_of_the_label(name, two):
    t = trace(two, name)
    np.testing.assert_allclose(t.share, t.w_b, rtol=1e-5)
    assert t.nobody is None
    assert t.ids is None


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.9])
@pytest.mark.parametrize("name", [n for n in TOKEN_MIXERS if n != "unk"])
def test_token_mixers_print_the_share_that_is_seen(name, ratio, two):
    """The label of A with B: tokens from B over the tokens of A, and not the mean over both directions of the batch."""
    t = trace(two, name, ratio=ratio)
    words = two.tokenizer.convert_ids_to_tokens(t.ids)
    foreign = [w not in A.split() for w in words]
    assert t.share[:, 0].astype(bool).tolist() == foreign
    assert all(w in B.split() for w, f in zip(words, foreign, strict=True) if f)
    assert t.w_b == pytest.approx(sum(foreign) / 10)
    assert not t.nobody.any()


def test_unk_takes_from_a_and_gives_nothing_of_b(two):
    t = trace(two, "unk", ratio=0.3)
    words = two.tokenizer.convert_ids_to_tokens(t.ids)
    assert words.count("[UNK]") == 3
    assert t.nobody[:, 0].tolist() == [w == "[UNK]" for w in words]
    assert not t.share.any()
    assert t.w_b == 0


def test_unknown_words_of_a_sentence_itself_belong_to_it():
    two = TwoSentences("one two three ☃", "☃ ☂", "random:tiny")
    assert two.words(1) == ["[UNK]", "[UNK]"]
    t = trace(two, "ssmix", ratio=0.5)
    assert not t.nobody.any()
    assert t.share[:, 0].sum() >= 1
    assert t.w_b == 0.5
    removed = trace(two, "unk", ratio=0.5)
    assert removed.nobody[:, 0].sum() >= 1
    assert not removed.nobody[3].any()  # was unknown before


@pytest.mark.parametrize("name", MIXERS)
def test_a_trace_repeats_and_leaves_the_model_as_it_was(name, two):
    first, second = trace(two, name), trace(two, name)
    assert np.array_equal(first.share, second.share)
    assert first.w_b == second.w_b
    assert all(p.grad is None for p in two.model.parameters())


def test_the_whole_of_a_can_be_replaced():
    two = TwoSentences("red green", "one two three", "random:tiny")
    t = trace(two, "ssmix", ratio=1.0)
    assert t.w_b == 1
    assert (t.share == 1).all()


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_sentence_is_refused(text):
    with pytest.raises(DataError, match="at least one word"):
        TwoSentences("one", text, "random:tiny")


def panel(figure, name):
    """The picture of a mixer as (rows, units, RGB)."""
    (axis,) = [a for a in figure.axes if a.get_title(loc="left").startswith(REGISTRY[name].title + "\n")]
    return np.asarray(axis.get_images()[0].get_array())[..., :3]


def test_origin_maps_colour_a_b_and_unk_apart(two):
    figure = origin_maps(two, 0.3)
    assert sum(a.get_visible() for a in figure.axes) == len(MIXERS)
    unk, spans = panel(figure, "unk"), panel(figure, "ssmix")
    assert {to_hex(c) for c in unk.reshape(-1, 3)} == {"#ffffff", UNK}
    assert {to_hex(c) for c in spans.reshape(-1, 3)} == {"#ffffff", style.TEXT_COLOURS["B"]}
    assert (unk[:, 0] < 0.9).any(-1).sum() == 3
    # Apart also for people who see lightness only, and for those who see hue only.
    far = np.abs(np.subtract(to_rgb(UNK), to_rgb(style.TEXT_COLOURS["B"])))
    assert far.max() > 0.4
    words = panel(figure, "wordmix")
    assert len({to_hex(c) for c in words.reshape(-1, 3)}) == 1  # a blend of both, the same for every unit
    assert to_hex(words[0, 0]) not in ("#ffffff", style.TEXT_COLOURS["B"])


def test_origin_maps_have_a_legend_that_names_unk_with_its_colour(two):
    (legend,) = origin_maps(two, 0.3).legends
    faces = dict(zip((t.get_text() for t in legend.get_texts()), legend.get_patches(), strict=True))
    assert to_hex(faces["nobody: [UNK]"].get_facecolor()) == UNK
    assert to_hex(faces["A"].get_facecolor()) == "#ffffff"
    assert to_hex(faces["B"].get_facecolor()) == style.TEXT_COLOURS["B"]


def test_origin_maps_say_the_labels_share_and_take_a_choice_of_mixers(two):
    figure = origin_maps(two, 0.3, ["ssmix", "unk"])
    titles = [a.get_title(loc="left") for a in figure.axes if a.get_visible()]
    assert titles == ["SSMix\ntokens, label share 0.30", "Random UNK\ntokens, label share 0.00"]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == A.split()


def test_token_edits_draw_every_token_in_the_colour_of_its_origin(two):
    axis = token_edits(two, 0.3).axes[0]
    texts = [(t.get_text(), t.get_color(), t.get_weight()) for t in axis.texts]
    assert [t for t in texts if t[0] == "[UNK]"] == [("[UNK]", UNK, "bold")] * 3
    bold = [t for t in texts if t[2] == "bold" and t[0] != "[UNK]"]
    assert len(bold) == 9  # three mixers, three of ten tokens each
    assert all(word in B.split() and c == style.TEXT_COLOURS["B"] for word, c, _ in bold)
    labels = [t[0] for t in texts if t[0].startswith("label: ")]
    assert labels == ["label: 0.70 A + 0.30 B"] * 3 + ["label: 1.00 A + 0.00 B"]


def test_saliency_is_of_the_words_only(two):
    saliency = two.saliency()
    inside = two.batch.text_id >= 0
    assert (saliency[inside] > 0).all()
    assert two.words(0) == A.split()
    assert two.words(1) == B.split()


def test_dnm_has_one_share_per_unit_and_without_dnm_one_share_for_all(two):
    assert len(np.unique(two.trace("dnm").share)) > WIDTH / 2
    assert (two.trace("dnm", policy_init="zeros").share == 0.5).all()
    scalar = two.trace("dnm-wo-dnm")
    assert scalar.share == pytest.approx(np.full((1, WIDTH), scalar.w_b))


def test_nonlinear_mixup_has_one_share_per_token_and_unit(two):
    share = two.trace("nonlinear", **SHOWN["nonlinear"]).share
    assert len(np.unique(share)) > 0.9 * share.size

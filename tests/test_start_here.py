"""What the first notebook shows is what the mixers do: shares, labels and colours of their own losses on two sentences."""

from __future__ import annotations

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from mixutils.mixers import REGISTRY
from mixutils.show import style
from mixutils.site.catalogue import NOTEBOOKS
from tests import notebook

MIXERS = [n for n in REGISTRY if n not in ("none", "no-dropout")]
TOKEN_MIXERS = ("ssmix", "ssmix-saliency", "ssmix-saliency-span", "unk")
A, B = "one two three four five six seven eight nine ten", "red green blue black"  # no word twice, unequal lengths
UNK = style.TEXT_COLOURS["unk"]


def book(text_a: str, text_b: str, whole: bool = False) -> SimpleNamespace:
    """The names that the notebook leaves on two sentences: after its cells about mixers, or the ``whole`` of it."""
    out = {"__name__": "notebook"}
    for tags, cell in notebook.code("start_here"):
        if whole or tags & {"parameters", "setup", "mixer"}:
            exec(cell, out)
        if "parameters" in tags:
            out |= {"text_a": text_a, "text_b": text_b, "encoder": "random:tiny", "ratio": 0.3}
    plt.close("all")
    return SimpleNamespace(**out)


@pytest.fixture(scope="module")
def two():
    return book(A, B)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_it_needs_no_runs_and_leaves_none(tmp_path, capsys):
    whole = book(A, B, whole=True)
    assert NOTEBOOKS["start_here"] is None
    assert list(tmp_path.iterdir()) == []  # where records and figures would go
    assert whole.MIXERS == MIXERS
    printed = capsys.readouterr().out
    assert [line[:9] for line in printed.splitlines() if line.startswith("ratio ")] == [
        "ratio 0.1",
        "ratio 0.3",
        "ratio 0.5",
        "ratio 0.9",
    ]
    answers = whole.answers.set_index("mixer")
    assert list(answers.index) == [e.title for e in REGISTRY.values()]
    assert list(answers) == ["name", "where", "with whom", "how", "which label", "passes per step", "source"]
    assert answers.loc["SSMix", "where"] == "tokens"


@pytest.mark.parametrize("name", MIXERS)
def test_shares_are_shares_and_every_mixer_shows_something(name, two):
    t = two.trace(name)
    assert 0 <= t.w_b <= 1
    assert t.share.min() >= 0
    assert t.share.max() <= 1
    assert t.share.any() or (t.unk is not None and t.unk.any())
    assert t.share.shape[0] in (1, 10)


@pytest.mark.parametrize("name", ["wordmix", "senmix", "tmix"])
def test_hidden_mixers_give_every_unit_the_share_of_the_label(name, two):
    t = two.trace(name)
    np.testing.assert_allclose(t.share, t.w_b, rtol=1e-5)
    assert t.unk is None
    assert t.ids is None


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.9])
@pytest.mark.parametrize("name", [n for n in TOKEN_MIXERS if n != "unk"])
def test_token_mixers_print_the_share_that_is_seen(name, ratio, two):
    """The label of A with B: tokens from B over the tokens of A, and not the mean over both directions of the batch."""
    t = two.trace(name, ratio)
    foreign = [w not in A.split() for w in t.ids]
    assert t.share[:, 0].astype(bool).tolist() == foreign
    assert all(w in B.split() for w, f in zip(t.ids, foreign, strict=True) if f)
    assert t.w_b == pytest.approx(sum(foreign) / 10)
    assert not t.unk.any()


def test_unk_takes_from_a_and_gives_nothing_of_b(two):
    t = two.trace("unk")
    assert t.ids.count("[UNK]") == 3
    assert t.unk.tolist() == [w == "[UNK]" for w in t.ids]
    assert not t.share.any()
    assert t.w_b == 0


def test_unknown_words_of_a_sentence_itself_belong_to_it():
    two = book("one two three ☃", "☃ ☂")
    assert two.words(1) == ["[UNK]", "[UNK]"]
    t = two.trace("ssmix", 0.5)
    assert not t.unk.any()
    assert t.share[:, 0].sum() >= 1
    assert t.w_b == 0.5
    removed = two.trace("unk", 0.5)
    assert removed.unk.sum() >= 1
    assert not removed.unk[3]  # was unknown before


@pytest.mark.parametrize("name", MIXERS)
def test_a_trace_repeats_and_leaves_the_model_as_it_was(name, two):
    before = [p.detach().clone() for p in two.model.parameters()]
    first, second = two.trace(name), two.trace(name)
    assert np.array_equal(first.share, second.share)
    assert first.w_b == second.w_b
    assert not two.model.training
    assert all(p.grad is None for p in two.model.parameters())
    assert all((p == old).all() for p, old in zip(two.model.parameters(), before, strict=True))


def test_the_whole_of_a_can_be_replaced():
    t = book("red green", "one two three").trace("ssmix", 1.0)
    assert t.w_b == 1
    assert (t.share == 1).all()


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_sentence_is_refused(text):
    with pytest.raises(ValueError, match="at least one word"):
        book("one", text)


def panel(figure, name):
    """The picture of a mixer as (rows, units, RGB)."""
    (axis,) = [a for a in figure.axes if a.get_title(loc="left").startswith(REGISTRY[name].title + "\n")]
    return np.asarray(axis.get_images()[0].get_array())[..., :3]


def test_origin_maps_colour_a_b_and_unk_apart(two):
    figure = two.origin_maps(0.3, MIXERS)
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
    (legend,) = two.origin_maps(0.3, ["ssmix"]).legends
    faces = dict(zip((t.get_text() for t in legend.get_texts()), legend.get_patches(), strict=True))
    assert to_hex(faces["nobody: [UNK]"].get_facecolor()) == UNK
    assert to_hex(faces["A"].get_facecolor()) == "#ffffff"
    assert to_hex(faces["B"].get_facecolor()) == style.TEXT_COLOURS["B"]


def test_origin_maps_say_the_labels_share_and_take_a_choice_of_mixers(two):
    figure = two.origin_maps(0.3, ["ssmix", "unk"])
    titles = [a.get_title(loc="left") for a in figure.axes if a.get_visible()]
    assert titles == ["SSMix\ntokens\nlabel share 0.30", "Random UNK\ntokens\nlabel share 0.00"]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == A.split()
    assert not figure.axes[1].get_yticklabels()  # named once in a row


def test_tokens_are_named_beside_the_first_panel_that_has_some(two):
    figure = two.origin_maps(0.3, ["senmix", "wordmix", "ssmix", "dnm"], across=2)
    assert [len(a.get_yticklabels()) for a in figure.axes] == [0, 10, 10, 0]


def test_token_edits_draw_every_token_in_the_colour_of_its_origin(two):
    axis = two.token_edits(0.3).axes[0]
    texts = [(t.get_text(), t.get_color(), t.get_weight()) for t in axis.texts]
    assert [t for t in texts if t[0] == "[UNK]"] == [("[UNK]", UNK, "bold")] * 3
    bold = [t for t in texts if t[2] == "bold" and t[0] != "[UNK]"]
    assert len(bold) == 9  # three mixers, three of ten tokens each
    assert all(word in B.split() and c == style.TEXT_COLOURS["B"] for word, c, _ in bold)
    labels = [t[0] for t in texts if t[0].startswith("label: ")]
    assert labels == ["label: 0.70 A + 0.30 B"] * 3 + ["label: 1.00 A + 0.00 B"]


def test_saliency_is_of_the_words_only(two):
    assert all(shade > 0 for strip in two.salient() for shade in strip.shade)
    assert two.words(0) == A.split()
    assert two.words(1) == B.split()


def test_dnm_has_one_share_per_unit_and_without_dnm_one_share_for_all(two):
    assert len(np.unique(two.trace("dnm").share)) > two.UNITS / 2
    assert (two.trace("dnm", policy_init="zeros").share == 0.5).all()
    scalar = two.trace("dnm-wo-dnm")
    assert scalar.share == pytest.approx(np.full((1, two.UNITS), scalar.w_b))


def test_nonlinear_mixup_has_one_share_per_token_and_unit(two):
    share = two.trace("nonlinear").share
    assert len(np.unique(share)) > 0.9 * share.size

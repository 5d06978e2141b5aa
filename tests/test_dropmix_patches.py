"""DropMix's notebooks on one trained model: masks, channels and words as they were measured, and a reader's own sentence."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from mixutils.companion import Companion, make_plan
from mixutils.runs import checkpoints
from mixutils.runs.execute import attempt
from mixutils.runs.records import Records, compact
from mixutils.show import style
from tests.fakes import done, dropmix_channels, dropmix_masks, shipped
from tests.notebook import run, saved


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    style.use()
    yield
    plt.close("all")


@pytest.fixture
def plan():
    return make_plan("dropmix", "smoke")


@pytest.fixture
def measured(plan, tmp_path):
    """A store in which the run behind Figure 3 measured what is given."""

    def make(masks: dict | None = None, channels: dict | None = None) -> Records:
        record = done(plan.extra[0], 50)
        given = {"dropmix-masks": masks, "dropmix-channels": channels}
        record["probes"] |= {name: found for name, found in given.items() if found is not None}
        return shipped([record], tmp_path / "store")

    return make


def test_figures_of_words_survive_any_word(plan, measured):
    store = measured(dropmix_masks(word="$\\sum$"), dropmix_channels(word="<b>$x"))
    for figure in saved("dropmix_saliency", plan, store).values():
        figure.canvas.draw()
    page = "".join(table.to_html() for table in run("dropmix_channels", plan, store)["tables"])
    assert "<b>$x" not in page
    assert "&lt;b&gt;$x" in page


def test_figure_3a_draws_the_masks_themselves(plan, measured):
    saliency, word, _, general = saved("dropmix_saliency", plan, measured())["figure_3a"].axes
    assert general.images[0].get_array().sum(1).tolist() == [0, 1, 4, 6]
    assert word.images[0].get_array().sum(1).tolist() == [2, 2, 2, 2]
    assert saliency.images[0].get_array().max() == pytest.approx(np.sqrt(0.37))
    assert [t.get_text() for t in word.get_yticklabels()] == dropmix_masks()["examples"][0]["tokens_a"]


def test_patches_name_both_texts_and_literal_shows_both_masks(plan, measured):
    made, example = saved("dropmix_saliency", plan, measured()), dropmix_masks()["examples"][0]
    axis = made["patches"].axes[0]
    assert [t.get_text() for t in axis.texts][-4:] == ["0", "12", "50", "75"]
    assert [t.get_text() for t in axis.get_xticklabels()] == example["tokens_a"]
    (below,) = axis.child_axes
    assert [t.get_text() for t in below.get_xticklabels()] == [t or "–" for t in example["tokens_b"]]
    rows = [t.get_text().split(":")[0] for t in made["literal"].axes[0].get_yticklabels()]
    assert rows == ["channel", "channel, literal", "word", "word, literal", "general", "general, literal"]


def test_shares_by_word_leave_special_tokens_out(plan, measured):
    general = run("dropmix_saliency", plan, measured())["general"]
    assert general.to_dict() == pytest.approx({"some": 12.5, "honestly": 50, "affecting": 75})


def test_table_5_colours_by_association_and_shows_the_printed_words_beside(plan, measured):
    names = run("dropmix_channels", plan, measured())
    frame = names["table_5"]
    ours, paper = (frame[frame["source"] == source] for source in ("ours", "paper"))
    assert ours[ours["channel"] == 0]["word"].tolist() == ["good", "film", "bad"]
    assert len(paper) == 84
    assert set(paper[paper["word"] == "dull"]["z"]) == {-3.0}
    assert paper[paper["channel"] == 93]["rank"].tolist() == list(range(1, 15))
    styles = [table.export()["apply"][-1][1][0](None) for table in names["tables"]]  # what colours the cells
    red, blue = (f"background: {colour}2e" for colour in ("#c0392b", "#2c6fbb"))
    column = next(title for title in styles[0] if title.startswith("positive 0\n"))
    assert styles[0][column].tolist() == [red, "", blue]  # good, film, bad
    assert column.endswith("33 % fit")  # one of three words
    assert set(styles[1].to_numpy().ravel()) <= {red, blue, ""}


def test_printed_words_are_not_judged_by_data_of_other_classes(plan, measured):
    names = run("dropmix_channels", plan, measured(None, dropmix_channels() | {"classes": ["sports", "cooking"]}))
    of_paper = names["tables"][1].export()["apply"][-1][1][0](None)
    assert set(of_paper.to_numpy().ravel()) == {""}
    assert "fit" not in "".join(of_paper)


def test_a_measurement_that_found_nothing_says_why(plan, measured):
    why = "fewer than two training samples in one of the classes"
    store = measured(None, {"classes": ["a", "b"], "samples": [1, 9], "why": why})
    assert set(saved("dropmix_channels", plan, store).values()) == {None}
    assert run("dropmix_channels", plan, store)["why"] == why


def test_figures_3b_and_3c_draw_profiles_and_their_sorted_difference(plan, measured):
    made, found = saved("dropmix_channels", plan, measured()), dropmix_channels()
    left, right = made["figure_3b"].axes
    assert [line.get_ydata().tolist() for line in left.lines] == [
        sorted(of, reverse=True) for of in found["importance"]
    ]
    assert right.collections[0].get_offsets().tolist() == [list(at) for at in zip(*found["importance"], strict=True)]
    assert [t.get_text() for t in right.texts] == ["0", "6", "2", "1", "4", "5"]
    assert right.get_title(loc="left") == "Each channel: rank correlation 0.20"
    axis = made["figure_3c"].axes[0]
    assert axis.lines[0].get_ydata().tolist() == sorted(found["difference"], reverse=True)
    assert [line.get_ydata()[0] for line in axis.lines[1:]] == [0.4, -0.4]


def names_on(c: Companion):
    """What the notebook measures with, on a companion of the test's."""
    names = run("dropmix_saliency", c.plan, c.store, only=["measure", "own"])
    names["c"] = c
    return names


def test_a_sentence_of_the_readers_own_goes_through_the_same_model(capsys):
    """The paper's sentence gives what is measured on it; without weights the run is repeated for them once."""
    c = Companion("dropmix", profile="smoke", seeds="1", train_size=24)
    chosen = c.plan.extra[0]
    attempt(chosen, c.store, device="cpu")
    names = names_on(c)
    own, (found,) = names["own_example"], c.measured("dropmix-masks", names["masks"])
    checkpoints.checkpoint_path(chosen.hash, chosen.probe_policy).unlink()
    capsys.readouterr()
    (measured,) = found["examples"]
    example = compact(own(measured["texts"][0]))
    assert "is repeated for its weights" in capsys.readouterr().out
    assert example["masks"] == measured["masks"]
    assert example["saliency"] == measured["saliency"]
    other = own("numbers of rows", partner="all of it")
    assert other["texts"] == ["numbers of rows", "all of it"]
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="no class is called 'happy'; there are"):
        own("numbers", label="happy")
    assert own("  ") is None
    names = run("dropmix_saliency", c.plan, c.store, sentence="numbers of rows", partner="all of it")
    assert names["own"] == other
    assert len(names["figures"]) == 2


def test_without_weights_and_without_training_a_sentence_is_not_shown(capsys):
    c = Companion("dropmix", profile="smoke", train=False)
    assert names_on(c)["own_example"]("a sentence") is None
    assert "not at hand" in capsys.readouterr().out
    chosen = c.plan.extra[0]
    assert not checkpoints.checkpoint_path(chosen.hash, chosen.probe_policy).exists()

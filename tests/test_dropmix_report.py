"""Every table and figure of the DropMix paper, from made-up records and from none."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from mixutils.companion import Companion, make_plan
from mixutils.papers import dropmix
from mixutils.report import reader
from mixutils.report.dropmix import ARTIFACTS
from mixutils.report.dropmix_figures import draw_literal, draw_masks, draw_patches
from mixutils.report.dropmix_tables import HELD_OUT, NOTE, PRINTED, table_3, table_3_holdout, table_shares
from mixutils.runs import checkpoints
from mixutils.runs.records import Records
from mixutils.show import style
from mixutils.show.artifacts import Table
from mixutils.site.catalogue import NOTEBOOKS
from tests.fakes import data_folder, done, dropmix_channels, dropmix_masks, filled, shipped

BY_NAME = {a.name: a for a in ARTIFACTS}
TABLES = {n for n in BY_NAME if n.startswith(("table_", "claims"))}
OF_PROBES = {"figure_3a", "patches", "literal", "figure_3b", "figure_3c", "table_5"}
LEVEL = {"no-dropout": 60.0, "none": 59.0, "mixup": 61.0, "ssmix-beta": 62.0, "dropmix-c": 63.0, "dropmix-g": 64.0}


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    style.use()
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """The desk plan on built-in tasks, five seeds, all runs done."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_DATA", "")
        plan = make_plan("dropmix", "desk")
    store = filled(plan, lambda r: LEVEL.get(r.method, 58.0) + r.seed, tmp_path_factory.mktemp("full"))
    return plan, store


@pytest.mark.parametrize("name", BY_NAME)
def test_every_artifact_is_made_from_records(name, full):
    made = BY_NAME[name].make(*full)
    assert isinstance(made, Table if name in TABLES else plt.Figure)
    if isinstance(made, plt.Figure):
        made.canvas.draw()
    else:
        assert len(made.frame)


@pytest.mark.parametrize("profile", ["smoke", "desk"])
@pytest.mark.parametrize("name", BY_NAME)
def test_without_records_tables_say_so_and_figures_are_none(name, profile):
    made = BY_NAME[name].make(make_plan("dropmix", profile), Records())
    if name in TABLES:
        assert any(word in made.html for word in ("not done", "no runs yet", "not tested", "illustration"))
    else:
        assert made is None


@pytest.mark.parametrize("name", BY_NAME)
def test_without_dropmix_c_only_what_is_about_it_is_missing(name, full, tmp_path):
    plan, _ = full
    store = filled(plan, lambda r: 60 + r.seed, tmp_path, skip=lambda r: r.method == "dropmix-c" or r.seed > 2)
    made = BY_NAME[name].make(plan, store)
    assert (made is None) == (name in ("cost", "figure_2_margin") or name in OF_PROBES - {"table_5"})
    if name == "table_5":
        assert "no runs yet" in made.html


def test_names_titles_and_captions_are_there_once():
    assert len(BY_NAME) == len(ARTIFACTS)
    for a in ARTIFACTS:
        assert a.title
        assert a.caption.endswith(".")
        assert NOTEBOOKS[a.notebook] == "dropmix"
    assert {a.notebook for a in ARTIFACTS} == {n for n, paper in NOTEBOOKS.items() if paper == "dropmix"}


def test_table_2_has_printed_and_found_sizes(full):
    frame = BY_NAME["table_2"].make(*full).frame.set_index("data")
    assert frame.loc["trec-coarse", "paper train"] == "5952"  # as printed: the total (SPEC RA20)
    assert frame.loc["mr", "paper validation"] == "/"
    assert frame.loc["mr", "remark"] == "not in a data folder (none given)"
    assert frame.loc["docs-pair", "used here"] == "train 250, validation 100, test 100"
    assert len(frame) == 12 + 2


def test_table_3_has_all_rows_and_gains_over_bert_at_equal_epochs(full, tmp_path):
    plan, _ = full
    control = {r.hash for r in plan.cell("control", dropmix.CONTROL, "docs-pair").runs}
    store = filled(plan, lambda r: (57 if r.hash in control else LEVEL.get(r.method, 58)) + r.seed, tmp_path)
    frame = table_3(plan, store).frame
    assert list(dict.fromkeys(frame["row"])) == [*dropmix.ROWS, "Dropout*", "SSMix*"]
    line = frame[(frame["column"] == "docs-pair") & (frame["row"] == "DropMix-G")].iloc[0]
    assert line["ours"] == pytest.approx(66)  # seeds add 0 to 4
    assert line["gain"] == pytest.approx(64 - 57)
    assert np.isnan(frame[(frame["column"] == "docs-pair") & (frame["row"] == "Bert")].iloc[0]["gain"])


def test_table_3_shows_the_quoted_rows_as_such(tmp_path, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "data", "rte", "mr")))
    plan = make_plan("dropmix", "desk")
    made = table_3(plan, filled(plan, lambda r: 60 + r.seed, tmp_path / "store"))
    quoted = made.frame[made.frame["row"].isin(["Dropout*", "SSMix*"])]
    assert (
        dict(zip(zip(quoted["row"], quoted["column"], strict=True), quoted["paper"], strict=True)).items()
        >= {
            ("Dropout*", "rte"): 65.56,
            ("SSMix*", "rte"): 67.22,
        }.items()
    )
    assert quoted["ours"].isna().all()
    assert "variance (SPEC RA24)" in made.html
    # Printed 65.56 ± 3.89, a variance; DropMix-G's 68.09 ± 0.98 is a standard deviation.
    assert "65.56 ± 1.97" in made.html
    assert "68.09 ± 0.98" in made.html
    line = made.frame[(made.frame["column"] == "rte") & (made.frame["row"] == "DropMix-G")].iloc[0]
    assert line["paper_gain"] == pytest.approx(68.09 - 64.55)


def test_both_readings_of_table_3(full, tmp_path):
    plan, _ = full
    records = [done(r, 60) for r in plan.runs]
    for record in records:
        chosen = record["selected"]["best-on-validation"]
        chosen["metrics"] = {part: m | {"accuracy": 0.4} for part, m in chosen["metrics"].items()}
    store = shipped(records, tmp_path)
    printed, held = table_3(plan, store), table_3_holdout(plan, store)
    assert set(printed.frame["ours"].dropna()) == {60.0}
    assert set(held.frame["ours"].dropna()) == {40.0}
    assert PRINTED in printed.html
    assert HELD_OUT in held.html
    for word in ("difference", "gain"):
        assert word in NOTE


def test_table_shares_averages_what_the_mixers_noted(full, tmp_path):
    plan, _ = full
    records = [done(r, 60) for r in plan.runs]
    for record in records:
        u = record["run"]["seed"] / 10
        record["mixer"] = {"lam": 0.5, "w_b": 0.25, "real": u, "padding": 0.1, "unmixed": 0.125, "whole": 0.0}
    frame = table_shares(plan, shipped(records, tmp_path)).frame
    # Both columns have the variants; the masks' column also two rows whose label is not the share of real units.
    assert len(frame) == 2 * 4 + 2
    assert set(frame["row"]) == {*dropmix.VARIANTS, "DropMix-W, padding counted", "DropMix-G, padding counted"}
    assert frame["real units from B"].tolist() == pytest.approx([20.0] * 10)  # 0 to 0.4
    assert frame["of it B's padding"].tolist() == pytest.approx([10.0] * 10)
    assert set(frame["examples unmixed"]) == {12.5}


def test_figure_2_by_hand_in_the_colours_of_the_methods(full, tmp_path):
    plan, _ = full
    store = filled(plan, lambda r: LEVEL.get(r.method, 58) + r.seed + (r.train_size or 0) / 100, tmp_path)
    figure = BY_NAME["figure_2"].make(plan, store)
    names = [t.get_text() for t in figure.legends[0].get_texts()]
    assert names == list(dropmix.SPARSE_ROWS)
    line = next(c for c in figure.axes[0].containers if to_hex(c[0].get_color()) == style.colour("dropmix-c"))[0]
    np.testing.assert_allclose(line.get_ydata(), [65 + n / 100 for n in (62, 125, 250)])
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["25 %", "50 %", "100 %"]


def test_the_margin_is_over_the_best_other_method(full):
    axis = BY_NAME["figure_2_margin"].make(*full).axes[0]
    np.testing.assert_allclose(axis.lines[0].get_xydata(), [[25, 1], [50, 1], [100, 1]])  # 63 - 62


def test_the_sparse_table_has_rows_as_trained(full):
    frame = BY_NAME["table_sparse"].make(*full).frame
    assert dict(zip(frame["share, %"], frame["training rows"], strict=True)) == {25: 62, 50: 125, 100: 250}
    assert len(frame) == 3 * 6


def test_figures_of_words_survive_any_word(full, tmp_path):
    plan, _ = full
    records = [done(r, 50) for r in plan.runs]
    for record in records:
        if "probes" in record:
            record["probes"] = {
                "dropmix-masks": dropmix_masks(word="$\\sum$"),
                "dropmix-channels": dropmix_channels(word="<b>$x"),
            }
    store = shipped(records, tmp_path)
    for name in ("figure_3a", "patches", "literal"):
        BY_NAME[name].make(plan, store).canvas.draw()
    page = BY_NAME["table_5"].make(plan, store).html
    assert "<b>$x" not in page
    assert "&lt;b&gt;$x" in page


def test_figure_3a_draws_the_masks_themselves():
    example = dropmix_masks()["examples"][0] | {"ratio": 0.2, "n": 2}
    saliency, word, _, general = draw_masks(example).axes
    assert general.images[0].get_array().sum(1).tolist() == [0, 1, 4, 6]
    assert word.images[0].get_array().sum(1).tolist() == [2, 2, 2, 2]
    assert saliency.images[0].get_array().max() == pytest.approx(np.sqrt(0.37))
    assert [t.get_text() for t in word.get_yticklabels()] == example["tokens_a"]


def test_patches_name_both_texts_and_literal_shows_both_masks():
    example = dropmix_masks()["examples"][0] | {"ratio": 0.2, "n": 2}
    axis = draw_patches(example).axes[0]
    assert [t.get_text() for t in axis.texts][-4:] == ["0", "12", "50", "75"]
    assert [t.get_text() for t in axis.get_xticklabels()] == example["tokens_a"]
    rows = [t.get_text().split(":")[0] for t in draw_literal(example).axes[0].get_yticklabels()]
    assert rows == ["channel", "channel, literal", "word", "word, literal", "general", "general, literal"]


def test_table_5_colours_by_association_and_shows_the_printed_words_beside(full):
    made = BY_NAME["table_5"].make(*full)
    ours = made.frame[made.frame["source"] == "ours"]
    assert ours[ours["channel"] == 0]["word"].tolist() == ["good", "film", "bad"]
    paper = made.frame[made.frame["source"] == "paper"]
    assert len(paper) == 84
    assert set(paper[paper["word"] == "dull"]["z"]) == {-3.0}
    red, blue = (f"background:{c}2e" for c in ("#c0392b", "#2c6fbb"))
    assert f"{red};padding:0 .25em'>good</b> <small>5</small>" in made.html
    assert f"{blue};padding:0 .25em'>bad</b> <small>1</small>" in made.html
    assert "<b style='font-weight:normal;'>film</b>" in made.html


def test_a_probe_that_found_nothing_says_why(full, tmp_path):
    plan, _ = full
    records = [done(r, 50) for r in plan.runs]
    why = "fewer than two training samples in one of the classes"
    for record in records:
        if "probes" in record:
            record["probes"]["dropmix-channels"] = {"classes": ["a", "b"], "samples": [1, 9], "why": why}
    store = shipped(records, tmp_path)
    assert why in BY_NAME["table_5"].make(plan, store).html
    assert BY_NAME["figure_3b"].make(plan, store) is None


def test_learning_curves_have_the_colour_of_their_row(full):
    figure = BY_NAME["learning_curves"].make(*full)
    panels = {axis.get_title(): [to_hex(line.get_color()) for line in axis.lines] for axis in figure.axes}
    panels.pop("", None)  # places left over
    assert set(panels) == set(dropmix.ROWS) - {"Bert"}
    assert panels["DropMix-G"] == [style.colour("no-dropout"), style.colour("dropmix-g")]
    assert panels["Dropout"] == [style.colour("no-dropout"), style.colour("none")]


def test_claims_are_shown_under_both_readings(full):
    made = BY_NAME["claims"].make(*full)
    assert set(made.frame["reading"]) == {"as printed", "hold-out"}
    assert [made.html.count(f">RC{i}</th>") for i in range(1, 13)] == [1] * 12


@pytest.mark.parametrize(
    ("name", "keys"),
    [("claims_sparse", ["RC7"]), ("claims_saliency", ["RC10"]), ("claims_channels", ["RC8", "RC9"])],
)
def test_a_notebook_shows_the_claims_that_it_is_about(name, keys, full):
    made = BY_NAME[name].make(*full)
    assert list(dict.fromkeys(made.frame["claim"])) == keys


def test_units_of_rc1_are_drawn_one_by_one_and_together(full):
    axis = BY_NAME["units_rc1"].make(*full).axes[0]
    assert [t.get_text() for t in axis.get_yticklabels()] == ["docs-coarse", "docs-pair", "all: supported"]


def test_pooled_gains_are_over_both_berts_under_both_readings(full, tmp_path):
    plan, _ = full
    long = {r.hash for c in plan.table("control") for r in c.runs}
    store = filled(plan, lambda r: (62 if r.hash in long else LEVEL.get(r.method, 58)) + r.seed, tmp_path)
    made = BY_NAME["table_gains"].make(plan, store)
    lines = made.frame.set_index(["row", "over"])
    for reading in ("as printed", "hold-out"):
        gain, word = lines[f"{reading}, gain"], lines[f"{reading}, word"]
        assert gain["DropMix-G", "Bert"] == pytest.approx(64 - 60)
        assert gain["DropMix-G", dropmix.CONTROL] == pytest.approx(64 - 62)
        assert word["DropMix-G", dropmix.CONTROL] == "supported"
        assert word["Dropout", dropmix.CONTROL] == "contradicted"
        assert word["SSMix", dropmix.CONTROL] == "negligible"
    assert "<th scope='row'>DropMix-G</th>" in made.html


def test_a_sentence_of_the_readers_own_goes_through_the_same_model(capsys):
    """The run is repeated for its weights once; a sentence that the record has too gives the record's masks."""
    c = Companion("dropmix", profile="smoke", seeds="1", train_size=24)
    from mixutils.runs.execute import attempt

    record = attempt(c.plan.extra[0], c.store, device="cpu")
    measured = record["probes"]["dropmix-masks"]["examples"][0]
    example = reader.own_example(c, measured["texts"][0])
    assert "is repeated for its weights" in capsys.readouterr().out
    assert example["masks"] == measured["masks"]
    assert example["saliency"] == measured["saliency"]
    other = reader.own_example(c, "numbers of rows", partner="all of it")
    assert other["texts"] == ["numbers of rows", "all of it"]
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="no class is called 'happy'; there are"):
        reader.own_example(c, "numbers", label="happy")
    with pytest.raises(ValueError, match="at least one word"):
        reader.own_example(c, "  ")


def test_without_weights_and_without_training_a_sentence_is_not_shown(capsys):
    c = Companion("dropmix", profile="smoke", train=False)
    assert reader.own_example(c, "a sentence") is None
    assert "not at hand" in capsys.readouterr().out
    run = c.plan.extra[0].with_(probes=(), probe_policy="")
    assert not checkpoints.checkpoint_path(run.hash, c.plan.extra[0].probe_policy).exists()

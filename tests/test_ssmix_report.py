"""Every table and figure of the SSMix paper, from made-up records and from none."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from mixutils.companion import make_plan
from mixutils.papers import ssmix
from mixutils.report.ssmix import ARTIFACTS, NOTE, table_1, table_2, table_a1, table_control, table_x1
from mixutils.runs.records import Records
from mixutils.show import style
from mixutils.show.artifacts import Table
from tests.fakes import data_folder, done, filled, kind, shipped, spans

BY_NAME = {a.name: a for a in ARTIFACTS}
TABLES = {"table_1", "table_2", "table_a1", "table_b1", "table_control", "table_x1", "claims"}


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
        plan = make_plan("ssmix", "desk")
    level = {"stage 1": 60.0, "control": 59.0, "ssmix": 62.0, "wordmix": 60.5, "unk": 58.0}
    store = filled(plan, lambda r: level.get(kind(r), 61.0) + r.seed, tmp_path_factory.mktemp("full"))
    return plan, store


@pytest.mark.parametrize("name", BY_NAME)
def test_every_artifact_is_made_from_records(name, full):
    made = BY_NAME[name].make(*full)
    assert isinstance(made, Table if name in TABLES else plt.Figure)


@pytest.mark.parametrize("profile", ["smoke", "desk"])
@pytest.mark.parametrize("name", BY_NAME)
def test_without_records_tables_say_so_and_figures_are_none(name, profile):
    made = BY_NAME[name].make(make_plan("ssmix", profile), Records())
    if name in TABLES:
        assert isinstance(made, Table)
        assert any(word in made.html for word in ("not done", "no runs yet", "not tested"))
    else:
        assert made is None


@pytest.mark.parametrize("name", BY_NAME)
def test_without_embedmix_and_two_seeds_only_times_relative_to_it_are_missing(name, full, tmp_path):
    plan, _ = full
    store = filled(plan, lambda r: 60 + r.seed, tmp_path, skip=lambda r: kind(r) == "wordmix" or r.seed > 2)
    assert (BY_NAME[name].make(plan, store) is None) == (name == "times")


@pytest.mark.parametrize("name", BY_NAME)
def test_stage_1_lost_its_records_and_nothing_stops(name, full, tmp_path):
    plan, _ = full
    store = filled(plan, lambda r: 60 + r.seed, tmp_path, skip=lambda r: kind(r) == "stage 1")
    made = BY_NAME[name].make(plan, store)
    if name == "table_2":
        assert "5 of 5 runs have lost the record of their start" in made.html


def test_names_titles_and_captions_are_there_once():
    assert len(BY_NAME) == len(ARTIFACTS)
    for a in ARTIFACTS:
        assert a.title
        assert a.caption.endswith(".")
        assert a.notebook in ("ssmix", "ssmix_spans")


def test_the_note_names_everything_that_a_cell_shows(full):
    page = table_2(*full).html
    for word in ("difference", "gain"):
        assert word in page
        assert word in NOTE


def test_table_1_has_printed_and_found_sizes(full):
    frame = table_1(*full).frame.set_index("data")
    assert frame.loc["sst2-glue", "paper train"] == "67k"
    assert frame.loc["qnli", "paper classes"] == "3"  # as printed; QNLI has two (SPEC SA29)
    assert frame.loc["rte", "remark"] == "not in a data folder (none given)"
    assert frame.loc["docs-fine", "ours"] == "train 5,000, test 5,000"
    assert frame.loc["docs-fine", "used here"] == "train 500, test 100"
    assert len(frame) == 9 + 3


def test_table_1_escapes_what_data_say_of_themselves(full, tmp_path):
    plan, _ = full
    records = [done(r, 50) for r in plan.runs]
    for record in records:
        record["data"] |= {"source": "<script>", "notes": ["<img src=x>"]}
    page = table_1(plan, shipped(records, tmp_path)).html
    assert "<script>" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page


def test_table_2_has_all_methods_on_all_data_sets(full):
    frame = table_2(*full).frame
    assert list(dict.fromkeys(frame["row"])) == list(ssmix.TABLE_2)
    ours = frame[frame["column"] == "docs-pair"].set_index("row")["ours"]
    assert ours["No mixup"] == pytest.approx(62)  # seeds add 0 to 4
    assert ours["SSMix"] == pytest.approx(64)
    gain = frame[(frame["column"] == "docs-pair") & (frame["row"] == "SSMix")].iloc[0]
    assert gain["gain"] == pytest.approx(3)  # over the control, not over stage 1


def test_table_a1_compares_variances(full, tmp_path, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "data", "rte")))
    plan = make_plan("ssmix", "desk", tasks="rte")
    made = table_a1(plan, filled(plan, lambda r: 60 + 2 * r.seed, tmp_path))
    line = made.frame[(made.frame["row"] == "No mixup") & (made.frame["column"] == "rte")].iloc[0]
    assert line["ours"] == pytest.approx(10)  # 60, 62, 64, 66, 68: squared deviations 40 over 4
    assert line["sd"] == pytest.approx(math.sqrt(10))
    assert line["difference"] == pytest.approx(10 - line["paper"])
    assert "10.00 (3.16)" in made.html
    assert "variance (standard deviation)" in made.html


def test_table_control_counts_runs_that_the_floor_changed(full, tmp_path):
    plan, _ = full
    store = filled(plan, lambda r: 60 if kind(r) == "stage 1" else 58 + r.seed, tmp_path)
    frame = table_control(plan, store).frame
    line = frame[(frame["row"] == "SSMix") & (frame["column"] == "docs-pair")].iloc[0]
    assert line["stage 2 alone"] == pytest.approx(60)  # 58 to 62
    assert line["better of both"] == pytest.approx((60 + 60 + 60 + 61 + 62) / 5)
    assert line["runs where stage 1 was better"] == 2
    assert line["n"] == 5
    assert "chosen on held-out rows" not in frame  # built-in tasks report on rows that chose nothing


def test_table_control_shows_what_held_out_rows_would_have_chosen(tmp_path, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "data", "trec-coarse")))
    plan = make_plan("ssmix", "desk")
    store = filled(plan, lambda r: 61 + r.seed, tmp_path / "records")
    line = table_control(plan, store).frame.set_index("row").loc["SSMix"]
    assert line["stage 2 alone"] == pytest.approx(63)
    record = store.get(plan.cell("2", "SSMix", "trec-coarse").runs[0])
    assert set(record["selected"]) == {"best-on-test", "best-on-held", "last"}
    assert line["chosen on held-out rows"] == pytest.approx(63)


def test_table_x1_has_step_times(full):
    frame = table_x1(*full).frame
    assert set(frame.columns) == {"column", "row", "ms per step", "passes", "runs", "relative to EmbedMix"}
    assert (frame["relative to EmbedMix"] == 1.0).all()


def test_claims_are_shown_under_both_readings(full):
    made = BY_NAME["claims"].make(*full)
    assert set(made.frame["reading"]) == {"better of both stages, as printed", "stage 2 alone"}
    assert [made.html.count(f">SC{i}</th>") for i in range(1, 11)] == [1] * 10


def test_times_need_embedmix_to_be_relative_to(full, tmp_path):
    plan, _ = full
    store = filled(plan, lambda r: 50, tmp_path, skip=lambda r: kind(r) == "wordmix")
    assert BY_NAME["times"].make(plan, store) is None


def test_learning_curves_have_the_colour_of_their_method(full):
    figure = BY_NAME["learning_curves"].make(*full)
    found = {axis.get_title(): {to_hex(line.get_color()) for line in axis.lines} for axis in figure.axes}
    plain = style.colour("none")
    assert found["SSMix"] == {plain, style.colour("ssmix")}
    assert found["EmbedMix"] == {plain, style.colour("wordmix")}
    assert set(found) == {
        "EmbedMix",
        "TMix",
        "SSMix",
        "SSMix - saliency",
        "SSMix - saliency - span",
        "Random UNK replacement",
    }
    assert figure.axes[0].lines[0].get_xdata().tolist() == [1, 2, 4]


def test_the_size_curve_by_hand_in_the_colours_of_data(full, tmp_path):
    plan, _ = full
    gain = {50: 1.0, 150: 2.0, 500: 4.0}
    level = {"ssmix": 55, "wordmix": 54, "tmix": 53}
    store = filled(plan, lambda r: level.get(kind(r), 50) + (kind(r) == "ssmix") * gain[r.train_size], tmp_path)
    axis = BY_NAME["size_curve"].make(plan, store).axes[0]
    np.testing.assert_allclose(axis.lines[0].get_xydata(), [[50, 2], [150, 3], [500, 5]])
    assert to_hex(axis.lines[0].get_color()) == style.DATA_COLOURS[0]


def test_the_size_curve_places_all_rows_at_their_number(tmp_path):
    plan = make_plan("ssmix", "desk", train_size=0)
    axis = BY_NAME["size_curve"].make(plan, filled(plan, lambda r: 50, tmp_path)).axes[0]
    assert axis.lines[0].get_xdata().tolist() == [50, 150, 5000]  # the fakes train on 5,000 rows where all are meant


def test_figures_of_words_survive_any_word(full, tmp_path):
    plan, _ = full
    records = [done(r, 50) for r in plan.runs]
    for record in records:
        if "probes" in record:
            parts = len(record["probes"]["ssmix-spans"]["examples"][0]["spans"])
            record["probes"]["ssmix-spans"] = spans(parts, label="$\\frac$", word="$\\sum$")
    store = shipped(records, tmp_path)
    for name in ("figure_1", "figure_3_4", "figure_5"):
        figure = BY_NAME[name].make(plan, store)
        figure.canvas.draw()
        assert any("$\\sum$" in t.get_text() for t in figure.axes[0].texts)


def test_figure_5_prints_the_share_of_both_parts(full):
    title = BY_NAME["figure_5"].make(*full).axes[0].texts[0].get_text()
    assert title.endswith("λ = 2 / 8 = 0.25")  # one of four words is replaced in each of two texts


def test_figure_2_draws_both_ends_and_every_kind_of_mixture(full):
    left, right = BY_NAME["figure_2"].make(*full).axes
    labels = [t.get_text() for t in left.get_legend().get_texts()]
    assert labels == ["hidden, level 0", "hidden, level 2", "SSMix, several spans and ratios"]
    assert np.allclose([b.get_width() for b in right.patches], [0.2, 0.0, 0.4])

"""Every table and figure of the DNM paper, from made-up records and from none."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from mixutils.companion import make_plan
from mixutils.papers import dnm
from mixutils.report.dnm import ARTIFACTS
from mixutils.runs.records import Records
from mixutils.show import style
from mixutils.show.artifacts import Table
from mixutils.site.catalogue import NOTEBOOKS
from tests.fakes import data_folder, done, filled, shipped

BY_NAME = {a.name: a for a in ARTIFACTS}
TABLES = {n for n in BY_NAME if n.startswith(("table_", "claims"))}
#: What needs runs of its own that a setting may not plan.
PLANNED = {
    "table_2",
    "table_3",
    "table_4",
    "table_5",
    "table_own",
    "table_7",
    "table_9",
    "table_11",
    "table_control",
    "table_long",
}


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    style.use()
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """The desk plan on Subj, SST-1 and a task of another paper, all runs done."""
    folder = tmp_path_factory.mktemp("full")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_DATA", str(data_folder(folder / "data", "subj", "sst1-sent")))
        plan = make_plan("dnm", "desk", tasks="subj,sst1-sent,docs-coarse")

    def percent(run):
        level = {"none": 60.0, "dnm": 64.0, "nonlinear": 62.0, "dnm-wo-lds": 55.0}.get(run.method, 61.0)
        return level + run.seed + (run.train_size > 50) - 10 * (run.encoder == dnm.SHALLOW)

    return plan, filled(plan, percent, folder)


@pytest.mark.parametrize("name", BY_NAME)
def test_every_artifact_is_made_from_records(name, full):
    made = BY_NAME[name].make(*full)
    if name in ("table_3", "table_4", "table_long"):  # MR and SST-2 are not in this plan
        assert made is None
    else:
        assert isinstance(made, Table if name in TABLES else plt.Figure)


@pytest.mark.parametrize("name", BY_NAME)
def test_without_records_tables_say_so_and_figures_are_none(name):
    made = BY_NAME[name].make(make_plan("dnm", "smoke"), Records())
    if name in TABLES and not (name in PLANNED and made is None):
        assert any(word in made.html for word in ("not done", "no runs yet", "not tested", "measured yet"))
    else:
        assert made is None


#: Figures that are nothing without a method; tables are there and say what is missing.
NEEDED = {
    "dnm": {"size_gains", "topk", "weights", "ablations", "policy_movement", "policy_labels", "figure_3"},
    "none": {"gains"},
    "nonlinear": set(),
}


@pytest.mark.parametrize("gone", NEEDED)
def test_a_missing_method_stops_nothing(gone, tmp_path):
    plan = make_plan("dnm", "smoke", seeds="3")  # two seeds decide nothing
    store = filled(plan, lambda r: 60 + r.seed, tmp_path, skip=lambda r: r.method == gone)
    made = {name: a.make(plan, store) for name, a in BY_NAME.items() if not name.startswith("claims_")}
    assert {name for name, what in made.items() if what is None and name not in PLANNED} == NEEDED[gone]


def test_names_titles_and_captions_are_there_once():
    assert len(BY_NAME) == len(ARTIFACTS)
    for a in ARTIFACTS:
        assert a.title
        assert a.caption.endswith((".", "?", "?)", ")."))
        assert NOTEBOOKS[a.notebook] == "dnm"
    assert {a.notebook for a in ARTIFACTS} == {n for n, paper in NOTEBOOKS.items() if paper == "dnm"}


def test_table_1_has_printed_and_found_sizes(full):
    frame = BY_NAME["table_1"].make(*full).frame.set_index("data")
    assert frame.loc["subj", ["paper train", "paper test", "paper avg_len"]].tolist() == ["8000", "1000", "23"]
    assert frame.loc["subj", "used here, at most"] == "train 500, validation 100, test 100"
    assert frame.loc["mr", "remark"] == "not asked for"
    assert len(frame) == 4 + 1


def test_table_2_has_all_sizes_in_order_and_gains_over_bert(full):
    frame = BY_NAME["table_2"].make(*full).frame
    assert list(dict.fromkeys(frame["row"])) == list(dnm.ROWS)
    assert "<caption>Subj</caption>" in BY_NAME["table_2"].make(*full).html
    ours = frame[frame["row"] == "Ours"].set_index("column")
    assert list(ours.index) == [f"subj/{n}" for n in ("50", "200", "500", "1000", "2000", "all")]
    assert ours.loc["subj/50", ["paper", "ours", "gain"]].tolist() == pytest.approx([93.4, 66.0, 4.0])
    assert ours.loc["subj/50", "se"] == pytest.approx(np.std(range(5), ddof=1) / np.sqrt(5))
    assert ours.loc["subj/50", "paper_gain"] == pytest.approx(93.4 - 89.5)
    assert ours.loc["subj/200", "note"] == "the desk setting trains on 50, 500 rows"


def test_the_table_says_where_word_vectors_come_from(full, tmp_path):
    plan, _ = full
    records = [done(r, 50) for r in plan.runs]
    for record in records:
        if record["run"]["encoder"] == dnm.SHALLOW:
            record["data"]["vectors"] = {"source": "glove.<b>.txt", "unknown": 0.1}
    page = BY_NAME["table_2"].make(plan, shipped(records, tmp_path)).html
    assert "Word vectors of the CNN rows: glove.&lt;b&gt;.txt" in page


def test_table_6_compares_with_five_partners_and_says_the_size(full):
    made = BY_NAME["table_6"].make(*full)
    line = made.frame[(made.frame["row"] == "K=9") & (made.frame["column"] == "subj")].iloc[0]
    assert line["paper_gain"] == pytest.approx(92.9 - 93.4)
    assert "gain: over K=5" in made.html
    assert "Training rows: 50." in made.html
    assert "Training rows: 500." in BY_NAME["table_7"].make(*full).html


def test_table_share_counts_partners_among_the_others(full):
    frame = BY_NAME["table_share"].make(*full).frame
    assert set(frame["others in the batch"]) == {19}
    assert frame["share selected"].tolist() == pytest.approx([10 / 19] * len(frame))


def test_controls_stand_beside_what_they_take_apart(full):
    frame = BY_NAME["table_control"].make(*full).frame
    assert list(dict.fromkeys(frame["row"])) == ["Ours", "w/o DSS", "w/o DNM", *dnm.CONTROL_ROWS]
    assert set(frame["column"]) == {"subj", "docs-coarse"}
    assert frame.set_index(["row", "column"]).loc[("2K random partners", "subj"), "gain"] == pytest.approx(61 - 64)


def test_table_policy_sets_movement_beside_its_bound(full):
    frame = BY_NAME["table_policy"].make(*full).frame.set_index("policy")
    assert list(frame.index) == list(full[0].setting and dnm.scope(full[0].setting).policies)
    fast, slow = frame.loc["0.001, start N(0, 1)"], frame.loc["2e-05, start N(0, 1)"]
    assert fast["steps × rate"] == pytest.approx(50 * slow["steps × rate"])
    assert fast["steps × rate"] == pytest.approx(125 * 8 * 1e-3)


def test_size_curves_have_the_colours_of_their_methods_and_dash_the_cnn(full):
    figure = BY_NAME["size_curves"].make(*full)
    lines = dict(zip(dnm.ROWS, figure.axes[0].lines, strict=True))
    for row, (method, encoder) in dnm.ROWS.items():
        assert to_hex(lines[row].get_color()) == style.colour(method)
        assert lines[row].get_linestyle() == ("--" if encoder else "-")
    np.testing.assert_allclose(lines["Ours"].get_xydata(), [[50, 66], [500, 67]])
    assert [a.get_title("left") for a in figure.axes] == ["Subj", "SST-1", "docs-coarse"]


def test_size_gains_by_hand_with_published_differences(full):
    lines = BY_NAME["size_gains"].make(*full).axes[0].lines
    data = {tuple(np.round(line.get_ydata(), 6)) for line in lines}
    assert {(4.0, 4.0), (2.0, 2.0)} <= data  # ours: over BERT, over NonlinearMixup
    assert {(3.9, 2.1), (1.0, 0.7)} <= data  # Subj in print: 93.4 - 89.5, 95.6 - 93.5; 93.4 - 92.4, 95.6 - 94.9


def test_figure_2_shows_no_loss_of_another_kind(full):
    axes = BY_NAME["figure_2"].make(*full).axes
    assert [len(a.lines) for a in axes] == [2, 2, 3, 3]  # losses above without BERT's cross-entropy, accuracy below


def test_topk_draws_both_sizes_and_the_published_numbers(full):
    axes = BY_NAME["topk"].make(*full).axes
    axes = [a for a in axes if a.get_visible()]
    assert len(axes) == 2 * 2 + 1
    assert [len(a.lines) for a in axes] == [2, 2, 1, 1, 3]
    assert axes[0].lines[1].get_ydata().tolist() == [92.5, 93.4, 92.9]
    last = axes[-1].lines[0]
    assert last.get_ydata()[4] == pytest.approx(100 * 10 / 19)


def test_policy_movement_stays_below_the_bound(full):
    for axis in BY_NAME["policy_movement"].make(*full).axes:
        tracks = [line for line in axis.lines if line.get_marker() == "o"]
        bounds = {round(float(line.get_ydata()[-1]), 9) for line in axis.lines if line.get_marker() == "None"}
        assert len(tracks) == 7
        assert len(bounds) == 2
        assert all(line.get_ydata()[-1] <= max(bounds) for line in tracks)


def test_maps_draw_every_point_once(full):
    left, right = BY_NAME["figure_3"].make(*full).axes
    assert [len(c.get_offsets()) for c in left.collections] == [2, 2, 2]
    assert len(right.collections) == 3
    figure = BY_NAME["figure_4"].make(*full)
    titles = [a.get_title("left") for a in figure.axes[: len(figure.axes) // 2]]
    assert titles == ["Subj: BERT", "Subj: Ours"]
    assert all(len(a.collections[0].get_offsets()) == 6 for a in figure.axes)


def test_claims_are_shown_under_both_readings_and_in_parts(full):
    made = BY_NAME["claims"].make(*full)
    assert set(made.frame["reading"]) == {"best validation step", "last step"}
    assert [made.html.count(f">NC{i}</th>") for i in range(1, 14)] == [1] * 13
    parts = [set(BY_NAME[n].make(*full).frame["claim"]) for n in ("claims_topk", "claims_ablations", "claims_tsne")]
    assert parts == [{"NC7"}, {"NC8", "NC9", "NC10", "NC11"}, {"NC12", "NC13"}]


def test_more_updates_stand_beside_the_usual_ones(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "data", "mr")))
    plan = make_plan("dnm", "desk", tasks="mr")

    def percent(run):
        return 60 + run.seed + {"dnm": 2, "nonlinear": -3}.get(run.method, 0) * (run.recipe.steps // 125)

    frame = BY_NAME["table_long"].make(plan, filled(plan, percent, tmp_path / "store")).frame
    assert list(zip(frame["row"], frame["title"], frame["ours"], frame["gain"], strict=True)) == [
        ("BERT", "MR, 500 rows, 125 updates", 62, pytest.approx(np.nan, nan_ok=True)),
        ("BERT+NonlinearMixup", "MR, 500 rows, 125 updates", 59, pytest.approx(-3)),
        ("Ours", "MR, 500 rows, 125 updates", 64, pytest.approx(2)),
        ("BERT", "MR, 500 rows, 500 updates", 62, pytest.approx(np.nan, nan_ok=True)),
        ("BERT+NonlinearMixup", "MR, 500 rows, 500 updates", 50, pytest.approx(-12)),
        ("Ours", "MR, 500 rows, 500 updates", 70, pytest.approx(8)),
    ]

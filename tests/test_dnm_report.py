"""Every table and figure of the DNM notebooks, from made-up records and from none."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from mixutils import show
from mixutils.companion import Companion, figures, make_plan
from mixutils.papers import dnm
from mixutils.runs.records import Records
from mixutils.show import style
from mixutils.site.catalogue import NOTEBOOKS
from tests import notebook
from tests.fakes import data_folder, filled

BOOKS = tuple(name for name, paper in NOTEBOOKS.items() if paper == "dnm")
TABLES = {f"table_{t}" for t in (*range(1, 12), "own", "long", "share", "control", "policy", "space", "silhouette")}
TABLES |= {"claims", "claims_topk", "claims_ablations", "claims_tsne"}
FIGURES = {"figure_1", "figure_2", "figure_3", "figure_4", "size_curves", "size_gains", "gains", "verdicts", "topk"}
FIGURES |= {"weights", "ablations", "policy_movement", "policy_labels"}


class Made(NamedTuple):
    """What the notebooks saved: tables as their files say, figures as objects; None for what there is nothing to show of."""

    tables: dict[str, pd.DataFrame | None]
    figures: dict[str, plt.Figure | None]
    captions: list[str]


def run(plan, store, folder: Path, books=BOOKS, shuffle: int | None = None, draw: bool = False) -> Made:
    """Run notebooks; their files go into ``folder``. Pictures are empty files but for ``draw``: drawing takes longest."""
    made: dict[str, Any] = {}
    captions: list[str] = []
    save, results = Companion.save, show.display_results

    def keep(c, what, name, says=""):
        made[name] = what
        assert says or what is None or name in TABLES, f"{name} has no words for those who cannot see it"
        return save(c, what, name, says)

    def captioned(lines, **how):
        captions.append(how.get("caption", ""))
        return results(lines, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_FIGURES", str(folder))
        patch.setattr(Companion, "save", keep)
        patch.setattr(show, "display_results", captioned)
        if not draw:
            patch.setattr(style, "save", lambda figure, folder, name, *about: (folder / f"{name}.png").touch())
        for book in books:
            notebook.run(book, plan, store, shuffle)
        written = figures(plan.setting.profile.name, shuffle) / "dnm"
    files = {path.stem for path in written.iterdir() if path.suffix in (".csv", ".png")}
    assert files == {name for name, what in made.items() if what is not None}
    tables = {name: pd.read_csv(written / f"{name}.csv") if name in files else None for name in made if name in TABLES}
    return Made(tables, {name: what for name, what in made.items() if name not in TABLES}, captions)


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    style.use()


@pytest.fixture(scope="module")
def plan_and_store(tmp_path_factory):
    """The desk plan on Subj, SST-1 and a task of another paper, all runs done."""
    folder = tmp_path_factory.mktemp("full")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_DATA", str(data_folder(folder / "data", "subj", "sst1-sent")))
        plan = make_plan("dnm", "desk", tasks="subj,sst1-sent,docs-coarse")

    def percent(run):
        level = {"none": 60.0, "dnm": 64.0, "nonlinear": 62.0, "dnm-wo-lds": 55.0}.get(run.method, 61.0)
        return level + run.seed + (run.train_size > 50) - 10 * (run.encoder == "cnn")

    return plan, filled(plan, percent, folder)


@pytest.fixture(scope="module")
def full(plan_and_store, tmp_path_factory) -> Made:
    return run(*plan_and_store, tmp_path_factory.mktemp("figures"), draw=True)


def panels(figure) -> list[plt.Axes]:
    return [axis for axis in figure.axes if axis.get_visible()]


def drawn(axis) -> list[plt.Line2D]:
    """Lines with data; seaborn leaves empty ones behind for the legend."""
    return [line for line in axis.lines if len(line.get_xdata()) and line.get_marker() != "None"]


def test_everything_is_made_from_records(full):
    assert set(full.tables) == TABLES
    assert set(full.figures) == FIGURES
    nothing = {name for name, what in (full.tables | full.figures).items() if what is None}
    assert nothing == {"table_3", "table_4", "table_long"}  # MR and SST-2 are not in this plan
    assert all(isinstance(figure, plt.Figure) for figure in full.figures.values())


@pytest.mark.parametrize("profile", ["smoke", "full"])
def test_without_records_tables_say_so_and_there_are_no_figures(profile, tmp_path):
    made = run(make_plan("dnm", profile), Records(), tmp_path)
    assert {name for name, figure in made.figures.items() if figure is not None} == {"figure_1"}  # a drawing
    assert made.tables["table_own"]["note"].str.contains("not done").all()
    assert (made.tables["table_1"]["remark"] != "").all()
    assert set(made.tables["claims"]["verdict"]) == {"not tested", "illustration"}
    for name in ("share", "policy", "space", "silhouette"):
        assert made.tables[f"table_{name}"] is None


#: What is nothing without a method; other tables are there and say what is missing.
NEEDED = {
    "dnm": {"size_gains", "topk", "weights", "ablations", "policy_movement", "policy_labels", "figure_3"}
    | {"table_share", "table_policy", "table_space"},
    "none": {"gains"},
    "nonlinear": set(),
}
#: What needs runs of its own that the smoke profile does not plan.
UNPLANNED = {f"table_{t}" for t in (2, 3, 4, 5, 7, 9, 11, "control", "long")}


@pytest.mark.parametrize("gone", NEEDED)
def test_a_missing_method_stops_nothing(gone, tmp_path):
    plan = make_plan("dnm", "smoke", seeds="3")  # two seeds decide nothing
    store = filled(plan, lambda r: 60 + r.seed, tmp_path, skip=lambda r: r.method == gone)
    made = run(plan, store, tmp_path / "figures")
    nothing = {name for name, what in (made.tables | made.figures).items() if what is None}
    assert nothing - UNPLANNED == NEEDED[gone]
    assert set(made.tables["claims"]["verdict"]) <= set(style.VERDICT_MARKS)


def test_names_can_be_permuted(tmp_path):
    plan = make_plan("dnm", "smoke", seeds="3")
    store = filled(plan, lambda r: 60 + int(r.hash[:2], 16) / 50, tmp_path)
    plain = run(plan, store, tmp_path / "plain", ["dnm"]).tables["table_own"]
    permuted = run(plan, store, tmp_path / "permuted", shuffle=3).tables["table_own"]
    assert plain["row"].tolist() == permuted["row"].tolist()
    assert plain["ours"].tolist() != permuted["ours"].tolist()


# ------------------------------------------------------------------------------------------------------------- tables by hand


def test_table_1_has_printed_and_found_sizes(full):
    frame = full.tables["table_1"].set_index("data")
    assert frame.loc["subj", ["paper train", "paper test", "paper avg_len"]].tolist() == [8000, 1000, 23]
    assert frame.loc["subj", "used here, at most"] == "train 500, validation 100, test 100"
    assert frame.loc["mr", "remark"] == "not asked for"
    assert len(frame) == 4 + 1


def test_table_2_has_all_sizes_in_order_and_gains_over_bert(full):
    frame = full.tables["table_2"]
    assert list(dict.fromkeys(frame["row"])) == list(dnm.ROWS)
    ours = frame[frame["row"] == dnm.OURS].set_index("column")
    assert list(ours.index) == [f"subj/{n}" for n in ("50", "200", "500", "1000", "2000", "all")]
    assert ours.loc["subj/50", ["paper", "ours", "gain"]].tolist() == pytest.approx([93.4, 66.0, 4.0])
    assert ours.loc["subj/50", "se"] == pytest.approx(np.std(range(5), ddof=1) / np.sqrt(5), abs=1e-4)
    assert ours.loc["subj/50", "paper_gain"] == pytest.approx(93.4 - 89.5)
    assert ours.loc["subj/200", "note"] == "the desk setting trains on 50, 500 rows"


def test_all_data_are_as_many_rows_as_it_says_and_only_like_is_compared(full):
    """Tables 7, 9 and 11 are of 500 rows here and of 8,000 in the paper; Tables 2, 6, 8 and 10 have cells of one meaning."""
    for table, unlike in {2: False, 6: False, 7: True, 8: False, 9: True, 10: False, 11: True}.items():
        frame = full.tables[f"table_{table}"].dropna(subset=["ours", "paper"])
        assert len(frame) >= 3
        assert set(frame["apart"].fillna("")) == ({"ours: 500 rows; reported: 8,000"} if unlike else {""})
        assert frame["difference"].isna().all() == unlike
    claims = full.tables["claims"].drop_duplicates(["claim", "reading"]).set_index("claim")["apart"].fillna("")
    assert set(claims["NC1"]) == {""}
    assert set(claims["NC8"]) == {"in 3 of 6 columns ours: 500 rows; reported: 8,000"}


def test_table_6_compares_with_five_partners_and_says_the_size(full):
    frame = full.tables["table_6"].set_index(["row", "column"])
    assert frame.loc[("K=9", "subj"), "paper_gain"] == pytest.approx(92.9 - 93.4)
    assert frame.loc["K=5", "gain"].isna().all()
    assert frame.loc[("K=9", "subj"), "gain"] == pytest.approx(0)
    for n in (50, 500):
        assert any(f"Training rows: {n}." in caption for caption in full.captions)


def test_table_share_counts_partners_among_the_others(full):
    frame = full.tables["table_share"]
    assert set(frame["others in the batch"]) == {19}
    assert frame["share selected"].tolist() == pytest.approx([10 / 19] * len(frame), abs=1e-4)


def test_controls_stand_beside_what_they_take_apart(full):
    frame = full.tables["table_control"]
    assert list(dict.fromkeys(frame["row"])) == [dnm.OURS, "w/o DSS", "w/o DNM", *dnm.CONTROL_ROWS]
    assert set(frame["column"]) == {"subj", "docs-coarse"}
    assert frame.set_index(["row", "column"]).loc[("2K random partners", "subj"), "gain"] == pytest.approx(61 - 64)


def test_table_policy_sets_movement_beside_its_bound(full, plan_and_store):
    frame = full.tables["table_policy"].set_index("policy")
    assert list(frame.index) == list(dnm.scope(plan_and_store[0].setting).policies)
    fast, slow = frame.loc["0.001, start N(0, 1)"], frame.loc["2e-05, start N(0, 1)"]
    assert fast["steps × rate"] == pytest.approx(50 * slow["steps × rate"])
    assert fast["steps × rate"] == pytest.approx(125 * 8 * 1e-3)


def test_more_updates_stand_beside_the_usual_ones(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "data", "mr")))
    plan = make_plan("dnm", "desk", tasks="mr")

    def percent(run):
        return 60 + run.seed + {"dnm": 2, "nonlinear": -3}.get(run.method, 0) * (run.recipe.steps // 125)

    frame = run(plan, filled(plan, percent, tmp_path / "store"), tmp_path / "figures", ["dnm"]).tables["table_long"]
    gains = [(dnm.PLAIN, 62, None), (dnm.RIVAL, 59, -3), (dnm.OURS, 64, 2)]
    longer = [(dnm.PLAIN, 62, None), (dnm.RIVAL, 50, -12), (dnm.OURS, 70, 8)]
    expected = [(updates, *line) for updates, lines in ((125, gains), (500, longer)) for line in lines]
    assert frame["title"].tolist() == [f"MR, 500 rows, {updates} updates" for updates, *_ in expected]
    assert frame["row"].tolist() == [row for _, row, *_ in expected]
    assert frame["ours"].tolist() == [ours for *_, ours, _ in expected]
    assert frame["gain"].tolist() == pytest.approx([np.nan if g is None else g for *_, g in expected], nan_ok=True)


def test_claims_are_shown_under_both_readings_and_in_parts(full):
    frame = full.tables["claims"]
    assert set(frame["reading"]) == {"best validation step", "last step"}
    assert list(dict.fromkeys(frame["claim"])) == [f"NC{i}" for i in range(1, 14)]
    parts = {
        "claims_topk": ["NC7"],
        "claims_ablations": ["NC8", "NC9", "NC10", "NC11"],
        "claims_tsne": ["NC12", "NC13"],
    }
    whole = frame.set_index(["claim", "reading"])[["verdict", "p_holm"]]
    for name, keys in parts.items():
        part = full.tables[name]
        assert list(dict.fromkeys(part["claim"])) == keys
        shown = part.set_index(["claim", "reading"])[["verdict", "p_holm"]]
        pd.testing.assert_frame_equal(shown.sort_index(), whole.loc[shown.index.unique()].sort_index())


# ------------------------------------------------------------------------------------------------------------ figures by hand


def test_size_curves_have_the_colours_of_their_methods_and_dash_the_cnn(full):
    axes = panels(full.figures["size_curves"])
    lines = dict(zip(dnm.ROWS, drawn(axes[0]), strict=True))
    for row, (method, shallow) in dnm.ROWS.items():
        assert to_hex(lines[row].get_color()) == style.colour(method)
        assert lines[row].is_dashed() == shallow
    np.testing.assert_allclose(lines[dnm.OURS].get_xdata(), [50, 500], rtol=0.2)  # beside the others
    np.testing.assert_allclose(lines[dnm.OURS].get_ydata(), [66, 67])
    assert [a.get_title() for a in axes] == ["Subj", "SST-1", "Docstrings, coarse"]


def test_size_gains_by_hand_with_published_differences(full):
    data = {tuple(np.round(line.get_ydata(), 6)) for line in drawn(panels(full.figures["size_gains"])[0])}
    ours = {(4.0, 4.0), (2.0, 2.0)}  # over BERT, over NonlinearMixup
    published = {(3.9, 2.1), (1.0, 0.7)}  # Subj: 93.4 - 89.5, 95.6 - 93.5; 93.4 - 92.4, 95.6 - 94.9
    assert data == ours | published


def test_figure_2_shows_no_loss_of_another_kind(full):
    axes = full.figures["figure_2"].axes
    assert [len(drawn(a)) for a in axes] == [2, 2, 3, 3]  # losses above without BERT's cross-entropy, accuracy below


def test_topk_draws_both_sizes_and_the_published_numbers(full):
    axes = panels(full.figures["topk"])
    assert [len(drawn(a)) for a in axes] == [2, 2, 1, 1, 3]
    assert drawn(axes[0])[1].get_ydata().tolist() == [92.5, 93.4, 92.9]
    assert [a.get_title() for a in axes[:2]] == ["Subj, 50 rows", "Subj, 500 rows\nours: 500 rows; reported: 8,000"]
    assert drawn(axes[-1])[0].get_ydata()[4] == pytest.approx(100 * 10 / 19)


def test_policy_movement_stays_below_the_bound(full):
    for axis in panels(full.figures["policy_movement"]):
        ends, bounds = ([float(p.get_offsets()[0, 0]) for p in axis.collections[i::2]] for i in (0, 1))
        assert len(drawn(axis)) == len(ends) == len(bounds) == 7
        assert len({round(bound, 9) for bound in bounds}) == 2
        assert [line.get_xdata()[-1] for line in drawn(axis)] == pytest.approx(ends)
        assert all(end <= bound for end, bound in zip(ends, bounds, strict=True))


def test_policy_labels_has_a_row_per_policy_and_every_seed(full, plan_and_store):
    axes = panels(full.figures["policy_labels"])
    assert len(axes) == 3
    assert [label.get_text() for label in axes[0].get_yticklabels()] == list(
        dnm.scope(plan_and_store[0].setting).policies
    )
    assert {len(line.get_xdata()) for axis in axes for line in drawn(axis)} == {2}


def test_maps_draw_every_point_once(full):
    assert [sum(len(p.get_offsets()) for p in a.collections) for a in full.figures["figure_3"].axes] == [6, 6]
    axes = full.figures["figure_4"].axes
    assert [a.get_title().split("\n")[0] for a in axes[:2]] == [f"Subj: {dnm.PLAIN}", f"Subj: {dnm.OURS}"]
    assert [sum(len(p.get_offsets()) for p in a.collections) for a in axes] == [6] * 4
    (legend,) = full.figures["figure_4"].legends
    assert [text.get_text()[:6] for text in legend.get_texts()] == ["Subj: "] * 2

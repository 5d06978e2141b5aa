"""Every table and figure of DMIX's notebooks on thresholds, layers, the matrix and attention, from made-up records and from none."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from mixutils.companion import make_plan
from mixutils.papers.published import published
from mixutils.runs.records import Records
from mixutils.show import style
from tests.fakes import data_folder, done, shipped
from tests.notebook import run

#: Notebook -> its tables and its figures.
SAVED = {
    "dmix_thresholds": ({"thresholds", "claims_thresholds"}, {"shares", "histograms", "partners", "figure_3"}),
    "dmix_layers": ({"table_5", "claims_layers"}, {"layer_map"}),
    "dmix_matrix": ({"matrix", "order", "claims_matrix"}, {"movement", "beliefs", "plane"}),
    "dmix_attention": (set(), {"table_7"}),
}
CLAIMS = {"thresholds": ["DC9", "DC10"], "layers": ["DC8"], "matrix": ["DC3", "DC4"]}


def option(run_, name):
    return dict(run_.options).get(name)


def with_movement(record: dict) -> dict:
    """A curve on which M has moved, where the run trains M."""
    for i, point in enumerate(record["curve"]):
        point["mixer"] = {"moved_mean": 1e-4 * (i + 1), "moved_max": 1e-3 * (i + 1)}
    return record


def record_of(run_) -> dict:
    """TMix at 55 and better with layers {0,1,2}, DMIX by its T, seed 3 best on validation; words that are no plain text."""
    level = 55.0 if run_.method == "tmix" else 50 + 10 * (option(run_, "T") or 0.7 * (option(run_, "T") is None))
    level += 2.0 * (option(run_, "levels") == (0, 1, 2))
    record = with_movement(done(run_, {"validation": 60.0 - abs(run_.seed - 3), "test": level}))
    if "dmix-attention" in record.get("probes", {}):
        record["probes"]["dmix-attention"]["real"].insert(
            0,
            {"words": ["$\\frac$", "<b>"], "attention": [0.0, 0.0], "predicted": "$x", "label": "no", "confidence": 1},
        )
    return record


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """The desk plan on the data at hand."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path_factory.mktemp("data"), "trac", "trec-coarse", "cola")))
        return make_plan("dmix", "desk")


@pytest.fixture(scope="module")
def full(plan, tmp_path_factory):
    """Notebook -> the names that it leaves, from records of all runs; all save into one folder."""
    out = {}
    store = shipped(map(record_of, plan.runs), tmp_path_factory.mktemp("records"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_FIGURES", str(tmp_path_factory.mktemp("figures")))
        for name in SAVED:
            out[name] = run(name, plan, store)
    return out


def table(names: dict, name: str) -> pd.DataFrame:
    return pd.read_csv(names["c"].folder / f"{name}.csv")


def stems(folder: Path, ending: str) -> set[str]:
    return {p.stem for p in folder.glob(f"*.{ending}")}


def test_everything_is_made_from_records(full):
    folder = full["dmix_layers"]["c"].folder
    tables, figures = (set().union(*(saved[i] for saved in SAVED.values())) for i in (0, 1))
    assert stems(folder, "csv") == tables
    assert stems(folder, "png") == figures == stems(folder, "svg")
    assert all(len(pd.read_csv(folder / f"{name}.csv")) for name in tables)


@pytest.mark.parametrize("name", SAVED)
@pytest.mark.parametrize("profile", ["smoke", "desk"])
def test_without_records_figures_are_none_and_tables_say_so(name, profile, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    names = run(name, make_plan("dmix", profile), Records())
    folder = names["c"].folder
    assert stems(folder, "png") == set()
    assert stems(folder, "csv") == SAVED[name][0]
    if name == "dmix_layers":
        assert table(names, "table_5")["note"].notna().all()
    for claims in (k for k in SAVED[name][0] if k.startswith("claims")):
        assert set(table(names, claims)["verdict"]) == {"not tested"}


@pytest.fixture
def unwritten(monkeypatch):
    """Figures are drawn and not written, which takes most of the time."""
    monkeypatch.setattr(style, "save", lambda *_: None)


@pytest.mark.usefixtures("unwritten")
@pytest.mark.parametrize("name", SAVED)
def test_one_seed_and_missing_tmix_stop_nothing(name, plan, tmp_path):
    records = (with_movement(done(r, 60.0)) for r in plan.runs if r.seed == 0 and r.method != "tmix")
    run(name, plan, shipped(records, tmp_path / "r"))


@pytest.mark.usefixtures("unwritten")
@pytest.mark.parametrize("name", SAVED)
def test_permuted_names_stop_nothing_and_have_a_folder_of_their_own(name, plan, tmp_path):
    store = shipped(map(record_of, plan.runs), tmp_path / "r")
    assert run(name, plan, store, shuffle=3)["c"].folder.parent.name == "desk-shuffle-3"


# Thresholds


def test_threshold_table_reads_the_grid(full):
    lines = table(full["dmix_thresholds"], "thresholds")
    assert len(lines) == 3 * 4 * 3  # data sets, distances, normalisations
    assert (lines["T below 95 %"] == 0.85).all()  # the fake selects everybody up to 0.8
    assert (lines["T below 50 %"] == 0.85).all()
    assert (lines["share at 0.7, %"] == 100).all()
    assert (lines["weight"] == 0.8).all()


def test_figure_3_has_tmix_as_a_line_of_its_own(full):
    left, right = full["dmix_thresholds"]["figure_3"].axes
    assert [t.get_text() for t in left.get_xticklabels()] == ["TMix", "0", "70", "80", "90"]
    curve = next(line for line in left.lines if len(line.get_xdata()) == 4)
    np.testing.assert_allclose(curve.get_xydata(), [[1, 50], [2, 57], [3, 58], [4, 59]])  # joins thresholds, not TMix
    (reference,) = (line for line in left.lines if line.get_label() == "TMix, TRAC")
    np.testing.assert_allclose(reference.get_ydata(), 55.0)
    runs = full["dmix_thresholds"]["steps"]
    assert sum(len(dots.get_offsets()) for dots in right.collections) >= len(runs)
    assert runs.groupby("T")["at once"].mean().tolist() == [60.0] * 4
    assert {t.get_text() for t in right.texts} == set()  # nothing that could touch


# Layers


def test_table_5_compares_every_set_with_the_methods_own(full):
    lines = table(full["dmix_layers"], "table_5").set_index(["row", "column"])
    assert lines.loc["{0,1,2}", "cola/TMix"]["gain"] == pytest.approx(2)
    assert lines.loc["{7,9,12}", "cola/DMix"]["gain"] == pytest.approx(0)
    assert math.isnan(lines.loc["{7,9,12}", "cola/TMix"]["gain"])
    assert lines.loc["{0,1,2}", "cola/DMix"]["paper_gain"] == pytest.approx(94.08 - 95.94)
    assert lines.loc["{0,1,2}", "cola/DMix"]["title"] == "CoLA, DMix"
    assert lines.loc["{0,1,2}", "ahs/DMix"]["note"] == "not in the desk profile"
    assert set(lines.index.get_level_values("column")) == {
        f"{task}/{row}" for task in ("trec-coarse", "cola", "hasoc", "ahs") for row in ("TMix", "DMix")
    }


def test_the_layer_map_shows_ours_beside_the_printed_one(full):
    ours, printed, _ = full["dmix_layers"]["layer_map"].axes
    texts = [t.get_text() for t in ours.texts]
    assert texts.count("not\ntrained") == 2 * 4  # sets that only the paper has
    assert len(texts) - 2 * 4 == 3 * 2 * 2  # sets, data sets, methods
    assert sum(t.endswith("◇") for t in texts) == 2 * 2
    assert "+2.0\n± 0.0" in texts  # {0,1,2}, by the fake
    assert "TREC\ncoarse\nTMix" in {t.get_text() for t in ours.get_xticklabels()}
    at = {s: published("dmix")["5", s, "ahs/DMix"].number for s in ("{3,4}", "{3,4,6,7,9,12}")}
    assert f"{at['{3,4}'] - at['{3,4,6,7,9,12}']:+.1f}" in {t.get_text() for t in printed.texts}
    assert len(printed.texts) == 5 * 6
    assert [len(axis.patches) for axis in (ours, printed)] == [1, 1]  # a frame round what both have


# The matrix


def test_the_matrix_table_and_its_figures_name_the_rate(full):
    lines = table(full["dmix_matrix"], "matrix")
    assert lines["loss, rate of M"].tolist() == ["KL, 2e-05", "KL, 0.0002", "KL, 0.001", "KL, 0.01", "CE, 0.01"]
    assert set(lines["towards the belief, %"]) == {75.0}
    assert set(lines["entries"]) == {90}
    assert set(lines["test F1, %"]) == {57.0}
    mean, largest = full["dmix_matrix"]["movement"].axes
    np.testing.assert_allclose(mean.lines[0].get_ydata(), [1e-4, 2e-4, 3e-4])
    np.testing.assert_allclose(largest.lines[0].get_ydata(), [1e-3, 2e-3, 3e-3])
    (axis,) = full["dmix_matrix"]["beliefs"].axes
    assert axis.get_xticklabels()[0].get_text() == "KL\nrate of M 2e-05\n75 % moved\ntowards the belief"


def test_the_order_table_has_a_line_for_every_other_distance(full):
    lines = table(full["dmix_matrix"], "order")
    assert lines["data"].unique().tolist() == ["TRAC", "TREC coarse", "CoLA"]
    assert set(lines["farthest tenth shared, %"]) == {25.0}
    assert set(lines["norm of embeddings"]) == {"6.0 to 8.0"}


# Attention


def test_table_7_takes_the_seed_that_is_best_on_validation(full):
    chosen = full["dmix_attention"]["chosen"]
    assert chosen["title"].unique().tolist() == ["TRAC"]
    assert chosen["seed"].to_dict() == {"TMix": 3, "DMix NT": 3, "DMix": 3}


def test_table_7_shows_printed_sentences_predictions_and_correctness_and_any_word(full):
    figure = full["dmix_attention"]["table_7"]
    texts = [t.get_text() for t in figure.axes[0].texts]
    drawn = list(full["dmix_attention"]["PRINTED"].values())[:2]
    assert texts.count("NAG ✓; paper OAG ✗") == sum(said == "OAG" for labels in drawn for said in labels.values()) > 0
    wrong = next(t for t in figure.axes[0].texts if t.get_text() == "$x ✗ (is no)")
    assert to_hex(wrong.get_color()) == full["dmix_attention"]["WRONG"][1]
    assert {"$\\frac$", "<b>"} <= set(texts)
    assert len(full["dmix_attention"]["lines"]) == 6 + 3  # the table has them all


# Claims


@pytest.mark.parametrize("name", CLAIMS)
def test_claims_of_a_notebook_are_those_it_names_with_the_words_of_the_first_notebook(name, full):
    names = full[f"dmix_{name}"]
    lines = table(names, f"claims_{name}")
    assert list(dict.fromkeys(lines["claim"])) == CLAIMS[name]
    assert set(lines["reading"]) == {"micro F1, weighted on TRAC", "macro F1"}
    assert [v.key for v in next(iter(names["readings"].values())).verdicts()] == [f"DC{i}" for i in range(1, 13)]

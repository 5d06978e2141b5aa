"""Every table and figure of the DMIX paper, from made-up records and from none."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from mixutils.companion import make_plan
from mixutils.evidence import curves
from mixutils.papers import dmix
from mixutils.papers.published import number
from mixutils.report import dmix as report
from mixutils.report.dmix_attention import WRONG, best_seed
from mixutils.report.dmix_figures import curve_of, steps_to
from mixutils.runs.records import Records
from mixutils.show import style
from mixutils.show.artifacts import Table
from tests.fakes import data_folder, done, filled, shipped

PAPERS = {"dmix": report.ARTIFACTS}
NAMES = [(paper, a.name) for paper, artifacts in PAPERS.items() for a in artifacts]
DESK = ("trac", "trec-coarse", "cola", "ttc", "essc")


def artifact(paper: str, name: str):
    return next(a for a in PAPERS[paper] if a.name == name)


def with_movement(record: dict) -> dict:
    """A curve on which M has moved, where the run trains M."""
    for i, point in enumerate(record["curve"]):
        point["mixer"] = {"moved_mean": 1e-4 * (i + 1), "moved_max": 1e-3 * (i + 1)}
    return record


@pytest.fixture(autouse=True)
def _style():
    style.use()
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """Paper -> plan and store: the desk plan on the data at hand, all runs done."""
    out = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path_factory.mktemp("data"), *DESK)))
        for paper in PAPERS:
            plan = make_plan(paper, "desk")
            level = {"dmix": 62.0, "none": 60.0}
            records = (with_movement(done(r, level.get(r.method, 61.0) + r.seed)) for r in plan.runs)
            out[paper] = plan, shipped(records, tmp_path_factory.mktemp(paper))
    return out


@pytest.mark.parametrize(("paper", "name"), NAMES)
def test_every_artifact_is_made_from_records(paper, name, full):
    made = artifact(paper, name).make(*full[paper])
    assert isinstance(made, Table | plt.Figure)
    if isinstance(made, Table):
        assert len(made.frame)
        assert "<table" in made.html


@pytest.mark.parametrize(("paper", "name"), NAMES)
def test_without_records_tables_say_so_and_figures_are_none(paper, name, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    for profile in ("smoke", "desk"):
        made = artifact(paper, name).make(make_plan(paper, profile), Records())
        if isinstance(made, Table):
            words = ("not done", "no runs yet", "not tested", "profile", "–")
            assert any(word in made.html for word in words)
        else:
            assert made is None


@pytest.mark.parametrize(("paper", "name"), NAMES)
def test_one_seed_and_missing_tmix_stop_nothing(paper, name, full, tmp_path):
    plan, _ = full[paper]
    records = (with_movement(done(r, 60.0)) for r in plan.runs if r.seed == 0 and r.method != "tmix")
    artifact(paper, name).make(plan, shipped(records, tmp_path))


@pytest.mark.parametrize("paper", PAPERS)
def test_names_titles_and_captions_are_there_once(paper):
    names = [a.name for a in PAPERS[paper]]
    assert len(set(names)) == len(names)
    assert all(a.title and a.caption.endswith(".") for a in PAPERS[paper])


def test_a_view_has_the_columns_of_its_table_and_says_why_others_are_empty(full):
    plan, _ = full["dmix"]
    view = report.view(plan, "2")
    assert [c.key for c in view.columns] == ["trac", "trec-coarse"]
    assert view.absent["ahs"] == "not in the desk profile"
    assert view.absent["cola"] == "this table of it is not in the desk profile"
    layers = report.view(plan, dmix.LAYERS)
    assert [c.title for c in layers.columns] == ["TREC coarse, TMix", "TREC coarse, DMix", "CoLA, TMix", "CoLA, DMix"]
    assert "ahs/DMix" in layers.absent


def test_table_2_has_gains_over_tmix_beside_the_printed_ones(full):
    frame = artifact("dmix", "table_2").make(*full["dmix"]).frame.set_index(["row", "column"])
    line = frame.loc["DMix", "trac"]
    assert line["ours"] == pytest.approx(64)  # seeds add 0 to 4
    assert line["gain"] == pytest.approx(1)
    assert line["paper_gain"] == pytest.approx(78.67 - 75.41)
    assert line["gain_low"] <= line["gain"] <= line["gain_high"]
    assert line["difference"] == pytest.approx(64 - 78.67)
    assert math.isnan(frame.loc["TMix", "trac"]["gain"])
    assert frame.loc["DMix", "ttc"]["note"] == "not in the desk profile"


def test_table_5_compares_every_set_with_the_methods_own(full, tmp_path):
    plan, _ = full["dmix"]
    level = {(0, 1, 2): 58.0, None: 60.0}
    store = filled(plan, lambda r: level.get(dict(r.options).get("levels"), 59.0) + r.seed, tmp_path)
    frame = artifact("dmix", "table_5").make(plan, store).frame.set_index(["row", "column"])
    assert frame.loc["{0,1,2}", "cola/TMix"]["gain"] == pytest.approx(-2)
    assert frame.loc["{7,9,12}", "cola/DMix"]["gain"] == pytest.approx(-1)
    assert math.isnan(frame.loc["{7,9,12}", "cola/TMix"]["gain"])
    assert frame.loc["{0,1,2}", "cola/DMix"]["paper_gain"] == pytest.approx(94.08 - 95.94)


def test_table_6_quotes_without_training(full):
    made = artifact("dmix", "table_6").make(*full["dmix"])
    frame = made.frame.set_index(["row", "column"])
    assert frame.loc["XLNet", "sst2-10k"]["paper"] == 97.0
    assert frame.loc["XLNet", "trec-coarse"]["note"] == "quoted by the paper, not trained"
    assert np.isnan(frame.loc["XLNet", "trec-coarse"]["ours"])
    assert frame.loc["EMix", "trec-coarse"]["ours"] == pytest.approx(63)
    assert "quoted by the paper" in made.html


def test_table_1_prints_the_share_of_a_constant_guess(full, tmp_path):
    plan, _ = full["dmix"]
    records = [done(r, 50) for r in plan.runs]
    for r in records:
        half = r["data"]["sizes"]["train"] // 2
        r["data"]["sizes"]["train"] = 2 * half
        r["data"]["histogram"] = {"train": [half, half], "validation": [50, 50], "test": [75, 25]}
    frame = artifact("dmix", "table_1").make(plan, shipped(records, tmp_path)).frame.set_index("data")
    assert frame.loc["trac", "largest class of test, %"] == "75.0"
    assert frame.loc["trac", "paper samples"] == "5,329"
    assert frame.loc["ahs", "remark"] == "not in the desk profile"


def test_table_8_shows_the_runs_own_setup(full):
    frame = artifact("dmix", "table_8").make(*full["dmix"]).frame.set_index("parameter")
    assert frame.loc["Optimizer"].tolist() == ["BERTAdam", "bertadam"]
    assert str(frame.loc["Batch Size", "ours"]) == "8"
    assert frame.loc["Hardware", "ours"] == "a fake CPU"


def test_figure_2_draws_medians_and_counts_those_that_are_there_at_once(full, tmp_path):
    plan, _ = full["dmix"]
    figure = artifact("dmix", "figure_2").make(plan, filled(plan, lambda r: 61.0, tmp_path))
    benchmark, own = figure.axes
    for axis in (benchmark, own):
        assert {p.get_width() for p in axis.patches} == {
            1.0
        }  # fake curves are flat: there at the first evaluation, step 1
        assert {t.get_text() for t in axis.texts} == {"1, 5 of 5 at once"}
    labels = [t.get_text() for t in figure.legends[0].get_texts()]
    assert labels == ["TMix", "DMix NT", "DMix"]
    assert to_hex(benchmark.patches[0].get_facecolor()) == style.colour("tmix")
    goals = [t.get_text() for t in benchmark.get_yticklabels()]
    assert goals == ["TRAC\nto F1 60.5", "TREC coarse\nto F1 60.5"]  # half a point below where TMix ends


def test_steps_are_first_crossings_and_both_kinds_of_censoring_are_counted():
    curve = pd.DataFrame({0: [50.0, 60, 55], 1: [60.0, 50, 61], 2: [50.0, 51, 52]}, index=[10, 20, 30])
    found = steps_to(curve, 60.0)
    assert found.steps.to_dict() == {0: 20, 1: 10, 2: 30}
    assert (found.at_once, found.never) == (1, 1)
    own = steps_to(curve, 0.99 * curve.max())
    assert own.steps.to_dict() == {0: 20, 1: 30, 2: 30}
    assert (own.at_once, own.never) == (0, 0)


def test_steps_are_read_from_validation_and_on_trac_in_weighted_f1(full, tmp_path):
    plan, _ = full["dmix"]
    records = [done(r, {"validation": 60.0, "test": 90.0}) for r in plan.runs]
    for r in records:
        for point in r["curve"]:
            point["metrics"]["validation"]["f1_weighted"] = 0.4
    points = curves(plan, shipped(records, tmp_path))
    for column, value in (("trac", 40.0), ("trec-coarse", 60.0)):
        curve = curve_of(points, "3", "DMix", column)
        assert curve.index.tolist() == [1, 2, 4]
        assert curve.columns.tolist() == [0, 1, 2, 3, 4]
        np.testing.assert_allclose(curve, value)


def test_figure_3_has_tmix_as_a_line_of_its_own(full, tmp_path):
    plan, _ = full["dmix"]
    store = filled(plan, lambda r: 55.0 if r.method == "tmix" else 50 + 10 * dict(r.options).get("T", 0.7), tmp_path)
    left = artifact("dmix", "figure_3").make(plan, store).axes[0]
    curve, reference = left.lines
    np.testing.assert_allclose(curve.get_xydata(), [[0, 50], [70, 57], [80, 58], [90, 59]])
    np.testing.assert_allclose(reference.get_ydata(), 55.0)


def test_the_layer_map_shows_ours_beside_the_printed_one(full):
    ours, printed, _ = artifact("dmix", "layer_map").make(*full["dmix"]).axes
    texts = [t.get_text() for t in ours.texts]
    assert len(texts) == 3 * 2 * 2  # sets, data sets, methods
    assert sum(t.endswith("*") for t in texts) == 2 * 2
    assert "TREC coarse\nTMix" in {t.get_text() for t in ours.get_xticklabels()}
    assert f"{number('dmix', '5', '{3,4}', 'ahs/DMix'):.1f}" in {t.get_text() for t in printed.texts}
    assert len(printed.texts) == 5 * 6


def test_threshold_table_reads_the_grid(full):
    frame = artifact("dmix", "thresholds").make(*full["dmix"]).frame
    assert len(frame) == 3 * 4 * 3  # data sets, distances, normalisations
    line = frame.iloc[0]
    assert line["T below 95 %"] == line["T below 50 %"] == "0.85"  # the fake selects everybody up to 0.8
    assert line["share at 0.7, %"] == 100
    assert line["weight"] == 0.8


def test_the_matrix_table_and_its_figures_name_the_rate(full):
    frame = artifact("dmix", "matrix").make(*full["dmix"]).frame
    assert frame["loss, rate of M"].tolist() == ["KL, 2e-05", "KL, 0.0002", "KL, 0.001", "KL, 0.01", "CE, 0.01"]
    assert set(frame["towards the belief, %"]) == {75.0}
    axes = artifact("dmix", "movement").make(*full["dmix"]).axes
    np.testing.assert_allclose(axes[0].lines[0].get_ydata(), [1e-4, 2e-4, 3e-4])
    titles = [a.get_title("left") for a in artifact("dmix", "beliefs").make(*full["dmix"]).axes]
    assert titles[0] == "KL, rate of M 2e-05\n75 % moved towards it"


def test_table_7_takes_the_seed_that_is_best_on_validation(full, tmp_path):
    plan, _ = full["dmix"]
    store = filled(plan, lambda r: {"validation": 60 - abs(r.seed - 3), "test": 90 if r.seed == 0 else 50}, tmp_path)
    column, found = best_seed(plan, store)
    assert column.key == "trac"
    assert {row: p["seed"] for row, p in found.items()} == {"TMix": 3, "DMix NT": 3, "DMix": 3}


def test_table_7_shows_printed_sentences_predictions_and_correctness(full):
    figure = artifact("dmix", "table_7").make(*full["dmix"])
    texts = [t.get_text() for t in figure.axes[0].texts]
    assert texts.count("NAG ✓; paper OAG") >= 3  # what TMix says of two sentences, DMIX of one
    assert "yes ✗ (is no)" in texts
    wrong = next(t for t in figure.axes[0].texts if t.get_text() == "yes ✗ (is no)")
    assert (wrong.get_text()[4], to_hex(wrong.get_color())) == WRONG


def test_table_7_survives_any_word(full, tmp_path):
    plan, _ = full["dmix"]
    records = [done(r, 50) for r in plan.runs]
    for r in records:
        if "dmix-attention" in r.get("probes", {}):
            r["probes"]["dmix-attention"]["real"] = [
                {
                    "words": ["$\\frac$", "<b>"],
                    "attention": [0.0, 0.0],
                    "predicted": "$x",
                    "label": "no",
                    "confidence": 1,
                }
            ]
    artifact("dmix", "table_7").make(plan, shipped(records, tmp_path)).canvas.draw()


def test_claims_of_a_notebook_are_those_it_names(full):
    for name, keys in (("thresholds", ["DC9", "DC10"]), ("layers", ["DC8"]), ("matrix", ["DC3", "DC4"])):
        made = artifact("dmix", f"claims_{name}").make(*full["dmix"])
        assert list(dict.fromkeys(made.frame["claim"])) == keys
        assert set(made.frame["reading"]) == {"micro F1, weighted on TRAC", "macro F1"}
    whole = artifact("dmix", "claims").make(*full["dmix"])
    assert len(set(whole.frame["claim"])) == 12

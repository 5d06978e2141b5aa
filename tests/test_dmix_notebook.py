"""Every table and figure of dmix.ipynb, from made-up records and from none."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from mixutils.companion import make_plan
from mixutils.papers import dmix
from mixutils.papers.published import published
from mixutils.runs.records import Records
from mixutils.show import style
from tests.fakes import data_folder, done, filled, shipped
from tests.notebook import run

DESK = ("trac", "trec-coarse", "cola", "ttc")
TABLES = {"chosen", "table_1", "table_2", "table_3", "table_3_nt", "table_4", "table_6", "table_8"}
TABLES |= {"averages", "steps", "claims"}
FIGURES = {"figure_1", "figure_2", "gains", "verdicts"}


def made(plan, store, shuffle=None) -> tuple[dict, Path]:
    """The notebook's names, and the folder of what it saved."""
    names = run("dmix", plan, store, shuffle)
    return names, names["c"].folder


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv")


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """The desk plan on the data at hand."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path_factory.mktemp("data"), *DESK)))
        return make_plan("dmix", "desk")


@pytest.fixture(scope="module")
def ordered(plan, tmp_path_factory):
    """DMIX a point above the others, which are a point above no mixup; seeds add 0 to 4."""
    level = {"dmix": 62.0, "none": 60.0}
    return filled(plan, lambda r: level.get(r.method, 61.0) + r.seed, tmp_path_factory.mktemp("ordered"))


@pytest.fixture(scope="module")
def full(plan, ordered, tmp_path_factory):
    """What the notebook makes of records as most are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_FIGURES", str(tmp_path_factory.mktemp("full")))
        return made(plan, ordered)


#: DMIX's F1 on validation of TREC coarse at the three evaluations, of three seeds.
CROSSING = {0: (50.0, 60.0, 55.0), 1: (60.0, 50.0, 61.0), 2: (50.0, 51.0, 52.0)}


def odd_record(run_) -> dict:
    """90 on test, 60 on validation but for weighted F1 on TRAC and what crosses; some runs predict one class; a large class;
    notes that are no text."""
    record = done(run_, {"validation": 60.0, "test": 90.0})
    record["data"] |= {"histogram": {"train": [125, 125], "test": [75, 25]}, "notes": ["<img src=x>"]}
    for m in record["selected"]["best-on-validation"]["metrics"].values():
        m |= {"f1_macro": 0.3, "predicted_classes": 1 if run_.seed < 2 else 2, "f1_per_class": [0.9, 0.2]}
        m["f1_weighted"] = 0.45
    flat = (60.0, 60.0, 60.0)
    crosses = run_.method == "dmix" and run_.task == "trec-coarse"
    for point, f1 in zip(record["curve"], CROSSING.get(run_.seed, flat) if crosses else flat, strict=True):
        own = point["metrics"]["validation"] | {"f1_micro": f1 / 100, "f1_weighted": 0.4}
        point["metrics"] = point["metrics"] | {"validation": own}
    return record


@pytest.fixture(scope="module")
def odd(plan, tmp_path_factory):
    """What the notebook makes of such records."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_FIGURES", str(tmp_path_factory.mktemp("odd")))
        return made(plan, shipped(map(odd_record, plan.runs), tmp_path_factory.mktemp("records")))


def test_everything_is_made_from_records(full):
    _, folder = full
    assert {p.stem for p in folder.glob("*.csv")} == TABLES
    assert {p.stem for p in folder.glob("*.png")} == FIGURES == {p.stem for p in folder.glob("*.svg")}
    assert all(len(table(folder, name)) for name in TABLES)


@pytest.mark.parametrize("profile", ["smoke", "desk"])
def test_without_records_tables_say_so_and_figures_are_none(profile, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    _, folder = made(make_plan("dmix", profile), Records())
    assert {p.stem for p in folder.glob("*.png")} == {"figure_1"}  # the drawing
    assert table(folder, "averages").empty
    assert set(table(folder, "table_1")["ours"]) == {"–"}
    for name in ("table_2", "table_3", "table_4", "table_6"):
        assert table(folder, name)["note"].notna().all()
    assert table(folder, "table_8").set_index("parameter").loc["Hardware", "ours"] == "no runs yet"
    assert set(table(folder, "claims")["verdict"]) == {"not tested"}


def test_one_seed_and_missing_tmix_stop_nothing(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(style, "save", lambda *_: None)
    records = (done(r, 60.0) for r in plan.runs if r.seed == 0 and r.method != "tmix")
    names, folder = made(plan, shipped(records, tmp_path / "r"))
    assert table(folder, "table_2")["gain"].isna().all()
    assert names["figure_2"] is None  # no benchmark


def test_permuted_names_show_other_numbers_in_a_folder_of_their_own(plan, ordered, full, monkeypatch):
    monkeypatch.setattr(style, "save", lambda *_: None)
    _, folder = made(plan, ordered, shuffle=3)
    assert folder.parent.name == "desk-shuffle-3"
    assert not table(folder, "table_2")["ours"].equals(table(full[1], "table_2")["ours"])


def test_tables_have_the_columns_that_the_paper_prints_or_we_compute_and_say_why_some_are_empty(full):
    lines = table(full[1], "table_2").set_index(["row", "column"])
    printed = {t: {x.column for x in published("dmix").values() if x.table == t} for t in ("2", "4")}
    assert {k for _, k in lines.index} == printed["2"]
    assert lines.loc["DMix", "ttc"]["note"] == "not in the desk profile"
    assert lines.loc["DMix", "cola"]["note"] == "not in the desk profile"
    assert {k for _, k in table(full[1], "table_4").set_index(["row", "column"]).index} == printed["4"]


def test_table_2_has_gains_over_tmix_beside_the_printed_ones(full):
    lines = table(full[1], "table_2").set_index(["row", "column"])
    line = lines.loc["DMix", "trac"]
    assert line["ours"] == pytest.approx(64)  # seeds add 0 to 4
    assert line["gain"] == pytest.approx(1)
    assert line["paper_gain"] == pytest.approx(78.67 - 75.41)
    assert line["gain_low"] <= line["gain"] <= line["gain_high"]
    assert math.isnan(line["difference"])  # the paper trains on more rows
    assert "250" in line["apart"]
    assert math.isnan(lines.loc["TMix", "trac"]["gain"])


def test_trac_is_shown_in_weighted_f1(odd):
    lines = table(odd[1], "table_2").set_index(["row", "column"])
    assert lines.loc["TMix", "trac"]["ours"] == pytest.approx(45)
    assert lines.loc["TMix", "trec-coarse"]["ours"] == pytest.approx(90)


def test_stars_and_diamonds_stand_beside_the_numbers_and_table_3_has_the_diamonds_counterpart(full):
    marks = {t: table(full[1], f"table_{t}").set_index(["row", "column"])["paper_mark"] for t in ("2", "3", "3_nt")}
    assert marks["2"].dropna().to_dict() == {("DMix", k.key): "*" for k in dmix.COLUMNS}
    assert marks["3"]["DMix"].to_dict() == {k.key: "*" if k.key == "trec-coarse" else "*◇" for k in dmix.COLUMNS}
    assert marks["3"]["Euc-DMix"].notna().sum() == 5
    assert "reported 78.67*◇" in full[0]["show"].display_results(full[0]["table_3"]).to_html()
    over = table(full[1], "table_3_nt").set_index(["row", "column"])
    assert over.loc["DMix", "trac"]["gain"] == pytest.approx(1)
    assert over.loc["DMix", "trac"]["paper_gain"] == pytest.approx(78.67 - 78.16)


def test_steps_are_compared_to_both_goals_and_not_where_runs_are_there_at_once(full):
    lines = table(full[1], "steps")
    assert len(lines) == 2 * 2 * 2  # goals, data sets, rivals
    assert lines["not tested"].str.endswith("% of the runs are at the goal at their first evaluation").all()
    assert lines[["low", "high", "p"]].isna().all(axis=None)


def test_table_6_quotes_without_training(full):
    lines = table(full[1], "table_6").set_index(["row", "column"])
    assert lines.loc["XLNet", "sst2-10k"]["paper"] == 97.0
    assert lines.loc["XLNet", "trec-coarse"]["note"] == "quoted by the paper, not trained"
    assert np.isnan(lines.loc["XLNet", "trec-coarse"]["ours"])
    assert lines.loc["EMix", "trec-coarse"]["ours"] == pytest.approx(63)
    assert lines.loc["EMix", "trec-coarse"]["gain"] == pytest.approx(-1)
    assert "quoted by the paper" in full[0]["show"].display_results(full[0]["table_6"]).to_html()


def test_table_1_prints_the_share_of_a_constant_guess(odd):
    lines = table(odd[1], "table_1").set_index("data")
    assert lines.loc["trac", "largest class of test, %"] == 75.0
    assert lines.loc["trac", "paper samples"] == "5,329"
    assert lines.loc["trac", "ours"] == "15,000: train 5,000, validation 5,000, test 5,000"
    assert lines.loc["trac", "classes"] == 2
    assert lines.loc["ahs", "remark"] == "not in the desk profile"


def test_what_data_say_of_themselves_is_escaped(odd):
    page = odd[0]["show"].display_table(odd[0]["table_1"]).to_html()
    assert "<img" not in page
    assert "&lt;img src=x&gt;" in page


def test_table_8_shows_the_runs_own_setup(full):
    lines = table(full[1], "table_8").set_index("parameter")
    assert lines.loc["Optimizer"].tolist() == ["BERTAdam", "bertadam"]
    assert str(lines.loc["Batch Size", "ours"]) == "8"
    assert lines.loc["Hardware", "ours"] == "a fake CPU"


def test_the_averages_count_runs_that_predict_one_class(odd, full):
    lines = table(odd[1], "averages")
    # Rows that two tables share stand here once; of Table 5 the two methods with their own layers, on CoLA.
    assert len(lines) == 2 * len({*dmix.TABLES["2"], *dmix.TABLES["3"]}) + 2
    assert set(lines.loc[lines["data"] == "cola", "row"]) == {"TMix", "DMix"}
    assert set(lines["one class only"]) == {2}
    assert set(lines["n"]) == {5}
    assert set(lines["macro F1"]) == {30.0}
    assert set(lines["micro F1"]) == {90.0}
    assert set(lines["binary F1"]) == {20.0}
    assert lines.set_index(["row", "data"]).loc["WMix", "trac"]["paper"] == 73.52
    assert "binary F1" not in table(full[1], "averages")  # where records do not tell it


def test_figure_2_draws_medians_and_counts_those_that_are_there_at_once(full):
    figure = full[0]["figure_2"]
    benchmark, own = figure.axes
    # Fake curves are flat: at the first evaluation, step 1, where a seed is above the mean of TMix's.
    assert {t.get_text() for t in own.texts} == {"TRAC", "TREC coarse", "≤ 1; 5 of 5 at once"}
    assert {p.get_width() for p in own.patches} == {1.0}
    texts = [t.get_text() for t in benchmark.texts]
    assert texts.count("≤ 1; 4 of 5 at once; 1 of 5 never") == 2  # DMIX: 62 and more, on two data sets
    assert texts.count("≤ 1; 3 of 5 at once; 2 of 5 never") == 4
    assert all(p.get_hatch() and not p.get_fill() for p in (*own.patches, *benchmark.patches))  # censored: open
    assert [t.get_text() for t in benchmark.get_yticklabels()] == 2 * ["TMix", "DMix NT", "DMix"]
    assert to_hex(benchmark.patches[0].get_edgecolor()) == style.colour("tmix")
    assert {"TRAC to F1 62.5", "TREC coarse to F1 62.5"} < set(texts)  # half a point below where TMix ends


def test_steps_are_read_from_validation_and_on_trac_in_weighted_f1(odd):
    texts = {t.get_text() for t in odd[0]["figure_2"].axes[0].texts}
    assert {"TRAC to F1 39.5", "TREC coarse to F1 59.5"} < texts
    watched = odd[0]["watched"]
    assert watched.loc[watched["column"] == "trac", "value"].unique() == pytest.approx(40.0)
    assert watched.loc[watched["row"] == "TMix", "value"].max() == pytest.approx(60.0)  # 90 on test
    assert set(watched["step"]) == {1, 2, 4}


def test_steps_are_first_crossings_and_both_kinds_of_censoring_are_counted(odd):
    arrivals = odd[0]["arrivals"]
    of_dmix = arrivals[(arrivals["row"] == "DMix") & (arrivals["column"] == "trec-coarse")].set_index(["panel", "seed"])
    found = of_dmix.loc["to a benchmark F1"]
    assert found["steps"].to_dict() == {0: 2, 1: 1, 2: 4, 3: 1, 4: 1}
    assert found["at once"].to_dict() == {0: False, 1: True, 2: False, 3: True, 4: True}
    assert found["never"].to_dict() == {0: False, 1: False, 2: True, 3: False, 4: False}
    own = of_dmix.loc["to 95 % of a run's own best F1"]
    assert own["steps"].to_dict() == {0: 2, 1: 1, 2: 1, 3: 1, 4: 1}
    assert not own["never"].any()


def test_claims_are_shown_under_both_readings(full):
    lines = table(full[1], "claims")
    assert set(lines["reading"]) == {"micro F1, weighted on TRAC", "macro F1"}
    assert list(dict.fromkeys(lines["claim"])) == [f"DC{i}" for i in range(1, 13)]

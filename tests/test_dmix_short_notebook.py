"""Every table and figure of DMIX's short paper, from made-up records and from none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from mixutils.companion import make_plan
from mixutils.papers.dmix_short import ROWS
from mixutils.runs.records import Records
from mixutils.show import style
from tests.fakes import data_folder, done, filled, shipped
from tests.notebook import run

TABLES = {"chosen", "data", "table_1", "averages", "table_x1", "claims"}
FIGURES = {"gains", "figure_1", "shares", "verdicts"}


def made(plan, store, shuffle=None) -> tuple[dict, Path]:
    """The notebook's names, and the folder of what it saved."""
    names = run("dmix_short", plan, store, shuffle)
    return names, names["c"].folder


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv")


@pytest.fixture(scope="module")
def plans(tmp_path_factory):
    """The desk plan; with all rows on both data sets; and that of the other paper."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path_factory.mktemp("data"), "essc", "ttc")))
        names = [("dmix_short", None), ("dmix_short", "essc,ttc"), ("dmix", "ttc")]
        yield [make_plan(paper, "desk", tasks=tasks) for paper, tasks in names]


@pytest.fixture(scope="module")
def ordered(plans, tmp_path_factory):
    """DMIX a point above Mixup, which is a point above no mixup; seeds add 0 to 4."""
    level = {"dmix-short": 62.0, "none": 60.0}
    return filled(plans[0], lambda r: level.get(r.method, 61.0) + r.seed, tmp_path_factory.mktemp("ordered"))


@pytest.fixture(scope="module")
def full(plans, ordered, tmp_path_factory):
    """What the notebook makes of records as most are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_FIGURES", str(tmp_path_factory.mktemp("full")))
        return made(plans[0], ordered)


@pytest.fixture(scope="module")
def odd(plans, tmp_path_factory):
    """What it makes of all rows, F1 that follows τ, runs that predict one class, a large class, notes of the data; the other
    paper's runs are there."""
    level = {10.0: 10.0, 30.0: 30.0, 100.0: 90.0, None: 10.0}
    records = []
    for run_ in {r.hash: r for plan in plans[1:] for r in plan.runs}.values():
        percent = {"tmix": 55.0, "none": 70.0}.get(run_.method, level.get(dict(run_.options).get("tau")))
        record = done(run_, percent)
        record["data"] |= {"histogram": {"train": [125, 125], "test": [75, 25]}, "notes": ["<img src=x>"]}
        for m in record["selected"]["best-on-validation"]["metrics"].values():
            m |= {"f1_macro": 0.3, "predicted_classes": 1 if run_.seed < 2 else 2}
        records.append(record)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_FIGURES", str(tmp_path_factory.mktemp("odd")))
        return made(plans[1], shipped(records, tmp_path_factory.mktemp("records")))


def test_everything_is_made_from_records(full):
    _, folder = full
    assert {p.stem for p in folder.glob("*.csv")} == TABLES
    assert {p.stem for p in folder.glob("*.png")} == FIGURES == {p.stem for p in folder.glob("*.svg")}
    assert all(len(table(folder, name)) for name in TABLES)


@pytest.mark.parametrize("profile", ["smoke", "desk"])
def test_without_records_tables_say_so_and_figures_are_none(profile, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    _, folder = made(make_plan("dmix_short", profile), Records())
    assert not list(folder.glob("*.png"))
    assert table(folder, "averages").empty
    assert set(table(folder, "data")["ours"]) == {"–"}
    assert table(folder, "table_1")["note"].notna().all()
    assert set(table(folder, "claims")["verdict"]) == {"not tested"}


def test_one_seed_and_missing_mixup_stop_nothing(plans, tmp_path):
    records = (done(r, 60.0) for r in plans[0].runs if r.seed == 0 and r.method != "tmix")
    _, folder = made(plans[0], shipped(records, tmp_path / "r"))
    assert table(folder, "table_1")["gain"].isna().all()
    assert not (folder / "figure_1.png").is_file()  # differences from Mixup


def test_permuted_names_show_other_numbers_in_a_folder_of_their_own(plans, ordered, full):
    _, folder = made(plans[0], ordered, shuffle=3)
    assert folder.parent.name == "desk-shuffle-3"
    assert not table(folder, "table_1")["ours"].equals(table(full[1], "table_1")["ours"])


def test_table_1_has_gains_over_mixup_beside_the_printed_ones(full):
    lines = table(full[1], "table_1").set_index(["row", "column"])
    assert set(lines.index.get_level_values("row")) == set(ROWS)
    line = lines.loc["DMIX (Hyperbolic)", "essc"]
    assert line["ours"] == pytest.approx(64)
    assert line["gain"] == pytest.approx(1)
    assert line["paper_gain"] == pytest.approx(99.30 - 95.90)
    assert line["gain_low"] <= line["gain"] <= line["gain_high"]
    assert (line["apart"], line["difference"]) == ("ours: 250 rows; reported: all", pytest.approx(np.nan, nan_ok=True))
    assert np.isnan(lines.loc["Mixup", "essc"]["gain"])
    assert lines.loc["Cosine", "ttc"]["note"] == "not in the desk profile"


def test_data_sets_have_the_share_of_a_constant_guess(odd):
    lines = table(odd[1], "data").set_index("data")
    assert lines.loc["essc", "largest class of test, %"] == 75.0
    assert lines.loc["essc", "paper samples"] == "5,574"
    assert lines.loc["essc", "classes"] == 2
    assert lines.loc["ahs", "remark"] == "not asked for"


def test_what_data_say_of_themselves_is_escaped(odd):
    page = odd[0]["show"].display_table(odd[0]["data_sets"]).to_html()
    assert "<img" not in page
    assert "&lt;img src=x&gt;" in page


def test_the_averages_count_runs_that_predict_one_class(odd):
    lines = table(odd[1], "averages")
    assert set(lines["one class only"]) == {2}
    assert set(lines["macro F1"]) == {30.0}
    assert set(lines[lines["row"] == "Mixup"]["micro F1"]) == {55.0}
    assert set(lines["n"]) == {5}
    assert len(lines) == 2 * 7  # rows on ESSC and TTC


def test_figure_1_by_hand(full, odd):
    (axis,) = odd[0]["figure_1"].axes
    reference, curve = axis.lines[:2]
    np.testing.assert_allclose(curve.get_xydata(), [[10, 10 - 55], [30, 30 - 55], [100, 90 - 55]])
    np.testing.assert_allclose(reference.get_ydata(), 0)
    assert to_hex(curve.get_color()) == style.colour("dmix-short")
    titles = [a.get_title().split("\n")[0] for a in full[0]["figure_1"].axes]
    assert titles == ["ESSC", "TTC (English encoder on Turkish text)"]


def test_shares_are_those_that_the_probe_measured(full):
    shares = full[0]["shares"]
    assert set(shares["title"]) == {"ESSC, N = 10", "TTC (English encoder on Turkish text), N = 10"}
    own = shares[shares["M"] == "hyperbolic"].drop_duplicates("T").set_index("T")["mean"]
    assert own.loc[70.0] == 100  # the fake selects everybody up to 80 %
    assert own.loc[90.0] == pytest.approx(100 / 9)


def test_x1_puts_both_papers_side_by_side(odd):
    lines = table(odd[1], "table_x1").set_index(["data", "row"])
    line = lines.loc["ttc", "encoder (paper: mBERT)"]
    assert (line["printed, adaptive"], line["printed, short"]) == (91.10, 28.54)
    assert line["ours, adaptive"] == line["ours, short"] == pytest.approx(70)  # one run serves both papers
    assert np.isnan(lines.loc["ahs", "encoder (paper: mBERT)"]["ours, short"])


def test_claims_are_shown_under_both_readings(full):
    lines = table(full[1], "claims")
    assert set(lines["reading"]) == {"micro F1", "macro F1"}
    assert set(lines["claim"]) == {f"SDC{i}" for i in range(1, 6)}

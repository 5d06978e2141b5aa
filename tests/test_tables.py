"""Result tables: numbers by hand, the exact text of a small one, reasons in empty cells, escaping."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from mixutils.companion import make_plan
from mixutils.papers import Cell, Column, Plan, Reading
from mixutils.papers.profiles import make_setting
from mixutils.runs.records import Records
from mixutils.runs.run import Run
from mixutils.show.style import VERDICT_MARKS
from mixutils.show.tables import CSS, over_steps, result_table, to_csv, to_html
from tests.fakes import data_folder, done, failed, filled, kind, shipped

BASELINE = ("control", "Stage 2 without mixup")
#: A plan of one column that the paper prints, one method beside the baseline, two seeds.
TREC = Column("trec-coarse", "trec-coarse", "TREC coarse", "official", "test", "test", ("test",))
FIRST = [Run("trec-coarse", "none", seed, evaluate=("test",)) for seed in (0, 1)]
CONTROL, SSMIX = ([r.with_(method=m, start=r, start_policy="last") for r in FIRST] for m in ("none", "ssmix"))
READING = Reading("last", "test", floor=True)


def small_plan(column: Column = TREC, absent=None) -> Plan:
    cells = (
        Cell("2", "No mixup", column.key, tuple(FIRST), READING),
        Cell("2", "SSMix", column.key, tuple(SSMIX), READING),
        Cell("control", BASELINE[1], column.key, tuple(CONTROL), READING),
    )
    return Plan("ssmix", make_setting("desk"), (column,), cells, absent=absent or {})


def small_store(folder, ssmix=(97.4, 97.6)) -> Records:
    levels = [*zip(FIRST, (97.0, 97.4), strict=True), *zip(CONTROL, (97.0, 97.2), strict=True)]
    levels += zip(SSMIX, ssmix, strict=True)
    return shipped((done(run, percent) for run, percent in levels), folder)


def small_table(folder, **options):
    return result_table(small_plan(), "2", small_store(folder), baseline=BASELINE, base_row="No mixup", **options)


def test_numbers_of_a_small_table_by_hand(tmp_path):
    frame = small_table(tmp_path).set_index("row")
    plain, ssmix = frame.loc["No mixup"], frame.loc["SSMix"]
    assert (plain["paper"], ssmix["paper"]) == (97.08, 97.60)
    assert ssmix["ours"] == pytest.approx(97.5)
    assert ssmix["variance"] == pytest.approx(0.02)  # two values 0.1 beside their mean, over n - 1 = 1
    assert ssmix["sd"] == pytest.approx(math.sqrt(0.02))
    assert ssmix["se"] == pytest.approx(0.1)
    half = 12.7062 * 0.1  # the tables' t for one degree of freedom
    assert (ssmix["low"], ssmix["high"], ssmix["n"]) == (pytest.approx(97.5 - half), pytest.approx(97.5 + half), 2)
    assert ssmix["difference"] == pytest.approx(-0.1)
    # Stage 2 against stage 2 without mixup: 97.4 - 97.0 and 97.6 - 97.2; printed 97.60 - 97.08.
    assert ssmix["gain"] == pytest.approx(0.4)
    assert ssmix["paper_gain"] == pytest.approx(0.52)
    assert (ssmix["gain_low"], ssmix["gain_high"]) == (pytest.approx(0.4), pytest.approx(0.4))
    assert math.isnan(plain["gain"])


def test_exact_text_of_the_html(tmp_path):
    assert to_html(small_table(tmp_path), title="Table 2", note="read <so>") == (
        f"{CSS}<div class='mx-scroll'><table class='mx'><caption>Table 2</caption>"
        "<thead><tr><th></th><th>TREC coarse</th></tr></thead><tbody>"
        "<tr><th scope='row'>No mixup</th><td><span class='mx-paper'>97.08</span>"
        "<span class='mx-ours'>97.20 ± 0.28</span><span class='mx-small'>n = 2, difference +0.12</span></td></tr>"
        "<tr><th scope='row'>SSMix</th><td><span class='mx-paper'>97.60</span>"
        "<span class='mx-ours'>97.50 ± 0.14</span><span class='mx-small'>n = 2, difference -0.10</span>"
        "<span class='mx-small' title='gain over the baseline and its 95 % t interval over seeds'>"
        "gain +0.40 [+0.4, +0.4], paper +0.52</span></td></tr>"
        "</tbody></table></div><p class='mx-note'>read &lt;so&gt;</p>"
    )


def test_exact_text_of_the_csv(tmp_path):
    to_csv(small_table(tmp_path), tmp_path / "new" / "t.csv")
    hashes = [" ".join(r.hash for r in runs) for runs in (FIRST, SSMIX)]
    assert (tmp_path / "new" / "t.csv").read_text("utf-8") == (
        "table,row,column,title,paper,paper_spread,ours,sd,variance,se,low,high,n,difference,paper_gain,gain,gain_low,gain_high,"
        "note,runs\n"
        "2,No mixup,trec-coarse,TREC coarse,97.0800,,97.2000,0.2828,0.0800,0.2000,94.6588,99.7412,2,0.1200,"
        f",,,,,{hashes[0]}\n"
        "2,SSMix,trec-coarse,TREC coarse,97.6000,,97.5000,0.1414,0.0200,0.1000,96.2294,98.7706,2,-0.1000,"
        f"0.5200,0.4000,0.4000,0.4000,,{hashes[1]}\n"
    )


def test_the_gain_is_free_of_the_floor(tmp_path):
    # Stage 2 falls below stage 1: the printed reading shows stage 1, the gain shows the fall.
    store = small_store(tmp_path, ssmix=(90.0, 90.0))
    line = result_table(small_plan(), "2", store, baseline=BASELINE, base_row="No mixup").set_index("row").loc["SSMix"]
    assert line["ours"] == pytest.approx(97.2)
    assert line["gain"] == pytest.approx(90 - 97.1)


def test_without_a_baseline_there_are_no_gains(tmp_path):
    frame = result_table(small_plan(), "2", small_store(tmp_path))
    assert frame[["gain", "gain_low", "gain_high", "paper_gain"]].isna().all(axis=None)


@pytest.fixture
def wide(monkeypatch, tmp_path):
    """Five seeds on three real columns; SSMix gains where the paper does, loses, and gains nothing."""
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "data", "rte", "mrpc", "trec-coarse")))
    plan = make_plan("ssmix", "desk", tasks="rte,mrpc,trec-coarse")
    gain = {"rte": 1.0, "mrpc": -1.0, "trec-coarse": 0.0}
    store = filled(plan, lambda r: 60 + r.seed + (kind(r) == "ssmix") * gain[r.task] * (1 + r.seed), tmp_path)
    return result_table(plan, "2", store, baseline=BASELINE, base_row="No mixup"), plan, store


def test_gains_are_those_of_paired_seeds_with_a_t_interval(wide):
    lines = wide[0][wide[0]["row"] == "SSMix"].set_index("column")
    assert list(lines.loc[["rte", "mrpc", "trec-coarse"], "gain"]) == pytest.approx([3, -3, 0])
    assert list(lines.loc[["rte", "mrpc", "trec-coarse"], "paper_gain"]) == pytest.approx([1.66, 0.20, 0.52])
    low, high = stats.ttest_1samp([1, 2, 3, 4, 5], 0).confidence_interval(0.95)
    assert tuple(lines.loc["rte", ["gain_low", "gain_high"]]) == pytest.approx((low, high))
    assert tuple(lines.loc["trec-coarse", ["gain_low", "gain_high"]]) == pytest.approx((0, 0), abs=1e-9)


def test_a_single_cell_has_no_verdict(wide):
    page = to_html(wide[0])
    assert "verdict" not in wide[0].columns
    assert not any(word in page for word in VERDICT_MARKS)


def test_published_columns_without_data_say_why(wide):
    frame = wide[0]
    missing = frame[frame["column"] == "qqp"]
    assert list(missing["row"]) == [
        "No mixup",
        "EmbedMix",
        "TMix",
        "SSMix",
        "SSMix - saliency",
        "SSMix - saliency - span",
    ]
    assert set(missing["note"]) == {"not asked for"}
    assert missing["ours"].isna().all()
    assert missing["paper"].notna().all()
    assert "<span class='mx-paper'>91.32</span><span class='mx-why'>not asked for</span>" in to_html(frame)


def test_every_cell_without_a_number_of_ours_has_a_reason(wide):
    _, plan, _ = wide
    frame = result_table(plan, "2", Records(), baseline=BASELINE, base_row="No mixup")
    assert len(frame) == 6 * 14
    assert frame["ours"].isna().all()
    assert (frame["note"] != "").all()
    assert set(frame[frame["column"] == "rte"]["note"]) == {"5 of 5 runs not done"}
    assert to_html(frame).count("mx-why'>") == 6 * 14


def test_a_cell_that_is_not_full_shows_its_number_and_what_is_missing(tmp_path):
    store = shipped([done(FIRST[0], 97.0), failed(FIRST[1])], tmp_path)
    frame = result_table(small_plan(), "2", store)
    page = to_html(frame)
    assert "<span class='mx-ours'>97.00</span><span class='mx-small'>n = 1, difference -0.08</span>" in page
    assert "<span class='mx-why'>1 of 2 runs failed</span>" in page
    assert "<span class='mx-paper'>97.60</span><span class='mx-why'>2 of 2 runs not done</span>" in page


def test_a_column_that_the_paper_does_not_print_has_ours_only(tmp_path):
    own = Column("mine", "mine", "my data", "official", "test", "test", ("test",), published=False)
    frame = result_table(small_plan(own), "2", small_store(tmp_path), baseline=BASELINE, base_row="No mixup")
    assert frame["paper"].isna().all()
    assert frame["difference"].isna().all()
    page = to_html(frame)
    assert "mx-paper'" not in page
    assert "gain +0.40 [+0.4, +0.4]</span>" in page  # and no printed one beside it


def test_names_and_reasons_are_escaped(tmp_path):
    evil = "<script>alert('x')</script>"
    own = Column(evil, evil, evil, "official", "test", "test", ("test",), published=False)
    frame = result_table(small_plan(own, {"qqp": evil}), "2", small_store(tmp_path))
    page = to_html(frame, title=evil, note=evil)
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") == 1 + 1 + 1 + 2  # column, title, note, and the reason in two rows


def test_an_empty_table_is_a_sentence():
    assert to_html(result_table(Plan("ssmix", make_setting("desk"), (), ()), "2", Records()), title="T<2") == (
        "<p><b>T&lt;2</b>: no runs and nothing published.</p>"
    )


def test_curves_of_several_runs_stand_beside_each_other_at_the_steps_that_all_have():
    curves = [[(2, 1.0), (4, 2.0), (6, 3.0)], [(4, 5.0), (2, 4.0)]]
    records = [{"curve": [{"step": step, "value": value} for step, value in points]} for points in curves]
    steps, values = over_steps(records, lambda p: p["value"])
    assert steps == [2, 4]
    assert values.tolist() == [[1.0, 2.0], [4.0, 5.0]]
    assert over_steps([], lambda p: p["value"])[0] == []
    assert over_steps([*records, {"curve": [{"step": 3, "value": 0.0}]}], lambda p: p["value"])[0] == []

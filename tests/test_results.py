"""Result tables: numbers by hand, the exact text of a small one, reasons in empty cells, escaping."""

from __future__ import annotations

import math
import re
from types import SimpleNamespace

import pandas as pd
import pytest
from scipy import stats

from mixutils import paths
from mixutils.companion import make_plan
from mixutils.papers import Cell, Column, Plan, Reading, dnm
from mixutils.papers.profiles import make_setting
from mixutils.runs.records import Records
from mixutils.runs.run import Run
from mixutils.show import display_results, display_table, results, whole
from mixutils.show.style import VERDICT_MARKS
from tests.fakes import data_folder, done, failed, filled, kind, shipped
from tests.notebook import companion

BASELINE = ("control", "Stage 2 without mixup")
#: A plan of one column that the paper prints, one method beside the baseline, two seeds.
TREC = Column("trec-coarse", "trec-coarse", "TREC coarse", "official", "test", "test", ("test",))
FIRST = [Run("trec-coarse", "none", seed, evaluate=("test",)) for seed in (0, 1)]
CONTROL, SSMIX = ([r.with_(method=m, start=r, start_policy="last") for r in FIRST] for m in ("none", "ssmix"))
READING = Reading("last", "test", floor=True)


def result_table(plan: Plan, table: str, store: Records, **options):
    return results(companion(plan, store), table, **options)


def text(frame, **options) -> str:
    """The shown table in one line, without tags."""
    page = re.sub(r"<style.*?</style>", "", display_results(frame, **options).to_html(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>|&nbsp;", " ", page)).replace("&#x27;", "'").replace("&#39;", "'")


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


def test_the_text_of_a_small_table(tmp_path):
    page = text(small_table(tmp_path), caption="read <so>")
    assert page.strip() == (
        "read &lt;so&gt; Ours ± half the width of the 95 % t interval over seeds. Encoder: MiniLM. "
        "Records made on a fake CPU in float32. TREC coarse "
        "No mixup reported 97.08 ours 97.20 ± 2.54 n = 2, difference +0.12 "  # 12.7062 times the standard error
        "SSMix reported 97.60 ours 97.50 ± 1.27 n = 2, difference -0.10 gain +0.40 [+0.4, +0.4] reported gain +0.52"
    )


def test_marks_of_the_paper_stand_behind_its_number(tmp_path):
    c = companion(small_plan(), small_store(tmp_path))
    c.printed = c.printed.assign(
        marker=c.printed["row"].map({"SSMix": "star diamond", "No mixup": "quoted"}).fillna("")
    )
    page = text(results(c, "2"))
    assert "reported 97.60*◇ ours 97.50" in page
    assert "reported 97.08 ours" in page


def test_exact_text_of_the_csv(tmp_path):
    c = companion(small_plan(), small_store(tmp_path))
    c.folder = tmp_path / "new"
    c.save(small_table(tmp_path), "t")
    hashes = [" ".join(r.hash for r in runs) for runs in (FIRST, SSMIX)]
    assert (tmp_path / "new" / "t.csv").read_text("utf-8") == (
        "table,row,column,title,encoder,apart,paper,paper_spread,paper_spread_is,paper_mark,ours,sd,variance,se,low,high,n,difference,"
        "paper_gain,gain,gain_low,gain_high,void,note,made,runs\n"
        "2,No mixup,trec-coarse,TREC coarse,MiniLM,,97.0800,,,,97.2000,0.2828,0.0800,0.2000,94.6588,99.7412,2,0.1200,"
        f",,,,,,a fake CPU in float32,{hashes[0]}\n"
        "2,SSMix,trec-coarse,TREC coarse,MiniLM,,97.6000,,,,97.5000,0.1414,0.0200,0.1000,96.2294,98.7706,2,-0.1000,"
        f"0.5200,0.4000,0.4000,0.4000,,,a fake CPU in float32,{hashes[1]}\n"
    )


@pytest.mark.parametrize("baseline", [BASELINE, None])
@pytest.mark.parametrize(
    ("constant", "percent", "why"),
    [
        ({("ssmix", 0)}, 60, ""),  # half of the runs is not more than half
        ({("ssmix", 0), ("ssmix", 1)}, 60, "more than half of the runs of a side predict one class"),
        (
            {(m, s) for m in ("none", "ssmix") for s in (0, 1)},
            60,
            "more than half of the runs of a side predict one class",
        ),
        (set(), 99.5, "both sides are within a point of 100 %"),
        (set(), 98.5, ""),
    ],
)
def test_a_column_without_information_is_marked_by_rule(constant, percent, why, baseline, tmp_path):
    def record(run):
        made = done(run, percent)
        for chosen in made["selected"].values():
            chosen["metrics"]["test"]["predicted_classes"] = 1 if (run.method, run.seed) in constant else 2
        return made

    store = shipped(map(record, [*FIRST, *CONTROL, *SSMIX]), tmp_path)
    frame = result_table(small_plan(), "2", store, baseline=baseline, base_row="No mixup").set_index("row")
    assert frame.loc["SSMix", "void"] == why
    # Without gains the whole column says nothing only where none of its rows does.
    whole = bool(why) and (baseline is not None or bool(frame.loc["No mixup", "void"]))
    page = text(frame.reset_index())
    assert ("TREC coarse †" in page) == whole
    assert (f"† says nothing, on a title of the whole column: {why} (SPEC 9.2)." in page) == bool(why)


def test_the_gain_is_free_of_the_floor(tmp_path):
    # Stage 2 falls below stage 1: the printed reading shows stage 1, the gain shows the fall.
    store = small_store(tmp_path, ssmix=(90.0, 90.0))
    line = result_table(small_plan(), "2", store, baseline=BASELINE, base_row="No mixup").set_index("row").loc["SSMix"]
    assert line["ours"] == pytest.approx(97.2)
    assert line["gain"] == pytest.approx(90 - 97.1)


def test_gains_over_the_row_of_the_published_ones_are_read_like_them(tmp_path):
    # Better of both stages over stage 1: one seed falls below it, and so gains nothing; the other gains 97.6 - 97.4.
    store = small_store(tmp_path, ssmix=(90.0, 97.6))
    how = {"baseline": ("2", "No mixup"), "base_row": "No mixup"}
    line = result_table(small_plan(), "2", store, **how).set_index("row").loc["SSMix"]
    assert line["gain"] == pytest.approx((0 + 0.2) / 2)
    assert line["paper_gain"] == pytest.approx(97.60 - 97.08)


@pytest.mark.parametrize(
    ("column", "rows", "apart"),
    [
        ("subj", 50, ("", "ours: 50 rows; reported: 8,000")),  # Tables 6 and 7: with 50 rows, with all
        ("subj", 8000, ("ours: 8,000 rows; reported: 50", "")),
        ("mr", 500, ("ours: 500 rows; reported: 50", "ours: 500 rows; reported: 8,528")),
    ],
)
def test_a_difference_is_of_cells_with_as_many_training_rows(column, rows, apart, tmp_path):
    of = Column(column, column, "Data", "official", "test", "test", ("test",))
    runs = tuple(Run(column, "dnm", seed, evaluate=("test",), train_size=rows) for seed in range(3))
    cells = tuple(Cell(table, "K=5", column, runs, Reading("last", "test")) for table in ("6", "7"))
    plan, store = Plan("dnm", make_setting("desk"), (of,), cells), shipped((done(r, 90) for r in runs), tmp_path)
    for table, said in zip(("6", "7"), apart, strict=True):
        frame = result_table(plan, table, store)
        assert frame["apart"].tolist() == [said]
        assert frame["difference"].isna().tolist() == [bool(said)]
        assert frame["paper"].notna().all()
        assert ("difference" in text(frame), f"Data {said}".strip() in text(frame)) == (not said, True)
        assert "Reported ± standard error. Ours ± half the width" in text(frame)


def test_where_the_paper_trains_on_all_rows_so_must_ours(tmp_path):
    def table(size: int | None):
        runs = [r.with_(train_size=size) for r in FIRST]
        plan = Plan("ssmix", make_setting("desk"), (TREC,), (Cell("2", "No mixup", TREC.key, tuple(runs), READING),))
        return result_table(plan, "2", shipped((done(r, 97) for r in runs), tmp_path / str(size))).iloc[0]

    assert (table(None)["apart"], table(500)["apart"]) == ("", "ours: 500 rows; reported: all")
    assert table(None)["difference"] == pytest.approx(-0.08)
    assert math.isnan(table(500)["difference"])


@pytest.mark.parametrize(("shallow", "vectors"), [("cnn", "minilm"), ("cnn", "random"), ("lstm", "a/<glove>.txt")])
def test_rows_say_what_encoder_they_have(shallow, vectors, monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    usual = dnm.scope
    own = {"shallow": shallow, "vectors": vectors}
    monkeypatch.setattr(dnm, "scope", lambda setting: SimpleNamespace(**vars(usual(setting)) | own))
    plan = make_plan("dnm", "smoke", encoder="lstm:random")
    page = text(result_table(plan, dnm.OWN_TABLE, filled(plan, lambda run: 50, tmp_path)))
    name = {"minilm": "MiniLM's word vectors", "random": "random word vectors"}.get(
        vectors, "vectors from &lt;glove&gt;.txt"
    )
    assert f"NonlinearMixup {shallow.upper()}, {name} ours" in page
    assert f"{dnm.PLAIN} LSTM, random word vectors ours" in page
    assert {r.encoder for r in plan.runs} == {"lstm:random", f"{shallow}:{vectors}".removesuffix(":minilm")}


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


def test_a_gain_is_of_the_seeds_that_both_sides_have(wide, tmp_path):
    _, plan, _ = wide
    gone = lambda r: (r.seed < 1 and kind(r) == "ssmix") or (r.seed == 1 and kind(r) == "control")  # noqa: E731
    store = filled(plan, lambda r: 60 + r.seed + (kind(r) == "ssmix") * (1 + r.seed), tmp_path / "gone", skip=gone)
    frame = result_table(plan, "2", store, baseline=BASELINE, base_row="No mixup").set_index(["row", "column"])
    assert frame.loc[("SSMix", "rte"), "gain"] == pytest.approx((3 + 4 + 5) / 3)


def test_a_single_cell_has_no_verdict(wide):
    page = text(wide[0])
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
    assert "reported 91.32 not asked for" in text(frame)


def test_every_cell_without_a_number_of_ours_has_a_reason(wide):
    _, plan, _ = wide
    frame = result_table(plan, "2", Records(), baseline=BASELINE, base_row="No mixup")
    assert len(frame) == 6 * 14
    assert frame["ours"].isna().all()
    assert (frame["note"] != "").all()
    assert set(frame[frame["column"] == "rte"]["note"]) == {"5 of 5 runs not done"}
    assert "ours" not in text(frame)


def test_a_cell_that_is_not_full_shows_its_number_and_what_is_missing(tmp_path):
    store = shipped([done(FIRST[0], 97.0), failed(FIRST[1])], tmp_path)
    frame = result_table(small_plan(), "2", store)
    page = text(frame)
    assert "ours 97.00 n = 1, difference -0.08 1 of 2 runs failed" in page
    assert "reported 97.60 2 of 2 runs not done" in page


def test_a_column_that_the_paper_does_not_print_has_ours_only(tmp_path):
    own = Column("mine", "mine", "my data", "official", "test", "test", ("test",), published=False)
    frame = result_table(small_plan(own), "2", small_store(tmp_path), baseline=BASELINE, base_row="No mixup")
    assert frame["paper"].isna().all()
    assert frame["difference"].isna().all()
    page = text(frame)
    assert "reported" not in page
    assert "gain +0.40 [+0.4, +0.4]" in page


def test_names_and_reasons_are_escaped(tmp_path):
    evil = "<script>alert('x')</script>"
    own = Column(evil, evil, evil, "official", "test", "test", ("test",), published=False)
    frame = result_table(small_plan(own, {"qqp": evil}), "2", small_store(tmp_path))
    page = display_results(frame, caption=evil).to_html()
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") == 1 + 1 + 2  # column, caption, and the reason in two rows


def test_an_empty_table_is_shown_as_one():
    frame = result_table(Plan("ssmix", make_setting("desk"), (), ()), "2", Records())
    assert frame.empty
    assert "ours" not in text(frame)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("p", ["&lt; 0.001", "0.049", "–"]),
        ("p for", ["&lt; 0.001", "0.049", "–"]),
        ("p, over tasks", ["&lt; 0.001", "0.049", "–"]),
        ("p_holm", ["&lt; 0.001", "0.049", "–"]),
        ("points", ["0.00", "0.05", "–"]),
        ("passes", ["0.00", "0.05", "–"]),
    ],
)
def test_a_p_value_is_never_shown_as_0(name, shown):
    for dtype in (float, object):
        page = display_table(pd.DataFrame({name: [1e-5, 0.0494, math.nan]}, dtype=dtype)).to_html()
        assert re.findall("<td[^>]*>(.*?)</td>", page) == shown
    page = display_table(pd.DataFrame({name: ["<"]})).to_html()
    assert re.findall("<td[^>]*>(.*?)</td>", page) == ["&lt;"]


def test_what_is_said_of_a_whole_data_set_is_said_of_the_very_same_only():
    record = done(Run("mpqa", "none", 3, policy="tenths-by-seed", evaluate=("test",)), 90)
    assert set(whole(record, "test").values()) == {"–"}
    record["data"]["digest"] = paths.facts("runs/counts")["mpqa"]["digest"]
    said = whole(record, "test")
    assert said == {"words": "3.08", "tokens": "5.46", "in train too": "335 of 1,061, 324 with the label"}

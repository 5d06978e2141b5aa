"""SC1 to SC10 on made-up records with a planted truth: what the words must be, and where there may be none."""

from __future__ import annotations

import functools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mixutils.companion import make_plan
from mixutils.runs.records import Records
from mixutils.show.style import VERDICT_MARKS
from tests import fakes, notebook
from tests.fakes import data_folder, kind, shipped, timed

PRINTED, ALONE = "better of both stages, as printed", "stage 2 alone"
INPUT = ("ssmix", "ssmix-saliency", "ssmix-saliency-span")
KINDS = {
    "SC1": "most",
    "SC2": "slope",
    "SC2 over data sets": "rank",
    "SC3": "pooled",
    "SC4": "pooled",
    "SC5": "most",
    "SC6": "pooled",
    "SC7": "most",
    "SC8": "most",
    "SC9": "measured",
    "SC10": "most",
}
#: By how many steps a run is higher if a claim holds.
RAISED = {
    "SC1": lambda r: kind(r) == "ssmix",
    "SC2": lambda r: {50: 0, 150: 1, 500: 2}[r.train_size] * (kind(r) == "ssmix"),
    "SC3": lambda r: kind(r) == "ssmix" and r.task == "docs-fine",
    "SC4": lambda r: kind(r) == "ssmix" and r.task == "docs-pair",
    "SC5": lambda r: {"ssmix": 2, "ssmix-saliency": 1}.get(kind(r), 0),
    "SC6": lambda r: kind(r) == "ssmix",
    "SC7": lambda r: kind(r) in INPUT,
    "SC8": lambda r: kind(r) == "ssmix",
    "SC10": lambda r: kind(r) == "ssmix",
}
#: What one step is in the claim's own unit: SSMix rises by it twice over log2(500 / 50) doublings, evenly but for 150.
UNIT = {"SC2": pytest.approx(2 / math.log2(10), abs=0.05)}


def noise(run) -> float:
    """A tenth of a point at most either way, the same for a run every time."""
    return (int(run.hash[:6], 16) / 0xFFFFFF - 0.5) / 5


def done(run, percent, **cost) -> dict:
    """A record whose parts have 2,000 rows: on the hundred of the fakes a difference is only known to a point."""
    record = fakes.done(run, percent, **cost)
    record["data"]["sizes"] |= dict.fromkeys(record["curve"][0]["metrics"], 2000)
    return record


def filled(plan, percent, folder, skip=lambda run: False) -> Records:
    """Runs of a seed share its level: only pairing shows the difference."""
    return shipped((done(r, 3 * r.seed + percent(r) + noise(r)) for r in plan.runs if not skip(r)), folder)


@pytest.fixture(scope="module")
def plan_for(tmp_path_factory):
    """The plan in which a claim can be tested, made once; ANLI for SC10, else built-in tasks or those that are named."""

    @functools.cache
    def plan_on(tasks: str, **wishes):
        with pytest.MonkeyPatch.context() as patch:
            folder = data_folder(tmp_path_factory.mktemp("data"), *tasks.split(",")) if tasks else ""
            patch.setenv("MIXUTILS_DATA", str(folder))
            return make_plan("ssmix", "desk", **wishes)

    return lambda key="", tasks="", **wishes: plan_on("anli" if key == "SC10" else tasks, **wishes)


@pytest.fixture(autouse=True)
def _no_data(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")


def verdicts(plan, store, reading: str = PRINTED):
    return notebook.verdicts("ssmix", plan, store)[reading]


def verdict(key: str, plan, store, reading: str = PRINTED):
    return next(v for v in verdicts(plan, store, reading) if v.key == key)


@pytest.mark.parametrize("key", RAISED)
@pytest.mark.parametrize(("points", "word"), [(2.0, "supported"), (-2.0, "contradicted"), (0.0, "negligible")])
def test_the_word_follows_what_was_planted(key, points, word, plan_for, tmp_path):
    plan = plan_for(key)
    store = filled(plan, lambda r: 50 + points * RAISED[key](r), tmp_path)
    found = verdict(key, plan, store, ALONE)
    if KINDS[key] == "slope" and not points:
        word = "undecided"  # a margin in points says nothing about points per doubling
    assert found.word == word, found.why
    assert found.seeds == (5, 5)
    assert found.estimate == pytest.approx(points * UNIT.get(key, pytest.approx(1)).expected, abs=0.2)


def test_every_claim_is_declared_once_with_the_kind_of_its_words(plan_for):
    found = verdicts(plan_for(), Records())
    assert {v.key: v.kind for v in found} == KINDS
    assert [v.key for v in found] == list(KINDS)
    assert all(v.own for v in found)


@pytest.mark.parametrize("profile", ["smoke", "laptop", "desk", "full"])
def test_without_records_only_the_authors_times_are_known_and_every_claim_says_why(profile, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    for found in notebook.verdicts("ssmix", make_plan("ssmix", profile), Records()).values():
        assert {v.key for v in found if v.word != "not tested"} == {"SC9"}
        assert all(v.why for v in found)


def test_words_are_those_of_the_spec_on_any_records(plan_for, tmp_path):
    plan = plan_for()
    for found in notebook.verdicts("ssmix", plan, filled(plan, lambda r: 50, tmp_path)).values():
        assert {v.word for v in found} <= set(VERDICT_MARKS)


def test_two_seeds_decide_nothing(plan_for, tmp_path):
    plan = plan_for(seeds="2")
    store = filled(plan, lambda r: 50 + 20 * (kind(r) == "ssmix"), tmp_path)
    assert {v.word for v in verdicts(plan, store, ALONE) if v.key != "SC9"} == {"not tested"}


# ------------------------------------------------------------------------------------------------------ better of both stages


def test_what_the_floor_hides_is_no_evidence(plan_for, tmp_path):
    # Stage 1 is better than anything in stage 2, so that every row of Table 2 shows stage 1 (SPEC SA18).
    plan = plan_for()
    store = filled(plan, lambda r: 80 if kind(r) == "stage 1" else 50 - 2 * (kind(r) == "ssmix"), tmp_path)
    found = notebook.verdicts("ssmix", plan, store)
    alone, printed = ({v.key: v for v in found[reading]} for reading in (ALONE, PRINTED))
    for key in ("SC1", "SC5", "SC6", "SC8"):
        assert alone[key].word == "contradicted", alone[key].why
        assert printed[key].word == "not tested", printed[key].why
        assert "No mixup's own number" in printed[key].why
    assert printed["SC7"].word == printed["SC3"].word == "not tested"


def test_a_floor_under_a_few_runs_hides_nothing(plan_for, tmp_path):
    plan = plan_for()
    store = filled(plan, lambda r: 50 + 30 * (kind(r) == "stage 1" and r.seed < 2) + 2 * (kind(r) == "ssmix"), tmp_path)
    found = verdict("SC8", plan, store)
    assert not any(u.void for u in found.units)
    assert found.estimate == pytest.approx(2 * 3 / 5, abs=0.2)


def test_a_gain_over_no_mixup_is_one_over_training_that_is_as_long(plan_for, tmp_path):
    # Every second stage gains two points on fine labels, mixup or not.
    plan = plan_for()
    store = filled(plan, lambda r: 50 + 2 * (r.task == "docs-fine" and kind(r) != "stage 1"), tmp_path)
    for found in (verdict("SC3", plan, store, reading) for reading in (PRINTED, ALONE)):
        assert found.word == "negligible", found.why
        counted, no_mixup, tmix = found.units
        assert (counted.void, bool(no_mixup.void), bool(tmix.void)) == ("", True, True)
        assert no_mixup.mean == pytest.approx(2, abs=0.2)


def test_sc10_needs_more_than_five_more_epochs(plan_for, tmp_path):
    plan = plan_for("SC10")
    store = filled(plan, lambda r: 50 + 2 * (kind(r) != "stage 1"), tmp_path)
    for found in (verdict("SC10", plan, store, reading) for reading in (PRINTED, ALONE)):
        assert found.word == "negligible", found.why
        assert [u.title for u in found.units] == 2 * ["ANLI R1 test", "ANLI R2 test", "ANLI R3 test"]
        assert [u.printed for u in found.units[:3]] == pytest.approx([0.18, 0.70, 0.00])


def test_sc3_has_the_printed_effect_where_the_labels_are_trecs(plan_for, tmp_path):
    plan = plan_for(tasks="trec-coarse,trec-fine")
    found = verdict("SC3", plan, filled(plan, lambda r: 50, tmp_path), ALONE)
    assert found.reported == pytest.approx(3.56 - 0.52)
    assert found.reported_columns == 1


# ------------------------------------------------------------------------------------------------------------ best of several


def test_sc1_is_tested_against_the_better_hidden_method(plan_for, tmp_path):
    plan, level = plan_for(), {"ssmix": 60, "wordmix": 55, "tmix": 70}
    assert verdict("SC1", plan, filled(plan, lambda r: level.get(kind(r), 50), tmp_path)).word == "contradicted"


def test_the_better_hidden_method_is_chosen_on_rows_that_are_held_out(plan_for, tmp_path):
    plan = plan_for(tasks="trec-coarse")
    level = {"ssmix": (60, 10), "wordmix": (50, 90), "tmix": (70, 10)}  # reported, held out

    def percent(run):
        reported, held = level.get(kind(run), (40, 40))
        return {"test": reported + noise(run), "held": held + noise(run)}

    store = shipped((done(r, percent(r)) for r in plan.runs), tmp_path / "r")
    found = verdict("SC1", plan, store, ALONE)
    assert found.estimate == pytest.approx(10, abs=0.2)
    assert "EmbedMix" in found.units[0].note


def test_equal_methods_are_equal_however_the_better_one_is_chosen(plan_for, tmp_path):
    plan = plan_for()
    found = {v.key: v.word for v in verdicts(plan, filled(plan, lambda r: 50, tmp_path), ALONE)}
    assert {found[k] for k in ("SC1", "SC3", "SC4", "SC5", "SC6", "SC7", "SC8")} == {"negligible"}


# ------------------------------------------------------------------------------------------------------------------- by hand


def test_sc6_and_sc7_by_hand(plan_for, tmp_path):
    plan = plan_for()
    level = {"ssmix": 60.0, "ssmix-saliency": 57.0, "ssmix-saliency-span": 54.0, "wordmix": 50.0, "tmix": 56.0}
    store = filled(plan, lambda r: level.get(kind(r), 40), tmp_path)
    assert [u.mean for u in verdict("SC6", plan, store).units] == pytest.approx([(60 - 57) - (57 - 54)] * 3, abs=0.3)
    assert [u.mean for u in verdict("SC7", plan, store).units] == pytest.approx([57 - 53] * 3, abs=0.3)


@pytest.mark.parametrize("helps", ["ssmix", "ssmix-saliency"])
def test_sc5_needs_both_saliency_and_span(helps, plan_for, tmp_path):
    # One of them is worth four points, the other nothing.
    up = {"ssmix": 4, "ssmix-saliency": 4 * (helps == "ssmix-saliency")}
    plan = plan_for()
    found = verdict("SC5", plan, filled(plan, lambda r: 50 + up.get(kind(r), 0), tmp_path), ALONE)
    assert found.word == "negligible", found.why
    assert {u.part for u in found.units} == {"saliency", "span"}


def test_the_rank_correlation_is_spearmans_and_its_null_permutes_sizes(plan_for):
    names = notebook.run("ssmix", plan_for(), Records(), only=["claims"])
    rng = np.random.default_rng(1)
    sizes = [100, 200, 200, 5000, 70_000]
    lines = [(f"t{k}", n, seed, rng.normal()) for k, n in enumerate(sizes) for seed in range(4)]
    lines = pd.DataFrame(lines, columns=["task", "rows", "seed", "difference"])
    by_seed, null = names["rank_correlation"](lines)
    for seed, part in lines.groupby("seed"):
        assert by_seed[seed] == pytest.approx(stats.spearmanr(part["rows"], part["difference"]).statistic)
    assert abs(null.mean()) < 0.05
    assert names["rank_correlation"](lines.assign(rows=500)) == ({}, None)
    assert names["rank_correlation"](lines[lines["task"] == "t0"]) == ({}, None)
    gaps = names["reported"].groupby("task")["difference"].mean()
    assert gaps["rte"] == pytest.approx(-0.51)
    assert len(gaps) == 9  # ANLI's six columns are one data set
    assert -1 < names["reported_rho"][0] < 1


def test_over_data_sets_sc2_is_tested_only_where_they_differ_in_training_rows(plan_for, tmp_path):
    rows = {"docs-coarse": 100, "docs-fine": 1000, "docs-pair": 5000}
    level = {"docs-coarse": 0, "docs-fine": 2, "docs-pair": 4}
    made = {}
    for name, of in (("alike", dict.fromkeys(rows, 500)), ("growing", rows)):
        records = [done(r, 50 + 3 * r.seed + (kind(r) == "ssmix") * level[r.task] + noise(r)) for r in plan_for().runs]
        for record in records:
            record["data"]["sizes"]["train"] = of[record["run"]["task"]]
        made[name] = verdict("SC2 over data sets", plan_for(), shipped(records, tmp_path / name), ALONE)
    assert (made["alike"].word, made["growing"].word) == ("not tested", "undecided")
    assert "all data sets have 500 training rows" in made["alike"].why
    assert made["growing"].estimate == pytest.approx(1)
    assert made["growing"].p_for > 0.05  # three data sets grow by chance in one order of six


def test_what_a_setting_cannot_test_names_what_it_lacks(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    plan = make_plan("ssmix", "laptop", tasks="docs-coarse", seeds="5")
    why = {v.key: v.why for v in verdicts(plan, filled(plan, lambda r: 50, tmp_path)) if v.word == "not tested"}
    assert set(why) == {"SC2", "SC2 over data sets", "SC3", "SC4", "SC10"}
    assert "fewer than two data sets" in why["SC2 over data sets"]
    assert "size curve" in why["SC2"]
    assert "coarse and fine" in why["SC3"]
    assert "both kinds of task" in why["SC4"]
    assert "not asked for" in why["SC10"]


def test_a_failed_column_keeps_its_own_units_open_only(plan_for, tmp_path):
    plan = plan_for()
    gone = lambda r: kind(r) == "ssmix" and r.task == "docs-pair"  # noqa: E731
    store = filled(plan, lambda r: 50 + 2 * (kind(r) == "ssmix"), tmp_path, skip=gone)
    found = {v.key: v for v in verdicts(plan, store, ALONE)}
    assert found["SC1"].tasks == 2
    assert found["SC8"].word == "supported"
    assert found["SC4"].word == "not tested"
    assert "SSMix" in found["SC4"].why


# ----------------------------------------------------------------------------------------------------------------------- times


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """Writes a benchmark: 2.3 and 0.8 times EmbedMix, with as many repeats as are given, or with none kept."""
    monkeypatch.setenv("MIXUTILS_FIGURES", str(tmp_path / "figures"))

    def write(encoder: str, repeats: int = 0) -> None:
        ms = {"wordmix + clean": 200.0, "tmix + clean": 160.0, "ssmix": 460.0}
        rounds = {name: [of + i for i in range(repeats)] for name, of in ms.items()} if repeats else None
        timed(tmp_path / "figures", encoder, ms, rounds)

    return write


def test_sc9_is_about_the_authors_code_and_shows_ours_beside_it(plan_for, bench):
    plan = plan_for()
    bench(plan.setting.encoder)
    found = verdict("SC9", plan, Records())
    assert found.word == "supported"  # whatever ours takes
    for text in ("1.92, 1.71", "1.18, 1.11", "2.30 (no interval", "0.80 (no interval"):
        assert text in found.why
    assert [bool(u.void) for u in found.units] == [False, False, True, True]


def test_sc9_gives_an_interval_where_the_benchmark_keeps_its_repeats(plan_for, bench):
    plan = plan_for()
    bench(plan.setting.encoder, repeats=4)
    why = verdict("SC9", plan, Records()).why
    assert "over 4 repeats" in why
    assert "no interval" not in why

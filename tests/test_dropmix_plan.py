"""DropMix's plan: how many runs, with what recipe, on which parts (SPEC chapter 6, FIGURES)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from mixutils import paths
from mixutils.companion import make_plan
from mixutils.mixers import REGISTRY, build
from mixutils.papers import dropmix
from mixutils.papers.base import own_column
from mixutils.papers.profiles import make_setting
from tests.fakes import data_folder, filled

SENTENCE_SETS = ("trec-coarse", "sst1-sent", "subj", "mr", "cr", "mpqa")


@pytest.fixture
def no_data(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")


@pytest.fixture
def all_data(monkeypatch):
    monkeypatch.setattr("mixutils.papers.base.at_hand", lambda task, use_hub: (True, "folder"))
    monkeypatch.setattr("mixutils.papers.dropmix.at_hand", lambda task, use_hub: (True, "folder"))


@pytest.fixture
def desk_data(monkeypatch, tmp_path):
    folder = data_folder(tmp_path / "data", "mrpc", "rte", "sst2-glue", *SENTENCE_SETS)
    monkeypatch.setenv("MIXUTILS_DATA", str(folder))


def tables(plan) -> Counter:
    """Runs by the first table that has them; figures' runs last."""
    seen, out = set(), Counter()
    for table in ("3", "4", "control", dropmix.MASK_TABLE, dropmix.SPARSE_TABLE):
        mine = {r.hash for c in plan.table(table) for r in c.runs}
        out[table] = len(mine - seen)
        seen |= mine
    out["figure 3"] = len({r.hash for r in plan.extra if r.probes} - seen)
    return out


def test_full_trains_what_figures_counts(all_data):
    plan = make_plan("dropmix", "full")
    assert len([c for c in plan.columns if dropmix.is_main(c)]) == 12
    # FIGURES: Table 3 540, Table 4 360, Figure 2 360, Figure 3 and Table 5 1; controls 60, literal and random mask 60 each.
    # Not in FIGURES: two rows that count padding (SPEC RA30), 60 each. SSMix's two stages are the runs of its own plan.
    assert tables(plan) == {"3": 540, "4": 360, "control": 60, "mask": 240, "sparse": 360, "figure 3": 1}
    stages = {r.hash for c in plan.table(dropmix.STAGES_TABLE) for last in c.runs for r in (last, last.start)}
    assert len(stages) == 6 * 5 * 2
    assert stages <= {r.hash for r in make_plan("ssmix", "full").runs}
    # FIGURES has one run for both readings. Here six columns have two, because the printed one trains on all rows (SPEC RA22).
    held = {r.hash for c in plan.cells for last in c.held for r in (last, last.start) if r}
    rows, seeds = {"3": 9, "control": 1, "mask": 4}, 5  # of the masks, DropMix-C is Table 3's
    stages_held, table_4 = 5 * 2, 2 * 6  # MNLI's other part selects; both encoders on TREC alone
    assert len(held) == seeds * (6 * sum(rows.values()) + stages_held + table_4)
    assert f"that makes `{len(held)}` more runs" in (paths.ROOT / "docs" / "deviations.md").read_text("utf-8")
    # Nor has it the grids of α and n with one seed (216 and 720), of which the defaults are Table 3's.
    assert len(plan.first) == 216 + 720
    assert len(plan.runs) == 1261 + 60 + 240 + len(stages) + len(held) + 216 + 720 - 12 * len(dropmix.GRID)


TWO_RUNS = {"qqp": 363846, "qnli": 104743, "sst2-glue": 67349, "mrpc": 3668, "rte": 2490, "trec-coarse": 5452}


@pytest.mark.parametrize(("key", "whole"), TWO_RUNS.items())
def test_the_printed_reading_trains_on_all_rows_and_the_other_on_what_a_hold_out_leaves(key, whole, all_data):
    report, tenth = "test" if key == "trec-coarse" else "validation", round(whole / 10)
    for size, two in ((None, True), (whole, True), (whole - tenth + 1, True), (whole - tenth, False), (250, False)):
        # 0 asks for all rows.
        plan = make_plan("dropmix", "full", tasks=key, train_size=size or 0)
        column = next(c for c in plan.columns if c.key == key)
        cell = plan.cell("3", "DropMix-C", key)
        assert bool(cell.held) == two
        if not two:
            assert {r.policy for r in cell.runs} == {"official-held" if key == "mrpc" else "holdout"}
            continue
        assert (column.select, column.report, cell.reading.policy) == ("held", report, f"best-on-{report}")
        assert {(r.policy, r.evaluate) for r in cell.runs} == {("official", (report,))}
        # Rows, weights and order differ by the split alone.
        assert [r.with_(policy="official-held", evaluate=("held", report)) for r in cell.runs] == list(cell.held)


@pytest.mark.parametrize("key", ["mnli", "sst1-sent", "subj", "mr", "cr", "mpqa"])
def test_one_run_serves_both_readings_where_the_selecting_part_is_no_part_of_train(key, all_data):
    plan = make_plan("dropmix", "full")
    assert not any(c.held for c in plan.cells if c.column.partition("@")[0].rpartition("/")[2] == key)


def test_the_small_profiles_are_small(no_data):
    assert tables(make_plan("dropmix", "smoke")) == {
        "3": 18,
        "4": 0,  # the untrained encoder is this profile's own
        "control": 2,
        "mask": 8,
        "sparse": 12,
        "figure 3": 1,
    }
    laptop = make_plan("dropmix", "laptop")
    assert tables(laptop) == {"3": 18, "4": 12, "control": 2, "mask": 8, "sparse": 12, "figure 3": 1}


def test_desk_takes_eight_data_sets_and_says_what_it_leaves_out(desk_data):
    plan = make_plan("dropmix", "desk")
    assert [c.key for c in plan.columns if dropmix.is_main(c)] == ["mrpc", "rte", *SENTENCE_SETS]
    assert tables(plan) == {"3": 360, "4": 30, "control": 40, "mask": 20, "sparse": 60, "figure 3": 1}
    assert plan.absent["sst2-glue"] == "not in the desk profile"
    assert plan.absent["roberta/mr"] == plan.absent["bert-large/cr"] == "BERT-large and RoBERTa need the profile full"
    (run,) = plan.extra
    quoted = [r for c in plan.table(dropmix.STAGES_TABLE) for r in c.runs]
    assert (run.task, run.train_size) == ("sst2-glue", 2000)
    assert Counter((r.task, r.method, r.start.method) for r in quoted) == {
        ("mrpc", "ssmix", "none"): 5,
        ("rte", "ssmix", "none"): 5,
    }
    assert len(plan.runs) == 360 + 30 + 40 + 20 + 60 + 1 + 20


def test_the_recipe_is_the_printed_one(all_data):
    plan = make_plan("dropmix", "full")
    for row, epochs, dropout in (
        (dropmix.PLAIN, 3, 0.0),
        ("Dropout", 10, 0.1),
        ("Mixup", 10, 0.0),
        ("Dropout+Mixup", 10, 0.1),
        ("SSMix", 10, 0.1),
        ("DropMix-U", 10, 0.0),
        ("DropMix-C", 10, 0.0),
        ("DropMix-W", 10, 0.0),
        ("DropMix-G", 10, 0.0),
    ):
        runs = plan.cell("3", row, "rte").runs
        assert [r.seed for r in runs] == [0, 1, 2, 3, 4]
        recipe = runs[0].recipe
        assert (recipe.epochs, runs[0].dropout) == (epochs, dropout), row
        assert (recipe.lr, recipe.batch_size, recipe.optimizer, recipe.eps) == (2e-5, 32, "adamw", 1e-8)
        assert (recipe.weight_decay, recipe.schedule, recipe.warmup, recipe.clip) == (0.0, "linear", 0.0, 0.0)
        assert (runs[0].max_length, runs[0].start) == (128, None)  # one stage (SPEC RA14)
        assert runs[0].encoder == "google-bert/bert-base-uncased"
    control = plan.cell("control", dropmix.CONTROL, "rte").runs
    assert [r.with_(recipe__epochs=3) for r in control] == list(plan.cell("3", dropmix.PLAIN, "rte").runs)
    assert {r.recipe.epochs for r in control} == {10}


@pytest.mark.parametrize("row", [*dropmix.ROWS.values(), *dropmix.MASK_ROWS.values()], ids=lambda r: r.method)
def test_every_row_names_a_mixer_with_options_that_it_has(row):
    build(row.method, **row.options)
    entry = REGISTRY[row.method]
    assert entry.dropout in (None, row.dropout)  # where a method says which dropout belongs to it


def test_alpha_and_n_are_the_untuned_defaults():
    for name, row in dropmix.ROWS.items():
        options = build(row.method, **row.options).options
        if name not in (dropmix.PLAIN, "Dropout"):
            assert options.alpha == 0.1, name
        if name in ("DropMix-W", "DropMix-G"):
            assert (options.n, options.n_draw, options.ratio_draw) == (2, "fixed", "beta")
        if name == "SSMix":
            assert options.ratio_draw == "beta"
    masks = {name: build(r.method, **r.options).options for name, r in dropmix.MASK_ROWS.items()}
    assert [o.mask for o in masks.values()] == [
        "drop_salient",
        "keep_salient",
        "random",
        "drop_salient",
        "drop_salient",
    ]
    assert [o.patch for o in masks.values()] == ["channel", "channel", "channel", "word", "general"]
    assert [o.count_padding for o in masks.values()] == [False, False, False, True, True]


def test_subsets_leave_one_run_for_both_readings(desk_data):
    assert not any(c.held for profile in ("smoke", "laptop", "desk") for c in make_plan("dropmix", profile).cells)


def test_every_column_has_a_part_that_selects_and_one_that_is_reported(all_data):
    plan = make_plan("dropmix", "full")
    columns = {c.key: c for c in plan.columns}
    for c in plan.columns:
        assert c.select != c.report
        assert set(c.evaluate) == {c.select, c.report}
        cell = plan.cell("3" if dropmix.is_main(c) else "4", "DropMix-C", c.key)
        assert cell.reading.policy == f"best-on-{cell.reading.split}" == f"best-on-{c.report}"
    assert (columns["mnli"].report, columns["mnli"].select) == ("validation_m", "validation_mm")  # SPEC RA23
    assert {columns[k].policy for k in ("mr", "subj", "cr", "mpqa")} == {"tenths-by-seed"}  # SPEC RA13
    assert columns["sst1-sent"].policy == columns["mnli"].policy == "official"
    assert {columns[k].policy for k in TWO_RUNS} == {"official-held"}
    # SPEC RA21: MRPC's test part has labels, and GLUE's development part is reported all the same.
    assert columns["mrpc"].report == "validation"


def test_a_stand_in_gets_a_part_that_selects(no_data):
    plan = make_plan("dropmix", "laptop")
    for c in plan.columns:
        assert (c.select, c.report, c.evaluate) == ("validation", "test", ("validation", "test"))
    official = replace(own_column("docs-coarse"), policy="official")
    assert dropmix.settle(official) == official


def test_figure_2_takes_shares_of_the_whole_training_part(all_data):
    setting = make_setting("full")
    columns = {c.key: c for c in dropmix.COLUMNS}
    assert dropmix.shares(columns["mnli"], setting) == {s: round(392702 * s / 100) for s in (5, 10, 25, 50)} | {
        100: None
    }
    whole = TWO_RUNS["qnli"]
    assert dropmix.shares(columns["qnli"], setting) == {s: round(whole * s / 100) for s in (5, 10, 25, 50)} | {
        100: None
    }
    tenths = 10662 - 2 * round(10662 / 10)
    assert dropmix.shares(columns["mr"], make_setting("full", train_size=10**6))[50] == round(tenths / 2)
    plan = make_plan("dropmix", "full")
    for key in ("mnli", "qqp", "qnli"):
        for row in dropmix.SPARSE_ROWS:
            whole, same = plan.cell("sparse", row, f"{key}@100"), plan.cell("3", row, key)
            assert (whole.runs, whole.held) == (same.runs, same.held)
            sizes = [plan.cell("sparse", row, f"{key}@{s}").runs[0].train_size for s in (5, 10, 25, 50)]
            assert sizes == sorted(sizes)


def test_shares_are_of_the_settings_own_rows(desk_data):
    plan = make_plan("dropmix", "desk")
    column = next(c for c in plan.columns if c.key == "mr")
    assert dropmix.shares(column, plan.setting) == {25: 62, 50: 125, 100: 250}


def test_the_desk_has_fewer_rows_unless_the_user_says_how_many(desk_data):
    plan = make_plan("dropmix", "desk")
    assert {c.key for c in plan.columns if dropmix.is_main(c)} == {"mrpc", "rte", *SENTENCE_SETS}
    assert {r.train_size for c in plan.table("3") for r in c.runs} == {250}
    assert {r.eval_size for r in plan.runs} == {250}
    for wish in (800, 500):  # 500 is the profile's own number, asked for
        wished = make_plan("dropmix", "desk", train_size=wish)
        assert {r.train_size for c in wished.table("3") for r in c.runs} == {wish}
        assert {r.train_size for r in wished.extra} == {wish}


def test_records_of_capped_runs_are_shown_without_their_data(desk_data, monkeypatch, tmp_path):
    plan = make_plan("dropmix", "desk")
    store = filled(plan, lambda r: 50, tmp_path / "store", skip=lambda r: r.method == "dropmix-u")
    monkeypatch.setenv("MIXUTILS_DATA", "")
    shown = make_plan("dropmix", "desk", store)
    assert [c.key for c in shown.columns] == [c.key for c in plan.columns]
    assert {r.hash for r in shown.runs} == {r.hash for r in plan.runs}
    assert dropmix.train_sizes(plan.setting) == {500, 250, 2000}


def test_table_4_has_the_papers_encoders_in_full_and_an_untrained_one_elsewhere(all_data):
    plan = make_plan("dropmix", "full")
    assert {r.encoder for c in plan.table("4") for r in c.runs} == {
        "google-bert/bert-large-uncased",
        "FacebookAI/roberta-base",
    }
    assert plan.cell("4", "Bert-large", "bert-large/mr").runs[0].recipe.epochs == 3
    assert plan.cell("4", "RoBERTa", "roberta/mr").runs[0].dropout == 0.0
    assert plan.cell("4", "RoBERTa", "bert-large/mr") is None
    laptop = make_plan("dropmix", "laptop")
    assert {r.encoder for c in laptop.table("4") for r in c.runs} == {"random:small"}
    assert not any(c.published for c in laptop.columns if not dropmix.is_main(c))


def test_one_run_is_probed_and_counts_channels_with_a_fixed_share(desk_data):
    plan = make_plan("dropmix", "desk")
    (run,) = (r for r in plan.runs if r.probes)
    assert run == plan.extra[0]
    assert set(run.probes) == {"dropmix-masks", "dropmix-channels"}
    assert run.probe_policy == "best-on-validation"
    options = build(run.method, **dict(run.options)).options
    assert (options.patch, options.ratio_draw, options.ratio, options.count_channels) == ("channel", "fixed", 0.2, True)


@pytest.mark.parametrize(
    ("tasks", "task"), [(None, "sst2-glue"), ("rte,mr", "mr"), ("rte", "rte"), ("mr,sst2-glue", "sst2-glue")]
)
def test_the_probed_run_is_on_sst2_or_on_what_was_asked_for(tasks, task, desk_data):
    assert make_plan("dropmix", "desk", tasks=tasks).extra[0].task == task


def test_wishes_reach_every_run(no_data):
    plan = make_plan("dropmix", "laptop", seeds="4,7", train_size=33, tasks="docs-fine")
    assert {r.task for r in plan.runs} == {"docs-fine"}
    assert {r.train_size for r in plan.runs} == {33, 8}  # a quarter in Figure 2
    assert {r.seed for r in plan.runs} == {4, 7}

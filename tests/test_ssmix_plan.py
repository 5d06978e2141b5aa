"""SSMix's plan: how many runs, which start from which, with what recipe (SPEC chapter 4, FIGURES)."""

from __future__ import annotations

from collections import Counter

import pytest

from mixutils.companion import make_plan
from mixutils.mixers import REGISTRY, build
from mixutils.papers import ssmix
from tests.fakes import data_folder, kind

METHODS = ("wordmix", "tmix", "ssmix", "ssmix-saliency", "ssmix-saliency-span", "unk")


@pytest.fixture
def no_data(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")


@pytest.fixture
def all_data(monkeypatch):
    monkeypatch.setattr("mixutils.papers.base.at_hand", lambda task, use_hub: (True, "folder"))


def counts(plan) -> Counter:
    return Counter(kind(r) for r in plan.runs)


@pytest.mark.parametrize(("profile", "tasks", "seeds"), [("smoke", 2, 2), ("laptop", 3, 2)])
def test_a_small_profile_trains_stage_1_six_mixups_and_the_control(no_data, profile, tasks, seeds):
    plan = make_plan("ssmix", profile)
    each = tasks * seeds
    assert counts(plan) == {"stage 1": each, "control": each, **dict.fromkeys(METHODS, each)}
    assert len(plan.runs) == 8 * each  # 32 and 72


def test_desk_adds_a_size_curve(no_data):
    plan = make_plan("ssmix", "desk")
    # 3 tasks of 5 seeds; docs-fine also at 100 and 300 rows: stage 1 and three mixups each.
    assert counts(plan) == {
        "stage 1": 15 + 10,
        "control": 15,
        **dict.fromkeys(("wordmix", "tmix", "ssmix"), 15 + 10),
        **dict.fromkeys(("ssmix-saliency", "ssmix-saliency-span", "unk"), 15),
    }
    assert len(plan.runs) == 160


def test_full_trains_what_figures_counts(all_data):
    plan = make_plan("ssmix", "full")
    # FIGURES: stage 1 9 x 5 = 45, Table 2 5 x 11 x 5 = 275, Table B.1 55, control 55; size curve 45, and 15 of stage 1.
    assert len(plan.columns) == 14
    assert counts(plan) == {
        "stage 1": 45 + 15,
        "control": 55,
        **dict.fromkeys(("wordmix", "tmix", "ssmix"), 55 + 15),
        **dict.fromkeys(("ssmix-saliency", "ssmix-saliency-span", "unk"), 55),
    }
    assert len(plan.runs) == 375 + 55 + 60


def test_stage_1_is_one_run_for_all_methods_of_a_task_and_seed(no_data):
    plan = make_plan("ssmix", "laptop")
    first = [r for r in plan.runs if r.start is None]
    assert len({(r.task, r.seed) for r in first}) == len(first) == 6
    by_place = {(r.task, r.seed): r for r in first}
    for run in plan.runs:
        if run.start is not None:
            assert run.start == by_place[run.task, run.seed]
            assert plan.runs.index(run.start) < plan.runs.index(run)


def test_tables_share_their_runs(all_data):
    plan = make_plan("ssmix", "full")
    for row in ("No mixup", "SSMix", "SSMix - saliency", "SSMix - saliency - span"):
        for column in plan.columns:
            runs = plan.cell("2", row, column.key).runs
            assert plan.cell("A.1", row, column.key).runs == runs
            assert plan.cell("B.1", row, column.key).runs == runs
    assert plan.cell("size", "SSMix", "mnli@0").runs == plan.cell("2", "SSMix", "mnli").runs


def test_a_round_of_anli_is_one_run_that_two_columns_read(all_data):
    for plan in (make_plan("ssmix", "full"), make_plan("ssmix", "full", tasks="anli")):
        for n in (1, 2, 3):
            shown, tested = (plan.cell("2", "SSMix", f"anli-r{n}/{part}") for part in ("validation", "test"))
            assert shown.runs == tested.runs
            assert shown.reading.policy == tested.reading.policy == f"best-on-validation_r{n}"
            assert (shown.reading.split, tested.reading.split) == (f"validation_r{n}", f"test_r{n}")
        stage_1 = {r.start.hash for c in plan.cells if "anli" in c.column for r in c.runs if r.start}
        assert len(stage_1) == 5


@pytest.fixture
def with_pairs(tmp_path, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "d", "trec-coarse", "rte", "mrpc")))


def test_the_desk_trains_mrpc_and_rte_in_all_rows_of_the_tables(with_pairs):
    plan = make_plan("ssmix", "desk")
    of_pairs = {(c.table, c.row, c.column): len(c.runs) for c in plan.cells if c.column in ("rte", "mrpc")}
    rows = [(table, row) for table, rows in ssmix.TABLES.items() for row in rows]
    assert of_pairs == {(*place, task): 5 for place in rows for task in ("rte", "mrpc")}
    assert {r.start_policy for r in plan.cell("2", "SSMix", "rte").runs} == {"best-on-validation"}


@pytest.mark.parametrize("profile", ["desk", "full"])
def test_one_seed_of_all_rows_is_complete_before_the_next_begins(with_pairs, profile):
    runs = make_plan("ssmix", profile).runs
    assert [r.seed for r in runs] == sorted(r.seed for r in runs)
    first = runs[: len(runs) // 5]
    assert {kind(r) for r in first if r.task == "rte"} == {"stage 1", "control", *METHODS}


def test_the_recipe_is_the_printed_one(all_data):
    plan = make_plan("ssmix", "full")
    run = plan.cell("2", "SSMix", "rte").runs[0]
    first, second = run.start.recipe, run.recipe
    assert (first.lr, first.epochs, second.lr, second.epochs) == (5e-5, 3, 1e-5, 5)
    for recipe in (first, second):
        assert (recipe.batch_size, recipe.optimizer, recipe.eps, recipe.weight_decay) == (32, "adamw", 1e-8, 1e-4)
        assert (recipe.schedule, recipe.warmup, recipe.eval_every, recipe.clip) == ("linear", 0.1, 500, 0.0)
    assert run.max_length == 128
    assert run.encoder == "google-bert/bert-base-uncased"
    assert sorted(r.seed for r in plan.cell("2", "SSMix", "rte").runs) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("options", "part"), [("", "validation_mm"), ("ssmix.mnli=m", "validation_m")])
def test_mnli_is_selected_and_reported_on_mismatched_unless_matched_is_asked_for(all_data, options, part):
    cell = make_plan("ssmix", "full", options=options).cell("2", "TMix", "mnli")
    assert (cell.reading.policy, cell.reading.split) == (f"best-on-{part}", part)
    assert cell.runs[0].start_policy == f"best-on-{part}"
    assert set(cell.runs[0].evaluate) == {"validation_mm", "validation_m"}
    assert cell.reading.floor


@pytest.mark.parametrize("row", ssmix.ROWS)
def test_every_row_names_a_mixer_with_options_that_it_has(row):
    method, options = ssmix.ROWS[row]
    assert method in REGISTRY
    build(method, **options)


def test_two_runs_are_probed_for_the_figures_one_per_kind_of_task(no_data):
    probed = [r for r in make_plan("ssmix", "laptop").runs if r.probes]
    assert {(r.task, r.method, r.seed) for r in probed} == {("docs-coarse", "ssmix", 0), ("docs-pair", "ssmix", 0)}
    assert {r.probe_policy for r in probed} == {"best-on-test"}


@pytest.mark.parametrize(
    ("profile", "rows", "sizes"),
    [
        ("desk", None, (50, 150, 500)),
        ("desk", 100, (50, 100)),
        ("desk", 50, ()),
        ("desk", 0, (50, 150, 0)),
        ("laptop", None, ()),
        ("full", None, (3927, 19635, 98176, 0)),
        ("full", 10_000, (3927, 10_000)),
    ],
)
def test_sizes_of_the_size_curve_grow_to_the_settings_own(profile, rows, sizes, no_data):
    plan = make_plan("ssmix", profile, train_size=rows)
    assert ssmix.sizes(plan.setting) == sizes
    curve = [c for c in plan.table("size") if c.row == "SSMix"]
    assert [c.runs[0].train_size or 0 for c in curve] == (list(sizes) if profile == "desk" else [])


def test_the_desk_sets_rows_aside_where_the_paper_selects_on_what_it_reports(tmp_path, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "d", "trec-coarse")))
    run = make_plan("ssmix", "desk").cell("2", "SSMix", "trec-coarse").runs[0]
    assert (run.policy, run.evaluate, run.start_policy) == ("official-held", ("test", "held"), "best-on-test")
    for other in (make_plan("ssmix", "laptop"), make_plan("ssmix", "desk", train_size=0)):  # nothing is left over there
        run = other.cell("2", "SSMix", "trec-coarse").runs[0]
        assert (run.policy, run.evaluate) == ("official", ("test",))


def test_wishes_reach_every_run(no_data):
    plan = make_plan("ssmix", "laptop", seeds="4,7", train_size=33, encoder="random:tiny", tasks="docs-fine")
    assert {(r.task, r.train_size, r.encoder) for r in plan.runs} == {("docs-fine", 33, "random:tiny")}
    assert {r.seed for r in plan.runs} == {4, 7}
    assert len(plan.runs) == 16


def test_real_data_at_hand_fill_the_papers_columns(tmp_path, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "d", "trec-coarse", "trec-fine", "mrpc", "rte")))
    plan = make_plan("ssmix", "laptop")
    assert [c.key for c in plan.columns] == ["mrpc", "trec-coarse", "trec-fine"]
    assert plan.absent["rte"] == "not in the laptop profile"
    assert len(plan.runs) == 48
    with_rte = make_plan("ssmix", "desk")
    assert [c.key for c in with_rte.columns] == ["rte", "mrpc", "trec-coarse", "trec-fine"]
    assert with_rte.absent["qqp"] == "not in the data folder"

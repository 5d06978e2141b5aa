"""DNM's plan: how many runs, with what recipe and subsets, and which tables share them (SPEC chapter 5, FIGURES)."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest

from mixutils.companion import make_plan
from mixutils.mixers import REGISTRY, build
from mixutils.papers import dnm
from mixutils.papers.profiles import make_setting
from mixutils.runs.execute import prepare_data
from tests.fakes import data_folder


@pytest.fixture
def no_data(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")


@pytest.fixture
def all_data(monkeypatch):
    monkeypatch.setattr("mixutils.papers.base.at_hand", lambda task, use_hub: (True, "folder"))


def shallow(run) -> bool:
    return run.encoder.startswith("cnn")


def test_full_trains_what_figures_counts(all_data):
    plan = make_plan("dnm", "full")
    tables = Counter()
    seen = set()
    for table in ("2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "control", "policy"):
        runs = {r.hash for c in plan.table(table) for r in c.runs}
        tables[table] = len(runs - seen)
        seen |= runs
    # FIGURES: Tables 2-5 960, 6-7 120, 8-9 90, 10-11 120; controls and the policy study are not in its total.
    assert [tables[t] for t in ("2", "3", "4", "5")] == [240] * 4
    assert tables["6"] + tables["7"] == 120
    assert tables["8"] + tables["9"] == 90
    assert tables["10"] + tables["11"] == 120
    assert tables["control"] == 3 * 3 * 5
    assert tables["policy"] == 8 * 5  # the ninth row is Table 2's own run
    assert len(plan.runs) == len(seen) == 1290 + 45 + 40


def test_small_profiles_stay_within_their_budget(all_data):
    laptop, desk = make_plan("dnm", "laptop"), make_plan("dnm", "desk")
    assert {r.task for r in laptop.runs} == {"subj"}
    assert (len(laptop.runs), sum(map(shallow, laptop.runs))) == (62, 12)
    # Tables 2 to 5: 8 rows x 2 sizes x 4 data sets x 5 seeds; all the others on Subj, the policy's with two seeds; 15 longer.
    assert (len(desk.runs), sum(map(shallow, desk.runs))) == (452, 120)
    assert {len(c.runs) for c in desk.table(dnm.POLICY)} == {2}
    assert {len(c.runs) for c in make_plan("dnm", "desk", seeds=5).table(dnm.POLICY)} == {5}
    assert {c.column for t in ("6", "8", "10", "7", "9", "11") for c in desk.table(t)} == {"subj"}


def test_smoke_is_one_built_in_task(no_data):
    plan = make_plan("dnm", "smoke")
    assert {r.task for r in plan.runs} == {"docs-coarse"}
    assert len(plan.runs) == 52
    assert not plan.table("2")
    assert {c.row for c in plan.table(dnm.OWN_TABLE)} == set(dnm.ROWS)


def test_the_recipe_is_the_printed_one(all_data):
    run = make_plan("dnm", "full").cell("2", dnm.OURS, "subj/50").runs[0]
    r = run.recipe
    assert (r.steps, r.batch_size, r.lr, r.optimizer, r.schedule, r.eval_every) == (
        4000,
        20,
        2e-5,
        "adam",
        "constant",
        200,
    )
    assert (r.betas, r.eps, r.weight_decay, r.mixer_lr, r.clip) == ((0.9, 0.999), 1e-8, 0.0, 0.0, 0.0)
    assert (run.max_length, run.encoder) == (128, "google-bert/bert-base-uncased")
    cnn = make_plan("dnm", "full").cell("2", "WordMixup", "subj/50").runs[0]
    assert (cnn.recipe.lr, cnn.recipe.batch_size, cnn.recipe.steps, cnn.encoder) == (1e-3, 50, 4000, "cnn")


@pytest.mark.parametrize(
    ("profile", "rows", "deep", "cnn"),
    [
        ("full", None, 4000, 4000),
        ("full", 2000, 1000, 1000),
        ("full", 8000, 4000, 4000),
        ("full", 10**6, 4000, 4000),
        ("desk", None, 125, 250),  # the learning rate of MiniLM is raised, that of the CNN is not
        ("desk", 0, 4000, 4000),
        ("laptop", None, 16, 32),
        ("laptop", 1, 1, 1),
    ],
)
def test_steps_follow_one_rule(profile, rows, deep, cnn):
    setting = make_setting(profile, train_size=rows)
    assert dnm.recipe(setting).steps == deep
    assert dnm.recipe(setting, shallow=True).steps == cnn


def test_all_sizes_and_methods_of_a_setting_make_the_same_steps(all_data):
    for profile in ("laptop", "desk"):
        plan = make_plan("dnm", profile)
        longer = {r.hash for c in plan.table(dnm.LONG) for r in c.runs}
        assert len({r.recipe.steps for r in plan.runs if not shallow(r) and r.hash not in longer}) == 1
        assert {r.recipe.batch_size for r in plan.runs if not shallow(r)} == {20}


@pytest.mark.parametrize(
    ("profile", "rows", "sizes"),
    [
        ("full", None, (50, 200, 500, 1000, 2000, 0)),
        ("full", 1000, (50, 200, 500, 1000)),
        ("desk", None, (50, 500)),
        ("laptop", None, (50, 64)),
        ("laptop", 50, (50,)),
        ("laptop", 0, (50, 0)),
        ("smoke", None, (16, 48)),
    ],
)
def test_sizes_grow_to_the_settings_own(profile, rows, sizes, all_data):
    setting = make_setting(profile, train_size=rows)
    assert dnm.sizes(setting) == sizes
    plan = dnm.plan(setting)
    assert {r.train_size or 0 for r in plan.runs} == set(sizes)


def test_a_single_size_has_no_table_with_all_data(all_data):
    plan = make_plan("dnm", "full", train_size=50)
    assert plan.table("6")
    assert not plan.table("7")


def test_tables_share_their_runs(all_data):
    plan = make_plan("dnm", "full")
    for size, tables in (("50", ("6", "8", "10")), ("all", ("7", "9", "11"))):
        for task in ("subj", "mr", "sst1-sent"):
            ours = plan.cell(dnm.MAIN[task], dnm.OURS, f"{task}/{size}").runs
            for table, row in zip(tables, ("K=5", "TIW+TOW", dnm.OURS), strict=True):
                assert plan.cell(table, row, task).runs == ours
    assert plan.cell("policy", "2e-05, start N(0, 1)", "subj").runs == plan.cell("2", dnm.OURS, "subj/all").runs


def test_the_study_of_the_policy_changes_its_learning_rate_only(all_data):
    plan = make_plan("dnm", "desk")
    base = plan.cell("policy", "2e-05, start N(0, 1)", "subj").runs[0]
    fast = plan.cell("policy", "0.001, start N(0, 1)", "subj").runs[0]
    assert fast.recipe.mixer_lr == pytest.approx(50 * base.recipe.lr)
    assert fast.with_(recipe__mixer_lr=0.0) == base.with_(probes=(), probe_policy="")
    assert {c.runs[0].train_size for c in plan.table("policy")} == {500}


@pytest.mark.parametrize(
    ("method", "options"),
    [(m, {}) for m, _ in dnm.ROWS.values()]
    + [("dnm", o) for o in dnm.WEIGHT_ROWS.values()]
    + [(m, {}) for m in dnm.ABLATION_ROWS.values()]
    + list(dnm.CONTROL_ROWS.values())
    + [("dnm", o) for _, o in dnm.POLICY_ROWS.values()],
)
def test_every_row_names_a_mixer_with_options_that_it_has(method, options):
    assert method in REGISTRY
    build(method, **options)


def test_the_rows_ablate_what_their_names_say():
    assert [build(m).options.select for m in dnm.ABLATION_ROWS.values()] == [
        "both",
        "random",
        "smallest",
        "largest",
        "both",
    ]
    assert build("dnm-wo-dss").options.random_partners == 1
    assert build("dnm-random").options.random_partners == "2K"
    assert build("dnm-wo-dnm").options.mix == "scalar"
    assert build("dnm").options.k == 5


def test_models_of_figures_3_and_4_are_probed_on_every_seed_and_drawn_for_the_first(all_data):
    probed = Counter((r.task, r.method, p) for r in make_plan("dnm", "full").runs for p in r.probes)
    assert probed == {
        **{(t, m, "dnm-features"): 5 for t in ("subj", "sst2-sent") for m in ("none", "dnm")},
        **{(t, m, "dnm-maps"): 1 for t in ("subj", "sst2-sent") for m in ("none", "dnm")},
        ("subj", "dnm", "dnm-mixtures"): 5,
    }
    for run in make_plan("dnm", "full").runs:
        assert not run.probes or (run.train_size is None and run.probe_policy == "best-on-validation")


def test_absent_columns_say_why(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "d", "subj", "sst1-sent")))
    plan = make_plan("dnm", "desk")
    assert [c.key for c in dnm.data_columns(plan)] == ["subj", "sst1-sent"]
    assert plan.absent["mr/50"] == plan.absent["mr"] == "not in the data folder"
    assert plan.absent["subj/200"] == "the desk setting trains on 50, 500 rows"
    assert "subj/50" not in plan.absent


def test_other_tasks_have_the_same_rows_and_select_on_validation(no_data):
    plan = make_plan("dnm", "laptop", tasks="docs-fine,docs-pair", seeds="1", encoder="random:tiny")
    assert {c.column for c in plan.table(dnm.OWN_TABLE)} == {
        f"{t}/{n}" for t in ("docs-fine", "docs-pair") for n in (50, 64)
    }
    assert {r.evaluate for r in plan.runs} == {("validation", "test")}
    assert {r.encoder for r in plan.runs} == {"random:tiny", "cnn"}
    assert {c.column for c in plan.table("6")} == {"docs-fine", "docs-pair"}


def test_low_resource_subsets_are_balanced_nested_and_one_per_seed(data_folder):
    plan = make_plan("dnm", "full", tasks="sst1-sent,mr", seeds="2")
    for task, parts in (("sst1-sent", (1101, 2210)), ("mr", (1066, 1068))):
        texts: dict[tuple[int, int], list[str]] = {}
        for n in (50, 200):
            for run in plan.cell(dnm.MAIN[task], dnm.OURS, f"{task}/{n}").runs:
                data, _ = prepare_data(run)
                assert len(data.splits["train"]) == n
                counts = data.histogram("train").values()
                assert max(counts) - min(counts) <= 1
                assert tuple(len(data.splits[p]) for p in ("validation", "test")) == parts
                texts[n, run.seed] = list(data.splits["train"].text_a)
        for seed in (0, 1):
            assert texts[200, seed][:50] == texts[50, seed]
        assert texts[50, 0] != texts[50, 1]


def test_the_cut_of_mr_leaves_the_printed_number_of_training_rows(data_folder):
    run = make_plan("dnm", "full", tasks="mr", seeds="1").cell("3", dnm.OURS, "mr/all").runs[0]
    assert len(prepare_data(run)[0].splits["train"]) == 8528


def test_the_desk_trains_three_rows_on_mr_four_times_as_long(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "data", "subj", "mr", "sst2-sent", "sst1-sent")))
    plan = make_plan("dnm", "desk")
    assert [(c.row, c.column) for c in plan.table(dnm.LONG)] == [(row, "mr") for row in dnm.LONG_ROWS]
    for cell in plan.table(dnm.LONG):
        usual = plan.cell("3", cell.row, "mr/500")
        assert [r.recipe.steps for r in cell.runs] == [4 * r.recipe.steps for r in usual.runs] == [500] * 5
        assert [len(r.probes) for r in cell.runs] == [0] * 5
        same = [r.with_(recipe__steps=125, recipe__eval_every=25).hash for r in cell.runs]
        assert same == [r.hash for r in usual.runs]
    assert not make_plan("dnm", "laptop").table(dnm.LONG)


@pytest.mark.parametrize(
    ("shallow", "vectors", "encoder"),
    [
        ("cnn", "minilm", "cnn"),
        ("cnn", "random", "cnn:random"),
        ("lstm", "minilm", "lstm"),
        ("lstm", "g.txt", "lstm:g.txt"),
    ],
)
def test_the_shallow_rows_can_have_either_encoder_and_any_vectors(shallow, vectors, encoder, monkeypatch, no_data):
    usual = dnm.scope
    own = {"shallow": shallow, "vectors": vectors}
    monkeypatch.setattr(dnm, "scope", lambda setting: SimpleNamespace(**vars(usual(setting)) | own))
    plan = make_plan("dnm", "laptop")
    of = {c.row: {r.encoder for r in c.runs} for c in plan.table(dnm.OWN_TABLE)}
    assert of == {row: {encoder if row in dnm.SHALLOW_ROWS else "minilm"} for row in dnm.ROWS}


def test_another_shallow_encoder_is_refused_by_name(monkeypatch, no_data):
    usual = dnm.scope
    monkeypatch.setattr(dnm, "scope", lambda setting: SimpleNamespace(**vars(usual(setting)) | {"shallow": "gru"}))
    with pytest.raises(ValueError, match=r"dnm\.shallow is one of cnn, lstm, not 'gru'"):
        make_plan("dnm", "smoke")

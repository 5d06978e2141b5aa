"""Plans of both DMIX papers: how many runs, which of them are shared, with what recipe (SPEC chapters 2 and 3, FIGURES)."""

from __future__ import annotations

from collections import Counter

import pytest

from mixutils.companion import make_plan
from mixutils.mixers import REGISTRY, build
from mixutils.papers import dmix, dmix_short
from mixutils.papers.published import published
from mixutils.papers.tuning import TUNING
from mixutils.runs.records import Records
from mixutils.training.loop import evaluation_steps
from tests.fakes import data_folder, done


@pytest.fixture
def no_data(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")


@pytest.fixture
def all_data(monkeypatch):
    monkeypatch.setattr("mixutils.papers.base.at_hand", lambda task, use_hub: (True, "folder"))


def runs_of(plan, table: str) -> set:
    return {r for c in plan.table(table) for r in c.runs}


def test_full_trains_what_figures_counts(all_data):
    plan = make_plan("dmix", "full")
    # FIGURES: 400 in Table 2, then new ones: Table 3 240, 4 60, 5 240, 6 80, Figure 3 180; and one seed of five for M.
    seen: set = set()
    new = {}
    for table in ("2", "3", "4", dmix.LAYERS, "6", dmix.THRESHOLDS, dmix.MATRIX):
        new[table] = len(runs_of(plan, table) - seen)
        seen |= runs_of(plan, table)
    assert new == {"2": 400, "3": 240, "4": 60, dmix.LAYERS: 240, "6": 80, dmix.THRESHOLDS: 180, dmix.MATRIX: 5}
    # Not in its total: the grid of T with three seeds, which Figure 3 shares on two data sets of eight (216 there).
    assert len(runs_of(plan, TUNING) - seen) == 216 - 54
    assert len(plan.runs) == 1205 + 216 - 54
    short = make_plan("dmix_short", "full")
    assert len(runs_of(short, "1")) == 280
    # 20: τ = 10 % is Table 1's, 100 % is a run beside Mixup (SPEC SDC4); 54: the grid of τ on the two other data sets.
    assert len(short.runs) == 280 + 160 + 20 + 54


def test_small_profiles_stay_small(monkeypatch, tmp_path):
    wanted = ("trac", "trec-coarse", "trec-fine", "cola", "sst2-10k", "ttc", "hasoc", "essc")
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "d", *wanted)))
    for profile, most in (("smoke", 70), ("laptop", 70), ("desk", 240)):
        runs = {r.hash for paper in ("dmix", "dmix_short") for r in make_plan(paper, profile).runs}
        assert len(runs) <= most, profile


def test_desk_columns_and_why_others_are_empty(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "d", "trac", "trec-coarse", "cola", "ttc", "essc")))
    plan = make_plan("dmix", "desk")
    assert [c.key for c in plan.columns] == ["trac", "trec-coarse", "cola"]
    assert plan.absent["ttc"] == "not in the desk profile"
    assert {c.column for c in plan.table("2")} == {"trac", "trec-coarse"}
    assert {c.column for c in plan.table(dmix.LAYERS)} == {
        f"{c}/{m}" for c in ("cola", "trec-coarse") for m in ("TMix", "DMix")
    }
    assert make_plan("dmix", "full").absent["ahs"] == "not in the data folder and not on the hub"


def test_a_data_set_that_is_asked_for_gets_all_its_printed_tables(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "d", "cola", "mine")))
    plan = make_plan("dmix", "laptop", tasks="cola,mine")
    tables = {name: {c.table for c in plan.cells if c.column.startswith(name)} for name in ("cola", "mine")}
    assert tables["cola"] == {"2", "3", dmix.LAYERS, "6"}
    assert tables["mine"] == {"2", "3", "4", dmix.LAYERS, "6", dmix.THRESHOLDS, dmix.MATRIX, TUNING}
    with_ahs = make_plan("dmix_short", "laptop", tasks="mine")
    assert {c.table for c in with_ahs.cells} == {"1", "fig1", dmix_short.SAME, TUNING}


def test_the_recipe_is_the_printed_one(all_data):
    run = make_plan("dmix", "full").cell("2", "DMix", "trec-coarse").runs[0]
    r = run.recipe
    assert (r.optimizer, r.lr, r.batch_size, r.weight_decay, r.epochs) == ("bertadam", 2e-5, 8, 0.01, 5)
    assert (r.betas, r.eps, r.schedule, r.warmup, r.mixer_lr) == ((0.9, 0.999), 1e-6, "linear", 0.1, 0.0)
    assert (run.max_length, run.policy, run.evaluate) == (128, "holdout", ("validation", "test"))
    assert run.seed == 0
    assert len(make_plan("dmix", "full").cell("2", "DMix", "trec-coarse").runs) == 10


def test_languages_other_than_english_get_the_multilingual_encoder(all_data):
    plan = make_plan("dmix", "full")
    multilingual, english = "google-bert/bert-base-multilingual-uncased", "google-bert/bert-base-uncased"
    encoders = {c.key: plan.cell("2", "DMix", c.key).runs[0].encoder for c in plan.columns}
    assert {k for k, v in encoders.items() if v == multilingual} == {"ahs", "ttc", "hasoc"}
    assert set(encoders.values()) == {multilingual, english}
    assert {r.encoder for r in make_plan("dmix_short", "full").runs} == {multilingual}  # English ESSC too, as printed
    assert {r.encoder for r in make_plan("dmix", "full", encoder="random:tiny").runs} == {"random:tiny"}


def test_records_of_the_multilingual_encoder_are_shown_without_data(no_data):
    run = dmix.base_run(dmix.COLUMNS[6], "DMix", 0, make_plan("dmix", "full", tasks="docs-coarse").setting)
    store = Records()
    store.put(done(run, 50))
    assert [c.key for c in make_plan("dmix", "full", store).columns] == ["ttc"]


def test_sst2_takes_the_same_10000_rows_for_every_seed(all_data):
    for run in make_plan("dmix", "full").cell("2", "TMix", "sst2-10k").runs:
        assert (run.train_size, run.subset, run.recipe.eval_every) == (10_000, "fixed", 100)
        assert run.recipe.eval_first == 20
    small = make_plan("dmix", "desk", tasks="sst2-10k").cell("2", "TMix", "sst2-10k").runs[0]
    assert (small.train_size, small.subset) == (250, "stratified")


def test_more_evaluations_in_the_first_epoch_leave_recorded_runs_alone(all_data):
    full = make_plan("dmix", "full").cell("2", "TMix", "trac").runs[0]
    steps = evaluation_steps(3837, full.recipe)  # 480 updates an epoch
    assert steps[:6] == [10, 20, 30, 40, 50, 60]
    assert [s for s in steps if s > 480][:3] == [500, 550, 600]
    assert {480, 960, 1440, 1920, 2400} <= set(steps)
    for profile in ("smoke", "laptop", "desk"):
        assert {r.recipe.eval_first for r in make_plan("dmix", profile).runs} == {0}


def test_trac_is_read_in_weighted_f1_everything_else_in_micro_f1(all_data):
    for paper in ("dmix", "dmix_short"):
        for cell in make_plan(paper, "full").cells:
            weighted = cell.column.partition("/")[0] == "trac"
            assert cell.reading.metric == ("f1_weighted" if weighted else "f1_micro")


def test_the_desk_trains_on_fewer_and_shorter_texts_unless_a_number_is_asked_for(all_data):
    for paper in ("dmix", "dmix_short"):
        plan = make_plan(paper, "desk")
        assert {(r.train_size, r.max_length) for r in plan.runs} == {(250, 64)}
        assert {"dmix": dmix, "dmix_short": dmix_short}[paper].train_sizes(plan.setting) == {250}
        for wish in (400, 500):  # 500 is the profile's own number, asked for
            assert {r.train_size for r in make_plan(paper, "desk", train_size=wish).runs} == {wish}


def test_tables_share_their_runs(all_data):
    plan = make_plan("dmix", "full")
    for c in plan.columns:
        for row in ("TMix", "DMix"):
            main = plan.cell("2", row, c.key).runs
            others = [plan.cell(t, row, c.key) for t in ("3", "4", "6")]
            others += [plan.cell(dmix.LAYERS, dmix.OWN_SET[row], f"{c.key}/{row}")]
            others += [plan.cell(dmix.THRESHOLDS, "TMix" if row == "TMix" else "T = 0.7", c.key)]
            assert all(cell.runs == main for cell in others if cell)


def test_both_papers_share_the_unmixed_run(all_data):
    here = make_plan("dmix", "full").cell("2", "f_theta", "ttc").runs
    assert make_plan("dmix_short", "full").cell("1", "encoder (paper: mBERT)", "ttc").runs == here


@pytest.mark.parametrize("rows", [dmix.ROWS, dmix_short.ROWS])
def test_every_row_names_a_mixer_with_options_that_it_has(rows):
    for method, options in rows.values():
        assert method in REGISTRY
        build(method, **options)


def test_every_planned_run_can_be_built(all_data):
    for paper in ("dmix", "dmix_short"):
        for run in make_plan(paper, "full", seeds="1").runs:
            build(run.method, **dict(run.options))


def test_the_registered_defaults_are_the_main_tables(no_data):
    o = build("dmix").options
    assert (o.T, o.levels) == (dmix.THRESHOLD, dmix.LAYER_SETS[dmix.OWN_SET["DMix"]])
    assert build("tmix").options.levels == dmix.LAYER_SETS[dmix.OWN_SET["TMix"]]
    assert build("dmix-short").options.tau == dmix_short.TAU
    for row in dmix_short.DISTANCES:
        assert build(dmix_short.ROWS[row][0]).options.levels == tuple(range(1, 13))


def test_thresholds_rates_and_sets_reach_the_runs(no_data):
    plan = make_plan("dmix", "desk")
    first = plan.columns[0].key
    assert dict(plan.cell(dmix.THRESHOLDS, "T = 0.9", first).runs[0].options)["T"] == 0.9
    assert dict(plan.cell(dmix.LAYERS, "{0,1,2}", f"{first}/TMix").runs[0].options)["levels"] == (0, 1, 2)
    cells = {c.row: c.runs[0] for c in plan.table(dmix.MATRIX)}
    assert list(cells) == ["KL, 2e-05", "KL, 0.0002", "KL, 0.001", "KL, 0.01", "CE, 0.01"]
    assert cells["KL, 0.001"].recipe.mixer_lr == 1e-3
    assert dict(cells["CE, 0.01"].options)["loss"] == "ce"
    assert {r.probes for r in cells.values()} == {("dmix-matrix",)}


def test_probes_sit_on_the_runs_that_figures_read(all_data):
    probed = Counter((r.method, r.probes) for r in make_plan("dmix", "full").runs if r.probes)
    assert probed["dmix", ("dmix-attention", "dmix-geometry")] == 1  # TRAC, first seed
    assert probed["dmix", ("dmix-geometry",)] == 7
    assert probed["dmix", ("dmix-attention",)] == 9
    assert probed["tmix", ("dmix-attention",)] == probed["dmix-nt", ("dmix-attention",)] == 10
    short = [r for r in make_plan("dmix_short", "full").runs if r.probes]
    assert {(r.task, r.seed) for r in short} == {(t, 0) for t in ("ahs", "essc", "ttc", "ghc")}


def test_stand_ins_select_on_validation_too(no_data):
    for paper in ("dmix", "dmix_short"):
        plan = make_plan(paper, "laptop")
        for cell in plan.cells:
            part = "validation" if cell.table == TUNING else "test"
            assert (cell.reading.policy, cell.reading.split) == ("best-epoch-on-validation", part)
            assert cell.reading.metric == "f1_micro"


def test_every_printed_row_that_is_not_quoted_is_planned(all_data):
    plan = make_plan("dmix", "full")
    printed = {k for k, c in published("dmix").items() if k[0] == "6" and c.marker != "quoted"}
    assert printed == {(c.table, c.row, c.column) for c in plan.table("6")}


def test_learning_rates_of_the_small_profiles_are_those_papers_own(no_data):
    """Chosen for BERTAdam and small batches (deviation P1); an encoder of one's own gets the printed rate."""
    rates = {p: {r.recipe.lr for r in make_plan("dmix", p).runs} for p in ("smoke", "laptop", "desk")}
    assert rates == {"smoke": {2e-4}, "laptop": {8e-5}, "desk": {2e-5}}
    assert {r.recipe.lr for r in make_plan("dmix_short", "desk").runs} == {2e-5}
    assert {r.recipe.lr for r in make_plan("dmix", "laptop", encoder="random:tiny").runs} == {2e-5}

"""The comparison's plan: equal budgets, blocks, precisions."""

from __future__ import annotations

import pytest

from mixutils.companion import make_plan, plans
from mixutils.mixers import REGISTRY
from mixutils.papers import base, compare
from mixutils.papers.profiles import make_setting
from mixutils.tasks import CATALOGUE, spec
from mixutils.training.loop import count_steps, evaluation_steps
from tests import fakes

SLOW, FAST = "float32-highest", "bfloat16"
TASKS, METHODS = (getattr(compare.scope(make_setting("compare")), name) for name in ("tasks", "methods"))


@pytest.fixture
def here(monkeypatch):
    """Sets the precision that this machine would begin a block in."""

    def pretend(word: str) -> None:
        monkeypatch.setattr(compare.environment, "resolve_precision", lambda name, device: word)

    pretend(SLOW)
    monkeypatch.setattr(base, "at_hand", lambda task, use_hub: (True, "folder"))
    return pretend


def small(**changes):
    """A setting with two tasks, so that tests are quick."""
    return make_setting("compare", tasks="mr,cr", **changes)


def main_runs(plan):
    return [r for c in plan.cells if c.table == compare.TABLE for r in c.runs]


def adapted(setting, records, tmp_path, showing=False):
    return compare.adapt(setting, fakes.shipped(records, tmp_path), showing)


def test_all_methods_have_the_same_budget_data_and_encoder(here):
    plan = compare.plan(make_setting("compare"))
    runs = main_runs(plan)
    assert len(runs) == 18 * 12 * 2
    for run in runs:
        entry = spec(run.task)
        assert count_steps(run.train_size, run.recipe) == 250
        assert evaluation_steps(run.train_size, run.recipe) == [50, 100, 150, 200, 250]
        assert run.train_size * run.recipe.epochs == 4000
        assert (run.evaluate, run.final, run.final_policy) == (("validation",), ("test",), "best-on-validation")
        assert run.max_length == (96 if entry and entry.pair else 64)
        assert run.options == ()
        assert run.dropout == REGISTRY[run.method].dropout
    for task in TASKS:
        same = {r.with_(method="none", dropout=None, seed=0).hash for r in runs if r.task == task}
        assert len(same) == 1, task
    assert {r.task for r in runs if r.train_size == 500} == {"trec-fine"}


def test_the_tasks_of_the_comparison_are_in_the_catalogue():
    assert set(TASKS) - set(CATALOGUE) == {"docs-coarse"}
    assert {t.id for t in CATALOGUE.values() if "SPEC 10" in t.note} < set(TASKS)
    assert not any(t.papers for t in CATALOGUE.values() if "SPEC 10" in t.note)
    assert len(TASKS) == len(set(TASKS)) == 12
    assert set(METHODS) <= set(REGISTRY)
    assert len(METHODS) == len(set(METHODS)) == 18


def test_a_block_is_finished_before_the_next_begins(here):
    plan = compare.plan(small(seeds="0-1"))
    order = [(r.seed, r.task) for r in plan.runs if r.seed != compare.SEARCH_SEED]
    blocks = list(dict.fromkeys(order))
    assert blocks == [(0, "mr"), (0, "cr"), (1, "mr"), (1, "cr")]
    assert order == [b for b in blocks for _ in METHODS]
    assert plan.runs[0].seed == compare.SEARCH_SEED  # the search comes first


def test_the_control_is_part_of_every_wish_and_runs_are_the_same_whoever_asks(here):
    few = compare.plan(small(methods="dnm"))
    assert {r.method for r in main_runs(few)} == {"none", "dnm"}
    every = compare.plan(small(methods="all"))
    assert {r.method for r in main_runs(every)} == set(REGISTRY)
    assert {r.hash for r in main_runs(few)} <= {r.hash for r in main_runs(every)}


def test_a_method_that_is_not_registered_is_refused_with_the_known_ones(here):
    with pytest.raises(ValueError, match="no method is called tmx; there are all, none, ") as error:
        compare.plan(small(methods="tmix,tmx"))
    assert all(name in str(error.value) for name in REGISTRY)


def test_the_search_is_on_no_mixup_with_a_seed_that_no_comparison_uses(here):
    plan = compare.plan(make_setting("compare", seeds="10"))
    search = [c for c in plan.cells if c.table == compare.SEARCH_TABLE]
    assert {c.row for c in search} == {f"{rate:g}" for rate in compare.RATES}
    assert {r.method for c in search for r in c.runs} == {"none"}
    assert {r.seed for c in search for r in c.runs} == {compare.SEARCH_SEED}
    assert {c.reading.split for c in search} == {"validation"}
    assert compare.SEARCH_SEED not in {r.seed for r in main_runs(plan)}
    assert compare.LEARNING_RATES["minilm"] in compare.RATES


def some(plan, methods):
    return [fakes.done(r, 80.0) for r in main_runs(plan) if (r.task, r.seed) == ("mr", 0) and r.method in methods]


BASE = METHODS
EXTRA = (*BASE, "mixup")


@pytest.mark.parametrize(
    ("begun_in", "machine", "have", "expected"),
    [
        # A begun block goes on in its precision where this machine can compute in it ...
        (SLOW, FAST, BASE[:4], {"none": SLOW, "dmix": SLOW, "mixup": SLOW}),
        (FAST, FAST, BASE[:4], {"none": FAST, "dmix": FAST, "mixup": FAST}),
        # ... and starts anew where it cannot.
        (FAST, SLOW, BASE[:4], {"none": SLOW, "dmix": SLOW, "mixup": SLOW}),
        # One that has its first tier keeps it, and what is added gets a control of its own.
        (FAST, SLOW, BASE, {"none": FAST, "dmix": FAST, "mixup": SLOW}),
    ],
)
def test_the_precision_of_a_begun_block(begun_in, machine, have, expected, here, tmp_path):
    here(begun_in)
    setting = small(methods=",".join(EXTRA))
    records = some(compare.plan(setting), have)
    here(machine)
    plan = compare.plan(adapted(setting, records, tmp_path))
    block = [r for r in main_runs(plan) if (r.task, r.seed) == ("mr", 0)]
    first = {r.method: r.precision for r in reversed(block)}
    assert {m: first[m] for m in expected} == expected
    # Whatever its precision, every run has a control to be compared with.
    assert {r.precision for r in block} == {r.precision for r in block if r.method == "none"}
    # Blocks that have not begun are this machine's.
    assert {r.precision for r in main_runs(plan) if (r.task, r.seed) != ("mr", 0)} == {machine}


def test_what_was_added_in_another_precision_is_found_again(here, tmp_path):
    here(FAST)
    setting = small(methods=",".join(EXTRA))
    records = some(compare.plan(setting), BASE)
    here(SLOW)
    added = compare.plan(adapted(setting, records, tmp_path / "1"))
    records += [fakes.done(r, 80.0) for r in main_runs(added) if (r.task, r.seed, r.precision) == ("mr", 0, SLOW)]
    for machine in (FAST, SLOW):
        here(machine)
        for showing in (False, True):
            store = fakes.shipped(records, tmp_path / f"{machine}{showing}")
            plan = compare.plan(compare.adapt(setting, store, showing))
            block = [r for r in main_runs(plan) if (r.task, r.seed) == ("mr", 0)]
            assert all(map(store.done, block))
            assert len(block) == len(EXTRA) + 1


def test_showing_records_shows_all_methods_and_seeds_that_are_there(here, tmp_path):
    wide = compare.plan(small(seeds="0-3", methods="all"))
    records = [fakes.done(r, 80.0) for r in main_runs(wide) if r.method in ("none", "mixup") and r.seed == 3]
    shown = adapted(small(), records, tmp_path, showing=True)
    assert shown.seeds == (0, 1, 3)
    assert set(shown.methods) == {*BASE, "mixup"}
    assert adapted(small(), records, tmp_path / "2").seeds == (0, 1)
    asked = adapted(small(seeds="0-0", methods="tmix"), records, tmp_path / "3", showing=True)
    assert (asked.seeds, asked.methods) == ((0,), ("tmix",))


@pytest.mark.parametrize("profile", ["smoke", "laptop"])
def test_small_profiles_compare_few_methods_on_built_in_tasks_without_data(profile, monkeypatch):
    monkeypatch.delenv("MIXUTILS_DATA", raising=False)
    plan = make_plan("compare", profile)
    assert plan.runs
    assert not plan.absent
    assert {c.task for c in plan.columns} <= {"docs-coarse", "docs-fine", "docs-pair"}
    assert len({r.method for r in plan.runs}) <= 6


def test_without_data_the_built_in_task_is_left_and_the_others_are_named(monkeypatch):
    monkeypatch.delenv("MIXUTILS_DATA", raising=False)
    plan = make_plan("compare", "compare", tasks="mr,docs-coarse")
    assert [c.task for c in plan.columns] == ["docs-coarse"]
    assert list(plan.absent) == ["mr"]


def test_training_goes_on_from_the_records_that_come_with_the_checkout(monkeypatch, tmp_path, here):
    monkeypatch.setattr(plans, "shipped", lambda profile: [tmp_path / "records.jsonl"])
    runs = main_runs(compare.plan(small()))[:5]
    fakes.shipped([fakes.done(r, 80.0) for r in runs], tmp_path)
    here(FAST)
    plan = make_plan("compare", "compare", tasks="mr,cr")
    begun = {(r.task, r.seed) for r in runs}
    found = [(r.precision, (r.task, r.seed) in begun) for r in main_runs(plan)]
    assert set(found) == {(SLOW, True), (FAST, False)}  # a block goes on as it was begun
    fakes.shipped([fakes.done(r, 80.0) for r in main_runs(compare.plan(small()))[:5]], tmp_path)
    here(SLOW)
    plan = make_plan("compare", "compare", tasks="mr,cr")
    assert {r.precision for r in main_runs(plan)} == {SLOW}  # begun elsewhere, not usable here: anew
    here(FAST)
    plan = make_plan("compare", "compare", tasks="mr,cr")
    assert sum(map(plans.resumed("compare").done, plan.runs)) == 5

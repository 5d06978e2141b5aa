"""Hyperparameters chosen on validation: which value tables take, when, and what is trained for it."""

from __future__ import annotations

import pytest

from mixutils.companion import Companion, make_plan
from mixutils.papers import PLANS
from mixutils.papers.tuning import TUNING, tuned
from mixutils.runs.records import Records
from tests import fakes


@pytest.fixture(autouse=True)
def _no_data(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")


def store_with(plan, tmp_path, best: dict, skip=lambda run: False):
    """Records in which the selecting part prefers the runs with the options ``best``, and the reported part all others."""

    def percent(run):
        right = dict(run.options) == best
        return {part: 70.0 if right == (part == "validation") else 60.0 for part in run.evaluate}

    return fakes.filled(plan, percent, tmp_path, skip)


def methods_with(plan, table: str) -> dict[str, set]:
    return {c.row: {tuple(sorted(dict(r.options).items())) for r in c.runs} for c in plan.table(table)}


@pytest.mark.parametrize(
    ("paper", "best", "row", "figure", "at"),
    [
        ("dmix", {"T": 0.9}, "DMix", "fig3", "T = 0.9"),
        ("dmix_short", {"tau": 100.0}, "DMIX (Hyperbolic)", "fig1", "τ = 100 %"),
    ],
)
def test_the_main_table_takes_what_validation_prefers_from_runs_that_are_there(paper, best, row, figure, at, tmp_path):
    usual = make_plan(paper, "smoke")
    main = usual.cells[0].table if paper == "dmix_short" else "2"
    plan = make_plan(paper, "smoke", store_with(usual, tmp_path, best))
    column = plan.columns[0].key
    assert plan.cell(main, row, column).runs == plan.cell(figure, at, column).runs
    assert usual.cell(main, row, column).runs != plan.cell(main, row, column).runs
    assert {r.hash for r in plan.runs} == {r.hash for r in usual.runs}  # nothing more is trained
    others = [c for c in usual.cells if (c.table, c.row) not in ((main, row), ("6", row))]
    assert others == [c for c in plan.cells if (c.table, c.row) not in ((main, row), ("6", row))]


def test_a_value_wins_by_the_selecting_part_alone_and_the_first_of_equal_ones(tmp_path):
    plan = make_plan("dmix", "smoke")
    at = (plan.columns[0].key, "dmix")
    assert tuned(plan, store_with(plan, tmp_path / "a", {"T": 0.0}))[at] == {"T": 0.0}
    assert tuned(plan, store_with(plan, tmp_path / "b", {"T": 0.5}))[at] == {"T": 0.0}  # all equal: the grid's first
    assert tuned(plan, store_with(plan, tmp_path / "c", {}))[at] == {}


def test_nothing_is_chosen_before_all_of_a_grid_is_there(tmp_path):
    plan = make_plan("dmix", "smoke")
    last = plan.table(TUNING)[-1].runs[-1]
    assert tuned(plan, store_with(plan, tmp_path, {"T": 0.9}, skip=lambda run: run == last)) == {}
    assert tuned(plan, Records()) == {}


@pytest.fixture
def full(monkeypatch):
    """Plans at the papers' scale with all data sets at hand."""
    for module in {PLANS[p] for p in PLANS} | {__import__("mixutils.papers.base", fromlist=["base"])}:
        if hasattr(module, "at_hand"):
            monkeypatch.setattr(module, "at_hand", lambda *_: (True, "folder"))
    return lambda paper, store=None: make_plan(paper, "full", store)


@pytest.mark.parametrize(
    ("paper", "new", "seeds"),
    # DMIX: 9 more values of T with 3 seeds on the 6 data sets that Figure 3 does not show; the short paper: 9 more values of τ
    # with 3 seeds on the two that its figure does not show. DropMix: 6 values of α in three rows, and with 5 of n in two, one of
    # which each row has anyway, on 12 data sets.
    [("dmix", 9 * 3 * 6, 3), ("dmix_short", 9 * 3 * 2, 3), ("dropmix", 12 * (3 * 5 + 2 * 29), 1)],
)
def test_the_papers_scale_trains_a_grid_for_every_data_set_first(full, paper, new, seeds):
    plan = full(paper)
    grid = {r.hash for c in plan.table(TUNING) for r in c.runs}
    elsewhere = {r.hash for c in plan.cells if c.table != TUNING for r in (*c.runs, *c.held)}
    assert len(grid - elsewhere) == new
    assert {r.hash for r in plan.first} == grid
    assert {c.column for c in plan.table(TUNING)} == {c.key for c in plan.columns if "/" not in c.key}
    assert all(len(c.runs) == seeds for c in plan.table(TUNING))
    # A value is chosen on rows that are not reported.
    assert all(c.reading.split != k.report for c in plan.table(TUNING) for k in plan.columns if k.key == c.column)


def test_then_every_row_with_a_threshold_takes_the_choice_of_its_data_set(full, tmp_path):
    usual = full("dmix")
    store = fakes.shipped(
        (fakes.done(r, 70.0 if dict(r.options) == {"T": 0.9} and r.task == "trac" else 60.0) for r in usual.first),
        tmp_path,
    )
    plan = full("dmix", store)
    for table in ("2", "3", "4", "5", "6"):
        for cell in plan.table(table):
            takes = cell.row in ("DMix", "DMix NT", "Euc-DMix", "Euc-DMix NT", "M-Threshold") or cell.column.endswith(
                "/DMix"
            )
            values = {dict(r.options).get("T") for r in cell.runs}
            assert values == ({0.9} if takes and cell.column == "trac" else {0.0} if takes else {None}), cell
    first = plan.cell("2", "DMix", "trac").runs[0]
    assert "dmix-geometry" in first.probes
    assert first in plan.cell("fig3", "T = 0.9", "trac").runs


def test_dropmix_rows_take_the_choice_of_their_data_set_and_masks_are_compared_with_one(full, tmp_path):
    best = {"DropMix-G": {"alpha": 0.5, "n": 8}, "SSMix": {"alpha": 0.25}}
    methods = {"dropmix-g": "DropMix-G", "ssmix-beta": "SSMix"}

    def percent(run):
        right = run.task == "mr" and dict(run.options) == best.get(methods.get(run.method))
        return dict.fromkeys(run.evaluate, 70.0 if right else 60.0)

    usual = full("dropmix")
    plan = full("dropmix", fakes.shipped((fakes.done(r, percent(r)) for r in usual.first), tmp_path))
    for column, row, options in (
        ("mr", "DropMix-G", best["DropMix-G"]),
        ("mr", "SSMix", best["SSMix"]),
        ("mr", "Mixup", {}),
    ):
        assert {tuple(dict(r.options).items()) for r in plan.cell("3", row, column).runs} == {tuple(options.items())}
    for run in plan.cell("4", "DropMix-G", "roberta/mr").runs:
        assert dict(run.options) == best["DropMix-G"]
    # The first of equal values elsewhere.
    assert {dict(r.options).get("alpha") for r in plan.cell("3", "DropMix-G", "cr").runs} == {0.025}
    assert plan.table("mask") == usual.table("mask")


def test_a_companion_trains_the_grid_then_what_follows_from_it(monkeypatch):
    c = Companion("dmix", options="dmix.tune=1")
    launched = []

    def launch(runs, store, **how):
        launched.append([r.hash for r in runs])
        for run in runs:
            store.put(fakes.done(run, 70.0 if dict(run.options) == {"T": 0.9} else 60.0))

    monkeypatch.setattr("mixutils.companion.launch", launch)
    monkeypatch.setattr("mixutils.companion.stale_runs", lambda *_: {})
    first = [r.hash for r in c.plan.first]
    c.train_or_load()
    assert launched[0] == first
    assert dict(c.plan.cell("2", "DMix", c.plan.columns[0].key).runs[0].options) == {"T": 0.9}
    assert set(launched[1]) == {r.hash for r in c.plan.runs}


def test_what_follows_from_a_grid_waits_where_one_of_its_runs_has_failed(monkeypatch):
    c, launched = Companion("dmix", options="dmix.tune=1"), []

    def launch(runs, store, **how):
        launched.append(list(runs))
        for run in runs:
            store.put(fakes.failed(run) if run == runs[0] else fakes.done(run, 60.0))

    monkeypatch.setattr("mixutils.companion.launch", launch)
    monkeypatch.setattr("mixutils.companion.stale_runs", lambda *_: {})
    with pytest.raises(RuntimeError, match="1 of"):
        c.train_or_load()
    assert len(launched) == 1

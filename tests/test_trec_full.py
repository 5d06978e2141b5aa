"""TREC at the papers' size: rows are the papers' own runs, and levels are told from what was planted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mixutils.companion import make_plan
from mixutils.papers import PLANS, trec_full
from mixutils.papers.published import published
from tests import fakes, notebook


@pytest.fixture
def base(tmp_path, monkeypatch):
    """Makes the plan of the profile base, with TREC at hand."""
    monkeypatch.setenv("MIXUTILS_DATA", str(fakes.data_folder(tmp_path / "data", "trec-coarse")))
    return lambda **wishes: make_plan("trec_full", "base", **wishes)


def test_rows_are_trained_as_their_papers_train_them(base):
    plan = base()
    assert {r.encoder for r in plan.runs} == {"mpnet"}
    assert {r.train_size for r in plan.runs} == {None}
    for name, place in trec_full.ROWS.items():
        theirs = PLANS[place.paper].plan(replace(plan.setting, tasks=("trec-coarse",)))
        own = plan.cell(trec_full.TABLE, name, "trec-coarse")
        *_, printed = [
            c for c in theirs.table(place.table) if c.row == place.row and c.column.startswith("trec-coarse")
        ]
        assert own.reading == printed.reading
        for run, other in zip(own.runs, printed.runs[:3], strict=True):
            same = {"probes": (), "probe_policy": "", "recipe__eval_every": run.recipe.eval_every}
            assert run == other.with_(**same)
            assert name == "DMIX" or run.recipe == other.recipe


def test_a_seed_is_finished_before_the_next_and_the_search_before_all(base):
    plan = base()
    asked = [r for r in plan.runs if r.method != "none" or r.seed == trec_full.SEARCH_SEED]
    seeds = [r.seed for r in asked]
    assert seeds == sorted(seeds, key=[100, 0, 1, 2].index)
    first = [r.method for r in asked if r.seed == 0]
    assert first == ["tmix", "ssmix", "dropmix-g", "dmix", "dnm"]


def test_the_factor_is_searched_beside_all_other_seeds_and_parts(base):
    cells = base().table(trec_full.SEARCH_TABLE)
    assert [float(c.row) for c in cells] == list(trec_full.FACTORS)
    for cell in cells:
        (run,) = cell.runs
        assert (run.method, run.seed, run.evaluate) == ("none", trec_full.SEARCH_SEED, ("held",))
        assert run.recipe.lr == pytest.approx(5e-5 * float(cell.row))
    assert trec_full.CHOSEN["mpnet"] in trec_full.FACTORS
    assert not base(encoder="random:tiny").table(trec_full.SEARCH_TABLE)


def test_every_place_is_printed():
    for places in trec_full.REPORTED.values():
        for paper, table, row in places:
            cells = published(paper)
            found = [c for c in cells.values() if (c.table, c.row) == (table, row) and c.column == "trec-coarse"]
            assert len(found) == (paper != "dnm"), (paper, table, row)


def test_without_the_questions_there_is_nothing_to_train_and_a_reason(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    plan = make_plan("trec_full", "base")
    assert not plan.runs
    assert set(plan.absent) == {"trec-coarse"}


LEVELS = {"none": 97.0, "tmix": 97.4, "ssmix": 97.6, "dropmix-g": 91.0, "dmix": 97.2, "dnm": 95.0}


def level(run) -> dict[str, float]:
    """Percent right of each part."""
    value = LEVELS[run.method] + 0.2 * (run.seed % 3 - 1)
    return dict.fromkeys(run.evaluate, value)


def test_planted_levels_are_told(base, tmp_path, monkeypatch):
    monkeypatch.setenv("MIXUTILS_FIGURES", str(tmp_path / "figures"))
    plan = base()
    made = notebook.saved("trec_full", plan, fakes.filled(plan, level, tmp_path / "records"))
    found = made["levels"].set_index("row")  # the table comes before the figure of that name
    assert found["reproduces"].to_dict() == {
        "No mixup": "yes",
        "TMix": "yes",
        "SSMix": "yes",
        "DropMix-G": "no",
        "DMIX": "yes",
        "DNM": "–",
    }
    assert found["seeds"].unique().tolist() == [3]
    assert found.loc["DropMix-G", "estimate"] == pytest.approx(91.0)
    assert found.loc["No mixup", "reported"] == "SSMix 97.08; DMIX 97.08; DropMix 96.64"
    # Other seeds and other questions, in one interval.
    assert found.loc["No mixup", "estimate"] - found.loc["No mixup", "low"] > 1.96 * (97 * 3 / 100) ** 0.5


def test_one_seed_has_a_level_and_no_records_have_none(base, tmp_path, monkeypatch):
    monkeypatch.setenv("MIXUTILS_FIGURES", str(tmp_path / "figures"))
    plan = base(seeds="1")
    store = fakes.filled(plan, level, tmp_path / "records", skip=lambda run: run.method not in ("none", "ssmix"))
    made = notebook.run("trec_full", plan, store)
    assert made["levels"]["seeds"].tolist() == [1, 1]
    empty = notebook.run("trec_full", plan, fakes.shipped([], tmp_path / "nothing"))
    assert empty["said"] == "No runs yet."

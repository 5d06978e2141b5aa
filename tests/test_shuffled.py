"""Records under permuted names: a permutation inside every group, the same as the frame's; nothing is lost but names."""

from __future__ import annotations

import copy

import pytest

from mixutils.companion import make_plan
from mixutils.evidence import frame
from mixutils.evidence.stores import Shuffled
from mixutils.papers import Cell, Plan, Reading
from mixutils.papers.profiles import make_setting
from mixutils.runs.records import Records
from mixutils.runs.run import Run
from tests.fakes import done, filled, shipped


@pytest.fixture
def plan(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    return make_plan("dropmix", "smoke")


def group(record) -> tuple:
    run = record["run"]
    return (
        run["task"],
        run["seed"],
        record["data"]["sizes"]["train"],
        run["encoder"],
        list(record["curve"][-1]["metrics"]),
    )


@pytest.mark.parametrize("seed", range(5))
def test_runs_change_places_inside_their_groups(seed, plan, tmp_path):
    store = filled(plan, lambda r: 50, tmp_path)
    shown = Shuffled(store, plan, seed)
    pairs = [(store.get(r), shown.get(r)) for r in plan.runs]
    assert sorted(b["hash"] for _, b in pairs) == sorted(a["hash"] for a, _ in pairs)
    assert any(a["hash"] != b["hash"] for a, b in pairs)
    assert all(group(a) == group(b) for a, b in pairs)


def test_the_seed_decides_and_what_is_not_done_has_no_part(plan, tmp_path):
    store = filled(plan, lambda r: 50, tmp_path, skip=lambda r: r.method == "mixup")
    first, second, other = (Shuffled(store, plan, seed) for seed in (1, 1, 2))
    names = [[(found := s.get(r)) and found["hash"] for r in plan.runs] for s in (first, second, other)]
    assert names[0] == names[1] != names[2]
    for run in plan.runs:
        assert first.done(run) == store.done(run)
        assert (first.get(run) is None) == (run.method == "mixup")


def test_tables_and_claims_see_the_same_numbers_under_a_name(plan, tmp_path):
    levels = {r.hash: 40 + i / 10 for i, r in enumerate(plan.runs)}
    store = filled(plan, lambda r: levels[r.hash], tmp_path)
    shown = Shuffled(store, plan, 3)
    lines = frame(plan, store, shuffle=3)
    lines = lines[lines["primary"]].set_index(["table", "row", "column", "seed"])["value"]
    for cell in plan.cells:
        for seed, value in cell.values(shown).items():
            assert lines[cell.table, cell.row, cell.column, seed] == pytest.approx(value)
    assert {c.values(shown)[0] for c in plan.cells} != {0.0}
    assert [c.values(shown) for c in plan.cells] != [c.values(store) for c in plan.cells]


def two_stages() -> Plan:
    firsts = [Run("trec-coarse", "none", seed, evaluate=("test",)) for seed in range(6)]
    seconds = [r.with_(method="ssmix", start=r, start_policy="last") for r in firsts]
    how = Reading("last", "test", floor=True)
    cells = (
        Cell("2", "No mixup", "trec-coarse", tuple(firsts), how),
        Cell("2", "SSMix", "trec-coarse", tuple(seconds), how),
    )
    return Plan("ssmix", make_setting("desk"), (), cells)


def test_the_floor_of_a_record_is_that_of_its_own_start(tmp_path):
    plan = two_stages()
    # Stage 2 falls below stage 1, so every record's floor is its start: the same number under either name.
    store = filled(plan, lambda r: 70 + r.seed - 20 * (r.start is not None), tmp_path)
    shown = Shuffled(store, plan, 0)
    swapped = [shown.get(r)["hash"] != r.hash for r in plan.cells[0].runs]
    assert True in swapped
    for cell in plan.cells:
        assert cell.values(shown) == {seed: 70 + seed for seed in range(6)}


def test_what_a_method_says_of_itself_stays_with_its_name(plan, tmp_path):
    number = {r.hash: float(i) for i, r in enumerate(plan.runs)}
    records = [done(r, 50) | {"mixer": {"of": number[r.hash]}} for r in plan.runs]
    for record in records:
        record["curve"][0] = record["curve"][0] | {"mixer": {"of": number[record["hash"]]}}
    store = shipped(records, tmp_path)
    before = copy.deepcopy([store.get(r) for r in plan.runs])
    shown = Shuffled(store, plan, 1)
    for run in plan.runs:
        found = shown.get(run)
        assert found["mixer"] == {"of": number[run.hash]} == found["curve"][0]["mixer"]
        assert found.get("probes") == store.get(run).get("probes")
    assert before == [store.get(r) for r in plan.runs]  # the records themselves are as they were


def test_a_record_that_lacks_a_number_is_left_out(tmp_path):
    plain, final = Run("trec-coarse", "none", 0, evaluate=("test",)), {"final": ("validation",), "final_policy": "last"}
    runs = [plain, plain.with_(method="tmix", **final)]
    cells = [
        Cell("2", r.method, "trec-coarse", (r,), Reading("last", part))
        for r, part in zip(runs, ("test", "validation"), strict=True)
    ]
    plan = Plan("ssmix", make_setting("desk"), (), tuple(cells))
    store = filled(plan, lambda r: 50, tmp_path)
    swapped = next(s for s in (Shuffled(store, plan, i) for i in range(20)) if s.get(runs[0])["hash"] == runs[1].hash)
    assert swapped.get(runs[1]) is None
    assert not swapped.done(runs[1])
    assert cells[1].values(swapped) == {}
    assert swapped.get(runs[0])["hash"] == runs[1].hash


def test_an_empty_store_stays_empty(plan, tmp_path):
    shown = Shuffled(Records(tmp_path), plan, 0)
    assert not any(map(shown.done, plan.runs))
    assert shown.all() == []

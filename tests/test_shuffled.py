"""Frames of records under permuted names, by hand: a permutation inside every group; nothing is lost but names."""

from __future__ import annotations

import pytest

from mixutils.companion import make_plan
from mixutils.evidence import frame
from mixutils.papers import Cell, Plan, Reading
from mixutils.papers.profiles import make_setting
from mixutils.runs.run import Run
from tests.fakes import done, filled, shipped


def primary(found):
    """Hash and value by row and seed, as the cells show them."""
    return found[found["primary"]].set_index(["row", "seed"])[["hash", "value"]]


def a_plan(*cells: Cell) -> Plan:
    return Plan("ssmix", make_setting("desk"), (), cells)


def one_group(methods: int = 5, **how) -> Plan:
    """Methods on one data set with one seed."""
    runs = [
        Run("trec-coarse", "tmix", 0, (("alpha", float(i + 1)),), evaluate=("test",), **how) for i in range(methods)
    ]
    return a_plan(*(Cell("2", f"row {i}", "trec-coarse", (r,), Reading("last", "test")) for i, r in enumerate(runs)))


@pytest.mark.parametrize("seed", range(5))
def test_within_a_group_every_run_stands_somewhere_once(seed, tmp_path):
    plan = one_group()
    store = filled(plan, lambda r: 10 * dict(r.options)["alpha"], tmp_path)
    plain, found = primary(frame(plan, store)), primary(frame(plan, store, shuffle=seed))
    assert sorted(found["hash"]) == sorted(plain["hash"])
    assert found["hash"].tolist() != plain["hash"].tolist()
    assert found.set_index("hash")["value"].to_dict() == plain.set_index("hash")["value"].to_dict()


def test_what_is_not_done_has_no_part(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    plan = make_plan("dropmix", "smoke")
    store = filled(plan, lambda r: 50, tmp_path, skip=lambda r: r.method == "mixup")
    plain, found = frame(plan, store), frame(plan, store, shuffle=1)
    assert set(found["method"]) == set(plain["method"])
    assert "mixup" not in set(found["method"])
    assert set(found["hash"]) == set(plain["hash"])


def test_the_floor_of_a_run_is_that_of_its_own_start(tmp_path):
    firsts = [Run("trec-coarse", "none", seed, evaluate=("test",)) for seed in range(6)]
    seconds = [r.with_(method="ssmix", start=r, start_policy="last") for r in firsts]
    how = Reading("last", "test", floor=True)
    plan = a_plan(*(Cell("2", row, "trec-coarse", tuple(runs), how) for row, runs in (("a", firsts), ("b", seconds))))
    # Stage 2 falls below stage 1, so every run's floor is its start: the same number under either name.
    store = filled(plan, lambda r: 70 + r.seed - 20 * (r.start is not None), tmp_path)
    plain, found = primary(frame(plan, store)), primary(frame(plan, store, shuffle=0))
    assert found["hash"].tolist() != plain["hash"].tolist()
    assert found["value"].to_dict() == {(row, seed): 70 + seed for row in "ab" for seed in range(6)}


def test_what_a_mixer_logged_moves_with_its_run(tmp_path):
    plan = one_group()
    records = [done(r, 50) | {"mixer": {"of": i}} for i, r in enumerate(plan.runs)]
    number = {r.hash: i for i, r in enumerate(plan.runs)}
    found = frame(plan, shipped(records, tmp_path), shuffle=1)
    assert found["mixer.of"].tolist() == [number[h] for h in found["hash"]]


def test_where_a_run_lacks_a_number_the_cell_lacks_the_seed(tmp_path):
    plain, final = Run("trec-coarse", "none", 0, evaluate=("test",)), {"final": ("validation",), "final_policy": "last"}
    runs = {"test": plain, "validation": plain.with_(method="tmix", **final)}
    plan = a_plan(*(Cell("2", part, "trec-coarse", (r,), Reading("last", part)) for part, r in runs.items()))
    store = filled(plan, lambda r: 50, tmp_path)
    assert len(primary(frame(plan, store))) == 2
    places = [primary(frame(plan, store, shuffle=seed))["hash"].droplevel("seed").to_dict() for seed in range(20)]
    swapped = {"test": runs["validation"].hash}  # the run without validation shows nothing where it arrives
    assert swapped in places
    assert all(found in (swapped, {part: r.hash for part, r in runs.items()}) for found in places)

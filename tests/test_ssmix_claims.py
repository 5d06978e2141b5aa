"""SC1 to SC10 on made-up accuracies that confirm, contradict and leave each of them open."""

from __future__ import annotations

import json

import pytest

from mixutils.companion import make_plan
from mixutils.papers.claims import NOT_TESTED
from mixutils.papers.ssmix_claims import claims, times
from mixutils.records import Records
from tests.fakes import data_folder, done, filled, kind, shipped

KEYS = [f"SC{i}" for i in range(1, 11)]
INPUT = ("ssmix", "ssmix-saliency", "ssmix-saliency-span")


def moved(key: str):
    """Which runs a claim needs to be higher, and by how many steps."""
    return {
        "SC1": lambda r: kind(r) == "ssmix",
        "SC2": lambda r: kind(r) == "ssmix" and r.train_size == 500,
        "SC3": lambda r: kind(r) == "ssmix" and r.task == "docs-fine",
        "SC4": lambda r: kind(r) == "ssmix" and r.task == "docs-pair",
        "SC5": lambda r: {"ssmix": 2, "ssmix-saliency": 1}.get(kind(r), 0),
        "SC6": lambda r: kind(r) == "ssmix",
        "SC7": lambda r: kind(r) in INPUT,
        "SC8": lambda r: kind(r) == "ssmix",
        "SC10": lambda r: kind(r) == "ssmix",
    }[key]


#: What every seed adds: always up, always down, now up and now down.
STEPS = {
    "confirmed": lambda seed: 1.0,
    "contradicted": lambda seed: -1.0,
    "undecided": lambda seed: (-1.0) ** seed,
}


@pytest.fixture
def plan_for(monkeypatch, tmp_path):
    """The plan in which a claim can be tested; ANLI for SC10, else built-in tasks."""

    def make(key: str):
        folder = data_folder(tmp_path / "data", "anli") if key == "SC10" else ""
        monkeypatch.setenv("MIXUTILS_DATA", str(folder))
        return make_plan("ssmix", "desk")

    return make


def claim(key: str, plan, store, **options):
    return next(c for c in claims(plan, store, **options) if c.key == key)


def store_for(key: str, plan, outcome: str, folder, stage_1: float = 50.0, **options) -> Records:
    up, step = moved(key), STEPS[outcome]

    def percent(run):
        # Seeds differ by more than methods do, as they do in life: only pairing shows the difference.
        base = stage_1 if kind(run) == "stage 1" else 50.0
        return base + 3 * run.seed + step(run.seed) * up(run)

    return filled(plan, percent, folder, **options)


@pytest.mark.parametrize("outcome", STEPS)
@pytest.mark.parametrize("key", [k for k in KEYS if k != "SC9"])
def test_a_claim_follows_the_records(key, outcome, plan_for, tmp_path):
    plan = plan_for(key)
    found = claim(key, plan, store_for(key, plan, outcome, tmp_path), floor=False)
    assert found.verdict == outcome, found.units
    assert all(u.comparison.n == 5 for u in found.units)


@pytest.mark.parametrize("outcome", ["confirmed", "contradicted"])
def test_three_seeds_leave_every_tested_claim_undecided(outcome, monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    plan = make_plan("ssmix", "desk", seeds="3")
    for key in ("SC1", "SC3", "SC5", "SC8"):
        assert claim(key, plan, store_for(key, plan, outcome, tmp_path / key), floor=False).verdict == "undecided"


def test_as_printed_a_loss_against_stage_1_cannot_show(plan_for, tmp_path):
    # Stage 1 is better than anything in stage 2, so that every method is reported at its floor (SPEC SA18).
    plan = plan_for("SC1")
    store = store_for("SC1", plan, "contradicted", tmp_path, stage_1=80)
    assert claim("SC1", plan, store, floor=False).verdict == "contradicted"
    assert claim("SC1", plan, store).verdict == "undecided"
    assert {u.comparison.mean for u in claim("SC1", plan, store).units} == {0.0}


def test_sc1_is_tested_against_the_better_hidden_method(plan_for, tmp_path):
    plan = plan_for("SC1")
    level = {"ssmix": 60, "wordmix": 55, "tmix": 65}
    found = claim("SC1", plan, filled(plan, lambda r: level.get(kind(r), 50), tmp_path))
    assert found.verdict == "contradicted"
    assert {u.note for u in found.units} == {"best hidden method: TMix"}


def test_sc1_waits_for_both_hidden_methods(plan_for, tmp_path):
    plan = plan_for("SC1")
    store = store_for("SC1", plan, "confirmed", tmp_path, skip=lambda r: kind(r) == "tmix")
    found = claim("SC1", plan, store)
    assert found.verdict == NOT_TESTED
    assert {u.note for u in found.units} == {"runs are missing"}


def test_sc2_names_the_sizes(plan_for, tmp_path, monkeypatch):
    plan = plan_for("SC2")
    found = claim("SC2", plan, store_for("SC2", plan, "confirmed", tmp_path))
    assert [u.note for u in found.units] == ["500 against 50 training rows"]
    whole = make_plan("ssmix", "desk", train_size=0)
    found = claim("SC2", whole, filled(whole, lambda r: 50, tmp_path / "whole"))
    assert [u.note for u in found.units] == ["all against 50 training rows"]


def test_sc3_shows_tmix_and_does_not_count_it(plan_for, tmp_path):
    plan = plan_for("SC3")

    def percent(run):
        return 50 + run.seed + (run.task == "docs-fine") * {"ssmix": 2, "tmix": -2}.get(kind(run), 0)

    found = claim("SC3", plan, filled(plan, percent, tmp_path), floor=False)
    assert [(u.name, u.verdict, u.aside) for u in found.units] == [
        ("DOCS SSMix", "confirmed", False),
        ("DOCS TMix", "contradicted", True),
    ]
    assert found.verdict == "confirmed"
    assert found.count == "1 confirmed"


def test_sc5_by_hand(plan_for, tmp_path):
    plan = plan_for("SC5")
    level = {"ssmix": 60.0, "ssmix-saliency": 57.0, "ssmix-saliency-span": 56.0}
    found = claim("SC5", plan, filled(plan, lambda r: level.get(kind(r), 50), tmp_path))
    assert [u.name for u in found.units[:2]] == ["docs-coarse: saliency", "docs-coarse: span"]
    assert [u.comparison.mean for u in found.units] == pytest.approx([60 - 57, 57 - 56] * 3)


def test_sc6_by_hand(plan_for, tmp_path):
    plan = plan_for("SC6")
    level = {"ssmix": 60.0, "ssmix-saliency": 57.0, "ssmix-saliency-span": 56.0}
    found = claim("SC6", plan, filled(plan, lambda r: level.get(kind(r), 50), tmp_path))
    assert found.units[0].comparison.mean == pytest.approx((60 - 57) - (57 - 56))


def test_sc7_by_hand(plan_for, tmp_path):
    plan = plan_for("SC7")
    level = {"ssmix": 60.0, "ssmix-saliency": 57.0, "ssmix-saliency-span": 54.0, "wordmix": 50.0, "tmix": 56.0}
    found = claim("SC7", plan, filled(plan, lambda r: level.get(kind(r), 40), tmp_path))
    assert [u.comparison.mean for u in found.units] == pytest.approx([57 - 53] * 3)


@pytest.mark.parametrize(
    ("ssmix", "tmix", "verdict"),
    [(20, 11, "confirmed"), (11, 20, "contradicted"), (20, 20, "mixed"), (14.9, 13.1, "contradicted")],
)
def test_sc9_compares_median_step_times(ssmix, tmix, verdict, plan_for, tmp_path):
    plan = plan_for("SC9")
    ms = {"wordmix": 10.0, "ssmix": ssmix, "tmix": tmix}
    # One slow run of five does not move a median.
    records = (done(r, 50, step_ms=ms.get(kind(r), 5.0) * (9 if r.seed == 4 else 1)) for r in plan.runs)
    found = claim("SC9", plan, shipped(records, tmp_path))
    assert found.verdict == verdict
    assert f"{ssmix / 10:.2f}" in found.units[0].note


def test_step_times_are_relative_to_embedmix_of_the_same_data(plan_for, tmp_path):
    plan = plan_for("SC9")
    ms = {"wordmix": 10.0, "ssmix": 25.0}
    slower = {"docs-pair": 2.0}
    runs = (done(r, 50, step_ms=ms.get(kind(r), 5.0) * slower.get(r.task, 1.0), passes=1.5) for r in plan.runs)
    lines = [t for t in times(plan, shipped(runs, tmp_path)) if t["row"] == "SSMix"]
    assert [(t["ms"], t["relative"], t["passes"], t["n"]) for t in lines] == [
        (25.0, 2.5, 1.5, 5),
        (25.0, 2.5, 1.5, 5),
        (50.0, 2.5, 1.5, 5),
    ]


def test_sc9_prefers_the_benchmark_to_runs_on_a_busy_machine(plan_for, tmp_path, monkeypatch):
    monkeypatch.setenv("MIXUTILS_FIGURES", str(tmp_path))
    plan = plan_for("SC9")
    store = filled(plan, lambda r: 50, tmp_path / "records")
    mixers = [
        {"encoder": plan.setting.encoder, "method": m, "ms": ms, "passes": 2.0}
        for m, ms in (("wordmix + clean", 200.0), ("tmix + clean", 230.0), ("ssmix", 440.0), ("dropped", 1.0))
    ]
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "bench-cpu.json").write_text(json.dumps({"mixers": mixers, "repeats": 4}))
    found = claim("SC9", plan, store)
    assert [(u.name, u.note[:4]) for u in found.units] == [
        ("benchmark: SSMix / EmbedMix", "2.20"),
        ("benchmark: TMix / EmbedMix", "1.15"),
    ]
    assert found.verdict == "confirmed"
    lines = times(plan, store)
    assert [t["row"] for t in lines if t["column"] == "benchmark"] == ["EmbedMix", "TMix", "SSMix"]


def test_sc3_stage_2_alone_is_against_an_equally_long_stage_without_mixup(plan_for, tmp_path):
    plan = plan_for("SC3")

    def percent(run):  # every second stage gains two points on fine labels, mixup or not
        return 50 + run.seed + 2 * (run.task == "docs-fine" and kind(run) != "stage 1")

    store = filled(plan, percent, tmp_path)
    assert claim("SC3", plan, store, floor=True).units[0].comparison.mean == pytest.approx(2)
    assert claim("SC3", plan, store, floor=False).units[0].comparison.mean == pytest.approx(0)


def test_sc9_measures_a_round_of_anli_once(plan_for, tmp_path):
    plan = plan_for("SC10")
    assert len(plan.columns) == 6
    found = claim("SC9", plan, filled(plan, lambda r: 50, tmp_path))
    assert len(found.units) == 2 * 3


def test_sc10_looks_at_the_three_test_parts_and_at_stage_2_alone(plan_for, tmp_path):
    plan = plan_for("SC10")
    store = store_for("SC10", plan, "contradicted", tmp_path)
    for floor in (True, False):
        found = claim("SC10", plan, store, floor=floor)
        assert [u.name for u in found.units] == ["ANLI R1 test", "ANLI R2 test", "ANLI R3 test"]
        assert found.verdict == "contradicted"


@pytest.mark.parametrize("floor", [True, False])
@pytest.mark.parametrize("profile", ["smoke", "desk"])
def test_without_records_nothing_is_tested_and_every_claim_says_why(profile, floor, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    found = claims(make_plan("ssmix", profile), Records(), floor=floor)
    assert [c.key for c in found] == KEYS
    assert {c.verdict for c in found} == {NOT_TESTED}
    assert all(c.note for c in found), [c.key for c in found if not c.note]
    assert all(u.note for c in found for u in c.units)


def test_what_a_setting_cannot_test_names_what_it_lacks(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    plan = make_plan("ssmix", "laptop", tasks="docs-coarse", seeds="5")
    notes = {c.key: c.note for c in claims(plan, filled(plan, lambda r: 50, tmp_path)) if c.verdict == NOT_TESTED}
    assert set(notes) == {"SC2", "SC3", "SC4", "SC10"}
    assert "size curve" in notes["SC2"]
    assert "coarse and fine" in notes["SC3"]
    assert "both kinds of task" in notes["SC4"]
    assert notes["SC10"] == "not asked for"


def test_one_failed_column_keeps_its_own_units_open_only(plan_for, tmp_path):
    plan = plan_for("SC1")
    gone = {"ssmix"}
    store = store_for("SC1", plan, "confirmed", tmp_path, skip=lambda r: kind(r) in gone and r.task == "docs-pair")
    found = {c.key: c for c in claims(plan, store, floor=False)}
    assert found["SC1"].count == "2 confirmed, 1 not tested"
    assert found["SC4"].verdict == found["SC6"].verdict == NOT_TESTED
    assert found["SC4"].note == found["SC6"].note == "no seed has all the runs that a test needs"

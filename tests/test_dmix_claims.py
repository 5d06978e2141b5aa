"""DC1 to DC12 and SDC1 to SDC5 on made-up F1 that confirm, contradict and leave each of them open."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mixutils.companion import make_plan
from mixutils.papers import dmix, dmix_claims, dmix_short, dmix_short_claims
from mixutils.papers.claims import NOT_TESTED
from mixutils.papers.dmix_claims import same, significant
from mixutils.records import Records
from tests.fakes import data_folder, done, filled, shipped

CLAIMS = {"dmix": dmix_claims.claims, "dmix_short": dmix_short_claims.claims}
FIXED = ("dmix-nt", "euc-dmix-nt")
FIRST = {"tmix": dmix.LAYER_SETS["{7,9,12}"], "dmix": dmix.LAYER_SETS["{3,4,6,7,9,12}"]}


def option(run, name):
    return dict(run.options).get(name)


def own_layers(run) -> bool:
    return run.method in FIRST and option(run, "levels") in (None, FIRST[run.method])


#: What is higher if a claim holds, by how many steps of a point.
MOVED = {
    "DC1": lambda r: r.method == "dmix",
    "DC3": lambda r: r.method in ("dmix", "dmix-nt"),
    "DC4": lambda r: r.method in ("dmix", "euc-dmix"),
    "DC6": lambda r: r.method in ("m-ratio", "m-threshold"),
    "DC7": lambda r: r.method == "m-threshold",
    "DC8": own_layers,
    "DC9": lambda r: r.method == "dmix" and option(r, "T") not in (0.0, 0.9),
    "DC11": lambda r: r.method == "dmix",
    "DC12": lambda r: r.method == "dmix",
    "SDC1": lambda r: r.method == "dmix-short",
    "SDC3": lambda r: r.method == "dmix-short",
    "SDC4": lambda r: r.method == "dmix-short" and option(r, "tau") in (30.0, 60.0),
}
STEPS = {"confirmed": lambda seed: 1.0, "contradicted": lambda seed: -1.0, "undecided": lambda seed: (-1.0) ** seed}


def paper_of(key: str) -> str:
    return "dmix_short" if key.startswith("S") else "dmix"


@pytest.fixture
def plan_for(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    return lambda key, **wishes: make_plan(paper_of(key), "desk", **wishes)


def claim(key: str, plan, store, **options):
    return next(c for c in CLAIMS[paper_of(key)](plan, store, **options) if c.key == key)


def store_for(key: str, plan, outcome: str, folder, **options) -> Records:
    moved, step = MOVED[key], STEPS[outcome]
    return filled(plan, lambda r: 50.0 + 3 * r.seed + step(r.seed) * moved(r), folder, **options)


@pytest.mark.parametrize("outcome", STEPS)
@pytest.mark.parametrize("key", [k for k in MOVED if k != "SDC4"])
def test_a_claim_follows_the_records(key, outcome, plan_for, tmp_path):
    plan = plan_for(key)
    found = claim(key, plan, store_for(key, plan, outcome, tmp_path))
    assert found.verdict == outcome, found.units
    assert all(u.comparison.n == 5 for u in found.units)


def test_every_claim_of_the_spec_is_there_and_says_why_it_is_not_tested(plan_for):
    for paper, keys in (("dmix", [f"DC{i}" for i in range(1, 13)]), ("dmix_short", [f"SDC{i}" for i in range(1, 6)])):
        found = CLAIMS[paper](make_plan(paper, "desk"), Records())
        assert [c.key for c in found] == keys
        assert {c.verdict for c in found} == {NOT_TESTED}
        assert all(c.note or c.units for c in found)
        assert all(c.text and c.test and c.own for c in found)


def test_dc1_is_tested_against_the_best_other_row(plan_for, tmp_path):
    plan = plan_for("DC1")
    level = {"dmix": 60, "senmix": 65, "tmix": 55}
    found = claim("DC1", plan, filled(plan, lambda r: level.get(r.method, 50), tmp_path))
    assert found.verdict == "contradicted"
    assert {u.note for u in found.units} == {"best other: SMix"}


def test_dc2_and_sdc2_need_one_percent_and_five_seeds_cannot_give_it(plan_for, tmp_path):
    for key, method in (("DC2", "dmix"), ("SDC2", "dmix-short")):
        for seeds, verdict in (("5", "undecided"), ("10", "confirmed")):
            plan = plan_for(key, seeds=seeds)
            up = (method, f"{method}-euclidean", f"{method}-cosine")
            store = filled(plan, lambda r, up=up: 50 + r.seed + (r.method in up), tmp_path / key / seeds)
            found = claim(key, plan, store)
            assert found.verdict == verdict
            assert all(u.verdict == verdict for u in found.units)
            if verdict == "undecided":
                assert {u.note for u in found.units} == {"passes at 0.05, not at 0.01; 5 seeds cannot reach p < 0.01"}


def test_significance_in_the_other_direction_needs_five_percent():
    low, high = {s: float(s) for s in range(5)}, {s: s + 2.0 for s in range(5)}
    assert significant("x", low, high).verdict == "contradicted"


@pytest.mark.parametrize(
    ("shift", "seeds", "verdict"),
    [
        (0.0, 5, "confirmed"),
        (0.5, 5, "confirmed"),
        (0.5, 6, "confirmed"),  # half a point that never fails to appear is a difference, but within the margin
        (3.0, 5, "undecided"),  # five seeds cannot reach 0.05 on two sides
        (3.0, 6, "contradicted"),
    ],
)
def test_no_difference_is_confirmed_within_a_point_and_contradicted_by_two_sides(shift, seeds, verdict):
    base = {s: 50.0 + s for s in range(seeds)}
    assert same("x", {s: v + shift + 0.01 * s for s, v in base.items()}, base).verdict == verdict


def test_no_difference_is_open_where_seeds_spread(plan_for):
    base = dict.fromkeys(range(5), 50.0)
    assert same("x", {s: 50 + 4 * (-1.0) ** s for s in range(5)}, base).verdict == "undecided"
    assert same("x", {}, base).verdict == NOT_TESTED


def test_dc5_counts_steps_on_validation_and_the_last_step_where_it_is_never_reached(plan_for, tmp_path):
    plan = plan_for("DC5")
    c = plan.columns[0]

    def record(run):
        out = done(run, 60)
        late = run.method in ("tmix", "dmix-nt")
        curve = [(50, 55.0), (100, 55.0 if late else 60.0), (300, 60.0 if run.seed else 59.0), (400, 60.0)]
        out["curve"] = [
            {"step": s, "train_loss": 1, "metrics": {"validation": {"f1_micro": v / 100}, "test": {"f1_micro": 0.9}}}
            for s, v in curve
        ]
        return out

    store = shipped((record(r) for r in plan.runs), tmp_path)
    found = dmix_claims.all_steps(plan, store)
    assert found["TMix", c.key].benchmark == pytest.approx(59.5)  # TMix ends at 60 (SPEC DA39)
    assert found["TMix", c.key].steps == {0: 400, 1: 300, 2: 300, 3: 300, 4: 300}
    assert found["DMix", c.key].median == 100
    verdict = claim("DC5", plan, store)
    assert verdict.verdict == "confirmed"
    assert verdict.units[-1].note.startswith("geometric mean of the factors: 3.")
    low = dmix_claims.steps_to(plan.cell("2", "TMix", c.key), store, c, 99.0)
    assert (low.censored, low.median) == (5, 400)


def test_dc5_takes_the_printed_benchmarks_at_the_papers_scale_only(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "d", "trac")))
    small = make_plan("dmix", "desk")
    whole = replace(small, setting=replace(small.setting, train_size=None))
    store = filled(small, lambda r: 60.0, tmp_path / "r")
    assert dmix_claims.benchmark(whole, store, small.columns[0]) == 75
    assert dmix_claims.benchmark(small, store, small.columns[0]) == pytest.approx(59.5)


def test_dc8_names_the_best_other_set(plan_for, tmp_path):
    plan = plan_for("DC8")
    store = filled(plan, lambda r: 60 if option(r, "levels") == (0, 1, 2) else 50, tmp_path)
    found = claim("DC8", plan, store)
    assert found.verdict == "contradicted"
    assert {u.note for u in found.units} == {"best other set: {0,1,2}"}
    assert len(found.units) == 2


def test_dc9_chooses_on_validation_and_tests_on_test(plan_for, tmp_path):
    plan = plan_for("DC9")

    def percent(r):
        inner = option(r, "T") == 0.8  # best on validation, worst on test
        return {"validation": 60 if inner else 50, "test": 40 if inner else 50}

    found = claim("DC9", plan, filled(plan, percent, tmp_path))
    assert found.verdict == "contradicted"
    assert {u.note for u in found.units} == {"best inner value on validation: T = 0.8"}


def test_dc10_prints_both_weights(plan_for, tmp_path):
    plan = plan_for("DC10")
    records = [done(r, 50 + r.seed) for r in plan.runs]
    for r in records:
        r["mixer"] = {"w_b": 0.5 if r["run"]["method"] == "tmix" else 0.8}
    found = claim("DC10", plan, shipped(records, tmp_path))
    assert found.verdict == "confirmed"
    assert "0.80 at T = 0, 0.50 in TMix" in found.units[0].note


def test_dc12_has_a_unit_per_language(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "d", "trac", "trec-coarse", "ttc")))
    plan = make_plan("dmix", "desk", tasks="trac,trec-coarse,ttc")
    found = claim("DC12", plan, store_for("DC12", plan, "confirmed", tmp_path))
    assert [(u.name, u.note) for u in found.units] == [("English", "2 data sets"), ("Turkish", "1 data set")]
    assert found.verdict == "confirmed"


@pytest.mark.parametrize("outcome", ["confirmed", "contradicted"])
def test_sdc4_has_an_inner_optimum_and_equality_at_100_percent(outcome, plan_for, tmp_path):
    plan = plan_for("SDC4")
    found = claim("SDC4", plan, store_for("SDC4", plan, outcome, tmp_path))
    assert [u.verdict for u in found.units] == [outcome, outcome, "confirmed"]


def test_sdc5_compares_a_data_sets_own_optimum_with_the_others(monkeypatch, tmp_path):
    monkeypatch.setattr("mixutils.papers.base.at_hand", lambda task, use_hub: (True, "folder"))
    plan = make_plan("dmix_short", "full", seeds="5")
    best = {"essc": 30.0, "ahs": 60.0}
    store = filled(plan, lambda r: 50 + r.seed + 2 * (option(r, "tau") == best.get(r.task)), tmp_path / "r")
    found = claim("SDC5", plan, store)
    assert found.verdict == "confirmed"
    assert "own best τ = 60 %, others' τ = 30 %" in {u.note for u in found.units}
    one = make_plan("dmix_short", "desk")
    assert claim("SDC5", one, Records()).note == "needs curves over τ on two data sets"


def test_sdc1_says_which_rows_are_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "d", "essc", "ttc")))
    few = {"essc": tuple(dmix_short.ROWS), "ttc": ("mBERT", "Mixup", "DMIX (Hyperbolic)")}
    monkeypatch.setitem(dmix_short.SCOPES, "desk", dmix_short.Scope(few, ("essc",), (10.0,)))
    plan = make_plan("dmix_short", "desk")
    found = claim("SDC1", plan, store_for("SDC1", plan, "confirmed", tmp_path))
    notes = {u.name: u.note for u in found.units}
    assert "only" not in notes["ESSC"]
    assert notes["TTC"].endswith("only mBERT, Mixup in this setting")


def test_the_average_of_f1_can_change_a_verdict(plan_for, tmp_path):
    plan = plan_for("DC1")
    records = [done(r, 50 + 3 * r.seed + MOVED["DC1"](r)) for r in plan.runs]
    for r in records:
        for metrics in r["selected"]["best-on-validation"]["metrics"].values():
            metrics["f1_macro"] = 1 - metrics["f1_micro"]
    store = shipped(records, tmp_path)
    assert claim("DC1", plan, store).verdict == "confirmed"
    assert claim("DC1", plan, store, metric="f1_macro").verdict == "contradicted"

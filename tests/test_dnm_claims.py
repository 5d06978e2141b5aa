"""NC1 to NC13 on made-up records with a planted truth: what the words must be, and where there may be none."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from mixutils.companion import make_plan
from mixutils.runs.records import Records
from tests import fakes, notebook
from tests.fakes import data_folder, features, mixtures, shipped

BEST, LAST = "best validation step", "last step"  # the readings (SPEC NA14)

LOW, HIGH = 50, 500
KINDS = {
    "NC1": "most",
    "NC2": "every",
    "NC3": "slope",
    "NC4": "every",
    "NC5": "most",
    "NC6": "every",
    "NC7": "inner",
    "NC8": "most",
    "NC9": "pooled",
    "NC10": "most",
    "NC11": "most",
    "NC12": "illustration",
    "NC13": "illustration",
}
FIXED = {"input_weights": "fixed", "output_weights": "fixed"}


def deep(run) -> bool:
    return not run.encoder.startswith("cnn")


def own(run, **options) -> bool:
    """DNM with exactly these options."""
    return run.method == "dnm" and dict(run.options) == options and not run.recipe.mixer_lr


#: By how many steps a run is higher if a claim holds.
RAISED = {
    "NC1": own,
    "NC2": own,
    "NC3": lambda r: own(r) and r.train_size == LOW,
    "NC4": deep,
    "NC5": lambda r: deep(r) and r.method in ("wordmix", "senmix"),
    "NC7": own,
    "NC8": own,
    "NC9": lambda r: -(own(r, **FIXED) and r.train_size == LOW),
    "NC10": own,
    "NC11": lambda r: r.method == "dnm-wo-sds",
}
UNIT = {"NC3": 1 / math.log2(HIGH / LOW)}  # points per doubling


def noise(run) -> float:
    """A tenth of a point at most either way, the same for a run every time."""
    return (int(run.hash[:6], 16) / 0xFFFFFF - 0.5) / 5


def done(run, percent) -> dict:
    """A record whose parts have 2,000 rows: on the hundred of the fakes a difference is only known to a point."""
    record = fakes.done(run, percent)
    record["data"]["sizes"] |= dict.fromkeys(record["curve"][0]["metrics"], 2000)
    return record


def filled(plan, percent, folder, skip=lambda run: False) -> Records:
    """Runs of a seed share its level, and more rows are worth five points: only pairing shows the difference."""
    return shipped((done(r, level(r) + percent(r)) for r in plan.runs if not skip(r)), folder)


def level(run) -> float:
    return 3 * run.seed + 5 * (run.train_size == HIGH) + noise(run)


@pytest.fixture(scope="module")
def plan():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_DATA", "")
        return make_plan("dnm", "desk", tasks="docs-coarse")


def verdicts(plan, store, reading: str = BEST) -> dict:
    """Key -> what became of the claim."""
    return {v.key: v for v in notebook.verdicts("dnm", plan, store)[reading]}


@pytest.mark.parametrize("key", RAISED)
@pytest.mark.parametrize(("points", "word"), [(2.0, "supported"), (-2.0, "contradicted")])
def test_the_word_follows_what_was_planted(key, points, word, plan, tmp_path):
    found = verdicts(plan, filled(plan, lambda r: 50 + points * RAISED[key](r), tmp_path))[key]
    assert found.word == word, found.why
    assert found.seeds == (5, 5)
    assert found.estimate == pytest.approx(points * UNIT.get(key, 1), abs=0.2)


def test_where_nothing_was_planted_effects_are_negligible(plan, tmp_path):
    found = verdicts(plan, filled(plan, lambda r: 50, tmp_path))
    for key in RAISED:
        # A margin in points says nothing about points per doubling.
        assert found[key].word == ("undecided" if KINDS[key] == "slope" else "negligible"), found[key].why
        assert found[key].estimate == pytest.approx(0, abs=0.2)


def test_every_claim_is_declared_once_with_the_kind_of_its_words(plan):
    readings = notebook.verdicts("dnm", plan, Records())
    assert list(readings) == [BEST, LAST]
    for found in readings.values():
        assert [(v.key, v.kind) for v in found] == list(KINDS.items())
        assert all(v.own for v in found)
        assert all(v.text for v in found)


@pytest.mark.parametrize("profile", ["smoke", "laptop", "desk", "full"])
def test_without_records_nothing_is_tested_and_every_claim_says_why(profile, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    for found in notebook.verdicts("dnm", make_plan("dnm", profile), Records()).values():
        assert {v.word for v in found if v.kind != "illustration"} == {"not tested"}
        assert {v.why for v in found if v.kind == "illustration"} == {"no trained model has been measured yet"}
        assert all(v.why for v in found)


def test_the_last_step_is_another_reading(plan, tmp_path):
    records = [done(r, 50 + level(r) + 2 * own(r)) for r in plan.runs]
    for record in records:
        if record["run"]["method"] == "dnm":
            last = record["selected"]["last"]["metrics"]
            record["selected"]["last"]["metrics"] = {p: m | {"accuracy": m["accuracy"] - 0.1} for p, m in last.items()}
    store = shipped(records, tmp_path)
    first, last = verdicts(plan, store), verdicts(plan, store, LAST)
    assert first["NC8"].word == first["NC1"].word == "supported"
    assert last["NC1"].word == "contradicted"


UNITS = {"NC1": 24, "NC2": 4, "NC3": 4, "NC4": 24, "NC5": 48, "NC7": 12, "NC8": 18, "NC9": 3, "NC10": 24, "NC11": 6}


def test_at_full_scale_there_are_as_many_comparisons_as_printed_cells(monkeypatch, tmp_path):
    monkeypatch.setattr("mixutils.papers.base.at_hand", lambda task, use_hub: (True, "folder"))
    plan = make_plan("dnm", "full", seeds="1")
    found = verdicts(plan, filled(plan, lambda r: 50, tmp_path))
    assert {k: len(found[k].units) for k in UNITS} == UNITS  # NC7: against both ends
    assert found["NC1"].word == "not tested"  # one seed
    printed = [u.printed for u in found["NC2"].units]
    assert printed == pytest.approx([0.7, 0.4, 0.9, 1.0])
    assert sum(u.printed > 0 for u in found["NC1"].units) == 23
    assert all(u.printed > 0 for key in ("NC8", "NC9", "NC10", "NC11") for u in found[key].units)


# ------------------------------------------------------------------------------------------------------- sides that say nothing


@pytest.mark.parametrize("method", ["dnm", "nonlinear"])
def test_a_side_that_learns_nothing_from_more_rows_is_not_compared(method, plan, tmp_path):
    # Ten times as many rows make it worse: it is limited by its updates (the old rule said that the gain is confirmed).
    def percent(run):
        stunted = run.method == method and deep(run) and run.train_size == HIGH
        return 50 - 15 * stunted + 3 * own(run)

    found = verdicts(plan, filled(plan, percent, tmp_path))
    for key in ("NC2", "NC3", "NC6"):
        assert found[key].word == "not tested", found[key].why
        assert "no better with 500 rows than with 50" in found[key].why
    assert found["NC1"].word != "not tested"


def test_more_updates_are_compared_all_the_same(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "data", "mr")))
    plan = make_plan("dnm", "desk", tasks="mr")
    usual = min(r.recipe.steps for r in plan.runs)

    def percent(run):
        stunted = run.method == "nonlinear" and run.train_size == HIGH and run.recipe.steps == usual
        return 50 - 15 * stunted + 2 * own(run)

    found = verdicts(plan, filled(plan, percent, tmp_path / "records"))["NC2"]
    assert [bool(u.void) for u in found.units] == [True, False]
    assert "more updates" in found.units[1].pair
    assert found.estimate == pytest.approx(2, abs=0.2)
    assert found.word == "supported"


def test_constant_guesses_are_not_compared(plan, tmp_path):
    records = [done(r, 50 + level(r) + 10 * own(r)) for r in plan.runs]
    for record in records:
        if record["run"]["method"] == "nonlinear" and record["run"]["seed"] < 3:
            for chosen in record["selected"].values():
                for metrics in chosen["metrics"].values():
                    metrics["predicted_classes"] = 1
    found = verdicts(plan, shipped(records, tmp_path))["NC2"]
    assert found.word == "not tested"
    assert "one class" in found.why


# ------------------------------------------------------------------------------------------------------------ best of several


def test_nc1_is_tested_against_the_best_of_seven_as_validation_has_it(plan, tmp_path):
    # On test SenMixup is best; on validation it is WordMixup, which is below Ours on test.
    test, validation = {"dnm": 60, "senmix": 65, "wordmix": 55}, {"senmix": 50, "wordmix": 90}

    def percent(run):
        return {
            "test": test.get(run.method, 50) - 9 * (not deep(run)) + noise(run),
            "validation": validation.get(run.method, 40) - 9 * (not deep(run)) + noise(run),
        }

    found = verdicts(plan, shipped((done(r, percent(r)) for r in plan.runs), tmp_path))["NC1"]
    assert found.word == "supported"
    assert all("encoder + WordMixup" in u.note for u in found.units)
    assert [u.mean for u in found.units] == pytest.approx([5, 5], abs=0.2)


def test_nc4_ignores_the_deep_mixups(plan, tmp_path):
    store = filled(plan, lambda r: 80 if deep(r) and r.method != "none" else 60 + 5 * deep(r), tmp_path)
    assert [u.mean for u in verdicts(plan, store)["NC4"].units] == pytest.approx([5, 5], abs=0.3)


def test_nc7_is_against_both_ends(plan, tmp_path):
    height = {1: 55.0, 9: 58.0}
    store = filled(plan, lambda r: height.get(dict(r.options).get("k"), 60.0), tmp_path)
    found = verdicts(plan, store)["NC7"]
    assert found.word == "supported"
    assert [u.mean for u in found.units] == pytest.approx([60 - 55, 60 - 58] * 2, abs=0.3)
    rising = filled(plan, lambda r: {1: 55.0, 9: 63.0}.get(dict(r.options).get("k"), 60.0), tmp_path / "rising")
    assert verdicts(plan, rising)["NC7"].word == "contradicted"


# ------------------------------------------------------------------------------------------------------------------- by hand


def test_nc9_by_hand(plan, tmp_path):
    def percent(run):
        small = run.train_size == LOW
        return {True: 57.0 if small else 78.5}.get(dict(run.options) == FIXED, 60.0 if small else 80.0)

    (unit,) = verdicts(plan, filled(plan, percent, tmp_path))["NC9"].units
    assert unit.mean == pytest.approx((60 - 57) - (80 - 78.5), abs=0.3)
    assert "Docstrings, coarse, 50" in unit.title
    assert "Docstrings, coarse, 500" in unit.pair


@pytest.mark.parametrize("part", ["dss", "lds", "sds", "dnm"])
def test_nc10_needs_every_part(part, plan, tmp_path):
    store = filled(plan, lambda r: 50 + 4 * (own(r) or r.method == f"dnm-wo-{part}"), tmp_path)
    found = verdicts(plan, store)["NC10"]
    assert found.word == "negligible", found.why
    assert {u.part for u in found.units} == {"DSS", "LDS", "SDS", "DNM"}


def test_a_failed_row_keeps_its_own_units_open_only(plan, tmp_path):
    gone = lambda r: r.method == "dnm-wo-lds" and r.train_size == LOW  # noqa: E731
    found = verdicts(plan, filled(plan, lambda r: 50 + 2 * own(r), tmp_path, skip=gone))
    assert [u.title for u in found["NC10"].units if u.part == "LDS" and not u.void] == ["Docstrings, coarse, 500"]
    assert [u.title for u in found["NC11"].units if not u.void] == ["Docstrings, coarse, 500"]
    assert found["NC8"].word == "supported"


def test_what_a_setting_cannot_test_names_what_it_lacks(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    plan = make_plan("dnm", "laptop", train_size=40, seeds="5")
    store = filled(plan, lambda r: 50, tmp_path)
    why = {key: v.why for key, v in verdicts(plan, store).items() if v.word == "not tested"}
    assert set(why) == {"NC3", "NC9"}
    assert "two training sizes" in why["NC3"]
    assert "Table 9" in why["NC9"]


# ----------------------------------------------------------------------------------------------------- curves and probes


def curved(run, accuracies) -> dict:
    """A record with these accuracies over its evaluations; with little data they are ten points lower."""
    accuracies = [a - 10 * (run.train_size == LOW) + noise(run) for a in accuracies]
    record = done(run, accuracies[-1])
    point = record["curve"][-1]
    record["curve"] = [
        point | {"step": 10 * (i + 1), "metrics": {p: m | {"accuracy": a / 100} for p, m in point["metrics"].items()}}
        for i, a in enumerate(accuracies)
    ]
    for chosen in record["selected"].values():
        chosen["step"] = 10 * len(accuracies)
    return record


@pytest.fixture(scope="module")
def late_slope(plan):
    return notebook.run("dnm", plan, Records(), only=["claims"])["late_slope"]


@pytest.mark.parametrize(("accuracies", "slope"), [([50, 60, 70, 80, 85], 5), ([50, 90, 80, 70, 66], -4), ([9] * 5, 0)])
@pytest.mark.parametrize("unit", [10, 800])
def test_the_late_slope_is_that_of_the_last_quarter(accuracies, slope, unit, late_slope):
    curve = pd.DataFrame({"step": [unit * (i + 1) for i in range(5)], "steps": 5 * unit, "value": accuracies})
    assert late_slope(curve) == pytest.approx(slope / 0.8)  # points per quarter; the last two are 0.8 apart


def test_two_evaluations_have_a_slope_and_one_has_none(late_slope):
    curve = pd.DataFrame({"step": [2, 4], "steps": 4, "value": [10.0, 12.0]})
    assert late_slope(curve) == pytest.approx(2 / 2)
    assert math.isnan(late_slope(curve[1:]))


@pytest.mark.parametrize(
    ("ours", "word"),
    [
        ([60, 68, 72, 76], "supported"),
        ([60, 70, 74, 74], "supported"),  # flat is not falling
        ([60, 90, 85, 80], "contradicted"),  # falling
        ([40, 50, 56, 60], "contradicted"),  # below
    ],
)
def test_nc6_needs_a_higher_end_that_is_not_falling(ours, word, plan, tmp_path):
    height = {"dnm": ours, "nonlinear": [50, 60, 70, 70]}
    store = shipped((curved(r, height.get(r.method, [50] * 4)) for r in plan.runs), tmp_path)
    for found in notebook.verdicts("dnm", plan, store).values():
        (nc6,) = (v for v in found if v.key == "NC6")
        assert nc6.word == word, nc6.why


@pytest.mark.parametrize(
    ("largest", "smallest", "words"), [(1.0, 2.0, "as the claim has it"), (2.0, 1.0, "the reverse of the claim")]
)
def test_nc12_says_where_mixtures_lie(largest, smallest, words, plan, tmp_path):
    records = [done(r, 50) for r in plan.runs]
    for record in records:
        if "dnm-mixtures" in record.get("probes", {}):
            record["probes"]["dnm-mixtures"] = mixtures(largest, smallest)
    found = verdicts(plan, shipped(records, tmp_path))["NC12"]
    assert found.word == "illustration"
    assert found.why.startswith(words)
    for text in ("mean of 5 trained models", f"{largest:.2f} from the nearest", f"{smallest:.2f} and"):
        assert text in found.why


@pytest.mark.parametrize(("ours", "higher"), [(0.6, 1), (0.2, 0)])
def test_nc13_says_how_far_the_classes_are_apart(ours, higher, plan, tmp_path):
    records = [done(r, 50) for r in plan.runs]
    for record in records:
        if "dnm-features" in record.get("probes", {}):
            record["probes"]["dnm-features"] = features(ours if record["run"]["method"] == "dnm" else 0.4)
    found = verdicts(plan, shipped(records, tmp_path))["NC13"]
    assert found.word == "illustration"
    assert f"last layer on {higher} of 1" in found.why
    assert f"DNM {ours:.2f}, plain encoder 0.40" in found.why

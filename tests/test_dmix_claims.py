"""DC1 to DC12 on made-up records with a planted truth: what the words must be, and where there may be none."""

from __future__ import annotations

import pytest

from mixutils.companion import make_plan
from mixutils.papers import dmix
from mixutils.runs.records import Records
from mixutils.show.style import VERDICT_MARKS
from tests import fakes
from tests.fakes import data_folder, shipped
from tests.notebook import run, verdicts

MICRO, MACRO = "micro F1, weighted on TRAC", "macro F1"

FIRST = {"tmix": dmix.LAYER_SETS["{7,9,12}"], "dmix": dmix.LAYER_SETS["{3,4,6,7,9,12}"]}
SEVERAL = "trac,trec-coarse,ttc"  # two languages
KINDS = {
    "DC1": "every",
    "DC2": "every",
    "DC3": "every",
    "DC4": "every",
    "DC5": "steps",
    "DC6": "every",
    "DC7": "every",
    "DC8": "every",
    "DC9": "inner",
    "DC10": "equal",
    "DC11": "every",
    "DC12": "every",
}


def option(run, name):
    return dict(run.options).get(name)


def own_layers(run) -> bool:
    return run.method in FIRST and option(run, "levels") in (None, FIRST[run.method])


#: What is higher if a claim holds.
RAISED = {
    "DC1": lambda r: r.method == "dmix",
    "DC2": lambda r: r.method == "dmix",
    "DC3": lambda r: r.method in ("dmix", "dmix-nt"),
    "DC4": lambda r: r.method in ("dmix", "euc-dmix"),
    "DC6": lambda r: r.method in ("m-ratio", "m-threshold"),
    "DC7": lambda r: r.method == "m-threshold",
    "DC8": own_layers,
    "DC9": lambda r: r.method == "dmix" and option(r, "T") not in (0.0, 0.9),
    "DC11": lambda r: r.method == "dmix",
    "DC12": lambda r: r.method == "dmix",
}


def noise(run) -> float:
    """A tenth of a point at most either way, the same for a run every time."""
    return (int(run.hash[:6], 16) / 0xFFFFFF - 0.5) / 5


def level(raised, points: float):
    """Runs of a seed share its level; those that are raised are higher by so many points."""
    return lambda r: 50 + 3 * r.seed + points * bool(raised(r)) + noise(r)


def done(run, percent) -> dict:
    """A record whose parts have 2,000 rows: on the hundred of the fakes a difference is only known to a point."""
    record = fakes.done(run, percent)
    record["data"]["sizes"] |= dict.fromkeys(record["curve"][0]["metrics"], 2000)
    return record


def filled(plan, percent, folder) -> Records:
    return shipped((done(r, percent(r)) for r in plan.runs), folder)


@pytest.fixture
def plan_for(monkeypatch, tmp_path):
    def make(key: str, tasks: str = "", **wishes):
        folder = data_folder(tmp_path / "data", *tasks.split(",")) if tasks else ""
        monkeypatch.setenv("MIXUTILS_DATA", str(folder))
        return make_plan("dmix", "desk", tasks=tasks or None, **wishes)

    return make


def verdict(key: str, plan, store, reading: str = MICRO):
    return next(v for v in verdicts("dmix", plan, store)[reading] if v.key == key)


def tasks_for(key: str) -> str:
    return SEVERAL if key == "DC12" else ""


@pytest.mark.parametrize("key", RAISED)
@pytest.mark.parametrize(("points", "word"), [(2.0, "supported"), (-2.0, "contradicted"), (0.0, "negligible")])
def test_the_word_follows_what_was_planted(key, points, word, plan_for, tmp_path):
    plan = plan_for(key, tasks_for(key))
    found = verdict(key, plan, filled(plan, level(RAISED[key], points), tmp_path / "r"))
    assert found.word.removesuffix(", and smaller than reported") == word, found.why
    assert found.seeds == (5, 5)
    assert found.estimate == pytest.approx(points, abs=0.2)


@pytest.mark.parametrize("key", [k for k in RAISED if k != "DC12"])
def test_no_word_where_most_runs_guess_one_class_or_nothing_is_left_to_gain(key, plan_for, tmp_path):
    plan = plan_for(key)
    for folder, make in (
        ("guess", lambda r: with_classes(done(r, level(RAISED[key], 2.0)(r)), 1)),
        ("ceiling", lambda r: done(r, 99.3 + 0.4 * RAISED[key](r) + noise(r) / 10)),
    ):
        found = verdict(key, plan, shipped(map(make, plan.runs), tmp_path / folder))
        assert found.word == "not tested", found.why
        assert ("predict one class" in found.why) == (folder == "guess")


def with_classes(record: dict, predicted: int) -> dict:
    for chosen in record["selected"].values():
        for metrics in chosen["metrics"].values():
            metrics["predicted_classes"] = predicted
    return record


@pytest.mark.parametrize("profile", ["smoke", "desk", "full"])
def test_every_claim_of_the_spec_is_declared_once_and_says_why_it_is_not_tested(profile, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    readings = verdicts("dmix", make_plan("dmix", profile), Records())
    assert list(readings) == [MICRO, MACRO]
    for found in readings.values():
        assert [v.key for v in found] == [f"DC{i}" for i in range(1, 13)]
        assert {v.word for v in found} == {"not tested"}
        assert {v.key: v.kind for v in found} == KINDS
        assert all(v.text and v.own and v.why for v in found)


def test_words_are_those_of_the_spec_on_any_records(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    plan = make_plan("dmix", "smoke", seeds="3")
    readings = verdicts("dmix", plan, filled(plan, lambda r: 50 + r.seed, tmp_path))
    assert {v.word for found in readings.values() for v in found} <= set(VERDICT_MARKS)


def test_dc1_compares_with_the_row_that_validation_chooses_not_with_the_best_on_test(plan_for, tmp_path):
    plan = plan_for("DC1")

    def percent(r):
        base = 50 + 3 * r.seed + noise(r)
        lift = {"dmix": (0, 2), "tmix": (3, 0), "senmix": (0, 4)}.get(r.method, (0, 0))
        return {"validation": base + lift[0], "test": base + lift[1]}

    found = verdict("DC1", plan, filled(plan, percent, tmp_path))
    assert found.word == "supported"
    assert found.estimate == pytest.approx(2, abs=0.2)
    assert {u.note for u in found.units} == {"best: TMix"}


def test_a_claim_on_every_data_set_is_not_supported_by_the_mean(plan_for, tmp_path):
    plan = plan_for("DC2")
    lift = {"docs-coarse": 5.0, "docs-fine": 0.0}
    store = filled(plan, lambda r: level(RAISED["DC2"], lift[r.task])(r), tmp_path)
    found = verdict("DC2", plan, store)
    assert found.word == "undecided"
    assert found.low > 0
    assert "1 of 2 comparisons" in found.why


def test_dc2_does_not_claim_the_printed_level(plan_for):
    found = verdict("DC2", plan_for("DC2"), Records())
    assert "0.05, not at the printed 0.01" in found.why
    assert "0.01" in found.own


@pytest.mark.parametrize(
    ("key", "one"),
    [
        ("DC6", lambda r: r.method == "m-ratio"),
        ("DC8", lambda r: r.method == "tmix" and own_layers(r)),
        ("DC11", lambda r: r.method in ("dmix", "ssmix")),
    ],
)
def test_a_claim_about_two_things_is_decided_by_the_weaker_one(key, one, plan_for, tmp_path):
    plan = plan_for(key)
    found = verdict(key, plan, filled(plan, level(one, 4.0), tmp_path))
    assert found.word == "negligible"  # the part that is not there speaks for the claim
    assert {u.mean > 1 for u in found.units} == {True, False}


@pytest.mark.parametrize(
    ("key", "one"), [("DC3", lambda r: r.method == "dmix"), ("DC4", lambda r: r.method == "euc-dmix")]
)
def test_a_claim_under_two_settings_is_estimated_over_both_and_supported_by_both_only(key, one, plan_for, tmp_path):
    plan = plan_for(key)
    found = verdict(key, plan, filled(plan, level(one, 4.0), tmp_path))
    assert found.word == "undecided"
    assert found.estimate == pytest.approx(2, abs=0.2)
    assert "2 of 4 comparisons" in found.why


def record_with(run, curve: dict[int, float]) -> dict:
    out = done(run, 60)
    point = out["curve"][0]
    out["curve"] = [
        point | {"step": step, "metrics": {part: m | averages(f1) for part, m in point["metrics"].items()}}
        for step, f1 in curve.items()
    ]
    for chosen in out["selected"].values():
        chosen["step"] = max(curve)
    return out


def averages(f1: float) -> dict[str, float]:
    return dict.fromkeys(("f1_micro", "f1_weighted"), f1 / 100)


STEPS = (50, 100, 150, 200, 250, 300, 350, 400)


def arriving(at: float) -> dict[int, float]:
    """60 from step ``at`` on, 50 before."""
    return {s: 60.0 if s >= at else 50.0 for s in STEPS}


@pytest.mark.parametrize(
    ("fast", "slow", "word"), [(100, 300, "supported"), (300, 100, "contradicted"), (200, 200, "undecided")]
)
def test_dc5_follows_the_steps_on_validation(fast, slow, word, plan_for, tmp_path):
    plan = plan_for("DC5")

    def record(r):
        return record_with(r, arriving((fast if r.method == "dmix" else slow) + 50 * (r.seed % 2)))

    found = verdict("DC5", plan, shipped(map(record, plan.runs), tmp_path))
    assert found.word == word, found.why
    assert found.tasks == 2


def test_dc5_is_not_tested_where_runs_are_past_the_goal_at_the_first_evaluation(plan_for, tmp_path):
    plan = plan_for("DC5")
    found = verdict("DC5", plan, shipped((record_with(r, arriving(0)) for r in plan.runs), tmp_path))
    assert found.word == "not tested"
    assert "at their first evaluation" in found.why


def test_dc5_takes_the_printed_benchmarks_at_the_papers_scale_and_weighted_f1_on_trac(plan_for, tmp_path):
    plan = plan_for("DC5", "trac,trec-coarse")
    records = [done(r, 60.0) for r in plan.runs]
    for r in records:
        for point in r["curve"]:
            point["metrics"]["validation"]["f1_weighted"] = 0.4
    store = shipped(records, tmp_path / "r")
    names = run("dmix", plan, store, only=["claims"])
    goals = names["goals_of"](names["readings"][MICRO])
    assert goals == {"trac": pytest.approx(39.5), "trec-coarse": pytest.approx(59.5)}
    names["c"].plan = plan_for("DC5", "trac,trec-coarse", train_size=0)
    assert names["c"].plan.setting.train_size is None
    assert names["goals_of"](names["readings"][MICRO]) == {"trac": 75, "hasoc": 77, "trec-coarse": pytest.approx(59.5)}


def test_dc8_names_the_set_that_validation_prefers(plan_for, tmp_path):
    plan = plan_for("DC8")
    store = filled(plan, level(lambda r: option(r, "levels") == (0, 1, 2), 5.0), tmp_path)
    found = verdict("DC8", plan, store)
    assert found.word == "contradicted"
    assert {u.note for u in found.units} == {"best: {0,1,2}"}
    assert [u.title for u in found.units] == ["Docstrings, coarse, TMix", "Docstrings, coarse, DMix"]


def test_an_inner_optimum_is_chosen_on_validation_and_must_be_above_both_ends(plan_for, tmp_path):
    key = "DC9"
    plan = plan_for(key)
    inner = RAISED[key]

    def above(r, low_end: float):
        end = option(r, "T") == 0.0
        return 50 + 3 * r.seed + 2 * inner(r) + low_end * end + noise(r)

    both = verdict(key, plan, filled(plan, lambda r: above(r, 0.0), tmp_path / "both"))
    assert both.word == "supported"
    rising = verdict(key, plan, filled(plan, lambda r: above(r, 2.0), tmp_path / "one"))
    assert rising.word == "negligible"  # as good as the lower end, though above the upper one

    def misled(r):
        lucky = inner(r)
        return {"validation": 60 + r.seed if lucky else 50 + r.seed, "test": 40 + noise(r) if lucky else 50 + noise(r)}

    assert verdict(key, plan, filled(plan, misled, tmp_path / "test")).word == "contradicted"


@pytest.mark.parametrize(
    ("points", "word"), [(0.0, "supported"), (0.2, "supported"), (3.0, "contradicted"), (-3.0, "contradicted")]
)
def test_dc10_is_a_claim_of_no_difference(points, word, plan_for, tmp_path):
    plan = plan_for("DC10")
    found = verdict("DC10", plan, filled(plan, level(lambda r: option(r, "T") == 0.0, points), tmp_path))
    assert found.word == word, found.why


def test_dc10_is_open_where_seeds_spread_and_says_what_partners_weigh(plan_for, tmp_path):
    plan = plan_for("DC10")
    records = [done(r, 50 + (4 * (-1.0) ** r.seed if option(r, "T") == 0.0 else 0)) for r in plan.runs]
    for r in records:
        r["mixer"] = {"w_b": 0.5 if r["run"]["method"] == "tmix" else 0.8}
    found = verdict("DC10", plan, shipped(records, tmp_path))
    assert found.word == "undecided"
    assert "mean weight of the partner: 0.80 (T = 0), 0.50 (TMix)" in found.why


def test_dc12_has_a_unit_per_language_and_needs_two(plan_for, tmp_path):
    plan = plan_for("DC12", SEVERAL)
    found = verdict("DC12", plan, filled(plan, level(RAISED["DC12"], 2.0), tmp_path / "r"))
    assert [u.title for u in found.units] == ["English", "Turkish"]
    assert found.n_units == 2
    one = plan_for("DC12", "trac,trec-coarse")
    alone = verdict("DC12", one, filled(one, level(RAISED["DC12"], 2.0), tmp_path / "one"))
    assert alone.word == "not tested"
    assert "one language" in alone.why


def test_trac_is_read_in_weighted_f1_and_in_macro_f1_beside_it(plan_for, tmp_path):
    plan = plan_for("DC1", "trac")
    up, down = level(RAISED["DC1"], 2.0), level(RAISED["DC1"], -2.0)
    records = []
    for r in plan.runs:
        record = done(r, down(r))
        for chosen in record["selected"].values():
            for metrics in chosen["metrics"].values():
                metrics["f1_weighted"] = up(r) / 100
        records.append(record)
    store = shipped(records, tmp_path / "r")
    assert verdict("DC2", plan, store).word.startswith("supported")
    assert verdict("DC2", plan, store, MACRO).word == "contradicted"

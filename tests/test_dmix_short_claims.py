"""SDC1 to SDC5 on made-up records with a planted truth: what the words must be, and where there may be none."""

from __future__ import annotations

import pytest

from mixutils.companion import make_plan
from mixutils.runs.records import Records
from mixutils.show.style import VERDICT_MARKS
from tests import fakes
from tests.fakes import data_folder, shipped
from tests.notebook import verdicts

KINDS = {"SDC1": "every", "SDC2": "most", "SDC3": "every", "SDC4": "inner", "SDC5": "pooled"}
MICRO, MACRO = "micro F1", "macro F1"


def tau(run):
    return dict(run.options).get("tau")


#: What is higher if a claim holds.
RAISED = {
    "SDC1": lambda r: r.method == "dmix-short",
    "SDC2": lambda r: r.method.startswith("dmix-short"),
    "SDC3": lambda r: r.method == "dmix-short",
    "SDC4": lambda r: r.method == "dmix-short" and tau(r) == 30.0,
}


def noise(run) -> float:
    """A tenth of a point at most either way, the same for a run every time."""
    return (int(run.hash[:6], 16) / 0xFFFFFF - 0.5) / 5


def level(raised, points: float):
    """Runs of a seed share its level; those that are raised are higher by so many points."""
    return lambda r: 50 + 3 * r.seed + points * bool(raised(r)) + noise(r)


def done(run, percent, macro: float | None = None) -> dict:
    """A record whose parts have 2,000 rows: on the hundred of the fakes a difference is only known to a point."""
    record = fakes.done(run, percent)
    record["data"]["sizes"] |= dict.fromkeys(record["curve"][0]["metrics"], 2000)
    if macro is not None:
        for chosen in record["selected"].values():
            for metrics in chosen["metrics"].values():
                metrics["f1_macro"] = macro / 100
    return record


def filled(plan, percent, folder) -> Records:
    return shipped((done(r, percent(r)) for r in plan.runs), folder)


@pytest.fixture
def plan(monkeypatch):
    """The desk plan on built-in data."""
    monkeypatch.setenv("MIXUTILS_DATA", "")
    return make_plan("dmix_short", "desk")


@pytest.fixture
def two_languages(monkeypatch, tmp_path):
    """The desk plan on ESSC, which is English, and TTC, which is Turkish."""
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "d", "essc", "ttc")))
    return make_plan("dmix_short", "desk")


def verdict(key: str, plan, store, reading: str = MICRO):
    return next(v for v in verdicts("dmix_short", plan, store)[reading] if v.key == key)


@pytest.mark.parametrize(("points", "word"), [(2.0, "supported"), (-2.0, "contradicted"), (0.0, "negligible")])
@pytest.mark.parametrize("key", RAISED)
def test_the_word_follows_what_was_planted(key, points, word, plan, tmp_path):
    found = verdict(key, plan, filled(plan, level(RAISED[key], points), tmp_path / "r"))
    assert found.word == word, found.why
    assert found.seeds == (5, 5)
    assert found.estimate == pytest.approx(points, abs=0.2)


@pytest.mark.parametrize("key", ["SDC3", "SDC4"])
def test_no_word_where_most_runs_guess_one_class_or_nothing_is_left_to_gain(key, plan, tmp_path):
    def guess(r):
        record = done(r, level(RAISED[key], 2.0)(r))
        for chosen in record["selected"].values():
            for metrics in chosen["metrics"].values():
                metrics["predicted_classes"] = 1
        return record

    def ceiling(r):
        return done(r, 99.3 + 0.4 * RAISED[key](r) + noise(r) / 10)

    for make in (guess, ceiling):
        found = verdict(key, plan, shipped(map(make, plan.runs), tmp_path / make.__name__))
        assert found.word == "not tested", found.why
        assert ("predict one class" in found.why) == (make is guess)


@pytest.mark.parametrize("profile", ["smoke", "laptop", "desk", "full"])
def test_every_claim_is_declared_once_and_without_records_says_why_it_is_not_tested(profile, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    found = verdicts("dmix_short", make_plan("dmix_short", profile), Records())
    assert list(found) == [MICRO, MACRO]
    for of in found.values():
        assert {v.key: v.kind for v in of} == KINDS
        assert [v.key for v in of] == list(KINDS)
        assert {v.word for v in of} == {"not tested"}
        assert all(v.text and v.own and v.why for v in of)


def test_words_are_those_of_the_spec_on_any_records(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    small = make_plan("dmix_short", "smoke", seeds="3")
    found = verdicts("dmix_short", small, fakes.filled(small, lambda r: 50 + r.seed, tmp_path / "r"))
    assert {v.word for v in found[MICRO]} <= set(VERDICT_MARKS)


def test_the_second_reading_is_macro_f1(plan, tmp_path):
    up, down = level(RAISED["SDC2"], 2.0), level(RAISED["SDC2"], -2.0)
    found = verdicts("dmix_short", plan, shipped((done(r, down(r), macro=up(r)) for r in plan.runs), tmp_path / "r"))
    words = {reading: next(v.word for v in of if v.key == "SDC2") for reading, of in found.items()}
    assert words == {MICRO: "contradicted", MACRO: "supported"}


def test_sdc2_does_not_claim_the_printed_level(plan):
    found = verdict("SDC2", plan, Records())
    assert "0.05, not at the printed 0.01" in found.why
    assert "0.01" in found.own


def test_sdc3_is_decided_by_the_weaker_of_its_two_parts(plan, tmp_path):
    raised = level(lambda r: r.method in ("dmix-short", "dmix-short-cosine"), 4.0)
    found = verdict("SDC3", plan, filled(plan, raised, tmp_path / "r"))
    assert found.word == "negligible"  # the part that is not there speaks for the claim
    assert {u.mean > 1 for u in found.units} == {True, False}


def test_sdc3_compares_the_distances_at_one_tau_whatever_table_1_takes(plan, tmp_path):
    store = filled(plan, level(lambda r: r.method == "dmix-short" and tau(r) == 30.0, 4.0), tmp_path / "r")
    chosen = make_plan("dmix_short", "desk", store)
    rows = [tau(r) for r in chosen.cell("1", "DMIX (Hyperbolic)", chosen.columns[0].key).runs]
    assert set(rows) == {30.0}
    assert verdict("SDC1", chosen, store).word == "supported"
    assert verdict("SDC3", chosen, store).word == "negligible"


def test_an_inner_optimum_is_chosen_on_validation_and_must_be_above_both_ends(plan, tmp_path):
    inner = RAISED["SDC4"]

    def above(r, low_end: float):
        end = r.method == "dmix-short" and tau(r) is None  # the tables' τ is the least
        return 50 + 3 * r.seed + 2 * inner(r) + low_end * end + noise(r)

    both = verdict("SDC4", plan, filled(plan, lambda r: above(r, 0.0), tmp_path / "both"))
    assert both.word == "supported"
    rising = verdict("SDC4", plan, filled(plan, lambda r: above(r, 2.0), tmp_path / "one"))
    assert rising.word == "negligible"  # as good as the lower end, though above the upper one

    def misled(r):
        lucky = inner(r)
        return {"validation": 60 + r.seed if lucky else 50 + r.seed, "test": 40 + noise(r) if lucky else 50 + noise(r)}

    assert verdict("SDC4", plan, filled(plan, misled, tmp_path / "test")).word == "contradicted"


def test_sdc1_names_the_rows_that_a_data_set_lacks(two_languages, tmp_path):
    found = verdict("SDC1", two_languages, filled(two_languages, level(RAISED["SDC1"], 2.0), tmp_path / "r"))
    notes = {u.title.split(" ")[0]: u.note for u in found.units}
    assert "without" not in notes["ESSC"]
    assert "without Input Mixup, Sentence Mixup" in notes["TTC"]


@pytest.mark.parametrize(
    ("taus", "word"),
    [
        ({"essc": 30.0, "ttc": 100.0}, "supported"),
        ({"essc": 30.0, "ttc": 30.0}, "not tested"),  # the same τ: nothing to compare
    ],
)
def test_sdc5_compares_own_and_foreign_optimum_and_never_one_with_itself(taus, word, two_languages, tmp_path):
    own = level(lambda r: tau(r) == taus[r.task], 2.0)
    found = verdict("SDC5", two_languages, filled(two_languages, own, tmp_path / "r"))
    assert found.word == word, found.why
    assert [u.title.split(" ")[0] for u in found.units] == ["ESSC", "TTC"]
    if word == "supported":
        foreign = [(u.pair.split()[6], u.pair[u.pair.index("(τ") :]) for u in found.units]
        assert foreign == [("TTC", "(τ = 100 %)"), ("ESSC", "(τ = 30 %)")]


def test_sdc5_needs_the_foreign_optimum_to_be_worse_here(two_languages, tmp_path):
    best = {"essc": 30.0, "ttc": 100.0}

    def percent(r):  # validation tells τ apart, test does not
        base = 50 + 3 * r.seed
        return {"validation": base + 2 * (tau(r) == best[r.task]) + noise(r), "test": base + noise(r)}

    assert verdict("SDC5", two_languages, filled(two_languages, percent, tmp_path / "r")).word == "negligible"


def test_sdc5_has_no_units_within_one_language(plan):
    found = verdict("SDC5", plan, Records())
    assert found.word == "not tested"
    assert not found.units

"""How units make a claim: verdicts, counts, Holm's correction, and reasons where nothing was tested."""

from __future__ import annotations

import math

import pytest

from mixutils.papers.claims import NOT_TESTED, best_of, decide, mean_of, measured, minus, unit

ZERO = dict.fromkeys(range(5), 0.0)
UP, DOWN = ({s: sign * (s + 1.0) for s in range(5)} for sign in (1, -1))
MIXED = {s: (-1.0) ** s for s in range(5)}


def verdict(*series, **options) -> str:
    return decide("C1", "text", "test", "own", [unit(str(i), s, ZERO, **options) for i, s in enumerate(series)]).verdict


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([UP], "confirmed"),
        ([DOWN], "contradicted"),
        ([MIXED], "undecided"),
        ([UP, UP], "confirmed"),
        ([UP, MIXED], "undecided"),
        ([DOWN, MIXED], "contradicted"),
        ([UP, DOWN], "mixed"),
        ([UP, DOWN, MIXED], "mixed"),
        ([{}], NOT_TESTED),
        ([], NOT_TESTED),
        ([UP, {}], "confirmed"),
    ],
)
def test_units_make_the_verdict_of_a_claim(series, expected):
    assert verdict(*series) == expected


def test_a_claim_of_the_other_sign_turns_the_verdicts():
    assert verdict(DOWN, sign=-1) == "confirmed"
    assert verdict(UP, sign=-1) == "contradicted"


def test_four_seeds_cannot_confirm_a_claim():
    four = dict.fromkeys(range(4), 10.0)
    assert verdict(four) == "undecided"


def test_counts_are_in_words_and_complete():
    units = [unit(n, s, ZERO) for n, s in (("a", UP), ("b", UP), ("c", DOWN), ("d", MIXED), ("e", {}))]
    claim = decide("C1", "text", "test", "own", units)
    assert claim.count == "2 confirmed, 1 contradicted, 1 undecided, 1 not tested"
    assert sum(claim.counts.values()) == 5


def test_holm_runs_over_the_tested_units_of_a_claim():
    claim = decide("C1", "t", "t", "o", [unit("a", UP, ZERO), unit("b", {}, ZERO), unit("c", MIXED, ZERO)])
    assert claim.units[0].comparison.p_holm == pytest.approx(2 / 32)
    assert math.isnan(claim.units[1].comparison.p_holm)
    # The verdict is that of the raw value, as the SPEC says; the corrected one stands beside it.
    assert claim.units[0].verdict == "confirmed"


def test_a_unit_shown_aside_has_no_part_in_the_claim():
    claim = decide("C1", "t", "t", "o", [unit("a", UP, ZERO), unit("b", DOWN, ZERO, aside=True)])
    assert claim.verdict == "confirmed"
    assert claim.count == "1 confirmed"
    assert claim.units[0].comparison.p_holm == 1 / 32
    assert math.isnan(claim.units[1].comparison.p_holm)
    assert claim.units[1].verdict == "contradicted"


def test_what_is_not_tested_says_why():
    assert unit("a", {}, ZERO).note == "runs are missing"
    assert unit("a", {0: 1.0}, {1: 1.0}, note="other seeds").note == "other seeds"
    assert decide("C1", "t", "t", "o", []).note == "no data for any unit"
    assert decide("C1", "t", "t", "o", [unit("a", {}, ZERO)]).note == "no seed has all the runs that a test needs"
    assert decide("C1", "t", "t", "o", [], "needs ANLI").note == "needs ANLI"
    assert decide("C1", "t", "t", "o", [unit("a", UP, ZERO)]).note == ""


def test_a_measured_number_is_judged_by_its_range():
    assert measured("a", 2.0, 1.5, 2.5, "").verdict == "confirmed"
    assert measured("a", 1.5, 1.5, 2.5, "").verdict == "confirmed"
    assert measured("a", 1.4, 1.5, 2.5, "").verdict == "contradicted"
    assert measured("a", math.nan, 1.5, 2.5, "").verdict == NOT_TESTED


def test_mean_and_difference_go_seed_by_seed_over_common_seeds():
    assert mean_of([{0: 1.0, 1: 2.0}, {1: 4.0, 2: 9.0}]) == {1: 3.0}
    assert mean_of([]) == {}
    assert mean_of([{0: 1.0}, {}]) == {}
    assert minus({0: 5.0, 1: 7.0}, {1: 4.0, 2: 1.0}) == {1: 3.0}


def test_the_best_is_judged_on_the_seeds_that_all_have():
    assert best_of({"a": {0: 1.0, 1: 1.0}, "b": {0: 2.0, 1: 1.5}}) == ("b", {0: 2.0, 1: 1.5})
    # One lucky seed does not make the best, and a claim against both waits for both.
    assert best_of({"a": {0: 1.0, 1: 5.0}, "b": {0: 1.5}}) == ("b", {0: 1.5})
    assert best_of({"a": {0: 1.0}, "b": {}}) == ("", {})
    assert best_of({}) == ("", {})

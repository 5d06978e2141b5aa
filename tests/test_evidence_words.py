"""The words of SPEC 9.3 and their order, kind by kind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from mixutils.evidence import Evidence, Units, Verdict
from mixutils.evidence.unit import paired
from mixutils.evidence.verdict import holm
from tests.fakes_evidence import made

SHAPE = np.array([-1.0, 0.5, 0, -0.5, 1]) / np.std([-1.0, 0.5, 0, -0.5, 1], ddof=1)  # mean 0, standard deviation 1


def units(*means: float, sd: float = 0.5, printed: float = np.nan, n: int = 5) -> Units:
    """Units of exactly these means and standard deviation, a data set each."""
    shape = np.resize(SHAPE, n) - np.resize(SHAPE, n).mean()
    return Units(
        paired(range(n), m + sd * shape, title=f"t{i}", task=f"t{i}", column=f"t{i}", printed=printed)
        for i, m in enumerate(means)
    )


def verdict(found: Units, kind: str = "pooled", others: int = 0, **given) -> Verdict:
    """The verdict on these units, among so many other claims of p = 1."""
    e = Evidence(made({("1", "a", "mr"): np.zeros(5)}))
    e.claim("X", "a claim", found, kind=kind, **given)
    for i in range(others):
        e.claim(f"O{i}", "another", units(0.0), kind="pooled")
    return e.verdicts()[0]


def test_supported():
    v = verdict(units(2, 1, 3))
    assert v.word == "supported"
    assert v.low > 0
    assert v.p_for == v.p_holm < 0.05 < v.p_against
    assert v.why.startswith("+2.00 [+1.72, +2.28] is above 0, Holm p = ")
    assert (v.tasks, v.n_units, v.void, v.seeds, v.signs) == (3, 3, 0, (5, 5), 3)


def test_supported_and_smaller_than_reported():
    v = verdict(units(2, 1, 3, printed=4.0))
    assert v.word == "supported, and smaller than reported"
    assert (v.reported, v.reported_columns) == (4.0, 3)
    assert "the interval ends below the reported +4.00" in v.why
    assert verdict(units(2, 1, 3, printed=2.2)).word == "supported"


@pytest.mark.parametrize(
    ("mean", "others", "words"),
    [
        (-1.0, 60, ": the interval ends below the reported +2.00, and is below 0 before Holm's correction (Holm p = "),
        (0.1, 0, ": the interval holds 0 and ends below the reported +2.00"),
        (1.0, 60, ": the interval ends below the reported +2.00"),
    ],
)
def test_smaller_than_reported_says_on_which_side_of_zero_it_is(mean, others, words):
    v = verdict(units(mean, sd=0.75, printed=2.0), others=others)
    assert v.word == "smaller than reported"
    assert (v.low <= 0 <= v.high) == ("holds 0" in words)
    assert words in v.why


def test_a_reported_effect_of_another_number_of_training_rows_says_so():
    cells = {("1", row, f"mr@{n}"): row_mean + SHAPE for row, row_mean in (("a", 71), ("b", 70)) for n in (50, 500)}
    printed = pd.DataFrame(
        [
            ("1", row, f"mr@{n}", value, rows)
            for row, value in (("a", 90.0), ("b", 80.0))
            for n, rows in ((50, 50), (500, 8000))
        ],
        columns=["table", "row", "column", "value", "train_rows"],
    )
    e = Evidence(made(cells), printed)
    e.claim("X", "both sizes", e.diff("1", "a", "b"), kind="pooled")
    e.claim("Y", "few rows", e.diff("1", "a", "b", columns="mr@50"), kind="pooled")
    e.claim(
        "Z",
        "larger with less",
        e.diff("1", "a", "b", columns="mr@50") - e.diff("1", "a", "b", columns="mr@500"),
        kind="pooled",
    )
    both, few, differences = e.verdicts()
    rows = "ours: 500 rows; reported: 8,000"
    assert [v.apart for v in (both, few, differences)] == [f"in 1 of 2 columns {rows}", "", rows]
    assert f"below the reported +10.00 (in 1 of 2 columns {rows})" in both.why
    assert few.why.endswith("below the reported +10.00")
    assert [rows in note for note in both.to_frame()["note"]] == [False, True]
    capped = Evidence(made(cells, capped=True), printed.drop(columns="train_rows"))  # the paper: all
    assert [u.apart for u in capped.diff("1", "a", "b")] == [f"ours: {n} rows; reported: all" for n in (50, 500)]


def test_contradicted():
    assert verdict(units(-2, -1, -3, printed=1.0)).word == "contradicted"


def test_negligible_comes_before_smaller_than_reported():
    v = verdict(units(0.0, 0.1, -0.1, sd=0.3, printed=2.0))
    assert v.word == "negligible"
    assert v.high < v.reported


def test_smaller_than_reported():
    v = verdict(units(0.5, 0.1, 0.6, sd=1.5, printed=2.5))
    assert v.word == "smaller than reported"
    assert v.why.endswith("the interval holds 0 and ends below the reported +2.50")


def test_undecided():
    v = verdict(units(0.5, 0.1, 0.6, sd=3, printed=1.0))
    assert v.word == "undecided"
    assert v.why.endswith("holds 0 and the reported +1.00")
    assert verdict(units(0.5, sd=3)).word == "undecided"


def test_not_tested():
    void = Units(replace(u, void="both sides are within a point of 100 %") for u in units(1, 2))
    assert verdict(void).word == "not tested"
    assert verdict(void).why == "t0, t1: both sides are within a point of 100 %"
    assert (
        verdict(Units(), note="this setting has no size curve").why
        == "no data set has both sides; this setting has no size curve"
    )
    assert np.isnan(verdict(void).p_holm)


def test_void_units_are_shown_and_not_counted():
    found = units(2, 2, 2)
    v = verdict(Units((*found[:2], replace(found[2], mean=-50.0, void="one class"))))
    assert v.word == "supported"
    assert (v.n_units, v.void, len(v.to_frame())) == (2, 1, 3)


def test_holm_is_that_of_statsmodels():
    rng = np.random.default_rng(0)
    for k in (1, 2, 7, 20):
        p = rng.random(k) ** 3
        assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    p = [0.01, np.nan, 0.04]
    assert holm(p) == pytest.approx([0.02, np.nan, 0.04], nan_ok=True)
    assert holm([]) == []


def test_holm_takes_support_that_one_claim_among_many_does_not_have():
    found = units(0.75, 0.75, sd=0.8)
    alone, among = verdict(found), verdict(found, others=11)
    assert alone.word == "supported"
    assert among.word == "undecided"
    assert among.p_holm == pytest.approx(12 * alone.p_holm)
    assert "does not hold 0, but Holm p" in among.why


# ------------------------------------------------------------------------------------------------------------------ kinds


def test_every_needs_every_unit():
    assert verdict(units(2, 1, 3), "every").word == "supported"
    v = verdict(units(2, 0.2, 3, printed=np.nan), "every")
    assert v.word == "undecided"
    assert v.why.endswith("2 of 3 comparisons show it by themselves")
    assert verdict(units(2, 0.2, 3), "most").word == "supported"
    assert verdict(units(2, 0.2, 3), "most").signs == 3


def test_one_unit_that_opposes_contradicts_every_after_holm_over_units():
    v = verdict(units(2, 2, -3), "every")
    assert v.word == "contradicted"
    assert v.why.startswith("t2 opposes by itself, after Holm's correction over comparisons; pooled +0.33")
    # A single unit at p = 0.03 does not.
    weak = units(1, 1, -0.75)
    assert 0.02 < weak[2].p[1] * 2 < 0.05
    assert verdict(weak, "every").word != "contradicted"
    assert verdict(units(-0.8), "every").word == "contradicted"


def test_every_cannot_be_supported_by_no_unit_at_all():
    thin = units(3, 3, 3, 3, 3, sd=0.1, n=2)
    v = verdict(thin, "every")
    assert v.word == "undecided"
    assert "0 of 0" in v.why
    assert verdict(thin, "pooled").word == "supported"


def test_two_pairs_count_from_five_data_sets_on():
    v = verdict(units(3, 3, 3, 3, sd=0.1, n=2))
    assert v.word == "not tested"
    assert "fewer than 3 pairs" in v.why
    five = verdict(units(3, 3, 3.5, 3, 2.5, sd=0.1, n=2))
    assert (five.tasks, five.seeds) == (5, (2, 2))
    assert np.isnan(five.to_frame()["low"]).all()
    assert five.to_frame()["void"].eq("two pairs: no interval of its own").all()


def test_equal_means_inside_the_margin():
    v = verdict(units(0.1, -0.1, 0, sd=0.3), "equal")
    assert v.word == "supported"
    assert "is inside the margin" in v.why
    assert verdict(units(0.1, -0.1, 0, sd=0.3), "equal", margin=0.05).word == "undecided"
    assert verdict(units(2, 2, 2), "equal").word == "contradicted"
    assert verdict(units(-2, -2, -2), "equal").word == "contradicted"
    assert verdict(units(0.5, 0.5, 0.5), "equal").word == "undecided"
    # A real difference that is smaller than anybody's interest is still no difference.
    small = verdict(units(0.2, 0.2, 0.2, sd=0.1), "equal")
    assert small.low > 0
    assert small.word == "supported"


def test_parts_must_all_hold_and_each_can_contradict():
    low, high = units(2, 2).must("low end"), units(3, 2.5).must("high end")
    assert verdict(low + high, "inner").word == "supported"
    v = verdict(low + units(0, 0.3).must("high end"), "inner")
    assert v.word == "negligible"
    assert v.why.startswith("high end: the 90 % interval [")
    assert v.part == "high end"
    assert verdict(low + (-high), "inner").word == "contradicted"
    assert verdict(low + Units([replace(high[0], void="one class")]), "inner").word == "not tested"
    noisy, clear = units(-3, -2.5, sd=8).must("noisy"), units(-1, -1, sd=0.2).must("clear")
    for both in (noisy + clear, clear + noisy):  # what contradicts is what is shown
        v = verdict(both, "inner")
        assert (v.word, v.part) == ("contradicted", "clear")
        assert v.high < 0


def test_a_slope_has_no_margin():
    assert verdict(units(0.0, 0.1, -0.1, sd=0.2), "slope").word == "undecided"


def test_illustrations_and_measurements_take_no_part_in_the_correction():
    e = Evidence(made({("1", "a", "mr"): np.zeros(5)}))
    e.claim("I", "one model", "rank correlation 0.84", kind="illustration")
    e.claim("M", "twice the time", e.measured("a / b", [1.92, 1.71], 1.5, 2.5), kind="measured")
    e.claim("T", "tested", units(0.8), kind="pooled")
    i, m, t = e.verdicts()
    assert (i.word, i.why) == ("illustration", "rank correlation 0.84")
    assert (m.word, m.why) == ("supported", "a / b: 1.92, 1.71; claimed between 1.5 and 2.5")
    assert t.p_holm == t.p_for
    assert np.isnan([i.p_holm, m.p_holm]).all()
    for numbers, word in (
        ([1.2, 1.3], "contradicted"),
        ([1.2, 1.8], "undecided"),
        ([], "not tested"),
        (2.0, "supported"),
    ):
        e.claim(f"M{numbers}", "", e.measured("a", numbers, 1.5, 2.5), kind="measured")
        assert e.verdicts()[-1].word == word


def test_what_claims_are_refused():
    e = Evidence(made({("1", "a", "mr"): np.zeros(5)}))
    with pytest.raises(ValueError, match="no kind is called 'all'"):
        e.claim("X", "", Units(), kind="all")
    for what, kind in (("words", "every"), (Units(), "illustration")):
        with pytest.raises(ValueError, match=f"only words, are an illustration, not '{kind}'"):
            e.claim("X", "", what, kind=kind)
    e.claim("X", "", Units(), kind="every")
    with pytest.raises(ValueError, match="two claims X"):
        e.claim("X", "", Units(), kind="every")
    with pytest.raises(ValueError, match='"these" or "like these"'):
        Evidence(made({("1", "a", "mr"): np.zeros(5)}), tasks="all")


# --------------------------------------------------------------------------------------------------- data sets, and what is shown


def test_comparisons_on_one_data_set_are_one_task():
    """Two comparisons share runs: counted as independent, their mean would seem to be known better than it is."""
    (unit,) = units(1.0)
    twice = Units((replace(unit, pair="x"), replace(unit, pair="y")))
    one, two = verdict(Units([unit])), verdict(twice)
    assert (two.tasks, two.n_units) == (1, 2)
    assert (two.low, two.high) == pytest.approx((one.low, one.high))
    other = replace(unit, task="t0, t9")  # a mean over data sets of which one is the same
    assert verdict(Units((unit, other))).tasks == 1


def test_units_of_one_task_without_common_seeds_count_as_if_they_moved_together():
    a, b = units(1.0)[0], units(2.0)[0]
    v = verdict(Units((a, replace(b, seeds=(7, 8, 9, 10, 11)))))
    assert v.estimate == pytest.approx(1.5)
    assert v.se == pytest.approx(a.se)


def test_which_interval_decides():
    found = units(3, 3.1, -1, 0.1, 0.2, 0.3, sd=0.1)
    e = Evidence(made({("1", "a", "mr"): np.zeros(5)}), tasks="like these")
    e.claim("X", "", found, kind="pooled")
    e.claim("Y", "", Units(found[:4]), kind="pooled")
    x, y = e.verdicts()
    assert (x.interval, x.covers) == ("tasks like these", "seeds, rows and tasks")
    assert (y.interval, y.covers) == ("these tasks", "seeds")  # fewer than five
    assert np.isnan(y.like).all()
    assert x.word == "undecided"
    assert verdict(found).word == "supported"
    assert verdict(found).like == pytest.approx(x.like)


def test_power_and_smallest_effect_of_the_pooled_claim():
    v = verdict(units(1, 1, 1, printed=0.6))
    assert v.mde > 0
    assert 0.05 < v.power < 1
    at_mde = verdict(units(1, 1, 1), reported=v.mde)
    assert at_mde.power == pytest.approx(0.8, abs=1e-3)
    assert at_mde.reported_columns == 0


def test_everything_that_is_to_be_shown_is_in_the_table():
    e = Evidence(made({("1", "a", "mr"): np.zeros(5)}))
    e.claim("X", "a claim", units(1, 2), kind="every", own="8 of 8", margin=1.0)
    (line,) = e.table().to_dict("records")
    assert line["own"] == "8 of 8"
    assert line["margin"] == 1.0
    assert set(line) >= {
        "word",
        "why",
        "estimate",
        "low",
        "high",
        "these_low",
        "these_high",
        "like_low",
        "like_high",
        "covers",
        "tasks",
        "n_units",
        "void",
        "seeds_fewest",
        "seeds_most",
    }
    assert set(line) >= {"mde", "power", "p_for", "p_against", "p_holm", "reported", "reported_columns", "signs"}
    assert set(line) >= {"heterogeneity", "without_one_low", "without_one_high", "margin"}
    assert not [name for name, value in line.items() if isinstance(value, (tuple, list))]
    unit = e.verdicts()[0].to_frame().iloc[0]
    assert unit["flip_above"] == pytest.approx(1 / 32)
    assert unit["p_above"] < 0.05

"""Comparisons over a frame: what is paired with what, what is void, and what is not compared at all (SPEC 9.1, 9.2)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mixutils.evidence import Evidence, best
from tests.fakes_evidence import made

RNG = np.random.default_rng(0)
A, B, C = (RNG.normal(70 + i, 1, 5) for i in range(3))
CELLS = {
    ("1", "a", "mr"): A,
    ("1", "b", "mr"): B,
    ("1", "a", "cr"): B,
    ("1", "b", "cr"): C,
    ("2", "a", "mr"): C,
    ("1", "a", "subj"): A,  # no b there
}
PRINTED = pd.DataFrame(
    [("1", "a", "mr", 80.0), ("1", "b", "mr", 79.0), ("1", "a", "cr", 70.0), ("1", "c", "mr", 81.0)],
    columns=["table", "row", "column", "value"],
)


def evidence(cells=CELLS, **fields) -> Evidence:
    return Evidence(made(cells, **fields), PRINTED)


def test_differences_are_paired_by_seed_on_every_column_with_both_sides():
    mr, cr = evidence().diff("1", "a", "b")
    assert mr.differences == pytest.approx(A - B)
    assert cr.differences == pytest.approx(B - C)
    assert (mr.title, mr.pair, mr.column, mr.task, mr.seeds) == ("MR", "a − b", "mr", "mr", (0, 1, 2, 3, 4))
    assert (mr.printed, np.isnan(cr.printed)) == (1.0, True)


def test_a_side_can_be_of_another_table_and_rows_can_be_of_several():
    (mr,) = evidence().diff("1", "a", ("2", "a"), name="equally long")
    assert mr.differences == pytest.approx(A - C)
    assert mr.name == "MR: equally long"
    cells = {("1", "a", "mr"): A, ("1", "b", "mr"): B, ("2", "a", "cr"): B, ("2", "b", "cr"): C}
    assert [u.column for u in evidence(cells).diff(("1", "2"), "a", "b")] == ["mr", "cr"]


def test_columns_that_are_asked_for_and_not_there_are_void_and_say_so():
    cr, subj, new = evidence().diff("1", "a", "b", columns=["cr", "subj", "new"])
    assert not cr.void
    assert (subj.void, new.void) == ("no runs of b", "no runs of a and b")
    assert (subj.title, new.title) == ("SUBJ", "new")
    assert evidence().diff("1", "a", "no such row") == ()


def test_the_best_printed_row_is_the_rival_that_is_printed():
    cells = CELLS | {("1", "c", "mr"): C}
    (mr,) = Evidence(made(cells, cells), PRINTED).diff("1", "a", best("b", "c"), columns="mr")
    assert mr.printed == -1.0


def test_seeds_that_one_side_lacks_are_left_out():
    (mr,) = evidence({("1", "a", "mr"): A, ("1", "b", "mr"): B[:3]}).diff("1", "a", "b")
    assert mr.seeds == (0, 1, 2)
    (mr,) = evidence({("1", "a", "mr"): A, ("1", "b", "mr"): B[:1]}).diff("1", "a", "b")
    assert mr.void == "1 pair of runs"


# -------------------------------------------------------------------------------------------------- precision and generation


def test_runs_of_different_precision_are_never_paired():
    def precision(key, seed):
        return "bfloat16" if key[1] == "b" and seed < 2 else "float32-highest"

    mr, _ = evidence(precision=precision).diff("1", "a", "b")
    assert mr.seeds == (2, 3, 4)
    assert mr.note == "2 seeds left out: runs of different precision or generation"


def test_a_unit_with_pairs_of_both_precisions_says_so():
    mr, _ = evidence(precision=lambda key, seed: "bfloat16" if seed < 2 else "float32-highest").diff("1", "a", "b")
    assert mr.n == 5
    assert mr.note == "seeds in bfloat16 (2), float32-highest (3)"


def test_where_a_run_is_there_in_both_precisions_the_pair_is_of_one():
    both = made({("1", "a", "mr"): A})
    other = both.assign(precision="bfloat16", value=both["value"] - 50, hash=both["hash"] + "x")
    rival = made({("1", "b", "mr"): B}, precision="bfloat16")
    (mr,) = Evidence(pd.concat([both, other, rival])).diff("1", "a", "b")
    assert mr.differences == pytest.approx(A - 50 - B)


def test_generations_that_do_not_meet_are_never_paired():
    old, new = {"first": 1, "last": 1}, {"first": 2, "last": 3}
    frames = [made({("1", "a", "mr"): A}, **old), made({("1", "b", "mr"): B}, **new)]
    (mr,) = Evidence(pd.concat(frames)).diff("1", "a", "b")
    assert mr.void == "no pair of runs; 5 seeds left out: runs of different precision or generation"
    unchanged = made({("1", "b", "mr"): B}, first=1, last=3)
    (mr,) = Evidence(pd.concat([frames[0], unchanged])).diff("1", "a", "b")
    assert mr.n == 5


# -------------------------------------------------------------------------------------------------------------------- void


def test_constant_guesses_are_void():
    def predicted(key, seed):
        return 1.0 if key[1] == "b" and seed < 3 else 2.0

    mr, _ = evidence(predicted=predicted).diff("1", "a", "b")
    assert mr.void == "more than half of the runs of a side predict one class"
    mr, _ = evidence(predicted=lambda key, seed: 1.0 if seed < 2 else 2.0).diff("1", "a", "b")
    assert not mr.void
    mr, _ = evidence(predicted=np.nan).diff("1", "a", "b")  # records that do not say
    assert not mr.void


def test_the_ceiling_is_void():
    high = {("1", "a", "mr"): np.full(5, 99.4), ("1", "b", "mr"): np.full(5, 99.1), ("1", "c", "mr"): np.full(5, 98.0)}
    e = evidence(high)
    assert e.diff("1", "a", "b")[0].void == "both sides are within a point of 100 %"
    assert not e.diff("1", "a", "c")[0].void


def test_a_method_compared_with_itself_is_void():
    e = evidence({("1", "a", "mr"): A, ("2", "again", "mr"): A}, hash=lambda key, seed: f"{seed}")
    assert e.diff("1", "a", ("2", "again"))[0].void == "a method compared with itself"
    apart = evidence({("1", "a", "mr"): A, ("2", "again", "mr"): A})  # two methods that come out alike are a finding
    assert not apart.diff("1", "a", ("2", "again"))[0].void


def test_units_can_be_made_void_by_the_caller():
    mr, cr = evidence().diff("1", "a", "b").mark({"mr": "a rival that has not trained yet"})
    assert (mr.void, cr.void) == ("a rival that has not trained yet", "")


# -------------------------------------------------------------------------------------------------------------- readings


def read_frame() -> pd.DataFrame:
    """Under each other reading the numbers of row a are lower, by an amount of its own."""
    frame = made(CELLS).assign(select="held")
    of_a = (frame["row"] == "a").astype(float)
    changed = [{"policy": "last"}, {"metric": "f1_macro"}, {"floor": True}, {"policy": "best-on-held"}]
    others = [frame.assign(primary=False, value=frame["value"] - (i + 1) * of_a, **c) for i, c in enumerate(changed)]
    return pd.concat([frame, *others])


@pytest.mark.parametrize(
    ("given", "lower"),
    [({}, 0), ({"policy": "last"}, 1), ({"metric": "f1_macro"}, 2), ({"floor": True}, 3), ({"policy": "hold-out"}, 4)],
)
def test_other_readings(given, lower):
    for e, asked in ((Evidence(read_frame()), given), (Evidence(read_frame(), **given), {})):
        mr, _ = e.diff("1", "a", "b", **asked)
        assert mr.differences == pytest.approx(A - lower - B)


def test_a_reading_that_nobody_has_is_void():
    (mr,) = Evidence(read_frame()).diff("1", "a", "b", columns="mr", policy="best-on-moon")
    assert mr.void == "no runs of a and b"


def test_the_metric_may_depend_on_the_data_set():
    mr, cr = Evidence(read_frame(), metric={"cr": "f1_macro"}).diff("1", "a", "b")
    assert mr.differences == pytest.approx(A - B)
    assert cr.differences == pytest.approx(B - 2 - C)


def test_an_empty_frame_is_not_tested():
    from mixutils.evidence.frame import OF_READING, OF_RUN
    from mixutils.evidence.shuffle import CELL

    e = Evidence(pd.DataFrame(columns=[*CELL, *OF_READING, *OF_RUN]))
    e.claim("X", "", e.diff("1", "a", best("b", "c")), kind="every")
    e.claim(
        "Y",
        "",
        e.diff("1", "a", "b", columns="mr") + e.slope("1", "a", "b") + e.inner("1", ["a", "b", "c"]),
        kind="pooled",
    )
    assert [v.word for v in e.verdicts()] == ["not tested", "not tested"]
    assert len(e.table()) == 2


# ------------------------------------------------------------------------------------------------------------ evaluated rows


def with_bits(rows_of=None) -> tuple[Evidence, dict]:
    rng = np.random.default_rng(1)
    hard = rng.random(203)  # not a multiple of eight
    bits = {("1", row, "mr"): rng.random((5, 203)) * 0.6 + 0.2 < hard for row in "abc"}
    fields = {"rows": rows_of} if rows_of else {}
    return Evidence(made({k: 100 * v.mean(1) for k, v in bits.items()}, bits=bits, **fields)), bits


def test_bits_give_an_interval_over_rows_too():
    e, bits = with_bits()
    (mr,) = e.diff("1", "a", "b")
    digest, d = mr.rows
    assert digest == "rows of mr"
    assert d == pytest.approx(100.0 * (bits["1", "a", "mr"].astype(int) - bits["1", "b", "mr"]))
    assert mr.interval_rows[1] - mr.interval_rows[0] >= mr.interval[1] - mr.interval[0]
    e.claim("X", "", e.diff("1", "a", "b"), kind="pooled")
    assert e.verdicts()[0].covers == "seeds and rows"


def test_differences_of_differences_have_rows_where_they_are_the_same():
    e, bits = with_bits()
    (unit,) = e.diff("1", "a", "b") - e.diff("1", "b", "c")
    a, b, c = (bits["1", row, "mr"].astype(int) for row in "abc")
    assert unit.rows[1] == pytest.approx(100.0 * (a - 2 * b + c))
    assert unit.mean == pytest.approx(100 * (a - 2 * b + c).mean())


def test_where_each_seed_has_rows_of_its_own_the_spread_over_seeds_covers_both():
    e, _ = with_bits(rows_of=lambda key, seed: f"of seed {seed}")
    (mr,) = e.diff("1", "a", "b")
    assert mr.rows_variance == 0
    assert mr.interval_rows == pytest.approx(mr.interval)


def test_sides_with_other_rows_say_nothing_about_rows():
    e, _ = with_bits(rows_of=lambda key, seed: f"of {key[1]}")
    assert np.isnan(e.diff("1", "a", "b")[0].rows_variance)


# ------------------------------------------------------------------------------------------------------------- arithmetic


def test_turned_round_and_added():
    e = evidence()
    found = e.diff("1", "a", "b")
    assert (-found)[0].differences == pytest.approx(B - A)
    assert (-found)[0].printed == -1.0
    assert (-found)[0].p == pytest.approx(found[0].p[::-1])
    assert len(found + found) == len(sum([found, found], type(found)())) == 4


def test_differences_of_differences_by_column_or_in_order():
    e = evidence(CELLS | {("2", "b", "mr"): A, ("2", "a", "cr"): A, ("2", "b", "cr"): B})
    mr, cr = e.diff("1", "a", "b") - e.diff("2", "a", "b")
    assert mr.differences == pytest.approx((A - B) - (C - A))
    assert cr.differences == pytest.approx((B - C) - (A - B))
    (unit,) = e.diff("1", "a", "b", columns="mr") - e.diff("1", "a", "b", columns="cr")
    assert unit.differences == pytest.approx((A - B) - (B - C))
    assert unit.pair == "a − b, against CR"


def test_means_over_units():
    e = evidence()
    (unit,) = e.diff("1", "a", "b", columns=["mr", "cr", "subj"]).mean("English")
    assert unit.differences == pytest.approx(((A - B) + (B - C)) / 2)
    assert (unit.title, unit.task, unit.printed) == ("English", "mr, cr", 1.0)
    assert unit.note == "without SUBJ (no runs of b)"
    (none,) = e.diff("1", "a", "b", columns="subj").mean("English")
    assert none.void == "no runs of b"


def test_with_differences_of_maxima_other_seeds_choose_where_units_are_calculated_with():
    e = evidence(CELLS | {("1", "c", "mr"): C})
    found = e.diff("1", "a", best("b", "c", rule="reported"), columns="mr")
    assert len(found[0].null) == 1999
    assert (-found)[0].p == pytest.approx(found[0].p[::-1])
    b_or_c = np.where([B.sum() - b > C.sum() - c for b, c in zip(B, C, strict=True)], B, C)
    assert found[0].differences == pytest.approx(A - b_or_c)
    (unit,) = found - e.diff("1", "a", "b", columns="mr")
    assert unit.differences == pytest.approx(B - b_or_c)
    assert unit.se >= unit.differences.std(ddof=1) / np.sqrt(5)


SIZES = {f"mr@{n}": n for n in (50, 100, 400)}


def test_the_slope_is_in_points_per_doubling_over_all_sizes():
    gain = {50: 0.0, 100: 2.0, 400: 6.0}  # two points per doubling
    cells = {("s", "a", key): A + gain[n] for key, n in SIZES.items()} | {("s", "b", key): B for key in SIZES}
    e = evidence(cells)
    (mr,) = e.slope("s", "a", "b")
    assert mr.mean == pytest.approx(2.0)
    assert mr.task == "mr"
    assert mr.note == "over 50, 100, 400 training rows"
    noisy = evidence({k: v + RNG.normal(0, 1, 5) for k, v in cells.items()})
    x = np.log2([50, 100, 400])
    d = np.array([u.differences for u in noisy.diff("s", "a", "b")])
    assert noisy.slope("s", "a", "b")[0].differences == pytest.approx([np.polyfit(x, column, 1)[0] for column in d.T])
    assert e.slope("s", "a", "b", columns=["mr@50"]) == ()


def test_an_inner_optimum_is_chosen_on_the_selecting_part_and_held_against_both_ends():
    level = {"T=0": 70.0, "T=1": 72, "T=2": 75, "T=3": 71}
    cells = {("t", row, "mr"): v + RNG.normal(0, 0.3, 5) for row, v in level.items()}
    e = Evidence(made(cells, cells))
    low, high = e.inner("t", list(level))
    assert (low.pair, high.pair) == ("best inner value − T=0", "best inner value − T=3")
    assert low.differences == pytest.approx(cells["t", "T=2", "mr"] - cells["t", "T=0", "mr"])
    assert low.note == "best: T=2"
    e.claim("X", "", e.inner("t", list(level)), kind="inner")
    e.claim("Y", "rises all the way", e.inner("t", ["T=0", "T=1", "T=2"]), kind="inner")
    assert [v.word for v in e.verdicts()] == ["supported", "contradicted"]
    assert e.inner("t", ["T=0", "T=1"])[0].void == "fewer than three values"


def test_values_of_ones_own():
    (unit,) = evidence().values("late slope", {1: 2.0, 0: 1.0, 2: 3.0, 3: np.nan, 4: None}, reported=0.5)
    assert (unit.seeds, unit.mean, unit.printed) == ((0, 1, 2), 2.0, 0.5)

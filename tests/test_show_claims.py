"""The tables of claims show everything that SPEC 9.3 demands: words, both readings, escaping, one line per unit."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest

from mixutils.evidence import Evidence, frame
from mixutils.papers import Plan
from mixutils.papers.profiles import make_setting
from mixutils.runs.records import Records
from mixutils.show.claims import claims, display_claims, display_units, summary, to_frame
from mixutils.show.style import VERDICT_MARKS
from mixutils.site import csvs
from tests.fakes_claims import verdicts_of

GIVEN = {
    "X1": {
        "units": {"first": [2.0, 2.5, 3.0], "second": [3.0, 3.5, 4.0], "third": [1.0]},
        "reported": 1.0,
        "kind": "every",
    },
    "X2": {"units": {"first": [0.0, 3.0, -2.5]}, "reported": 0.4},
    "X3": {"units": {}, "note": "needs ANLI"},
}


@pytest.fixture(scope="module")
def verdicts():
    return verdicts_of(GIVEN)


def reading(*found) -> SimpleNamespace:
    """What has these verdicts."""
    return SimpleNamespace(verdicts=lambda: list(found))


def text(styler) -> str:
    """A table's text in one line, without tags."""
    page = re.sub(r"<style.*?</style>", "", styler.to_html(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>|&nbsp;", " ", page)).replace("&#x27;", "'").replace("&#39;", "'")


def test_a_claim_that_waits_for_data_says_what_it_lacks(verdicts):
    page = text(display_claims({"": reading(verdicts[2])}))
    assert "claim text and kind the paper's own tables verdict" in page
    assert "X3 A &gt; B on average over data sets 2 of 2 · not tested no data set has both sides; needs ANLI" in page
    assert "smallest effect of interest 0.5 points" in page


def test_a_verdict_shows_what_the_spec_demands(verdicts):
    v = verdicts[0]
    page = text(display_claims({"": reading(v)}))
    for shown in (
        "✓ supported",
        f"+3.00 [{v.low:+.2f}, {v.high:+.2f}], 2 data sets, 3 seeds, MDE {v.mde:.2f}",
        f"reported +1.00 over 2 columns, power {100 * v.power:.0f} %",
        "p for &lt; 0.001, against 1.000; Holm &lt; 0.001" if v.p_holm < 0.001 else f"Holm {v.p_holm:.3f}",
        "2 of 2 units above 0, 1 void",
        "interval for these tasks, over seeds",
        "spread of data sets beyond noise",
        "with one data set left out +2.50 to +3.50",
    ):
        assert shown in page, shown


def test_every_unit_has_its_own_interval_and_a_void_one_its_reason(verdicts):
    page, unit = text(display_units({"": reading(verdicts[0])})), verdicts[0].units[0]
    assert f"X1 first 3 2.50 {unit.interval[0]:.2f} {unit.interval[1]:.2f}" in page
    assert "X1 second 3 3.50" in page
    assert "X1 third 1 1.00 – –" in page
    assert "1 pair of runs" in page
    assert "nan" not in page
    assert "reading" not in page
    both = text(display_units({"a": reading(verdicts[0]), "b": reading(verdicts[1])}))
    assert "X1 a first" in both
    assert "X2 b first" in both


def test_a_summary_counts_data_sets_and_seeds(verdicts):
    assert summary(verdicts[2]) == ""
    assert ", 1 data set, 3 seeds, MDE " in summary(verdicts[1])
    mixed = verdicts_of({"X": {"units": {"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0, 4.0]}}})
    assert "2 data sets, 3 to 4 seeds" in summary(mixed[0])


@pytest.mark.parametrize("mean", [-0.555 + 1e-12, -0.555 - 1e-12, -0.55496, 0.125, 0.6049999])
def test_a_mean_that_is_nearly_a_tie_reads_alike_from_the_verdict_and_from_its_file(verdicts, mean):
    from_file = float(f"{mean:.4f}")
    told = summary(replace(verdicts[1], estimate=mean))
    assert told.startswith(f"{from_file:+.2f} ["), told


def test_a_summary_names_the_part_that_it_is_about(verdicts):
    assert summary(replace(verdicts[1], part="span")) == "span: " + summary(verdicts[1])
    assert csvs.claims(to_frame([replace(verdicts[1], part="span")]))["verdict"].str.contains("\nspan: +").all()
    assert not csvs.claims(to_frame([verdicts[1]]))["verdict"].str.contains(": ").any()


def test_what_is_no_difference_in_points_says_so():
    slope = verdicts_of({"X": {"units": {"a": [1.0, 2.0, 3.0]}, "kind": "slope"}})[0]
    assert f"{slope.high:+.2f}] points per factor of two, 1 data set" in summary(slope)


def test_two_readings_stand_beside_each_other(verdicts):
    other = verdicts_of({"X1": {"units": {"first": [-2.0, -2.5, -3.0]}}})
    page = text(display_claims({"as printed": reading(*verdicts), "stage <2>": reading(*other)}))
    assert "as printed stage &lt;2&gt;" in page
    assert page.index("✓ supported") < page.index("✗ contradicted") < page.index("· not tested")


def test_readings_of_some_claims(verdicts):
    both = {"a": reading(*verdicts), "b": reading(*verdicts)}
    data = claims(both, only=("X2",))
    assert list(zip(data["claim"], data["reading"], strict=True)) == [("X2", "a"), ("X2", "b")]
    for page in (text(display_claims(both, only=("X2",))), text(display_units(both, only=("X2",)))):
        assert "X2" in page
        assert "X1" not in page


def test_what_comes_from_data_is_escaped():
    evil = "<script>alert(1)</script>"
    found = reading(*verdicts_of({"X": {"units": {evil: [1.0]}, "text": evil, "own": evil, "note": evil}}))
    for styler in (display_claims({evil: found, "b": found}), display_units({evil: found, "b": found})):
        assert "<script>" not in styler.to_html()
        assert "&lt;script&gt;" in styler.to_html()


@pytest.mark.parametrize(
    ("word", "mark"),
    [
        ("supported", "✓"),
        ("supported, and smaller than reported", "✓↓"),
        ("contradicted", "✗"),
        ("negligible", "≈"),
        ("smaller than reported", "↓"),
        ("undecided", "?"),
        ("not tested", "·"),
        ("illustration", "○"),
    ],
)
def test_a_word_has_a_mark_and_is_not_told_by_colour_alone(word, mark):
    assert VERDICT_MARKS[word] == mark


def of_kind(kind: str, units) -> str:
    e = Evidence(frame(Plan("ssmix", make_setting("desk"), (), ()), Records()))
    e.claim("X", "A > B", units(e), kind=kind)
    return text(display_claims({"": e}))


def test_illustrations_and_measurements_have_words_and_no_statistics():
    page = of_kind("illustration", lambda e: "rank correlation 0.84")
    assert "○ illustration rank correlation 0.84" in page
    assert "one trained model" in page
    page = of_kind("measured", lambda e: e.measured("their code", [1.9, 1.7], 1.5, 2.5))
    assert "✓ supported" in page
    assert "their code: 1.90, 1.70; claimed between 1.5 and 2.5" in page
    for word in ("MDE 0", "p for", "[+"):
        assert word not in page.split("Words:")[0]


def test_the_file_has_one_line_per_unit_with_all_that_the_word_rests_on(verdicts):
    data = to_frame(verdicts, "as printed")
    assert list(data["claim"]) == ["X1", "X1", "X1", "X2", "X3"]
    assert list(data["unit_title"][:4]) == ["first", "second", "third", "first"]
    assert set(data["reading"]) == {"as printed"}
    first, v = data.iloc[0], verdicts[0]
    shown = (
        "verdict",
        "estimate",
        "low",
        "high",
        "mde",
        "power",
        "p_for",
        "p_against",
        "p_holm",
        "margin",
        "heterogeneity",
    )
    attributes = ("word", *shown[1:])
    assert [first[c] for c in shown] == [getattr(v, a) for a in attributes]
    assert (first["tasks"], first["units"], first["void"], first["signs"]) == (2, 2, 1, 2)
    assert (first["seeds_fewest"], first["seeds_most"], first["reported_columns"]) == (3, 3, 2)
    assert (first["interval"], first["covers"], first["these_low"], first["these_high"]) == (
        "these tasks",
        "seeds",
        v.low,
        v.high,
    )
    assert (first["unit_low"], first["unit_high"]) == v.units[0].interval
    assert data.iloc[2]["unit_void"] == "1 pair of runs"
    waiting = data.iloc[4]
    assert (waiting["verdict"], waiting["why"]) == ("not tested", "no data set has both sides; needs ANLI")
    assert math.isnan(waiting["estimate"])
    assert pd.isna(waiting["unit_n"])
    assert "3," in data.to_csv(index=False).splitlines()[1]  # a count has no decimals


def test_no_claims_make_an_empty_file():
    assert to_frame([]).empty

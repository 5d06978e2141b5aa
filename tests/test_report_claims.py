"""The claims' table shows everything that SPEC 9.3 demands: exact text, both readings, escaping, one line per unit in the file."""

from __future__ import annotations

import math
import re

import pandas as pd
import pytest

from mixutils.evidence import Evidence, frame
from mixutils.papers import Plan
from mixutils.papers.profiles import make_setting
from mixutils.runs.records import Records
from mixutils.show.claims import badge, summary, to_frame, to_html, two_readings
from mixutils.show.tables import CSS
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


def text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.replace(CSS, "")))


def test_exact_text_of_a_claim_that_waits_for_data(verdicts):
    page = to_html(verdicts[2:])
    assert page.startswith(
        f"{CSS}<div class='mx-scroll'><table class='mx'><thead><tr><th>claim</th><th>text and kind</th>"
        "<th>the paper's own tables</th><th>verdict</th></tr></thead><tbody>"
        "<tr><th scope='row'>X3</th><td style='max-width:22em'>A &gt; B<span class='mx-small'>on average over data sets</span></td>"
        "<td style='max-width:15em'>2 of 2</td><td><b style='color:#777'>· not tested</b>"
        "<span class='mx-why' style='max-width:20em'>no data set has both sides; needs ANLI</span></td></tr></tbody></table></div>"
    )
    assert "smallest effect of interest 0.5 points" in page


def test_a_verdict_shows_what_the_spec_demands(verdicts):
    v = verdicts[0]
    page = text(to_html([v]))
    for shown in (
        "✓ supported",
        f"+3.00 [{v.low:+.2f}, {v.high:+.2f}], 2 data sets, 3 seeds, MDE {v.mde:.2f}",
        f"reported +1.00 over 2 columns, power {100 * v.power:.0f} %",
        "p for &lt; 0.001, against 1.000; Holm &lt; 0.001" if v.p_holm < 0.001 else f"Holm {v.p_holm:.3f}",
        "2 of 2 units above 0",
        "2 units, 1 void",
        "interval for these tasks, over seeds",
        "spread of data sets beyond noise",
        "with one data set left out +2.50 to +3.50",
    ):
        assert shown in page, shown


def test_every_unit_has_its_own_interval_and_a_void_one_its_reason(verdicts):
    first, second, third = re.findall(r"<li>(.*?)</li>", to_html(verdicts[:1]))
    unit = verdicts[0].units[0]
    assert first.startswith(f"first +2.50 [{unit.interval[0]:+.2f}, {unit.interval[1]:+.2f}], n = 3, p for 0.0")
    assert "by sign flips 0.125, and 1.000" in first
    assert f"MDE {unit.mde:.2f}, reported +1.00, power {unit.power:.0%}" in first
    assert second.startswith("second +3.50")
    assert third == "third +1.00, n = 1, reported +1.00 <b>void</b>: 1 pair of runs"
    assert "nan" not in to_html(verdicts)


def test_a_summary_counts_data_sets_and_seeds(verdicts):
    assert summary(verdicts[2]) == ""
    assert ", 1 data set, 3 seeds, MDE " in summary(verdicts[1])
    mixed = verdicts_of({"X": {"units": {"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0, 4.0]}}})
    assert "2 data sets, 3 to 4 seeds" in summary(mixed[0])


def test_what_is_no_difference_in_points_says_so():
    slope = verdicts_of({"X": {"units": {"a": [1.0, 2.0, 3.0]}, "kind": "slope"}})[0]
    assert f"{slope.high:+.2f}] points per factor of two, 1 data set" in summary(slope)


def test_two_readings_stand_beside_each_other(verdicts):
    other = verdicts_of({"X1": {"units": {"first": [-2.0, -2.5, -3.0]}}})
    page = to_html(verdicts, other, ("as printed", "stage <2>"))
    assert "<th>as printed</th><th>stage &lt;2&gt;</th>" in page
    assert page.index("✓ supported") < page.index("✗ contradicted") < page.index("· not tested")


def test_readings_of_some_claims(verdicts):
    data, page = two_readings(verdicts, verdicts, ("a", "b"), only=("X2",))
    assert list(zip(data["claim"], data["reading"], strict=True)) == [("X2", "a"), ("X2", "b")]
    assert ">X2</th>" in page
    assert ">X1</th>" not in page


def test_what_comes_from_data_is_escaped():
    evil = "<script>alert(1)</script>"
    found = verdicts_of({"X": {"units": {evil: [1.0]}, "text": evil, "own": evil, "note": evil}})
    assert "<script>" not in to_html(found)
    assert "<script>" not in to_html(found, found, (evil, evil))


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
def test_a_badge_says_the_word_and_not_by_colour_alone(word, mark):
    assert badge(word).endswith(f">{mark} {word}</b>")


def of_kind(kind: str, units) -> str:
    e = Evidence(frame(Plan("ssmix", make_setting("desk"), (), ()), Records()))
    e.claim("X", "A > B", units(e), kind=kind)
    return text(to_html(e.verdicts()))


def test_illustrations_and_measurements_have_words_and_no_statistics():
    page = of_kind("illustration", lambda e: e.illustration(0.84, "rank correlation 0.84"))
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

"""The claims' table: exact text, both readings, escaping, one line per unit in the file."""

from __future__ import annotations

import math

import pytest

from mixutils.papers.claims import decide, measured, unit
from mixutils.report.claims import badge, to_frame, to_html
from mixutils.report.tables import CSS

ZERO = dict.fromkeys(range(5), 0.0)
UP = dict.fromkeys(range(5), 1.0)
NOISY = {0: 3.0, 1: -1.0, 2: 2.0, 3: -2.0, 4: 1.0}

CLAIM = decide(
    "C1", "A > B", "A − B", "2 of 2", [unit("first", UP, ZERO, note="why <so>"), unit("second", NOISY, ZERO)]
)
OPEN = decide("C2", "C helps", "C − D", "no table", [])


def test_exact_text_of_a_claim_that_waits_for_data():
    assert to_html([OPEN]) == (
        f"{CSS}<div class='mx-scroll'><table class='mx'><thead><tr><th>claim</th><th>text and test</th>"
        "<th>the paper's own tables</th><th>verdict</th></tr></thead><tbody>"
        "<tr><th scope='row'>C2</th><td style='max-width:24em'>C helps<span class='mx-why' style='max-width:24em'>C − D"
        "</span></td><td style='max-width:15em'>no table</td><td><b style='color:#777'>· not tested</b>"
        "<span class='mx-why' style='max-width:18em'>no data for any unit</span></td></tr></tbody></table></div>"
    )


def test_a_claim_shows_its_verdict_counts_and_every_test():
    page = to_html([CLAIM])
    assert "<b style='color:#888888'>~ undecided</b><span class='mx-small'>1 confirmed, 1 undecided</span>" in page
    assert "<li>first: +1.00 [+1.00, +1.00], n = 5, p = 0.031 (Holm 0.062) " in page  # Welch needs a spread
    assert "<i>why &lt;so&gt;</i>" in page
    second = page[page.index("<li>second") :]
    assert second.startswith("<li>second: +0.60 [")
    assert "Welch 0." in second
    assert page.index("<li>first") < page.index("<li>second")
    assert "nan" not in page


def test_decided_units_come_before_undecided_ones():
    claim = decide("C1", "t", "t", "o", [unit("later", NOISY, ZERO), unit("sooner", UP, ZERO)])
    page = to_html([claim])
    assert page.index("<li>sooner") < page.index("<li>later")


def test_two_readings_stand_beside_each_other():
    other = decide("C1", "A > B", "A − B", "2 of 2", [unit("first", ZERO, UP)])
    page = to_html([CLAIM, OPEN], [other], ("as printed", "stage <2>"))
    assert "<th>as printed</th><th>stage &lt;2&gt;</th>" in page
    assert page.index("undecided") < page.index("✗ contradicted")


def test_what_comes_from_data_is_escaped():
    evil = "<script>alert(1)</script>"
    claim = decide("C1", evil, evil, evil, [unit(evil, UP, ZERO, note=evil)], evil)
    assert "<script>" not in to_html([claim])


@pytest.mark.parametrize(
    ("verdict", "mark"),
    [("confirmed", "✓"), ("contradicted", "✗"), ("undecided", "~"), ("mixed", "·"), ("not tested", "·")],
)
def test_a_badge_says_the_verdict_in_words_and_not_by_colour_alone(verdict, mark):
    assert badge(verdict).endswith(f">{mark} {verdict}</b>")


def test_the_file_has_one_line_per_test_with_all_that_it_rests_on():
    frame = to_frame([CLAIM, OPEN, decide("C3", "t", "t", "o", [measured("time", 2.0, 1, 3, "2.00")])], "as printed")
    assert list(frame["claim"]) == ["C1", "C1", "C2", "C3"]
    assert list(frame["reading"]) == ["as printed"] * 4
    assert not frame["aside"].any()
    first = frame.iloc[0]
    assert (first["verdict"], first["unit"], first["unit_verdict"], first["n"]) == (
        "undecided",
        "first",
        "confirmed",
        5,
    )
    assert (first["difference"], first["p"], first["p_holm"]) == (1.0, 1 / 32, 2 / 32)
    assert math.isnan(first["p_welch"])
    waiting = frame.iloc[2]
    assert (waiting["unit"], waiting["verdict"], waiting["note"]) == ("", "not tested", "no data for any unit")
    assert frame["n"].isna().tolist() == [False, False, True, True]
    assert frame.to_csv(index=False).splitlines()[1].split(",")[9] == "5"  # a count has no decimals

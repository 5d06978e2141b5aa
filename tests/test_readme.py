"""README.md says what the shipped records say, and nothing by hand."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from mixutils import paths
from mixutils.companion import make_plan, shipped
from mixutils.evidence import Evidence, frame
from mixutils.mixers import REGISTRY
from mixutils.papers import PAPERS, Plan
from mixutils.papers.profiles import make_setting
from mixutils.runs.records import Records
from mixutils.show.claims import two_readings
from mixutils.site import readme
from tests.fakes_claims import verdicts_of

README = (paths.ROOT / "README.md").read_text("utf-8")


def test_the_readme_is_what_the_shipped_records_make(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    monkeypatch.delenv("MIXUTILS_FIGURES", raising=False)  # the checkout's own
    store = Records(tmp_path, shipped=shipped("desk"))
    assert store.shipped, "figures/desk/records.jsonl is missing"
    made = readme.blocks({key: make_plan(key, "desk", store) for key in PAPERS}, store)
    assert readme.fill(README, made) == README, "run: python -m mixutils readme --profile desk"


def test_a_block_without_content_and_content_without_a_block_are_refused():
    text = "<!-- begin a -->\nold\n<!-- end a -->"
    assert readme.fill(text, {"a": "new\n"}) == "<!-- begin a -->\nnew\n<!-- end a -->"
    for made in ({}, {"a": "x", "b": "y"}, {"b": "y"}):
        with pytest.raises(ValueError, match="README has the blocks"):
            readme.fill(text, made)


def test_every_method_answers_the_four_questions():
    lines = readme.methods().splitlines()
    assert len(lines) == len(REGISTRY) + 2
    for name, line in zip(REGISTRY, lines[2:], strict=True):
        assert line.startswith(f"| `{name}` ")
        assert len(line.split(" | ")) == 7


def test_a_cell_says_paper_ours_spread_or_why_not():
    base = {"row": "SSMix", "column": "t", "title": "T", "sd": 1.5, "note": ""}
    nan = float("nan")
    lines = [
        {**base, "paper": 90.0, "ours": 70.0},
        {**base, "row": "TMix", "paper": 91.0, "ours": nan, "sd": nan, "note": "5 of 5 runs not done"},
        {**base, "row": "own", "paper": nan, "ours": 60.0, "sd": nan},
        {**base, "column": "empty", "paper": 80.0, "ours": nan},
    ]
    text = readme.results(pd.DataFrame(lines))
    assert "90.00 → **70.00** ± 1.50" in text
    assert "91.00 → 5 of 5 runs not done" in text
    assert "– → **60.00** |" in text
    assert "80.00" not in text  # a column without any number of ours is left out
    assert readme.results(pd.DataFrame(lines[-1:])) == "No runs yet."


def test_a_claim_says_its_word_estimate_interval_counts_and_mde_for_each_reading():
    first, second = (
        verdicts_of({"X1": {"units": {"a": [g, g + 1, g + 2], "b": [g, g + 1, g + 2, g + 3]}}, "X2": {"units": {}}})
        for g in (2.0, -4.0)
    )
    text = readme.verdicts(two_readings(first, second, ("as printed", "hold-out"))[0])
    head, _, line, waiting = text.splitlines()
    assert head == "|  | claim | the paper's own tables | as printed | hold-out |"
    v = first[0]
    shown = f"✓ **supported**<br>+3.25 [{v.low:+.2f}, {v.high:+.2f}]; 2 data sets, 3 to 4 seeds, MDE {v.mde:.2f}"
    assert f"| X1 | A > B | 2 of 2 | {shown} | " in line
    assert "✗ **contradicted**<br>-2.75 [" in line
    assert waiting == "| X2 | A > B | 2 of 2 | · **not tested**: no data set has both sides | the same |"


def test_an_illustration_says_its_numbers_once():
    e = Evidence(frame(Plan("ssmix", make_setting("desk"), (), ()), Records()))
    e.claim("X1", "A | B", e.illustration(0.84, "rank correlation 0.84"), kind="illustration", own="by eye")
    text = readme.verdicts(two_readings(e.verdicts(), e.verdicts(), ("a", "b"))[0])
    assert text.splitlines()[2] == "| X1 | A \\| B | by eye | ○ **illustration**: rank correlation 0.84 | the same |"


def test_links_and_pictures_of_the_readme_exist():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (paths.ROOT / target).exists(), target


def test_without_a_benchmark_record_the_readme_says_how_to_make_one(tmp_path):
    assert "python -m mixutils bench`" in readme.bench(tmp_path / "none.json")
    assert "python -m mixutils bench --patches`" in readme.patches(tmp_path / "none.json")

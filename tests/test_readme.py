"""README.md and docs/ say what the saved tables say; their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from mixutils import cli, paths
from mixutils.cli import tools
from mixutils.evidence import Evidence, frame
from mixutils.papers import Plan
from mixutils.papers.profiles import make_setting
from mixutils.runs.records import Records
from mixutils.show.claims import to_frame
from mixutils.site import csvs, readme
from mixutils.site.catalogue import NOTEBOOKS
from tests.fakes_claims import verdicts_of

README = (paths.ROOT / "README.md").read_text("utf-8")
FILLED = {name: (paths.ROOT / name).read_text("utf-8") for name in ("README.md", "docs/results.md")}
PAGES = [paths.ROOT / "README.md", *sorted((paths.ROOT / "docs").glob("*.md"))]


def test_the_pages_are_what_the_command_writes(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("MIXUTILS_FIGURES", str(paths.ROOT / "figures"))  # the checkout's own
    (tmp_path / "docs").mkdir()
    for name, text in FILLED.items():
        (tmp_path / name).write_text(text, "utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(paths, "ROOT", tmp_path)
        patch.setattr("mixutils.show.style.save", lambda *_: None)  # the checkout's report card stays
        assert tools.readme(cli.parser().parse_args(["readme"])) == 0
    for name, text in FILLED.items():
        assert (tmp_path / name).read_text("utf-8") == text, "run: python -m mixutils readme"
    made = (tmp_path / "docs" / "readings.md").read_text("utf-8")
    assert made == (paths.ROOT / "docs" / "readings.md").read_text("utf-8"), "run: python -m mixutils readme"
    said = [*(f"numbers written into {name}" for name in FILLED), "docs/readings.md made from papers/readings.toml"]
    assert capsys.readouterr().out.splitlines() == said


GAINS = ["method", "estimate", "low", "high", "word", "tasks", "mde", "reported"]
GAINS += ["without_one_low", "without_one_high"]


def saved(made: pd.DataFrame, name: str) -> Path:
    path = paths.figures("smoke") / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    made.to_csv(path, index=False, float_format="%.4f")  # as the companion does
    return path


def claims_table(*readings: pd.DataFrame) -> list[list[str]]:
    """What is said of these readings of claims: the columns, then a line per claim."""
    made = csvs.claims(csvs.read(saved(pd.concat(readings), "mine/claims")))
    return [list(made), *made.to_numpy().tolist()]


def test_blocks_are_filled_between_their_markers_and_the_rest_stays():
    saved(pd.DataFrame([["A", *[None] * 9]], columns=GAINS), "compare/gains")
    text = "a\n<!-- begin gains smoke/compare/gains -->\nby hand\n<!-- end -->\nb\n"
    made = readme.fill(text)
    assert made.startswith("a\n<!-- begin gains smoke/compare/gains -->\nToo few blocks are complete")
    assert "by hand" not in made
    assert made.endswith("\n<!-- end -->\nb\n")
    assert readme.fill(made) == made


def test_unknown_blocks_blocks_without_an_end_and_tables_that_nobody_saved_are_refused():
    with pytest.raises(ValueError, match="'verdicts desk/a' is of no known kind; there are card, gains, claims"):
        readme.fill("<!-- begin verdicts desk/a -->\n<!-- end -->")
    for text in ("", "<!-- begin gains b -->\n<!-- end -->"):
        with pytest.raises(ValueError, match="'gains a' has no end"):
            readme.fill(f"<!-- begin gains a -->\n{text}")
    with pytest.raises(FileNotFoundError, match=r"nothing.gains\.csv"):
        readme.fill("<!-- begin gains smoke/nothing/gains -->\n<!-- end -->")


def test_names_that_look_like_missing_values_stay_names():
    made = csvs.read(saved(pd.DataFrame({"row": ["None", "NA", ""], "ours": [1.0, None, 2.0]}), "table"))
    assert made["row"].to_list()[:2] == ["None", "NA"]
    assert made.isna().sum().to_list() == [1, 1]


def test_a_claim_says_its_word_estimate_interval_counts_and_mde_for_each_reading():
    first, second = (
        verdicts_of({"X1": {"units": {"a": [g, g + 1, g + 2], "b": [g, g + 1, g + 2, g + 3]}}, "X2": {"units": {}}})
        for g in (2.0, -4.0)
    )
    head, line, waiting = claims_table(to_frame(first, "as printed"), to_frame(second, "hold-out"))
    assert head == ["", "claim", "the paper's own tables", "as printed", "hold-out"]
    v = first[0]
    shown = f"✓ supported\n+3.25 [{v.low:+.2f}, {v.high:+.2f}], 2 data sets, 3 to 4 seeds, MDE {v.mde:.2f}"
    assert line[:4] == ["X1", "A > B", "2 of 2", shown]
    assert line[4].startswith("✗ contradicted\n-2.75 [")
    assert waiting == ["X2", "A > B", "2 of 2", "· not tested: no data set has both sides", "the same"]


def test_an_illustration_says_its_numbers_once():
    e = Evidence(frame(Plan("ssmix", make_setting("desk"), (), ()), Records()))
    e.claim("X1", "A | B", "rank correlation 0.84", kind="illustration", own="by eye")
    lines = claims_table(to_frame(e.verdicts(), "a"), to_frame(e.verdicts(), "b"))
    assert lines[1] == ["X1", "A | B", "by eye", "○ illustration: rank correlation 0.84", "the same"]
    assert (
        readme.table(pd.DataFrame(lines[1:], columns=lines[0])).splitlines()[2].startswith("| X1 | A \\| B | by eye |")
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_exist(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_the_readme_names_every_notebook_of_a_paper():
    assert not [name for name in NOTEBOOKS if name not in README]


def test_gains_are_sorted_and_methods_without_an_interval_wait():
    lines = [
        ["B", 0.5, 0.1, 0.9, "supported", 12, 0.3, 1.0, 0.4, 0.6],
        ["A", 0.7, -0.1, 1.5, "undecided", 1, 0.8, None, None, None],
    ]
    saved(pd.DataFrame([*lines, ["C", *[None] * 9]], columns=GAINS), "compare/gains")
    made = readme.gains("smoke/compare/gains").splitlines()[2:]
    assert made == [
        "| A | **+0.70** [-0.10, +1.50] | ? undecided | 1 | – | 0.80 | – |",
        "| B | **+0.50** [+0.10, +0.90] | ✓ supported | 12 | +0.40 to +0.60 | 0.30 | +1.00 |",
    ]
    saved(pd.DataFrame([["C", *[None] * 9]], columns=GAINS), "compare/gains")
    assert readme.gains("smoke/compare/gains").startswith("Too few blocks are complete")

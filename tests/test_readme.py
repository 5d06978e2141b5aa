"""README.md says what the saved tables and the shipped records say, and nothing by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from mixutils import cli, paths
from mixutils.cli import tools
from mixutils.companion import make_plan
from mixutils.evidence import Evidence, frame
from mixutils.mixers import REGISTRY
from mixutils.papers import Plan
from mixutils.papers.profiles import make_setting
from mixutils.runs.records import Records
from mixutils.show.claims import to_frame
from mixutils.site import csvs, readme
from tests.fakes import filled
from tests.fakes_claims import verdicts_of

README = (paths.ROOT / "README.md").read_text("utf-8")


def test_the_readme_is_what_the_command_writes(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    monkeypatch.setenv("MIXUTILS_FIGURES", str(paths.ROOT / "figures"))  # the checkout's own
    (tmp_path / "README.md").write_text(README, "utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(paths, "ROOT", tmp_path)
        assert tools.readme(cli.parser().parse_args(["readme"])) == 0
    assert (tmp_path / "README.md").read_text("utf-8") == README, "run: python -m mixutils readme"
    assert capsys.readouterr().out == "tables written into README.md\n"


def no_plan(profile: str, paper: str):
    raise AssertionError("this block needs no plan")


def saved(made: pd.DataFrame, name: str) -> Path:
    path = paths.figures("smoke") / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    made.to_csv(path, index=False, float_format="%.4f")  # as the companion does
    return path


def claims_table(*readings: pd.DataFrame) -> list[str]:
    """Lines of the README about these readings of claims."""
    saved(pd.concat(readings), "mine/claims")
    block = "<!-- begin claims smoke/mine -->\n<!-- end -->"
    return readme.fill(block, no_plan).splitlines()[1:-1]


def test_blocks_are_filled_between_their_markers_and_the_rest_stays():
    text = "a\n<!-- begin methods -->\nby hand\n<!-- end -->\nb\n<!-- begin patches none -->\n<!-- end -->\n"
    made = readme.fill(text, no_plan)
    assert made.startswith("a\n<!-- begin methods -->\n| method | where |")
    assert "by hand" not in made
    assert made.endswith("the notebook of the method measures it.\n<!-- end -->\n")
    assert readme.fill(made, no_plan) == made


def test_unknown_blocks_blocks_without_an_end_and_tables_that_nobody_saved_are_refused():
    with pytest.raises(ValueError, match="'verdicts desk/a' is of no known kind; there are methods, gains, results"):
        readme.fill("<!-- begin verdicts desk/a -->\n<!-- end -->", no_plan)
    for text in ("", "<!-- begin methods -->\n<!-- end -->"):
        with pytest.raises(ValueError, match="'methods' has no end"):
            readme.fill(f"<!-- begin methods -->\n{text}", no_plan)
    with pytest.raises(FileNotFoundError, match=r"nothing.claims\.csv"):
        readme.fill("<!-- begin claims smoke/nothing -->\n<!-- end -->", no_plan)


def test_results_join_tables_and_name_the_runs(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    plan = make_plan("ssmix", "smoke")
    store = filled(plan, lambda r: 50, tmp_path)
    line = {"row": "SSMix", "paper": 90.0, "ours": 70.0, "sd": 1.5, "note": ""}
    own = plan.columns[0]
    saved(pd.DataFrame([line | {"column": own.key, "title": "a"}]), "ssmix/one")
    saved(pd.DataFrame([line | {"column": k, "title": "b"} for k in (own.key, "other")]), "ssmix/two")
    text = "<!-- begin results smoke/ssmix/one+two accuracy, % -->\n<!-- end -->"
    made = readme.fill(text, lambda profile, paper: (plan, store)).splitlines()
    assert made[1].startswith(
        "Profile `smoke`, encoder random:tiny, 48 training rows: 32 of 32 runs, 0.1 hours of single-core"
    )
    assert made[3:-1] == [
        f"| accuracy, %: paper → ours | {own.title} | b |",
        "| --- | --- | --- |",
        "| SSMix | 90.00 → **70.00** ± 1.50 | 90.00 → **70.00** ± 1.50 |",
    ]


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
    made = csvs.results(csvs.read(saved(pd.DataFrame(lines), "table")), "accuracy, %")
    assert list(made) == ["accuracy, %: paper → ours", "T"]  # a column without any number of ours is left out
    assert dict(made.to_numpy()) == {
        "SSMix": "90.00 → **70.00** ± 1.50",
        "TMix": "91.00 → 5 of 5 runs not done",
        "own": "– → **60.00**",
    }
    assert csvs.results(pd.DataFrame(lines[-1:]), "accuracy, %").empty


def test_names_that_look_like_missing_values_stay_names():
    made = csvs.read(saved(pd.DataFrame({"row": ["None", "NA", ""], "ours": [1.0, None, 2.0]}), "table"))
    assert made["row"].to_list()[:2] == ["None", "NA"]
    assert made.isna().sum().to_list() == [1, 1]


def test_a_claim_says_its_word_estimate_interval_counts_and_mde_for_each_reading():
    first, second = (
        verdicts_of({"X1": {"units": {"a": [g, g + 1, g + 2], "b": [g, g + 1, g + 2, g + 3]}}, "X2": {"units": {}}})
        for g in (2.0, -4.0)
    )
    head, _, line, waiting = claims_table(to_frame(first, "as printed"), to_frame(second, "hold-out"))
    assert head == "|  | claim | the paper's own tables | as printed | hold-out |"
    v = first[0]
    shown = f"✓ **supported**<br>+3.25 [{v.low:+.2f}, {v.high:+.2f}]; 2 data sets, 3 to 4 seeds, MDE {v.mde:.2f}"
    assert f"| X1 | A > B | 2 of 2 | {shown} | " in line
    assert "✗ **contradicted**<br>-2.75 [" in line
    assert waiting == "| X2 | A > B | 2 of 2 | · **not tested**: no data set has both sides | the same |"


def test_an_illustration_says_its_numbers_once():
    e = Evidence(frame(Plan("ssmix", make_setting("desk"), (), ()), Records()))
    e.claim("X1", "A | B", e.illustration(0.84, "rank correlation 0.84"), kind="illustration", own="by eye")
    lines = claims_table(to_frame(e.verdicts(), "a"), to_frame(e.verdicts(), "b"))
    assert lines[2] == "| X1 | A \\| B | by eye | ○ **illustration**: rank correlation 0.84 | the same |"


def test_links_and_pictures_of_the_readme_exist():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (paths.ROOT / target).exists(), target


def test_without_a_benchmark_record_the_readme_says_how_to_make_one():
    assert "python -m mixutils bench`" in readme.bench("none")
    assert "No record yet" in readme.patches("none")


def test_gains_are_sorted_and_methods_without_an_interval_wait():
    columns = ["method", "estimate", "low", "high", "word", "tasks", "mde", "reported"]
    lines = [["B", 0.5, 0.1, 0.9, "supported", 12, 0.3, 1.0], ["A", 0.7, -0.1, 1.5, "undecided", 12, 0.8, None]]
    saved(pd.DataFrame([*lines, ["C", *[None] * 7]], columns=columns), "compare/gains")
    made = readme.gains("smoke/compare/gains", no_plan).splitlines()[2:]
    assert made == [
        "| A | **+0.70** [-0.10, +1.50] | ? undecided | 12 | 0.80 | – |",
        "| B | **+0.50** [+0.10, +0.90] | ✓ supported | 12 | 0.30 | +1.00 |",
    ]
    saved(pd.DataFrame([["C", *[None] * 7]], columns=columns), "compare/gains")
    assert readme.gains("smoke/compare/gains", no_plan).startswith("Too few blocks are complete")

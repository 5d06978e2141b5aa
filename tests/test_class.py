"""A class: laptops with seeds of their own, a shared folder, one figure of all; and a class's documents hold together."""

from __future__ import annotations

import re
from itertools import pairwise

import nbformat
import pandas as pd
import pytest

from mixutils import paths
from mixutils.cli import main
from mixutils.companion import make_plan
from mixutils.papers import compare
from mixutils.papers.profiles import make_setting
from mixutils.runs.records import Records
from mixutils.runs.run import Run
from mixutils.site.catalogue import NOTEBOOKS
from tests.fakes import filled

LAPTOPS = range(30, 38)  # among their seeds is the one of the search, which is not part of this profile


def seeds_of(laptop: int) -> str:
    return f"{3 * laptop}-{3 * laptop + 2}"


def accuracy(run: Run) -> float:
    """In every block SSMix is two points above no mixup, and TMix as far below."""
    return 60 + run.seed % 7 + {"ssmix": 2, "tmix": -2}.get(run.method, 0)


@pytest.fixture
def pooled(tmp_path, monkeypatch, capsys) -> pd.DataFrame:
    """The frame on the teacher's machine after eight laptops have exported into one folder."""
    shared = tmp_path / "shared"
    shared.mkdir()
    for laptop in LAPTOPS:
        plan = make_plan("compare", "class", seeds=seeds_of(laptop))
        store = filled(plan, accuracy, tmp_path / f"laptop-{laptop}")
        assert store.export((run.hash for run in plan.runs), shared / f"laptop-{laptop}.jsonl") == 12
    monkeypatch.setenv("MIXUTILS_WORK", str(tmp_path / "teacher"))
    assert main(["records", "merge", str(shared)]) == 0
    assert "96 records merged" in capsys.readouterr().out
    plan = make_plan("compare", "class", Records())
    assert {run.seed for run in plan.runs if not Records().done(run)} == {0, 1, 2}  # the teacher has trained none
    from mixutils.evidence import frame

    return frame(plan, Records())


def test_eight_laptops_are_one_comparison(pooled):
    found = pooled[pooled["primary"] & (pooled["table"] == compare.TABLE)]
    assert found["seed"].nunique() == 24
    assert set(found["seed"]) == set(range(90, 114))
    assert set(found["row"]) == {"none", "tmix", "ssmix", "dmix"}
    means = found.groupby("row")["value"].mean()
    assert means["ssmix"] - means["none"] == pytest.approx(2)


def test_no_two_laptops_have_a_seed_in_common():
    given = [make_setting("class", seeds=seeds_of(laptop)).seeds for laptop in range(1, 41)]
    assert len({seed for seeds in given for seed in seeds}) == 120
    assert f"--seeds {seeds_of(10)}" in (paths.ROOT / "docs" / "class.md").read_text("utf-8")


def test_a_laptop_without_a_number_trains_three_seeds_of_four_methods():
    plan = make_plan("compare", "class")
    assert len(plan.runs) == 12
    assert {r.seed for r in plan.runs} == {0, 1, 2}
    assert {r.recipe.lr for r in plan.runs} == {compare.SHORT_RATES["minilm"]}


def test_merging_a_folder_takes_its_json_and_jsonl_files_and_nothing_else(tmp_path, monkeypatch, capsys):
    plan = make_plan("compare", "class", seeds="0-0")
    filled(plan, accuracy, tmp_path / "from")
    (tmp_path / "from" / "notes.txt").write_text("not a record", "utf-8")
    monkeypatch.setenv("MIXUTILS_WORK", str(tmp_path / "to"))
    assert main(["records", "merge", str(tmp_path / "from")]) == 0
    assert "4 records merged" in capsys.readouterr().out


# ----------------------------------------------------------------- documents


def slides() -> list[nbformat.NotebookNode]:
    return nbformat.read(paths.NOTEBOOKS / "class_slides.ipynb", as_version=4).cells


def test_there_are_ten_slides_and_every_cell_has_a_place_in_them():
    kinds = [cell.metadata["slideshow"]["slide_type"] for cell in slides()]
    assert kinds.count("slide") == 10
    assert set(kinds) <= {"slide", "fragment", "-", "skip"}


def test_the_plan_covers_45_minutes_and_every_slide():
    text = (paths.ROOT / "docs" / "class.md").read_text("utf-8")
    lines = re.findall(r"^\| (\d+)–(\d+) \|.*\| ([\d, ]+) \|$", text, re.MULTILINE)
    ends = [(int(a), int(b)) for a, b, _ in lines]
    assert ends[0][0] == 0
    assert ends[-1][1] == 45
    assert all(end == begin for (_, end), (begin, _) in pairwise(ends))
    assert {int(n) for *_, of in lines for n in of.split(",")} == set(range(1, 11))


def test_the_words_of_the_plan_are_those_of_the_profile():
    text, of = (paths.ROOT / "docs" / "class.md").read_text("utf-8"), compare.size(make_setting("class"))
    assert f"{of.rows} training examples, {of.passes} passes, three seeds: {3 * len(of.methods)} runs" in text


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_exercise_has_its_answer_folded_below_it(name):
    cells = nbformat.read(paths.NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    texts = [c.source.partition("## Exercises")[2] for c in cells if "## Exercises" in c.source]
    assert texts or name in ("class_slides", "bench")
    for text in texts:
        assert len(re.findall(r"^\d+\. ", text, re.MULTILINE)) == text.count("<summary>Answer</summary>") > 0


def test_every_exercise_of_the_class_has_its_answer():
    text = (paths.ROOT / "docs" / "class.md").read_text("utf-8").partition("## Exercises")[2]
    assert len(re.findall(r"^\d+\. ", text, re.MULTILINE)) == text.count("<summary>Answer</summary>") > 5

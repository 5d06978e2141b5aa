"""An artifact on disk: data, page, picture and description, or none of them; the same bytes from the same records."""

from __future__ import annotations

import json

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from mixutils.runs.records import Records
from mixutils.show.artifacts import Artifact, Table, write


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def table(plan, store) -> Table:
    return Table(pd.DataFrame({"x": [1 / 3, 2.0], "n": [5, 2], "text": ["α, β", ""]}), "<p>α</p>")


def figure(plan, store) -> plt.Figure:
    made, axis = plt.subplots()
    axis.plot([0, 1], [1, 0])
    return made


def artifact(make) -> Artifact:
    return Artifact("thing", "A thing", "How to read it.", make, "ssmix")


def files(folder) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def description(folder) -> dict:
    return json.loads((folder / "thing.json").read_text("utf-8"))


def test_a_table_is_data_and_a_page(tmp_path):
    assert isinstance(write(artifact(table), None, Records(), tmp_path / "new"), Table)
    assert files(tmp_path / "new") == ["thing.csv", "thing.json"]
    assert (tmp_path / "new" / "thing.csv").read_text("utf-8") == 'x,n,text\n0.3333,5,"α, β"\n2.0000,2,\n'
    assert description(tmp_path / "new") == {
        "name": "thing",
        "title": "A thing",
        "caption": "How to read it.",
        "notebook": "ssmix",
        "kind": "table",
        "html": "<p>α</p>",
    }


def test_a_figure_is_a_vector_and_a_picture(tmp_path):
    assert isinstance(write(artifact(figure), None, Records(), tmp_path), plt.Figure)
    assert files(tmp_path) == ["thing.json", "thing.png", "thing.svg"]
    assert description(tmp_path)["kind"] == "figure"


@pytest.mark.parametrize("make", [table, figure])
def test_what_can_no_longer_be_made_leaves_no_old_file(tmp_path, make):
    write(artifact(make), None, Records(), tmp_path)
    assert write(artifact(lambda plan, store: None), None, Records(), tmp_path) is None
    assert files(tmp_path) == ["thing.json"]
    assert description(tmp_path)["kind"] == "none"


@pytest.mark.parametrize("make", [table, figure])
def test_the_same_records_give_the_same_bytes(tmp_path, make):
    for name in ("a", "b"):
        write(artifact(make), None, Records(), tmp_path / name)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    for name in files(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()

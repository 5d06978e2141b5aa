"""Data sets and classes may be called as they like: tables, figures and pages show their names, and nothing reads them."""

from __future__ import annotations

import html

import matplotlib.pyplot as plt
import pytest

from mixutils import paths, show
from mixutils.companion import Companion, make_plan
from mixutils.show import plots, style
from mixutils.site.build import runs
from tests.fakes import done, shipped
from tests.test_data_door import ROWS
from tests.test_folder import write

DOLLARS = r"$\a_{$ is $5$ <b>"
NAMES = [DOLLARS, "$$", "<b>bold & 'x'", "a_b_c *d* `e`", "back\\slash", "long " * 40 + "name", "a.b.csv", "☃ ü"]


@pytest.fixture
def opened(tmp_path, monkeypatch, capsys):
    """From a data set's name and its labels to a companion whose runs are all done."""
    monkeypatch.setenv("MIXUTILS_DATA", str(tmp_path / "data"))

    def opened(name: str, *labels: str) -> Companion:
        write(tmp_path / "data" / name / "train.jsonl", [r | {"label": labels[i % 2]} for i, r in enumerate(ROWS)])
        given = {"profile": "smoke", "tasks": name, "seeds": "2"}
        records = [done(run, 50 + run.seed + len(run.method)) for run in make_plan("ssmix", **given).runs]
        for record in records:
            record["data"] |= {"labels": [*labels], "notes": [f"{name} is odd"]}
        shipped(records, paths.figures("smoke"))
        return Companion.open("ssmix", given | {"train": False})

    with plt.rc_context():
        yield opened
    plt.close("all")


@pytest.mark.parametrize("name", NAMES)
def test_names_are_shown_as_they_are(name, opened):
    c = opened(name, "no", "yes")
    lines = show.results(c, "2", baseline=("2", "No mixup"), base_row="No mixup")
    lines = lines[lines["column"] == name]
    assert {*lines["title"]} == {name}
    figure = plots.forest(lines, {"SSMix": "ssmix"}, f"about {name}")
    assert [a.get_title() for a in figure.axes] == [name]
    assert style.save(figure, c.folder, "gains").is_file()  # draws it
    found = show.display_table(show.data_sets(c, "1", ["train"]))
    for table in (show.display_results(lines, caption=name), found, runs({"ssmix": c.plan}, c.store)):
        text = table.to_html()
        assert "<b>" not in text
        assert name in html.unescape(text)


def test_classes_are_drawn_as_they_are(opened):
    c = opened("mine", DOLLARS, "$$")
    assert plt.rcParams["text.parse_math"]
    assert len(c.frame)
    figure, axis = plt.subplots()
    axis.plot([0, 1], label=DOLLARS)
    axis.set_xticks([0, 1], [DOLLARS, "$$"])
    axis.legend()
    assert style.save(figure, c.folder, "classes").is_file()

"""What becomes of the project's own notebooks on the way to a page."""

from __future__ import annotations

import re
import shutil

import nbformat

from mixutils import paths
from mixutils.papers.profiles import PROFILES
from mixutils.runs.records import Records
from mixutils.site.build import build, page
from mixutils.site.catalogue import NOTEBOOKS
from tests.test_site import executed, text


def test_sphinx_understands_every_notebook_and_formula_of_the_project():
    folder, said, formulas = paths.figures("desk"), [], 0
    shutil.copytree(paths.NOTEBOOKS, folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    build(PROFILES["desk"], {}, Records(), folder, say=said.append)
    assert said == []
    for name in NOTEBOOKS:
        for formula in re.findall(r"<math.*?</math>", text(folder / "site" / f"{name}.html"), re.DOTALL):
            formulas += 1
            assert "\\" not in formula  # an unknown command would be left as it is
    assert formulas > 20


def test_hidden_source_is_collapsed_and_the_executed_notebook_stays_as_it_is(tmp_path):
    code = nbformat.v4.new_code_cell("import numpy", metadata={"jupyter": {"source_hidden": True}, "tags": ["setup"]})
    path = executed(tmp_path, "ssmix", code)
    before = path.read_bytes()
    assert page(path).cells[0].metadata.tags == ["setup", "hide-input"]
    assert path.read_bytes() == before

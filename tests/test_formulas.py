"""Formulas of exported pages need no network."""

from __future__ import annotations

import nbformat
import pytest

from mixutils import paths
from mixutils.site.formulas import Formulas

NOTEBOOKS = sorted((paths.ROOT / "notebooks").glob("*.ipynb"))


def test_inline_and_display_formulas_become_mathml():
    formulas = Formulas()
    taken = formulas.take("Mix $x_A$ and $x_B$:\n\n$$\\lambda = l / n$$")
    assert "$" not in taken
    assert "x_A" not in taken
    made = formulas.put(f"<p>{taken}</p>")
    assert made.count("<math") == 3
    assert made.count('display="block"') == 1
    assert "<msub><mi>x</mi><mi>A</mi></msub>" in made
    assert "stands" not in made


@pytest.mark.parametrize("text", ["costs $5 or $6", "`$HOME` and `$x$`", "```\n$a$ $b$\n```", "no formula", "\\$x$ 1"])
def test_other_dollars_stay(text):
    assert Formulas().take(text) == text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_formula_of_the_notebooks_is_understood(path):
    notebook, formulas = nbformat.read(path, 4), Formulas()
    before = [c.source for c in notebook.cells]
    formulas.take_all(notebook)
    assert [c.source for c in notebook.cells] == before
    for mathml in formulas.mathml.values():
        assert "\\" not in mathml, mathml  # an unknown command would be left as it is

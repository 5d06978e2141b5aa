"""Formulas of exported pages need no network."""

from __future__ import annotations

import re

import nbformat
import pytest

from mixutils import formulas, paths

NOTEBOOKS = sorted((paths.ROOT / "notebooks").glob("*.ipynb"))


def test_inline_and_display_formulas_become_mathml():
    made = formulas.to_mathml("Mix $x_A$ and $x_B$:\n\n$$\\lambda = l / n$$")
    assert made.count("<math") == 3
    assert made.count('display="block"') == 1
    assert "$" not in made
    assert "<msub><mi>x</mi><mi>A</mi></msub>" in made


@pytest.mark.parametrize("text", ["costs $5 or $6", "`$HOME` and `$x$`", "```\n$a$ $b$\n```", "no formula", "\\$x$ 1"])
def test_other_dollars_stay(text):
    assert formulas.to_mathml(text) == text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_formula_of_the_notebooks_is_understood(path):
    made = formulas.with_mathml(nbformat.read(path, 4))
    for cell in made.cells:
        if cell.cell_type == "markdown":
            for formula in re.findall(r"<math.*?</math>", cell.source, re.DOTALL):
                assert "\\" not in formula, formula  # an unknown command would be left as it is

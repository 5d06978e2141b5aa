"""Formulas of exported pages as MathML, which browsers draw by themselves: pages then need no network.

Notebooks keep their TeX; JupyterLab has a renderer of its own, while exported pages would fetch one.
"""

from __future__ import annotations

import re

import nbformat
from latex2mathml.converter import convert

#: Code in backticks first, so that dollars in it are left alone; then display and inline formulas.
_PATTERN = re.compile(
    r"(?P<code>```.*?```|`[^`\n]*`)|\$\$(?P<block>.+?)\$\$|(?<![\\$])\$(?!\s)(?P<line>[^$\n]+?)(?<!\s)\$(?!\d)",
    re.DOTALL,
)


def to_mathml(markdown: str) -> str:
    """Markdown with ``$…$`` and ``$$…$$`` replaced by MathML; code, and dollars that are no formulas, stay."""

    def replace(found: re.Match) -> str:
        if found["code"]:
            return found["code"]
        block = found["block"] is not None
        return convert((found["block"] or found["line"]).strip(), display="block" if block else "inline")

    return _PATTERN.sub(replace, markdown)


def with_mathml(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy of a notebook whose Markdown cells have MathML."""
    out = nbformat.from_dict(notebook)
    for cell in out.cells:
        if cell.cell_type == "markdown":
            cell.source = to_mathml(cell.source)
    return out

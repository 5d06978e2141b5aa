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


class Formulas:
    """Takes formulas out of Markdown and puts MathML into the page that was made of it.

    In between stand plain words in their places: the page's maker would take single tags apart.
    """

    def __init__(self) -> None:
        self.mathml: dict[str, str] = {}

    def take(self, markdown: str) -> str:
        """Markdown with a word for each ``$…$`` and ``$$…$$``; code, and dollars that are no formulas, stay."""

        def replace(found: re.Match) -> str:
            if found["code"]:
                return found["code"]
            kind = "block" if found["block"] is not None else "inline"
            word = f"formula{len(self.mathml)}stands{kind}here"
            self.mathml[word] = convert((found["block"] or found["line"]).strip(), display=kind)
            return word

        return _PATTERN.sub(replace, markdown)

    def put(self, page: str) -> str:
        """HTML with the formulas in their places."""
        return re.sub(r"formula\d+stands(?:block|inline)here", lambda m: self.mathml.get(m[0], m[0]), page)

    def take_all(self, notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
        """A copy of a notebook whose Markdown cells went through ``take``."""
        out = nbformat.from_dict(notebook)
        for cell in out.cells:
            if cell.cell_type == "markdown":
                cell.source = self.take(cell.source)
        return out

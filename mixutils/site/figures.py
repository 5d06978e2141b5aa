"""What the site says of a notebook's figures: a text for those who cannot see them, and where their records were made."""

from __future__ import annotations

import ast
import html
import re
from pathlib import Path

import nbformat
from PIL import Image

from .catalogue import NOTEBOOKS


def describe(book: nbformat.NotebookNode, notebook: Path) -> None:
    """Give every picture of an executed notebook its text: what it says itself, or the heading above it; and its origin below.

    Args:
        notebook: where it lies, in ``PROFILE/notebooks``; its figures are in ``PROFILE/PAPER``.
    """
    heading, folder = "", notebook.parent.parent / (NOTEBOOKS.get(notebook.stem) or "")
    for cell in list(book.cells):
        if cell.cell_type == "markdown":
            found = re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE)
            heading = found[-1] if found else heading
        elif any("image/png" in output.get("data", {}) for output in cell.get("outputs", ())):
            told = _about(folder, saved(cell.source))
            says = told.get("Description") or f"Figure of the section {heading}"
            cell.metadata["mystnb"] = {"image": {"alt": says}}
            if made := told.get("Source"):
                line = nbformat.v4.new_markdown_cell(f"<p class='made'>{html.escape(made)}.</p>")
                book.cells.insert(book.cells.index(cell) + 1, line)


def saved(code: str) -> list[str]:
    """The names under which a cell's ``c.save(figure, "name")`` save."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call) and len(node.args) > 1]
    names = [call.args[1] for call in calls if ast.unparse(call.func) == "c.save"]
    return [name.value for name in names if isinstance(name, ast.Constant)]


def _about(folder: Path, names: list[str]) -> dict[str, str]:
    """What the first figure of these names says of itself."""
    return next((about(path) for name in names if (path := folder / f"{name}.png").is_file()), {})


def about(path: Path) -> dict[str, str]:
    """What a PNG file says of itself: "Description", "Source"."""
    with Image.open(path) as picture:
        return dict(picture.text)

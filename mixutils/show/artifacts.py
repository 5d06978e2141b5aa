"""An *artifact* is a table or figure with a name and a caption: the same object for notebooks, files and the gallery."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from ..papers.base import Plan
from ..runs.records import Records, write_whole
from . import style
from .tables import to_csv


@dataclass(frozen=True)
class Table:
    """Data for the file, HTML for people."""

    frame: pd.DataFrame
    html: str


@dataclass(frozen=True)
class Artifact:
    """One table or figure of a paper.

    Attributes:
        name: file name without ending. title, caption: for people; the caption says how to read it.
        make: (plan, store) -> Table, Figure, or None where the plan has no data for it.
        notebook: the notebook that shows it.
    """

    name: str
    title: str
    caption: str
    make: Callable[[Plan, Records], Table | plt.Figure | None]
    notebook: str


def write(artifact: Artifact, plan: Plan, store: Records, folder: Path) -> Table | plt.Figure | None:
    """Make an artifact and store it: CSV and HTML fragment, or PNG and SVG. Returns what was made."""
    style.use()
    made = artifact.make(plan, store)
    entry = {"name": artifact.name, "title": artifact.title, "caption": artifact.caption, "notebook": artifact.notebook}
    folder.mkdir(parents=True, exist_ok=True)
    if made is None:  # a picture of earlier records would say something that these records do not
        for ending in ("csv", "png", "svg"):
            (folder / f"{artifact.name}.{ending}").unlink(missing_ok=True)
    if isinstance(made, Table):
        to_csv(made.frame, folder / f"{artifact.name}.csv")
        entry |= {"kind": "table", "html": made.html}
    elif made is not None:
        style.save(made, folder, artifact.name)
        entry["kind"] = "figure"
    else:
        entry["kind"] = "none"
    # One small file per artifact for the gallery; nothing is read back from pictures.
    write_whole(folder / f"{artifact.name}.json", json.dumps(entry, ensure_ascii=False, indent=1).encode("utf-8"))
    return made

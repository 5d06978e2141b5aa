"""Published numbers: data, typed once. ``published/<paper>.csv`` with paper, table, row, column, value, spread, marker;
``train_rows`` where a paper varies them.

``column`` is the id of a data set, with a second axis behind a slash ("anli-r1/test", "subj/50"). ``value`` is what is
printed, misprints included; nothing is repaired. ``marker``: words for what is printed beside it or with it: "star", "diamond",
"bold", "underline", "quoted". DropMix's type faces are lost in the text: they follow from its numbers and caption.
"""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass

from .. import paths


@dataclass(frozen=True)
class Published:
    """One printed cell. ``number`` is None where no number is printed; commas between thousands are understood.

    ``row`` is called by its method, and by the encoder only where that is the row's own. ``spread`` is what is printed after ±, in the
    paper's own kind (``Paper.spread``; SPEC X3). ``train_rows`` are those of the trainings behind it; "" for all.
    """

    paper: str
    table: str
    row: str
    column: str
    value: str
    spread: str
    marker: str
    train_rows: str = ""

    @property
    def number(self) -> float | None:
        try:
            return float(self.value.replace(",", ""))
        except ValueError:
            return None


@functools.cache
def published(paper: str) -> dict[tuple[str, str, str], Published]:
    """All printed cells of a paper by (table, row, column).

    Raises:
        KeyError: an unknown paper.
    """
    if paper not in (known := sorted(path.stem for path in paths.PUBLISHED.glob("*.csv"))):
        raise KeyError(f"no paper is called {paper!r}; there are {', '.join(known)}")
    with (paths.PUBLISHED / f"{paper}.csv").open(encoding="utf-8", newline="") as file:
        cells = [Published(**row) for row in csv.DictReader(file)]
    return {(c.table, c.row, c.column): c for c in cells}

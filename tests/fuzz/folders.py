"""Sound data folders, in every format, for ``tests.fuzz.damage`` to damage."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

REFUSED = "refused"
Row = tuple[str, ...]  # text, or both, and label
TEXTS = [
    "good",
    "bad",
    "ärger",
    "☃ snow",
    'she said "no"',
    "a, b; c",
    "x\ty",
    "two\nlines",
    "",
    " ",
    "é",
    "e\u0301",
    "日本",
    "'",
    "#",
    "\\n",
]
LABELS = [
    ("no", "yes"),
    ("neg", "neutral", "pos"),
    ("1", "2", "3"),
    ("ab c", "ab d"),
    ("ä", "ö", "ü"),
    ("-1", "1"),
    ("None", "nan"),
]
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
ENDINGS = ("jsonl", "json", "csv", "tsv", "parquet")


@dataclass
class Case:
    """One folder.

    Attributes:
        parts: what was given: part -> rows. files: name -> bytes, a link's target (str) or None for an empty folder.
        ending, packing: of the files that were made from the parts. variables: of the command line.
        expected: "rows", "refused", "either" (rows as given, or refused), "cut" (or only the first of them, the last perhaps
            cut), or "any" (what was changed could be data, of as many rows).
    """

    name: str
    parts: dict[str, list[Row]]
    files: dict[str, bytes | str | None]
    ending: str
    packing: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    expected: str = "rows"

    @property
    def first(self) -> str:
        """The training file."""
        return next(iter(self.files))


def header(rows: list[Row]) -> tuple[str, ...]:
    return ("text", "label") if len(rows[0]) == 2 else ("text_a", "text_b", "label")


def encoded(rows: list[dict], ending: str) -> bytes:
    """Rows as a file's bytes."""
    if ending == "jsonl":
        return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows).encode("utf-8", "surrogatepass")
    if ending == "json":
        return json.dumps(rows, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")
    if ending == "parquet":
        out = io.BytesIO()
        pd.DataFrame(rows).to_parquet(out)
        return out.getvalue()
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter="\t" if ending == "tsv" else ",", lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows(r.values() for r in rows)
    return out.getvalue().encode("utf-8", "surrogatepass")


def dicts(rows: list[Row]) -> list[dict]:
    return [dict(zip(header(rows), row, strict=True)) for row in rows]


def good(rng: random.Random, ending: str = "", packing: str | None = None) -> Case:
    """A sound data set."""
    labels, pair = rng.choice(LABELS), rng.random() < 0.3
    ending = ending or rng.choice(ENDINGS)
    packing = (rng.choice([*PACKED, ""]) if ending != "parquet" else "") if packing is None else packing

    def rows(n: int) -> list[Row]:
        words = lambda i: f"{rng.choice(TEXTS)} {i} {rng.choice(TEXTS)}"  # noqa: E731
        return [(*(words(i) for _ in range(1 + pair)), labels[i % len(labels)]) for i in range(n)]

    parts = {"train": rows(rng.randint(24, 60))}
    parts |= {name: rows(rng.randint(4, 12)) for name in ("validation", "test") if rng.random() < 0.6}
    files = {
        f"{name}.{ending}{packing}": PACKED[packing](encoded(dicts(found), ending)) for name, found in parts.items()
    }
    return Case("good", parts, files, ending, packing)


def rewritten(case: Case, change: Callable[[dict], dict], part: str = "train") -> dict[str, bytes]:
    """The files, with a change of every row of one part before it was written."""
    data = PACKED[case.packing](encoded([change(r) for r in dicts(case.parts[part])], case.ending))
    return case.files | {f"{part}.{case.ending}{case.packing}": data}

"""Reads a data set from a folder: ``<name>/<part>.jsonl|csv|tsv|parquet``.

Columns: ``text`` and ``label``, or ``text_a``, ``text_b`` and ``label``; other columns are ignored. Labels are names;
numbers become their decimal text. Files are UTF-8 (a byte-order mark is dropped). Every complaint names file and line.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .data import DataError

FORMATS = ("jsonl", "csv", "tsv", "parquet")


class Row(NamedTuple):
    """One row of a source, before labels are numbered."""

    text: str  # the text, or the first of a pair
    second: str | None
    label: str
    place: tuple[str | Path, int]  # file (or hub part) and line or row, for complaints


def find(folder: Path, part: str) -> Path | None:
    """The file of one part, or None. Two formats of one part are refused: which one counts would be a guess."""
    found = [p for p in (folder / f"{part}.{ext}" for ext in FORMATS) if p.is_file()]
    if len(found) > 1:
        raise DataError(f"{folder}: {' and '.join(p.name for p in found)} are both there; keep one of them")
    return found[0] if found else None


def names(root: Path) -> list[str]:
    """Folders below ``root`` that hold a data file."""
    return sorted({p.parent.name for ext in FORMATS for p in root.glob(f"*/*.{ext}")})


def read(path: Path) -> list[Row]:
    """All rows of one file.

    Raises:
        DataError: broken JSON, a missing column or value, a wrong encoding, an empty file; with file and line.
    """
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty")
    readers = {"jsonl": _jsonl, "csv": _csv, "tsv": _csv, "parquet": _parquet}
    rows = [_row(path, line, fields) for line, fields in readers[path.suffix[1:]](path)]
    if not rows:
        raise DataError(f"{path}: there are no rows in the file")
    return rows


def _row(path: Path, line: int, fields: dict) -> Row:
    pair = "text_a" in fields or "text_b" in fields
    wanted = ("text_a", "text_b", "label") if pair else ("text", "label")
    for name in wanted:
        if fields.get(name) is None or (name == "label" and fields[name] == ""):
            have = ", ".join(str(k) for k in fields) or "nothing"
            raise DataError(
                f"{path}, line {line}: no value for {name!r}; the row has {have}; "
                "expected text and label, or text_a, text_b and label"
            )
    texts = [fields[name] for name in wanted[:-1]]
    for name, text in zip(wanted, texts, strict=False):
        if not isinstance(text, str):
            raise DataError(f"{path}, line {line}: {name!r} must be text, not {type(text).__name__} ({text!r})")
        if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
            raise DataError(f"{path}, line {line}: {name!r} holds half of a character pair (\\ud800 to \\udfff)")
    return Row(texts[0], texts[1] if pair else None, str(fields["label"]), (path, line))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines of a UTF-8 file."""
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path}, line {number}: not UTF-8 (byte 0x{raw[error.start]:02x} at column {error.start + 1}); "
                    "save the file as UTF-8"
                ) from None


def _jsonl(path: Path) -> Iterator[tuple[int, dict]]:
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}, line {number}: broken JSON ({error.msg} at column {error.colno})") from None
        if not isinstance(fields, dict):
            raise DataError(f"{path}, line {number}: expected a JSON object, got {type(fields).__name__}")
        yield number, fields


def _csv(path: Path) -> Iterator[tuple[int, dict]]:
    # csv wants decoded lines; a quoted field may span several of them, and line_num counts the last one.
    reader = csv.DictReader((line for _, line in _lines(path)), delimiter="\t" if path.suffix == ".tsv" else ",")
    header = reader.fieldnames or []
    if "label" not in header or not ({"text"} <= set(header) or {"text_a", "text_b"} <= set(header)):
        raise DataError(
            f"{path}, line 1: the header is {', '.join(header)!r}; expected text,label or text_a,text_b,label"
        )
    for fields in reader:
        if None in fields:
            raise DataError(f"{path}, line {reader.line_num}: more fields than the header has")
        yield reader.line_num, fields


def _parquet(path: Path) -> Iterator[tuple[int, dict]]:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise DataError(f"{path}: reading Parquet needs pyarrow: pip install pyarrow") from None
    try:
        rows = parquet.read_table(path).to_pylist()
    except Exception as error:  # pyarrow raises its own classes for broken files
        raise DataError(f"{path}: not a readable Parquet file ({error})") from None
    yield from enumerate(rows, 1)

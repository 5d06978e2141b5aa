"""Reads a data set from a folder: ``<name>/<part>.jsonl|csv|tsv|parquet``.

Columns: ``text`` and ``label``, or two texts (``PAIRS``) and ``label``; other columns are ignored. Labels are names;
numbers become their decimal text. Files are UTF-8 (a byte-order mark is dropped). In CSV and TSV a text may stand between
quotation marks, with inner ones doubled, and must if it holds a delimiter, a line break or begins with such a mark. Every
complaint names file and line.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .data import DataError

FORMATS = ("jsonl", "csv", "tsv", "parquet")
#: What others call a validation part. Unread, it would be missed by nobody: a part would be cut off the training rows.
OTHER_NAMES = ("dev", "valid", "val", "development")


#: What the columns of a pair may be called. The first are ours, and win over a column ``text``.
PAIRS = (
    ("text_a", "text_b"),
    ("text", "text_b"),
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question", "sentence"),
)
csv.field_size_limit(2**31 - 1)  # its own limit is 131,072 characters, less than a long document


class Row(NamedTuple):
    """One row of a source, before labels are numbered."""

    text: str  # the text, or the first of a pair
    second: str | None
    label: str
    place: tuple[str | Path, int]  # file (or hub part) and line or row, for complaints


def find(folder: Path, part: str) -> Path | None:
    """The file of one part, or None.

    Raises:
        DataError: two formats of one part, because which one counts would be a guess; or a validation part under another
            name beside the training part.
    """
    found = _files(folder, part)
    if len(found) > 1:
        raise DataError(f"{folder}: {' and '.join(p.name for p in found)} are both there; keep one of them")
    if part == "validation" and not found and _files(folder, "train"):
        for other in (p for name in OTHER_NAMES for p in _files(folder, name)):
            raise DataError(
                f"{other}: the validation part is not read under this name; rename it to validation{other.suffix}"
            )
    return found[0] if found else None


def _files(folder: Path, part: str) -> list[Path]:
    return [p for p in (folder / f"{part}.{ext}" for ext in FORMATS) if p.is_file()]


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
    reader = {".jsonl": _jsonl, ".parquet": _parquet}.get(path.suffix, _csv)
    rows = [make_row(path, line, fields) for line, fields in reader(path)]
    if not rows:
        raise DataError(f"{path}: there are no rows in the file")
    return rows


def make_row(path: Path | str, line: int, fields: dict) -> Row:
    """A row with sound texts and label; ``path`` and ``line`` say where it stands.

    Raises:
        DataError: a column without a value, a value of another type, or half of a character pair.
    """
    wanted = (*_texts(fields), "label")
    for name in wanted:
        if fields.get(name) is None or (name == "label" and fields[name] == ""):
            have = ", ".join(str(k) for k in fields) or "nothing"
            raise DataError(
                f"{path}, line {line}: no value for {name!r}; the row has {have}; "
                f"expected text and label, or label and {', '.join(f'{a} and {b}' for a, b in PAIRS)}"
            )
    *texts, label = (fields[name] for name in wanted)
    if isinstance(label, int | float) and not isinstance(label, bool) and math.isfinite(label):
        label = str(label)
    for name, text in zip(wanted, (*texts, label), strict=True):
        if not isinstance(text, str):
            kind = "a name or a number" if name == "label" else "text"
            raise DataError(f"{path}, line {line}: {name!r} must be {kind}, not {type(text).__name__} ({text!r})")
        if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
            raise DataError(f"{path}, line {line}: {name!r} holds half of a character pair (\\ud800 to \\udfff)")
    return Row(texts[0], texts[1] if len(texts) > 1 else None, label, (path, line))


def _texts(fields: dict) -> tuple[str, ...]:
    """The columns of a row's texts: of a pair where both are there, or one of ours is."""
    if "text_a" not in fields and "text" in fields:
        return ("text", "text_b") if "text_b" in fields else ("text",)
    ours = PAIRS[0] if {*PAIRS[0]} & {*fields} else ("text",)
    return next((pair for pair in PAIRS if {*pair} <= {*fields}), ours)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines of a UTF-8 file."""
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path}, line {number}: not UTF-8 (byte 0x{error.object[error.start]:02x} at column {error.start + 1}); "
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
    # Not strict, csv would drop quotation marks and join rows where a text begins with a mark that is not closed.
    delimiter = "\t" if path.suffix == ".tsv" else ","
    reader = csv.reader((line for _, line in _lines(path)), delimiter=delimiter, strict=True)
    first = 1  # a quoted text may span lines; a row is known by its first
    try:
        header = next(reader, [])
        first = reader.line_num + 1
        for values in reader:
            if len(values) > len(header):
                raise DataError(f"{path}, line {first}: more fields than the header has")
            if values:
                yield first, dict(zip(header, values, strict=False))
            first = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{path}, line {first}: broken quoting or line end ({error}); a text with a quotation mark, "
            "delimiter or line break stands between quotation marks, with inner ones doubled"
        ) from None


def _parquet(path: Path) -> Iterator[tuple[int, dict]]:
    try:
        import pyarrow.parquet as parquet

        rows = parquet.read_table(path).to_pylist()
    except ImportError:
        raise DataError(f"{path}: reading Parquet needs pyarrow: pip install pyarrow") from None
    except Exception as error:  # pyarrow raises its own classes for broken files
        raise DataError(f"{path}: not a readable Parquet file ({error})") from None
    yield from enumerate(rows, 1)

"""Rows of one file, whatever its format: JSON (lines, or one array), CSV, TSV, Parquet, Arrow; the texts also compressed.

Texts are UTF-8 (a byte-order mark is dropped). In CSV and TSV a text may stand between quotation marks, with inner ones doubled,
and must if it holds a delimiter, a line break or begins with such a mark. Numbers of a column that says which classes they are
(``ClassLabel`` of ``datasets``) become their names. Every complaint names file and line.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import lzma
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..wording import cut, shown
from .data import DataError

Rows = Iterator[tuple[int, dict[str, Any]]]  # line (or row) of the file, and column -> value

OPENERS: dict[str, Callable] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
#: First bytes of files that are something else than they are called.
MARKS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "Zstandard"}
MARKS |= {
    b"PK\x03\x04": "a zip archive or a spreadsheet",
    b"PAR1": "Parquet",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
csv.field_size_limit(2**31 - 1)  # its own limit is 131,072 characters, less than a long document


def fields(path: Path) -> Rows:
    """Every row of a file whose name ends with one of ``READERS``, and with one of ``OPENERS`` behind where it is compressed.

    Raises:
        DataError: what cannot be read, is broken, empty, not in UTF-8, or in another format than the name says; columns or
            keys that are there twice; in tables, rows of another length than the header.
    """
    packed, ending = path.suffix.lower() in OPENERS, path.suffix.lower()
    ending = Path(path.stem).suffix.lower() if packed else ending
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{shown(path)}: the file is empty")
        yield from READERS[ending](path)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{shown(path)}: cannot be read ({reason})") from None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines of a UTF-8 file."""
    with OPENERS.get(path.suffix.lower(), open)(path, "rb") as file:
        for number, raw in enumerate(file, 1):
            if number == 1 and (found := [name for mark, name in MARKS.items() if raw.startswith(mark)]):
                raise DataError(f"{shown(path)}, line 1: {_called(path, found[0])}")
            try:
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{shown(path)}, line {number}: not UTF-8 (byte 0x{error.object[error.start]:02x} at column "
                    f"{error.start + 1}); save the file as UTF-8"
                ) from None


def _called(path: Path, kind: str) -> str:
    if kind == "UTF-16":
        return "not UTF-8 but UTF-16; save the file as UTF-8"
    endings = {"gzip": ".gz", "bzip2": ".bz2", "xz": ".xz"}
    advice = (
        f"name it {shown(path.name)}{endings[kind]}" if kind in endings else "name it as what it is, or save it as CSV"
    )
    return f"expected text, but the file is {kind}; {advice}"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; Python would keep the last of equal keys."""
    out = dict(pairs)
    if len(out) < len(pairs):
        twice = next(name for name, n in Counter(name for name, _ in pairs).items() if n > 1)
        raise ValueError(f"the key {cut(twice)} is there twice")
    return out


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        raise DataError(f"{where}: broken JSON ({error.msg} at {line}column {error.colno})") from None
    except RecursionError:
        raise DataError(f"{where}: broken JSON (nested too deeply)") from None
    except ValueError as error:  # a number of thousands of digits, equal keys
        raise DataError(f"{where}: broken JSON ({str(error).partition(';')[0]})") from None


def _objects(path: Path) -> Rows:
    """Lines, or one array of objects, whose items are counted."""
    lines = _lines(path)
    for number, line in lines:
        if not line.strip():
            continue
        if line.lstrip().startswith("[") and ".json" in path.name.lower().split(".jsonl")[0]:
            items = _json(line + "".join(text for _, text in lines), shown(path))
            yield from ((i, _object(path, i, found)) for i, found in enumerate(items, 1))
            return
        yield number, _object(path, number, _json(line.rstrip(), f"{shown(path)}, line {number}"))


def _object(path: Path, number: int, found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise DataError(f"{shown(path)}, line {number}: expected a JSON object, got {type(found).__name__}")
    return found


def _table(delimiter: str) -> Callable[[Path], Rows]:
    def read(path: Path) -> Rows:
        # Not strict, csv would drop quotation marks and join rows where a text begins with a mark that is not closed.
        reader = csv.reader((line for _, line in _lines(path)), delimiter=delimiter, strict=True)
        first = 1  # a quoted text may span lines; a row is known by its first
        try:
            header = next(reader, [])
            _different(header, f"{shown(path)}, line 1")
            first = reader.line_num + 1
            for values in reader:
                if values and len(values) != len(header):
                    more = "more" if len(values) > len(header) else "fewer"
                    raise DataError(
                        f"{shown(path)}, line {first}: {more} fields ({len(values)}) than the header has ({len(header)})"
                    )
                if values == header:  # of a second file behind the first: it would be a row, of a class of its own
                    raise DataError(f"{shown(path)}, line {first}: the header is there again; take this line out")
                if values:
                    yield first, dict(zip(header, values, strict=True))
                first = reader.line_num + 1
        except csv.Error as error:
            reason = str(error).replace("\t", "tab")
            raise DataError(
                f"{shown(path)}, line {first}: broken quoting or line end ({reason}); a text with a quotation mark, "
                "delimiter or line break stands between quotation marks, with inner ones doubled"
            ) from None

    return read


def _different(header: list[str], where: str) -> None:
    """Of two columns with one name, the last would be read."""
    if twice := [name for name, n in Counter(header).items() if n > 1 and name]:
        raise DataError(f"{where}: the column {cut(twice[0])} is there twice; keep one of them")


def _arrow(kind: str) -> Callable[[Path], Rows]:
    def read(path: Path) -> Rows:
        try:
            import pyarrow
            import pyarrow.parquet as parquet
        except ImportError:
            raise DataError(f"{shown(path)}: reading {kind} needs pyarrow: pip install pyarrow") from None
        try:
            # Of an open file: of a path, names of folders would become columns.
            with path.open("rb") as file:
                table = (
                    parquet.ParquetFile(file).read() if kind == "Parquet" else pyarrow.ipc.open_stream(file).read_all()
                )
            table.validate(full=True)  # a broken offset would take the process down
            _different(table.column_names, shown(path))
            classes = _class_names(table.schema.metadata or {})
            rows = table.to_pylist()
        except DataError:
            raise
        except Exception as error:  # pyarrow raises its own classes for broken files
            reason = shown(" ".join(str(error).split()))[:200]
            raise DataError(f"{shown(path)}: not a readable {kind} file ({reason})") from None
        for number, row in enumerate(rows, 1):
            for column, names in classes.items():
                if isinstance(i := row.get(column), int):
                    if not 0 <= i < len(names):
                        hidden = " (a hidden label; leave this part out)" if i == -1 else ""
                        raise DataError(
                            f"{shown(path)}, line {number}: {i} is none of the {len(names)} classes of {column!r}{hidden}"
                        )
                    row[column] = names[i]
            yield number, row

    return read


def _class_names(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """Column -> names of its classes, as ``datasets`` keeps them in a schema."""
    features = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    return {
        name: of["names"] for name, of in features.items() if isinstance(of, dict) and of.get("_type") == "ClassLabel"
    }


READERS: dict[str, Callable[[Path], Rows]] = {
    ".jsonl": _objects,
    ".json": _objects,
    ".csv": _table(","),
    ".tsv": _table("\t"),
    ".parquet": _arrow("Parquet"),
    ".arrow": _arrow("Arrow"),
}

"""Which files of a folder are a data set's parts, and their rows.

A part is a file ``train``, ``validation`` or ``test`` of a known format, or its shards (``test-00000-of-00002.parquet``); so they
may lie in one folder below, as in a repository of the hub. Folders that ``datasets`` has saved are read too. Whatever else
looks like data is refused by name: unread, it would be missed by nobody, and a part would be cut off the training rows.

Columns: ``text`` and ``label``, or two texts (``PAIRS``) and ``label``, or what ``wishes`` says; others are ignored. Labels are
names; numbers become their decimal text.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..wording import cut, shown
from .data import DataError
from .formats import READERS, fields

PARTS = ("train", "validation", "test")
FORMATS = tuple(ending[1:] for ending in READERS if ending != ".arrow")
#: What others call a part. "eval" is one for some and another for others.
OTHER_NAMES = {"training": "train", "testing": "test"} | dict.fromkeys(
    ("dev", "development", "valid", "val"), "validation"
)
#: What the columns of a pair may be called. The first are ours, and win over a column ``text``.
PAIRS = (
    ("text_a", "text_b"),
    ("text", "text_b"),
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question", "sentence"),
)
_PART = re.compile(
    r"(?P<part>[^.]+?)(-(?P<shard>\d{5})-of-(?P<of>\d{5})(-[0-9a-f]{16})?)?"
    r"\.((jsonl?|csv|tsv)(\.(gz|bz2|xz))?|parquet)"
)
_HARMLESS = re.compile(
    r"(readme|licen[cs]e|citation|copying|notice|changelog).*|.*[.](md|py|ipynb|bib|pdf)|dataset[.]toml|"
    r"dataset_(infos?|dict)[.]json|state[.]json|cache-[0-9a-f]+.*[.]arrow",  # the last: of a data set that was used
    re.I | re.S,
)
_SHEETS = ("xlsx", "xls", "xlsm", "ods")
_PACKED = ("zip", "tar", "tgz", "7z", "rar", "gz", "bz2", "xz", "zst", "lz4")
_DATA = (
    *FORMATS,
    *_SHEETS,
    *_PACKED,
    "ndjson",
    "arrow",
    "feather",
    "pickle",
    "pkl",
    "npy",
    "npz",
    "h5",
    "hdf5",
    "orc",
    "avro",
)
_DATA = (*_DATA, "sqlite", "sqlite3", "conll", "conllu", "rds", "sav", "dta")
_LIKE_DATA = re.compile(
    rf".*[.]({'|'.join(_DATA)})|(train(ing)?|test(ing)?|dev(elopment)?|val(id(ation)?)?|eval(uation)?)(?![a-z]).*",
    re.I | re.S,
)


class Row(NamedTuple):
    """One row of a source, before labels are numbered."""

    text: str  # the text, or the first of a pair
    second: str | None
    label: str
    place: tuple[str | Path, int]  # file (or hub part) and line or row, for complaints


def parts(folder: Path, known: Collection[str] = PARTS) -> dict[str, list[Path]]:
    """Part -> its files, in the order of their shards; {} if there is no folder, or nothing in it that looks like data.

    Args:
        known: names of parts.

    Raises:
        DataError: a file or folder that looks like data and is not read; two files of one part; a shard that is missing.
    """
    try:
        found = _saved(folder) or _loose(folder)
    except OSError as error:
        raise DataError(f"{shown(folder)}: cannot be read ({error.strerror})") from None
    out: dict[str, list[Path]] = {}
    for name, files in found.items():
        part = name if name in known else OTHER_NAMES.get(name, name)
        if part not in known:
            raise _unread(files[0])
        if part in out:
            both = " and ".join(shown(p.relative_to(folder)) for p in (out[part][0], files[0]))
            raise DataError(f"{shown(folder)}: {both} are both there for the part {part}; keep one of them")
        out[part] = files
    return {part: out[part] for part in sorted(out, key=[*known].index)}


def _saved(folder: Path) -> dict[str, list[Path]]:
    """What ``save_to_disk`` of ``datasets`` has written: a folder per part, or one part, which trains."""
    parts = {"train": folder} if all((folder / f).is_file() for f in ("state.json", "dataset_info.json")) else {}
    if (index := folder / "dataset_dict.json").is_file():
        try:
            parts = {str(name): folder / str(name) for name in json.loads(index.read_text("utf-8"))["splits"]}
        except (ValueError, KeyError, TypeError):
            raise DataError(f"{shown(index)}: not as datasets writes it; save the data set again") from None
    out = {}
    for name, place in parts.items():
        try:
            files = [
                place / of["filename"] for of in json.loads((place / "state.json").read_text("utf-8"))["_data_files"]
            ]
        except (OSError, ValueError, KeyError, TypeError):
            raise DataError(f"{shown(place)}: no state.json as datasets writes it; save the data set again") from None
        if missing := [p for p in files if not p.is_file()] or ([] if files else [place / "data-00000-of-00001.arrow"]):
            raise DataError(f"{shown(missing[0])}: the file is missing; save the data set again")
        out[name.lower()] = files
        _nothing_else(place, {*files})
    if index.is_file():
        _nothing_else(folder, {*parts.values()})
    return out


def _loose(folder: Path) -> dict[str, list[Path]]:
    """Name -> files, of what lies in a folder, or in the only one below it that has data."""
    if not folder.is_dir():
        return {}
    entries = _entries(folder)
    if not [p for p in entries if not p.is_dir()] and len(entries) == 1:
        folder, entries = entries[0], _entries(entries[0])
    shards: dict[str, dict[tuple[int, int], Path]] = {}
    for path in entries:
        fits = _PART.fullmatch(path.name.lower())
        if path.is_dir() or not path.is_file() or not fits:
            raise _unread(path)
        at = (int(fits["shard"] or 0), int(fits["of"] or 1))
        other = shards.setdefault(fits["part"], {}).setdefault(at, path)
        if other != path:
            raise DataError(
                f"{shown(folder)}: {shown(other.name)} and {shown(path.name)} are both there; keep one of them"
            )
    for name, files in shards.items():
        numbers, of = sorted(i for i, _ in files), {n for _, n in files}
        if len(of) > 1:
            both = " and ".join(shown(p.name) for p in [*files.values()][:2])
            raise DataError(f"{shown(folder)}: {both} are both there; keep one set of files of {name}")
        if missing := sorted({*range(max(of))} - {*numbers}):
            raise DataError(f"{shown(folder)}: of the {max(of)} files of {name}, number {missing[0]} is missing")
        if numbers[-1] >= max(of):
            raise DataError(
                f"{shown(folder)}: {name} has more files than the {max(of)} of their names; keep one set of them"
            )
    return {name: [files[at] for at in sorted(files)] for name, files in shards.items()}


def _entries(folder: Path) -> list[Path]:
    """What looks like data in a folder: files (also broken links), and folders with such files below."""
    visible = (p for p in sorted(folder.iterdir()) if not p.name.startswith("."))
    return [p for p in visible if (_below(p) if p.is_dir() else _is_like_data(p.name))]


def _below(folder: Path) -> bool:
    """Whether a folder is called as a part or a file of data, or has such a file in it."""
    files = (name for _, _, names in os.walk(folder) for name in names)
    return bool(_LIKE_DATA.fullmatch(folder.name)) or any(map(_is_like_data, files))


def _is_like_data(name: str) -> bool:
    return bool(_LIKE_DATA.fullmatch(name)) and not _HARMLESS.fullmatch(name) and not name.startswith(".")


def _nothing_else(folder: Path, read: Collection[Path]) -> None:
    for path in _entries(folder):
        if path not in read:
            raise _unread(path)


def _unread(path: Path) -> DataError:
    ending, name = path.suffix[1:].lower(), path.name.lower()
    stem = re.split(r"[.-]", name)[0]
    if path.is_dir():
        advice = "a folder; its files are read where they are the only ones of the data set; move it elsewhere"
    elif not path.is_file():
        advice = "no file (a broken link?); remove it"
    elif stem in ("eval", "evaluation"):
        advice = f"{stem} may be validation or test; rename it"
    elif ending in _SHEETS:
        advice = "save it as CSV"
    elif ending in _PACKED and not _PART.fullmatch(name):
        advice = "unpack it"
    else:
        advice = (
            f"parts are train, validation and test, as {'|'.join(FORMATS)}; rename or convert it, or move it elsewhere"
        )
    return DataError(f"{shown(path)}: not read as a part of the data set: {advice}")


def names(root: Path) -> list[str]:
    """Folders below ``root`` in which something looks like data, readable or not."""
    return sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith(".") and _any(p))


def _any(folder: Path) -> bool:
    try:
        return (folder / "state.json").is_file() or bool(_entries(folder))
    except OSError:
        return True  # not readable: whoever asks is told so


def read(path: Path, columns: Mapping[str, str] | None = None) -> list[Row]:
    """All rows of one file.

    Args:
        columns: our column -> the file's, where it has another name.

    Raises:
        DataError: as ``formats.fields`` and ``make_row``, or no rows; with file and line.
    """
    rows = [make_row(path, line, found, columns) for line, found in fields(path)]
    if not rows:
        raise DataError(f"{shown(path)}: there are no rows in the file")
    return rows


def make_row(
    path: Path | str, line: int, fields: dict, columns: Mapping[str, str] | None = None, labelled: bool = True
) -> Row:
    """A row with sound texts and label; ``path`` and ``line`` say where it stands, ``columns`` as in ``read``.

    ``labelled``: whether there must be a label; if not, it is "" where it is missing.

    Raises:
        DataError: a column without a value, a value of another type, half of a character pair, or a NUL.
    """
    columns = columns or {}
    wanted = (*_texts(fields, columns), columns.get("label", "label"))
    last = len(wanted) - 1
    values = [fields.get(name) for name in wanted]
    label = values[last]
    if type(label) in (int, float) and math.isfinite(label):
        values[last] = label = str(label)
    for i, (name, value) in enumerate(zip(wanted, values, strict=True)):
        if type(value) is str and value.isprintable() and (i < last or value.strip()):
            continue  # nearly all
        where = f"{shown(path)}, line {line}"
        if value is None or value != value or (i == last and type(value) is str and not value.strip()):
            if i == last and not labelled:
                label = ""
                continue
            raise DataError(f"{where}: no value for {cut(name)}; {_expected(path, fields, columns)}")
        if not isinstance(value, str):
            kind = "a name or a number (one label a row)" if i == last else "text"
            raise DataError(f"{where}: {cut(name)} must be {kind}, not {type(value).__name__} ({cut(value)})")
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise DataError(f"{where}: {cut(name)} holds half of a character pair (\\ud800 to \\udfff)")
        if "\0" in value:
            raise DataError(f"{where}: {cut(name)} holds a NUL character (\\0); is the file UTF-8 text?")
    return Row(values[0], values[1] if last == 2 else None, label, (path, line))


def _expected(path: Path | str, fields: dict, columns: Mapping[str, str]) -> str:
    have = ", ".join(shown(k or "''") for k in fields)
    have = f"the row has {have if len(have) <= 200 else have[:200] + '…'}" if have else "the row has nothing"
    if tables := {".csv", ".tsv"} & {ending.lower() for ending in Path(path).suffixes}:
        if other := next((mark for mark in ";\t|," if len(fields) == 1 and mark in next(iter(fields))), None):
            return f"{have}; expected {'commas' if '.csv' in tables else 'tabs'} between columns, not {other!r}"
        have += " by the first line, which is the header"
    if columns:
        return f"{have}; asked for are the columns {', '.join(f'{k}={v}' for k, v in columns.items())}"
    ours = "expected text and label, or text_a, text_b and label"
    return f"{have}; {ours}; --columns text=NAME,label=NAME reads other names"


def _texts(fields: dict[str, Any], columns: Mapping[str, str]) -> tuple[str, ...]:
    """The columns of a row's texts: those asked for, of a pair where both are there, or one of ours is."""
    if asked := tuple(columns[name] for name in ("text", "text_a", "text_b") if name in columns):
        return (
            asked if "text_b" not in columns or len(asked) == 2 else ("text" if "text" in fields else "text_a", *asked)
        )
    if "text_a" not in fields and "text" in fields:
        return ("text", "text_b") if "text_b" in fields else ("text",)
    ours = PAIRS[0] if {*PAIRS[0]} & {*fields} else ("text",)
    return next((pair for pair in PAIRS if {*pair} <= {*fields}), ours)

"""What users say of their own data: ``dataset.toml`` beside the files, ``--columns`` and ``--labels`` for all of a call.

The command line's word goes to workers and notebooks in ``MIXUTILS_COLUMNS`` and ``MIXUTILS_LABELS``, and before the file's.
"""

from __future__ import annotations

import os
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from .. import paths
from ..wording import cut, shown
from .data import DataError
from .splits import policy_name

FILE = "dataset.toml"
METRICS = ("accuracy", "f1_micro", "f1_macro", "f1_weighted", "f1_binary")
OURS = ("text", "text_a", "text_b", "label")
#: Blanks and characters without width, as they stand around what was copied.
_AROUND = re.compile(r"^[\s\u200b-\u200f\u2060\ufeff]+|[\s\u200b-\u200f\u2060\ufeff]+$")


def _number(label: str) -> str:
    """ "1", "01", "+1" and "1.0" as "1"."""
    if not re.fullmatch(r"[+-]?[0-9]{1,30}(\.[0-9]{0,30})?", label):
        return label
    plain = f"{Decimal(label):f}"
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


#: What makes labels alike, in the order in which it is done.
NORMALISERS: dict[str, Callable[[str], str]] = {
    "nfc": lambda label: unicodedata.normalize("NFC", label),
    "nfkc": lambda label: unicodedata.normalize("NFKC", label),
    "strip": lambda label: _AROUND.sub("", label),
    "casefold": lambda label: unicodedata.normalize("NFC", label.casefold()),
    "number": _number,
}


def normal(label: str, how: Iterable[str] = tuple(NORMALISERS)) -> str:
    """A label after some, or all, of ``NORMALISERS``."""
    for name in NORMALISERS:
        if name in how:
            label = NORMALISERS[name](label)
    return label


def joining(one: str, other: str) -> list[str]:
    """The fewest of ``NORMALISERS`` that make two labels alike; [] if not even all do."""
    if normal(one) != normal(other):
        return []
    needed = list(NORMALISERS)
    for name in ("nfkc", "casefold", "number", "strip", "nfc"):
        fewer = [n for n in needed if n != name]
        needed = fewer if normal(one, fewer) == normal(other, fewer) else needed
    return needed


@dataclass(frozen=True)
class Wishes:
    """How a folder is read, and what holds for its task.

    Attributes:
        columns: our column -> the file's; those left out have their usual names. labels: names of ``NORMALISERS``.
        policy: split policy where a paper leaves it open. language: of the texts. positive: the class whose F1 is binary F1.
        metric: one of ``METRICS``, which tables and figures show; "" leaves it to the paper.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    policy: str = "auto"
    language: str = "English"
    positive: str = ""
    metric: str = ""


USUAL = Wishes()


def columns(text: str) -> dict[str, str]:
    """ "text=review,label=stars" as a table.

    Raises:
        DataError: anything else.
    """
    pieces = [piece.partition("=") for piece in text.split(",") if piece.strip()]
    if bad := [name for name, sign, column in pieces if not (sign and column.strip())]:
        raise DataError(f"--columns takes OURS=THEIRS[,OURS=THEIRS], as text=review,label=stars; no = in {cut(bad[0])}")
    names = [name.strip() for name, _, _ in pieces]
    if len({*names}) < len(names):
        raise DataError(f"--columns names a column twice: {cut(text)}")
    return _columns({name: column.strip() for name, (_, _, column) in zip(names, pieces, strict=True)}, "--columns")


def _columns(given: Mapping[str, Any], where: str) -> dict[str, str]:
    if unknown := [name for name in given if name not in OURS]:
        raise DataError(f"{where}: no column of ours is called {cut(unknown[0])}; there are {', '.join(OURS)}")
    if bad := [name for name, column in given.items() if not isinstance(column, str) or not column]:
        raise DataError(f"{where}: {bad[0]} must be the name of a column, not {cut(given[bad[0]])}")
    if {"text", "text_a"} <= {*given} or ("text_a" in given and "text_b" not in given):
        raise DataError(f"{where}: one text is text, a pair is text_a and text_b; given are {', '.join(given)}")
    if len({*given.values()}) < len(given):
        raise DataError(f"{where}: two columns of ours cannot be the same column of the file: {cut(dict(given))}")
    return dict(given)


def labels(given: Iterable[str], where: str) -> tuple[str, ...]:
    """Names of ``NORMALISERS``; a DataError that lists them otherwise."""
    names = tuple(name.strip() for name in given)
    if unknown := [name for name in names if name not in NORMALISERS]:
        raise DataError(f"{where}: nothing makes labels alike by {cut(unknown[0])}; there are {', '.join(NORMALISERS)}")
    return names


def of_call() -> dict[str, Any]:
    """What ``--columns`` and ``--labels`` say; a DataError where they are wrong."""
    said = {name: os.environ.get(f"MIXUTILS_{name.upper()}", "") for name in ("columns", "labels")}
    out: dict[str, Any] = {"columns": columns(said["columns"])} if said["columns"].strip() else {}
    return out | ({"labels": labels(said["labels"].split(","), "--labels")} if said["labels"].strip() else {})


def of_folder(folder: Path, own: bool = True) -> Wishes:
    """What holds for a folder.

    Args:
        own: false for a data set of the catalogue: of that the call says nothing.

    Raises:
        DataError: a broken file, an unknown key, or a value that is none.
    """
    path, said = folder / FILE, of_call() if own else {}
    if not path.is_file():
        return Wishes(**said)
    where = shown(path)
    try:
        given = paths.toml(path.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError, OSError) as error:
        raise DataError(f"{where}: not readable as TOML ({shown(' '.join(str(error).split()))[:200]})") from None
    if not own and (fixed := {"policy", "language", "positive", "metric"} & {*given}):
        raise DataError(
            f"{where}: {', '.join(sorted(fixed))} of a data set of the catalogue cannot be changed; take it out"
        )
    known = list(Wishes.__dataclass_fields__)
    if unknown := [key for key in given if key not in known]:
        raise DataError(f"{where}: there is no key {cut(unknown[0])}; there are {', '.join(known)}")
    for key, value in given.items():
        kind, words = {"columns": (dict, "a table"), "labels": (tuple, "a list of names")}.get(key, (str, "text"))
        if not isinstance(value, kind) or (kind is tuple and not all(isinstance(v, str) for v in value)):
            raise DataError(f"{where}: {key} must be {words}, not {cut(value)}")
    out = given | ({"columns": _columns(given["columns"], where)} if "columns" in given else {})
    out |= {"labels": labels(given["labels"], where)} if "labels" in given else {}
    if (metric := out.get("metric", METRICS[0])) not in METRICS:
        raise DataError(f"{where}: metric must be one of {', '.join(METRICS)}, not {cut(metric)}")
    try:
        policy_name(out.get("policy", "auto"))
    except ValueError as error:
        raise DataError(f"{where}: {error}") from None
    return Wishes(**out | said)

"""What a record is: its fields, their types and ranges (``record.toml``), and what must agree in it.

Checked wherever a record enters. Where fields are there that may be missing, they are checked.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any

from .. import paths
from .run import Run

Record = dict[str, Any]


class RecordError(ValueError):
    """Something that is no record, or a record that is not as it must be.

    Attributes:
        where: file and line. field: path of the field, as "selected.last.metrics.test.accuracy"; "" for the whole.
    """

    def __init__(self, where: str, field: str, problem: str) -> None:
        super().__init__(f"{where}: {field} {problem}" if field else f"{where}: {problem}")
        self.where, self.field = where, field


def check(record: Any, where: str, advice: str = "") -> Record:
    """The record itself, if it is one.

    Args:
        record: parsed JSON. where: file and line, for the message. advice: what to do about a wrong one.

    Raises:
        RecordError: names the first field that is wrong. The hash must be that of the configuration. In a done record all
            numbers must be finite (only losses and what mixers log may be null, where a training diverged) and shares in
            [0, 1], and sizes, histograms, accuracies, bits and confusion counts must agree.
    """
    try:
        if not isinstance(record, dict) or not {"hash", "status", "run"} <= set(record):
            raise _Wrong("not a record (a record has hash, status and run)")
        _walk(record, "every")
        _walk(record, record["status"])
        run = _configuration(record)
        if record["status"] == "done":
            _agree(record, run)
    except RecursionError:
        raise RecordError(where, "", "is nested too deeply") from None
    except _Wrong as wrong:
        problem = f"{wrong.problem}; {advice}" if advice else wrong.problem
        raise RecordError(where, _join(wrong.path), problem) from None
    return record


def generation(record: Record) -> int:
    """The generation of the code that made a record (see ``generations``); 1 where it does not say."""
    return record.get("generation", 1)


def precision_word(record: Record) -> str:
    """What a done record was computed in: "bfloat16", "float32-highest" or "float32-medium".

    Records with different words are not compared. The word is "float32" where the record does not say by which kernel.
    """
    precision, kernel = record["environment"]["precision"], record["environment"].get("matmul")
    return f"float32-{kernel}" if precision == "float32" and kernel else precision


class _Wrong(Exception):
    """A field that is wrong, by its path."""

    def __init__(self, problem: str, *path: str | int) -> None:
        super().__init__(problem)
        self.problem, self.path = problem, path


def _must_be(expected: str, came: Any, *path: str | int) -> _Wrong:
    return _Wrong(f"must be {expected}, not {reprlib.repr(came)}", *path)


def _join(path: tuple[str | int, ...]) -> str:
    """As one reads it: names with dots, items in brackets; names that are no words in quotes."""
    steps = (
        f"[{p}]" if isinstance(p, int) else f".{p}" if re.fullmatch(r"[\w-]{1,40}", p) else f".{reprlib.repr(p)}"
        for p in path
    )
    return "".join(steps).removeprefix(".")


_SHAPES: dict[str, Any] = paths.facts("runs/record")


def _walk(value: Any, shape: Any, *path: str | int) -> None:
    """Whether a value has a shape of ``record.toml``."""
    if isinstance(shape, str):
        kind = shape.removesuffix(", or null")
        if value is None and kind != shape:
            return
        if kind in _SHAPES:
            _walk(value, _SHAPES[kind], *path)
        elif not _test(kind)(value):
            raise _must_be(shape, value, *path)
    elif isinstance(shape, tuple):
        item, *least = shape
        if type(value) is not list or (least and not value):
            raise _must_be(" of ".join(("a list", *least)), value, *path)
        for i, one in enumerate(value):
            _walk(one, item, *path, i)
    else:
        if type(value) is not dict:
            raise _must_be("an object", value, *path)
        for name in shape:
            if name not in value and name != "*" and not name.endswith("?"):
                raise _Wrong("is missing", *path, name)
        known = {name.removesuffix("?"): inner for name, inner in shape.items() if name != "*"}
        for name, one in value.items():
            if (inner := known.get(name, shape.get("*"))) is not None:
                _walk(one, inner, *path, name)


def _is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def _is_text(value: Any) -> bool:
    """Half a surrogate pair can be written in JSON, and then into no file."""
    return type(value) is str and (value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value))


def _is_option(value: Any) -> bool:
    if type(value) is list:
        return all(map(_is_option, value))
    return value is None or type(value) is bool or _is_number(value) or _is_text(value)


def _is_date(value: Any) -> bool:
    try:
        return type(value) is str and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _fitting(pattern: str) -> Callable[[Any], bool]:
    return lambda v: type(v) is str and re.fullmatch(pattern, v) is not None


_TESTS: dict[str, Callable[[Any], bool]] = {
    "text": _is_text,
    "true or false": lambda v: type(v) is bool,
    "a number from 0 to 1": lambda v: type(v) in (float, int) and 0 <= v <= 1,
    "a number of at least 0": lambda v: _is_number(v) and v >= 0,
    "a finite number": _is_number,
    "a finite number or text": lambda v: _is_number(v) or _is_text(v),
    "two finite numbers": lambda v: type(v) is list and len(v) == 2 and all(map(_is_number, v)),
    "a whole number": lambda v: type(v) is int,
    "a whole number of at least 0": lambda v: type(v) is int and v >= 0,
    "a whole number of at least 1": lambda v: type(v) is int and v >= 1,
    "a name and its value": lambda v: type(v) is list and len(v) == 2 and _is_text(v[0]) and _is_option(v[1]),
    "16 hex digits": _fitting(r"[0-9a-f]{16}"),
    'a commit, with "+" where files were changed, or ""': _fitting(r"([0-9a-f]{7,40}\+?)?"),
    "a date as 2026-01-31": _is_date,
}


@cache
def _test(words: str) -> Callable[[Any], bool]:
    """The test of what ``record.toml`` says in words; "a or b" are two words, one of which it must be."""
    return _TESTS.get(words) or (lambda v: type(v) is str and v in words.split(" or "))


def _configuration(record: Record) -> Run:
    """The run of a record; its hash must be the record's."""
    try:
        run = Run.from_dict(record["run"])
    except (TypeError, ValueError) as error:
        raise _Wrong(f"is no configuration of this version: {str(error)[:200]}", "run") from None
    if run.hash != record["hash"]:
        problem = f"{record['hash']} does not belong to its configuration, which is {run.hash} (another version?)"
        raise _Wrong(problem, "hash")
    return run


def _agree(record: Record, run: Run) -> None:
    """What must agree between the fields of a done record."""
    data = record["data"]
    sizes, classes = data["sizes"], len(data["labels"])
    for name in ("histogram", "rows"):
        for part in data.get(name, {}):
            _known_part(part, sizes, "data", name, part)
    for part, counts in data.get("histogram", {}).items():
        if len(counts) != classes or sum(counts) != sizes[part]:
            expected = f"{classes} counts with the sum {sizes[part]}"
            raise _must_be(expected, counts, "data", "histogram", part)
    steps = [point["step"] for point in record["curve"]]
    if steps != sorted(set(steps)):
        raise _must_be("evaluations in the order of their steps", steps, "curve")
    for i, point in enumerate(record["curve"]):
        _check_parts(point["metrics"], run.evaluate, sizes, "curve", i, "metrics")
    for policy, selected in record["selected"].items():
        way = ("selected", policy, "metrics")
        if selected["step"] not in steps:
            raise _must_be("a step of the curve", selected["step"], "selected", policy, "step")
        wanted = run.evaluate + (run.final if policy == run.final_policy else ())
        _check_parts(selected["metrics"], wanted, sizes, *way)
        for part, metrics in selected["metrics"].items():
            _check_details(metrics, sizes[part], data, part, *way, part)
    if run.final and run.final_policy not in record["selected"]:
        raise _Wrong("is missing", "selected", run.final_policy)
    if unknown := set(record.get("probes", {})) - set(run.probes):
        raise _must_be(f"of {', '.join(run.probes) or 'none'}", sorted(unknown), "probes")


def _known_part(part: str, sizes: dict[str, int], *path: str | int) -> None:
    if part not in sizes:
        raise _Wrong(f"is of a part that data.sizes does not have ({', '.join(sizes)})", *path)


def _check_parts(metrics: Record, wanted: tuple[str, ...], sizes: dict[str, int], *path: str | int) -> None:
    for part in metrics:
        _known_part(part, sizes, *path, part)
    for part in wanted:
        if part not in metrics:
            raise _Wrong("is missing", *path, part)
    if not metrics:
        raise _must_be("of at least one part", metrics, *path)


def _check_details(metrics: Record, n: int, data: Record, part: str, *path: str | int) -> None:
    """Bits and counts of one part with n rows, against its accuracy."""
    classes, accuracy = len(data["labels"]), metrics["accuracy"]
    if "f1_per_class" in metrics and len(metrics["f1_per_class"]) != classes:
        raise _must_be(f"{classes} numbers, one per class", metrics["f1_per_class"], *path, "f1_per_class")
    right: dict[str, int] = {}
    if "bits" in metrics:
        digits = 2 * -(-n // 8)
        if not re.fullmatch(rf"[0-9a-f]{{{digits}}}", metrics["bits"]):
            raise _must_be(f"{digits} hex digits, a bit for each of {n} rows", metrics["bits"], *path, "bits")
        bits = int(metrics["bits"], 16)
        if bits % (1 << 4 * digits - n):
            raise _must_be(f"zeros after {n} rows", metrics["bits"], *path, "bits")
        right["bits"] = bits.bit_count()
    if "confusion" in metrics:
        counts = metrics["confusion"]
        if [len(row) for row in counts] != [classes] * classes or sum(map(sum, counts)) != n:
            raise _must_be(f"{classes} rows of {classes} counts with the sum {n}", counts, *path, "confusion")
        histogram = data.get("histogram", {}).get(part)
        if histogram is not None and [sum(row) for row in counts] != histogram:
            raise _must_be(f"rows with the sums {histogram} of data.histogram", counts, *path, "confusion")
        right["confusion"] = sum(row[i] for i, row in enumerate(counts))
    for name, count in right.items():
        if abs(count / n - accuracy) > 1e-8:  # records keep nine digits
            raise _Wrong(f"has {count} of {n} rows right, but accuracy is {accuracy}", *path, name)

"""What a record is: its fields, their types and ranges (``record.toml``), and what must agree in it.

Checked wherever a record enters. Where fields are there that may be missing, they are checked.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from functools import cache
from typing import Any

from .. import paths
from ..mixers import build
from ..wording import counted
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
        problem, *path = wrong.args
        raise RecordError(where, _join(path), f"{problem}; {advice}" if advice else problem) from None
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


def place_of(record: Record) -> str:
    """Where a done record was made: "AMD EPYC in float32-highest"."""
    return f"{record['environment']['device']} in {precision_word(record)}"


def made_on(records: Iterable[Record]) -> str:
    """Where done records were made: "Intel Xeon in bfloat16 (20 runs), AMD EPYC in float32-highest (5 runs)"; "" for none."""
    places = Counter(map(place_of, records))
    return ", ".join(f"{place} ({counted(n, 'run')})" for place, n in places.most_common())


class _Wrong(Exception):
    """A problem, and the path of the field that has it."""


def _must(holds: Any, be: str, came: Any, *path: str | int) -> None:
    if not holds:
        raise _Wrong(f"must be {be}, not {reprlib.repr(came)}", *path)


def _join(path: list[str | int]) -> str:
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
        else:
            _must(_test(kind)(value), shape, value, *path)
    elif isinstance(shape, tuple):
        item, *least = shape
        _must(type(value) is list and (value or not least), " of ".join(("a list", *least)), value, *path)
        for i, one in enumerate(value):
            _walk(one, item, *path, i)
    else:
        _must(type(value) is dict, "an object", value, *path)
        for name in shape:
            if name not in value and name != "*" and not name.endswith("?"):
                raise _Wrong("is missing", *path, name)
        known = {name.removesuffix("?"): inner for name, inner in shape.items() if name != "*"}
        for name, one in value.items():
            if (inner := known.get(name, shape.get("*"))) is not None:
                _walk(one, inner, *path, name)


def _is_number(value: Any) -> bool:
    return _is_whole(value) or (type(value) is float and math.isfinite(value))


def _is_whole(value: Any, least: float = -math.inf) -> bool:
    """As NumPy and pandas can hold it."""
    return type(value) is int and least <= value and value.bit_length() < 64


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
    "a whole number": _is_whole,
    "a whole number of at least 0": lambda v: _is_whole(v, 0),
    "a whole number of at least 1": lambda v: _is_whole(v, 1),
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
        of = run if record["status"] == "done" else None  # a run may have failed for just that
        while of is not None:
            build(of.method, **dict(of.options))
            of = of.start
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
    for name in filter(data.__contains__, ("histogram", "rows")):
        _check_parts(data[name], (), sizes, "data", name)
    for part, counts in data.get("histogram", {}).items():
        fits = len(counts) == classes and sum(counts) == sizes[part]
        _must(fits, f"{classes} counts with the sum {sizes[part]}", counts, "data", "histogram", part)
    steps = [point["step"] for point in record["curve"]]
    _must(steps == sorted(set(steps)), "evaluations in the order of their steps", steps, "curve")
    for i, point in enumerate(record["curve"]):
        _check_parts(point["metrics"], run.evaluate, sizes, "curve", i, "metrics")
    for policy, selected in record["selected"].items():
        way = ("selected", policy, "metrics")
        _must(selected["step"] in steps, "a step of the curve", selected["step"], "selected", policy, "step")
        wanted = run.evaluate + (run.final if policy == run.final_policy else ())
        _check_parts(selected["metrics"], wanted, sizes, *way)
        for part, metrics in selected["metrics"].items():
            _check_details(metrics, sizes[part], data, part, *way, part)
    if run.final and run.final_policy not in record["selected"]:
        raise _Wrong("is missing", "selected", run.final_policy)
    unknown = sorted(set(record.get("probes", {})) - set(run.probes))
    _must(not unknown, f"of {', '.join(run.probes) or 'none'}", unknown, "probes")


def _check_parts(found: Record, wanted: tuple[str, ...], sizes: dict[str, int], *path: str | int) -> None:
    """What is said of parts: of at least one, of those wanted, and of none that the data do not have."""
    for part in found:
        if part not in sizes:
            raise _Wrong(f"is of a part that data.sizes does not have ({', '.join(sizes)})", *path, part)
    for part in wanted:
        if part not in found:
            raise _Wrong("is missing", *path, part)
    _must(found, "of at least one part", found, *path)


def _check_details(metrics: Record, n: int, data: Record, part: str, *path: str | int) -> None:
    """Bits and counts of one part with n rows, against its accuracy."""
    classes, accuracy = len(data["labels"]), metrics["accuracy"]
    f1 = metrics.get("f1_per_class", data["labels"])
    _must(len(f1) == classes, f"{classes} numbers, one per class", f1, *path, "f1_per_class")
    right: dict[str, int] = {}
    if "bits" in metrics:
        bits, digits = metrics["bits"], 2 * -(-n // 8)
        hexadecimal = re.fullmatch(rf"[0-9a-f]{{{digits}}}", bits)
        _must(hexadecimal, f"{digits} hex digits, a bit for each of {n} rows", bits, *path, "bits")
        _must(int(bits, 16) % (1 << 4 * digits - n) == 0, f"zeros after {n} rows", bits, *path, "bits")
        right["bits"] = int(bits, 16).bit_count()
    if "confusion" in metrics:
        counts = metrics["confusion"]
        square = [len(row) for row in counts] == [classes] * classes and sum(map(sum, counts)) == n
        _must(square, f"{classes} rows of {classes} counts with the sum {n}", counts, *path, "confusion")
        sums = [sum(row) for row in counts]
        histogram = data.get("histogram", {}).get(part, sums)
        _must(sums == histogram, f"rows with the sums {histogram} of data.histogram", counts, *path, "confusion")
        right["confusion"] = sum(row[i] for i, row in enumerate(counts))
    for name, count in right.items():
        if abs(count / n - accuracy) > 1e-8:  # records keep nine digits
            raise _Wrong(f"has {count} of {n} rows right, but accuracy is {accuracy}", *path, name)

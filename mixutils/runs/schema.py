"""What a record is: its fields, their types and ranges, and what must agree in it. Checked wherever a record enters.

Fields that are younger than the first records (``generation``, ``commit``, ``data.subset``, ``data.rows``, ``bits``,
``confusion``) may be missing; where they are there, they are checked. Fields that are not known here are left alone.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import date
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from .run import Run
from ..training.loop import Recipe

Record = dict[str, Any]


class RecordError(ValueError):
    """Something that is no record, or a record that is not as it must be.

    Attributes:
        where: file and line. field: path of the field, as "selected.last.metrics.test.accuracy"; "" for the whole.
        problem: what was expected, and what came.
    """

    def __init__(self, where: str, field: str, problem: str) -> None:
        super().__init__(f"{where}: {field} {problem}" if field else f"{where}: {problem}")
        self.where, self.field, self.problem = where, field, problem

    def advise(self, what_to_do: str) -> RecordError:
        """The same error with what to do about it."""
        return RecordError(self.where, self.field, f"{self.problem}; {what_to_do}")


def check(record: Any, where: str) -> Record:
    """The record itself, if it is one.

    Args:
        record: parsed JSON. where: file and line, for the message.

    Raises:
        RecordError: names the first field that is wrong. The hash must be that of the configuration. In a done record all
            numbers must be finite (only losses and what mixers log may be null, where a training diverged) and shares in
            [0, 1], and sizes, histograms, accuracies, bits and confusion counts must agree.
    """
    if not isinstance(record, dict) or not {"hash", "status", "run"} <= set(record):
        raise RecordError(where, "", "not a record (a record has hash, status and run)")
    try:
        _walk(record, _EVERY)
        _walk(record, _DONE if record["status"] == "done" else _FAILED)
        run = _configuration(record)
        if record["status"] == "done":
            _agree(record, run)
    except _Wrong as wrong:
        raise RecordError(where, _join(wrong.path), wrong.problem) from None
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
    """A field that is wrong; whatever holds it puts its own name in front of the path."""

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


# A record is written down with three kinds of shape.


@dataclass(frozen=True)
class _Value:
    words: str  # what it is
    test: Callable[[Any], bool]


@dataclass(frozen=True)
class _List:
    item: _Shape
    least: int = 0


@dataclass(frozen=True)
class _Object:
    required: dict[str, _Shape] = field(default_factory=dict)
    optional: dict[str, _Shape] = field(default_factory=dict)
    others: _Shape | None = None  # of all other names, where names are data: parts, policies, packages


_Shape = _Value | _List | _Object


def _walk(value: Any, shape: _Shape) -> None:
    if isinstance(shape, _Value):
        if not shape.test(value):
            raise _must_be(shape.words, value)
    elif isinstance(shape, _List):
        if type(value) is not list or len(value) < shape.least:
            raise _must_be(f"a list of at least {shape.least}" if shape.least else "a list", value)
        for i, item in enumerate(value):
            _inside(i, item, shape.item)
    else:
        if type(value) is not dict:
            raise _must_be("an object", value)
        for name, inner in shape.required.items():
            if name not in value:
                raise _Wrong("is missing", name)
            _inside(name, value[name], inner)
        for name, inner in shape.optional.items():
            if name in value:
                _inside(name, value[name], inner)
        if shape.others is not None:
            for name in value:
                if name not in shape.required:
                    _inside(name, value[name], shape.others)


def _inside(name: str | int, value: Any, shape: _Shape) -> None:
    try:
        _walk(value, shape)
    except _Wrong as wrong:
        wrong.path = (name, *wrong.path)
        raise


def _is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def _is_text(value: Any) -> bool:
    """Half a surrogate pair can be written in JSON, and then into no file."""
    return type(value) is str and (value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value))


def _is_date(value: Any) -> bool:
    try:
        return type(value) is str and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _whole(least: int) -> _Value:
    return _Value(f"a whole number of at least {least}", lambda v: type(v) is int and v >= least)


def _pattern(words: str, pattern: str) -> _Value:
    fits = re.compile(pattern).fullmatch
    return _Value(words, lambda v: type(v) is str and fits(v) is not None)


def _one_of(*known: str) -> _Value:
    return _Value(" or ".join(known), lambda v: type(v) is str and v in known)


_TEXT = _Value("text", _is_text)
_SHARE = _Value("a number from 0 to 1", lambda v: type(v) in (float, int) and 0 <= v <= 1)
_AMOUNT = _Value("a finite number of at least 0", lambda v: _is_number(v) and v >= 0)
_LOSS = _Value("a number of at least 0, or null", lambda v: v is None or (_is_number(v) and v >= 0))
_LOGGED = _Value("a finite number or null", lambda v: v is None or _is_number(v))
_DIGEST = _pattern("16 hex digits", r"[0-9a-f]{16}")
_COMMIT = _pattern('a commit, with "+" where files were changed, or ""', r"([0-9a-f]{7,40}\+?)?")
_DATE = _Value("a date as 2026-01-31", _is_date)
_COUNTS = _List(_whole(0))

_METRICS: dict[str, _Shape] = {
    "accuracy": _SHARE,
    "f1_micro": _SHARE,
    "f1_macro": _SHARE,
    "f1_weighted": _SHARE,
    "loss": _LOSS,
}
_DETAILS: dict[str, _Shape] = {
    "f1_per_class": _List(_SHARE),
    "predicted_classes": _whole(1),
    "bits": _TEXT,
    "confusion": _List(_COUNTS),
}
_ENVIRONMENT = _Object(
    {
        "device": _TEXT,
        "device_type": _TEXT,
        "precision": _one_of("bfloat16", "float32"),
        "versions": _Object(others=_TEXT),
    },
    {
        "matmul": _one_of("highest", "high", "medium"),
        "threads": _whole(1),
        "attention": _TEXT,
        "python": _TEXT,
        "system": _TEXT,
    },
)
_DATA = _Object(
    {
        "source": _TEXT,
        "digest": _DIGEST,
        "labels": _List(_TEXT, least=1),
        "sizes": _Object({"train": _whole(1)}, others=_whole(1)),
        "full": _Object(others=_whole(0)),
        "mean_tokens": _AMOUNT,
        "notes": _List(_TEXT),
    },
    {
        "language": _TEXT,
        "vocabulary": _whole(1),
        "histogram": _Object(others=_COUNTS),
        "vectors": _Object({"source": _TEXT, "unknown": _SHARE}),
        "subset": _DIGEST,
        "rows": _Object(others=_DIGEST),
    },
)
_POINT = _Object(
    {"step": _whole(1), "train_loss": _LOSS, "metrics": _Object(others=_Object(_METRICS))},
    {"mixer": _Object(others=_LOGGED)},
)
_SELECTED = _Object({"step": _whole(1), "metrics": _Object(others=_Object(_METRICS, _DETAILS))})
_COST: dict[str, _Shape] = {
    **dict.fromkeys(("steps", "parameters", "mixer_parameters"), _whole(0)),
    **dict.fromkeys(("step_ms", "train_s", "eval_s", "total_s", "passes"), _AMOUNT),
}
_EVERY = _Object(
    {"hash": _DIGEST, "status": _one_of("done", "failed"), "run": _Object()},
    {"generation": _whole(1), "commit": _COMMIT},
)
_FAILED = _Object({"error": _TEXT}, {"traceback": _TEXT, "date": _DATE})
_DONE = _Object(
    {
        "environment": _ENVIRONMENT,
        "data": _DATA,
        "curve": _List(_POINT, least=1),
        "selected": _Object({"last": _SELECTED}, others=_SELECTED),
        "mixer": _Object(others=_LOGGED),
        "cost": _Object(_COST),
        "date": _DATE,
    },
    {"probes": _Object(others=_Object())},
)


def _configuration(record: Record) -> Run:
    """The run of a record; its hash must be the record's."""
    try:
        run = Run.from_dict(record["run"])
        _check_types(run, "run")
        name = run.hash
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise _Wrong(f"is no configuration of this version: {str(error)[:200]}", "run") from None
    if name != record["hash"]:
        problem = f"{record['hash']} does not belong to its configuration, which is {name} (another version?)"
        raise _Wrong(problem, "hash")
    return run


def _check_types(part: Run | Recipe, *path: str) -> None:
    """The fields of a configuration have the types that they are declared with."""
    for name, (hint, words) in _hints(type(part)).items():
        value = getattr(part, name)
        if isinstance(value, Run | Recipe):
            _check_types(value, *path, name)
        elif not _fits(value, hint):
            raise _must_be(words, value, *path, name)


@cache
def _hints(kind: type) -> dict[str, tuple[Any, str]]:
    """Field -> its type, and how that is written."""
    hints = get_type_hints(kind)
    return {f.name: (hints[f.name], str(f.type)) for f in fields(kind)}


def _fits(value: Any, hint: Any) -> bool:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, a) for a in args)
    if origin is tuple:
        wanted = [args[0]] * len(value) if args[-1] is Ellipsis else args
        return type(value) is tuple and len(value) == len(wanted) and all(map(_fits, value, wanted))
    if hint is Any:  # an option's value
        return value is None or type(value) in (bool, int) or _fits(value, float | str | tuple[Any, ...])
    if hint is float:
        return _is_number(value)
    return _is_text(value) if hint is str else type(value) is hint


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
    if set(record.get("probes", {})) != set(run.probes):
        raise _must_be(f"of {', '.join(run.probes) or 'none'}", sorted(record.get("probes", {})), "probes")


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

"""What is odd about data that can be trained on: said in the plan, and kept in the record."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from ..wording import counted
from .data import TaskData
from .splits import shared

FEW_ROWS, UNEVEN = 30, 20  # rows of a part that is evaluated; largest class over smallest
NUMBER, FRACTION = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?"), re.compile(r"[+-]?\d+\.\d*[1-9]\d*")


def listed(names: Iterable[str], most: int = 5) -> str:
    """Some names in quotes, and whether there are more."""
    names = list(names)
    return ", ".join(repr(n) if len(n) <= 40 else f"{n[:40]!r}…" for n in names[:most]) + ", …" * (len(names) > most)


def summary(data: TaskData) -> str:
    """Rows of the parts, and classes with their training rows, in one line."""
    counts, parts = data.histogram("train"), ", ".join(f"{k} {len(v):,}" for k, v in data.splits.items())
    if len(counts) <= 5:
        classes = ", ".join(
            f"{name if name.isprintable() and len(name) <= 40 else listed([name])} {n:,}" for name, n in counts.items()
        )
    else:
        classes = f"{min(counts.values()):,} to {max(counts.values()):,} training rows"
    return f"{parts} rows; {len(counts)} classes ({classes})"


def of_source(data: TaskData) -> tuple[str, ...]:
    """About the parts as they were found."""
    out = []
    for part, split in data.splits.items():
        if empty := sum(not any(t.strip() for t in texts) for texts in split.texts()):
            out.append(f"{empty:,} of {len(split):,} texts of {part} are empty")
    counts, train = data.histogram("train"), data.splits["train"]
    if fractions := [name for name in data.labels if FRACTION.fullmatch(name)]:
        out.append(f"labels with a fraction ({listed(fractions)}) are names of classes without an order")
    if single := [name for name, n in counts.items() if n == 1]:
        out.append(f"{len(single)} of {len(counts)} classes have one training row ({listed(single)})")
    elif max(counts.values()) > UNEVEN * min(counts.values()):
        out.append(f"classes are uneven: {min(counts.values()):,} to {max(counts.values()):,} training rows")
    texts = train.texts()
    if other := len({*zip(texts, train.labels.tolist(), strict=True)}) - len({*texts}):
        out.append(f"texts of train that also have another label: {other:,}")
    return tuple(out)


def lost(data: TaskData) -> tuple[str, ...]:
    """Classes that nothing trains, after a split and a subset."""
    none = [name for name, n in data.histogram("train").items() if not n]
    if not none:
        return ()
    rows = len(data.splits["train"])
    return (f"{len(none)} of {data.classes} classes have none of the {rows:,} training rows ({listed(none)})",)


def of_run(data: TaskData) -> tuple[str, ...]:
    """About the parts that a run trains and is evaluated on."""
    out = [*lost(data)]
    for part, split in data.splits.items():
        if part == "train":
            continue
        if len(split) < FEW_ROWS:
            out.append(f"{part} has only {counted(len(split), 'row')}, {100 / max(1, len(split)):.1f} points each")
        if absent := data.classes - len(np.unique(split.labels)):
            out.append(f"{part} has no row of {absent} of {data.classes} classes")
        both, equal = shared(data.splits, part)
        if both:
            other = f", {both - equal:,} with another label" if both > equal else ""
            out.append(f"{both:,} of {len(split):,} rows of {part} have a text that trains{other}")
    return tuple(out)

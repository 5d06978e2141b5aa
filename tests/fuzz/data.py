"""Odd and broken data folders, made from good ones, against the loader: ``python -m tests.fuzz.data [SEED [N]]``.

A case is a good folder that one mutation has changed, and what must come of it: the rows that were given, or one line that
refuses them, or either (a flipped byte may leave another good file). So a traceback, a hang and a row that was silently lost or
changed are faults.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mixutils.tasks import DataError, TaskData, apply_policy, load_task, subset
from mixutils.tasks.splits import POLICIES

from .damage import MUTATIONS
from .folders import REFUSED, Case, Row

DEADLINE = 20.0  # seconds per case


def cases(seed: int, n: int) -> Iterator[Case]:
    """``n`` cases, each mutation in turn; the same for a seed."""
    for i in range(n):
        yield MUTATIONS[i % len(MUTATIONS)](random.Random(f"{seed}-{i}"))


def write(case: Case, folder: Path) -> None:
    folder.mkdir()
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.mkdir()
        elif isinstance(content, str):
            path.symlink_to(content)
        else:
            path.write_bytes(content)


def rows_of(data: TaskData, part: str) -> list[Row]:
    split = data.splits[part]
    return [(*texts, data.labels[i]) for texts, i in zip(split.texts(), split.labels, strict=True)]


def wrong(case: Case, data: TaskData) -> str:
    """What is wrong with data that were accepted, or ""."""
    if case.expected == REFUSED:
        return "accepted"
    if {*data.splits} != {*case.parts}:
        return f"parts {[*data.splits]}, given {[*case.parts]}"
    for part, given in case.parts.items():
        found = rows_of(data, part)
        if case.expected == "cut" and part == "train":
            same = found[:-1] == given[: len(found) - 1]
            if not same or not all(g.startswith(f) for f, g in zip(found[-1], given[len(found) - 1], strict=True)):
                return f"{part}: not the first {len(found)} rows"
        elif case.expected == "any" and part == "train":
            if len(found) != len(given):
                return f"{part}: {len(found)} rows, given {len(given)}"
        elif found != given:
            at = next(
                (i for i, (a, b) in enumerate(zip(found, given, strict=False)) if a != b), min(len(found), len(given))
            )
            return f"{part}: {len(found)} rows, given {len(given)}; other from row {at}: {found[at : at + 1]}, {given[at : at + 1]}"
    return ""


def wrong_cut(data: TaskData, rng: random.Random) -> str:
    """What is wrong with the parts that a random policy and subset make, or ""."""
    name = rng.choice(list(POLICIES)).replace("V-T", f"{rng.randint(0, 9)}-{rng.randint(0, 40)}")
    name += rng.choice(["", "-grouped"])
    try:
        made = apply_policy(data, name, rng.randrange(10))
        made = subset(
            made,
            rng.choice([None, 1, 5, 1000]),
            rng.choice(["stratified", "balanced", "random", "fixed"]),
            0,
            rng.choice([None, 3]),
        )
    except DataError:
        return ""
    source = sum((Counter(rows_of(data, part)) for part in data.splits), Counter())
    taken = sum((Counter(rows_of(made, part)) for part in made.splits), Counter())
    return f"{name}: rows that were not given, or twice" if taken - source else ""


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """A TimeoutError after so long; a timer that runs already goes on afterwards."""

    def late(*_):
        raise TimeoutError

    handler, left = signal.signal(signal.SIGALRM, late), signal.setitimer(signal.ITIMER_REAL, seconds)[0]
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)
        signal.signal(signal.SIGALRM, handler)


def fault(case: Case, rng: random.Random, outcomes: Counter) -> str:
    """What is wrong with what comes of a case, or ""."""
    with tempfile.TemporaryDirectory() as root:
        write(case, Path(root) / "mine")
        os.environ |= {"MIXUTILS_DATA": root, "MIXUTILS_COLUMNS": "", "MIXUTILS_LABELS": ""} | case.variables
        try:
            with deadline(DEADLINE):
                data = load_task("mine", False)
                outcomes["accepted"] += 1
                return wrong(case, data) or wrong_cut(data, rng)
        except DataError as error:
            outcomes["refused"] += 1
            if not str(error).isprintable():
                return f"a message of several lines: {error!r}"
            return "" if case.expected != "rows" else f"refused: {error}"
        except TimeoutError:
            return "hangs"
        except Exception:
            return traceback.format_exc()


def run(seed: int, n: int, outcomes: Counter | None = None) -> list[str]:
    """All faults of ``n`` cases; ``outcomes`` counts what was accepted and refused."""
    kept, found = dict(os.environ), []
    outcomes = Counter() if outcomes is None else outcomes
    try:
        for i, case in enumerate(cases(seed, n)):
            if text := fault(case, random.Random(f"{seed}-{i}-cut"), outcomes):
                found.append(f"seed {seed}, case {i}, {case.name} ({case.first}, {case.expected}): {text}")
    finally:
        os.environ.clear()
        os.environ.update(kept)
    return found


if __name__ == "__main__":
    seed, n = (*map(int, sys.argv[1:3]), *(0, 600)[len(sys.argv) - 1 :])
    counts: Counter = Counter()
    faults = run(seed, n, counts)
    print("\n".join(faults))
    print(f"{n} cases: {dict(counts)}, {len(faults)} faults")
    sys.exit(bool(faults))

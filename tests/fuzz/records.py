"""Records that were damaged on purpose: cut, garbled, foreign, with hostile values at random places.

``python -m tests.fuzz.records [SEED] [N]`` makes N damaged files and gives them to everything that reads records. Whatever
they hold, nothing may raise, and what was changed within a run's configuration may never be used.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import io
import json
import random
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mixutils.companion import describe, make_plan
from mixutils.evidence import curves, frame
from mixutils.papers import Plan
from mixutils.runs.estimate import Costs
from mixutils.runs.records import Records
from mixutils.runs.run import Run
from tests.fakes import done
from tests.fakes_records import full

HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 0.5, -0.5, 1e308, float("nan"), float("inf"), -float("inf"),
    "", "a", "<script>alert(1)</script>", "../../etc/passwd", "\ud800", "\x00", "x" * 10_000, "$", "2026-02-31",
    [], [[]], [None], [1, 2, 3], {}, {"": None}, {"a": {"b": []}}, {"last": None}, [{}], [0] * 1000,
)  # fmt: skip


class Case(NamedTuple):
    """A file of records, one of which is damaged."""

    damage: str
    content: bytes
    name: str  # of the run that the damaged record says it is of
    forged: bool  # whether its configuration was changed and its hash was not


@functools.cache
def plan() -> Plan:
    """Whose tables are made from the records."""
    return make_plan("ssmix", "smoke", tasks="docs-coarse", seeds="1")


def places(value: Any, *path: str | int) -> Iterator[tuple[str | int, ...]]:
    """Paths of everything in a record."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, *path, key)


def cases(seed: int, n: int) -> Iterator[Case]:
    """``n`` damaged records."""
    draw = random.Random(seed)
    whole = [full(), *(done(run, 60) for run in plan().runs)]
    for _ in range(n):
        record = copy.deepcopy(draw.choice(whole))
        name, before = record["hash"], copy.deepcopy(record["run"])
        kind = draw.choice(("value", "value", "value", "gone", "more", "cut", "bytes", "moved", "key"))
        at = draw.choice(list(places(record)))
        inner, last = record, at[-1]
        for step in at[:-1]:
            inner = inner[step]
        if kind == "value":
            inner[last] = draw.choice(HOSTILE)
        elif kind == "gone":
            del inner[last]
        elif kind == "more" and isinstance(inner, dict):
            inner[draw.choice(("", "x", "last", "test", "*", "__class__", "\u2028"))] = draw.choice(HOSTILE)
        elif kind == "moved":
            inner[last] = copy.deepcopy(draw.choice(whole))
        elif kind == "key" and isinstance(inner, dict):
            inner[draw.choice(("Test", " test", "last ", "1e5"))] = inner.pop(last)
        text = json.dumps(record).encode()
        if kind == "cut":
            text = text[: draw.randrange(len(text))]
        elif kind == "bytes":
            garbled = bytearray(text)
            for _ in range(draw.choice((1, 1, 3, 30))):
                garbled[draw.randrange(len(text))] = draw.randrange(256)
            text = bytes(garbled)
        forged = kind not in ("cut", "bytes") and record.get("hash") == name and not _same(record.get("run"), before)
        yield Case(f"{kind} at {'.'.join(map(str, at))[:80]}", text, name, forged)


def _same(one: Any, other: Any) -> bool:
    try:
        return Run.from_dict(one).hash == Run.from_dict(other).hash
    except Exception:
        return False


def read_everywhere(case: Case, folder: Path) -> str:
    """What goes wrong where a damaged record is at hand, or ""."""
    own, file = folder / "records", folder / "some.jsonl"
    own.mkdir()
    (own / f"{case.name}.json").write_bytes(case.content)
    file.write_bytes(case.content.replace(b"\n", b" ") + b"\n")
    for store in (Records(own), Records(folder / "a", [file])):
        used = store.get(case.name)
        if case.forged and used is not None:
            return "a forged configuration is used"
        if used is not None and used["hash"] != case.name:
            return "a record is used under the name of another run"
        with contextlib.redirect_stdout(io.StringIO()):
            make_plan("ssmix", "smoke", store)
            describe(plan(), store, Costs(store, "cpu"), 1)
            frame(plan(), store)
            curves(plan(), store)
        store.export([r["hash"] for r in store.all()], folder / "out.jsonl")
        for source in (own, file):
            Records(folder / "merged").merge(source)
    return ""


def run(seed: int, n: int) -> list[str]:
    """What went wrong with ``n`` cases: tracebacks, and what was used and must not be."""
    found = []
    for i, case in enumerate(cases(seed, n)):
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                wrong = read_everywhere(case, Path(folder))
            except Exception as error:
                wrong = f"{type(error).__name__}: {error}"
        if wrong:
            found.append(f"seed {seed}, case {i}, {case.damage}: {wrong[:200]}")
    return found


if __name__ == "__main__":
    seed, n = (*map(int, sys.argv[1:]), 0, 400)[:2] if len(sys.argv) != 2 else (int(sys.argv[1]), 400)
    faults = run(seed, n)
    print("\n".join([*faults, f"{n} damaged records, {len(faults)} faults"]))
    raise SystemExit(bool(faults))

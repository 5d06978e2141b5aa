"""The store of runs: one JSON file per run, and what may be said of each.

A record is written to a temporary name, flushed to the disk and renamed, so it is there as a whole or not at all. Every
record is checked (``schema``) when it is stored, merged, shipped or read; one that is wrong is never used. States: *done*,
*failed* (with traceback), *todo*; and of done ones *outdated* (the code has changed the run's numbers since, see
``generations``) and *stale* (done on other data than are at hand now), which are both trained again.

What is done never gives way to less. Failures have files of their own (``HASH.failed.json``) beside the records, so that
no order of writers can put one in the place of the other: a failure counts only where nothing, or something outdated, is
done. Of two done records the one of the newer generation counts, of the same generation this folder's.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import warnings
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import paths
from ..paths import write_whole
from ..training.loop import Recipe, epoch_steps
from ..training.policies import choose
from . import environment, generations
from .run import Run
from .schema import Record, RecordError, check, generation


def failure(run: Run, error: str, trace: str = "", cause: str = "") -> Record:
    """The record of a run that failed.

    Args:
        cause: "input" where it is to be tried again unasked, because what it was given may be mended by then: data, an
            encoder, a disk.
    """
    record = {
        "hash": run.hash,
        "status": "failed",
        "run": run.to_dict(),
        "generation": generations.GENERATION,
        "commit": environment.commit(),
        "error": error,
        "traceback": (trace or error).replace(str(paths.ROOT), "."),
        "date": datetime.now(UTC).date().isoformat(),
    }
    return record | ({"cause": cause} if cause else {})


def chosen(record: Record, policy: str, metric: str = "accuracy") -> dict[str, Any]:
    """The evaluation of a done record that a policy reports where this metric is read (see ``training.policies``).

    F1 of a single class is in no curve: accuracy chooses for it.
    """
    curve, recipe = record["curve"], Recipe(**record["run"].get("recipe", {}))
    by = metric if metric in next(iter(curve[0]["metrics"].values())) else "accuracy"
    return curve[choose(policy, curve, by, epoch_steps(record["data"]["sizes"]["train"], recipe))]


#: What can become of a record in a merge. The first two kinds are copied.
NEW, NEWER, KEPT, FAILED = "new", "in place of an older generation", "already there", "failed and left out"
WRONG = "unusable and left out"


class Records:
    """Records of a folder, and of shipped ``.jsonl`` files that are read only.

    Args:
        folder: where records are written; default ``paths.records()``.
        shipped: files with one record per line.

    Attributes:
        shipped: hashes of their records, sorted.

    What is no record, or none of this version, is said once in a warning, with file and field, and never used: its run counts
    as not done, and the file stays for whoever can repair it.
    """

    def __init__(self, folder: Path | None = None, shipped: Iterable[Path] = ()) -> None:
        self.folder = Path(folder) if folder is not None else paths.records()
        self._shipped: dict[str, Record] = {}  # by hash
        for path in shipped:
            for record in _read(path, "not used; it came with the checkout: restore the file, or take the line out"):
                if isinstance(record, RecordError):
                    warnings.warn(str(record), stacklevel=2)
                    continue
                before = self._shipped.get(record["hash"], record)
                self._shipped[record["hash"]] = _newest([record, before]) or record
        self._cache: dict[str, tuple[tuple[int, ...], Record | None]] = {}  # file -> its state, and what it holds
        self._outdated: dict[tuple[str, int], str] = {}
        self.shipped = sorted(self._shipped)

    def path(self, run_hash: str) -> Path:
        """Where the done record of a run is."""
        return self.folder / f"{run_hash}.json"

    def get(self, run: Run | str) -> Record | None:
        """The record of a run, or None: the done one; the failed one if none is done, or only an outdated one.

        Outdated records are returned too, as the numbers of their generation; ``done`` says that they are not enough.
        """
        found = self._find(run)
        done = _newest(found)
        if done is not None and not self._why_outdated(done):
            return done
        return next((r for r in found if r["status"] == "failed"), done)

    def done(self, run: Run | str) -> bool:
        """Whether a run needs no training: a record is there, and not outdated."""
        record = self.get(run)
        return record is not None and record["status"] == "done" and not self._why_outdated(record)

    def failed(self, run: Run | str) -> bool:
        record = self.get(run)
        return record is not None and record["status"] == "failed"

    def given_up(self, run: Run | str) -> bool:
        """Whether a run has failed for a reason that lies in itself: it is repeated only where somebody asks for it."""
        return self.failed(run) and self.get(run).get("cause") != "input"

    def outdated(self, run: Run | str) -> str:
        """Why what is done of a run has to be made again, or ""."""
        done = _newest(self._find(run))
        return self._why_outdated(done) if done is not None else ""

    def start(self, record: Record) -> Record | None:
        """The record of the run that a record's run started from, or None."""
        start = record["run"].get("start")
        return self.get(Run.from_dict(start)) if start else None

    def put(self, record: Record) -> Path:
        """Store one record. Returns the file.

        A done record ends an earlier failure. What would put less in the place of more is said in a warning and not stored.
        A file that is no record is kept beside the new one, as ``HASH.json.damaged``.

        Raises:
            RecordError: the record is not as it must be; nothing is stored.
        """
        short = _shorten(record)
        check(short, f"record {record.get('hash')}")
        return self._store(short, _content(short))

    def forget_failure(self, run: Run) -> None:
        """For whoever is going to repeat a failed run in another process."""
        (self.folder / f"{run.hash}.failed.json").unlink(missing_ok=True)

    def all(self) -> list[Record]:
        """Every record, sorted by hash."""
        names = {p.name.split(".")[0] for p in self.folder.glob("*.json")} | set(self._shipped)
        return [record for record in map(self.get, sorted(names)) if record is not None]

    def export(self, runs: Iterable[Run | str], path: Path) -> int:
        """Write the done records of ``runs``, outdated ones too, as one line each, sorted by hash; returns their number."""
        found = {r if isinstance(r, str) else r.hash: _newest(self._find(r)) for r in runs}
        lines = [json.dumps(r, ensure_ascii=False, sort_keys=True) for _, r in sorted(found.items()) if r is not None]
        write_whole(path, "".join(line + "\n" for line in lines).encode("utf-8"))
        return len(lines)

    def merge(self, source: Path) -> dict[str, list[Any]]:
        """Copy done records from a ``.jsonl`` file, or from all ``.json`` and ``.jsonl`` files of a folder.

        What is done here stays, unless the other record is of a newer generation.

        Returns:
            ``NEW``, ``NEWER``, ``KEPT`` and ``FAILED`` -> the records with that outcome; ``WRONG`` -> a ``RecordError`` for each
            that is none, or of another version.

        Raises:
            OSError: the source cannot be read.
        """
        files = [source]
        if source.is_dir():
            files = sorted(path for path in source.iterdir() if path.suffix in (".json", ".jsonl"))
        out: dict[str, list[Any]] = {NEW: [], NEWER: [], KEPT: [], FAILED: [], WRONG: []}
        for record in (record for file in files for record in _read(file, "not merged: repair it or take it out")):
            if isinstance(record, RecordError):
                out[WRONG].append(record)
                continue
            content = _content(_shorten(record))
            here = _newest(self._find(record["hash"]))
            what = NEW if here is None else NEWER if generation(record) > generation(here) else KEPT
            what = FAILED if record["status"] == "failed" else what
            if what in (NEW, NEWER):
                self._store(record, content)
            out[what].append(record)
        return out

    def _store(self, record: Record, content: bytes) -> Path:
        name = record["hash"]
        path, failure = self.path(name), self.folder / f"{name}.failed.json"
        here, less = _newest(self._find(name)), ""
        if record["status"] == "failed":
            path = failure
            if here is not None and not self._why_outdated(here):
                less = f"failed here, but is done already, which stays: {record['error'][:200]}"
        elif here is not None and generation(here) > generation(record):
            less = f"is done by generation {generation(here)}, which stays; a record of generation {generation(record)} was not stored"
        if less:
            warnings.warn(f"{name} {less}", stacklevel=3)
            return path
        if self._own(path.name) is None and path.name in self._cache:  # there, and no record
            with contextlib.suppress(FileNotFoundError):  # another writer was faster
                os.replace(path, path.with_name(f"{path.name}.damaged"))
        write_whole(path, content)
        if record["status"] == "done":
            failure.unlink(missing_ok=True)
        return path

    def _find(self, run: Run | str) -> list[Record]:
        """All records of a run: this folder's failure, this folder's record, the shipped one."""
        name = run if isinstance(run, str) else run.hash
        found = (self._own(f"{name}.failed.json"), self._own(f"{name}.json"), self._shipped.get(name))
        return [record for record in found if record is not None]

    def _own(self, file: str) -> Record | None:
        """The record in a file of the folder, or None. Read again only when the file is another."""
        path = self.folder / file
        try:
            state = path.stat()
            mark = (state.st_ino, state.st_mtime_ns, state.st_size)
            if file not in self._cache or self._cache[file][0] != mark:
                self._cache[file] = (mark, _read_own(path))
        except FileNotFoundError:
            self._cache.pop(file, None)
            return None
        return self._cache[file][1]

    def _why_outdated(self, done: Record) -> str:
        key = (done["hash"], generation(done))
        if key not in self._outdated:
            self._outdated[key] = generations.outdated(Run.from_dict(done["run"]), generation(done))
        return self._outdated[key]


def _newest(found: Iterable[Record]) -> Record | None:
    """The done record of the newest generation, the first of equals."""
    return max((r for r in found if r["status"] == "done"), key=generation, default=None)


def _shorten(record: Record) -> Record:
    """Compact, but for the configuration: its hash is the record's name."""
    return {k: v if k == "run" else compact(v) for k, v in record.items()}


def _content(record: Record) -> bytes:
    """A record as it is written.

    Raises:
        RecordError: something in it cannot be written as JSON.
    """
    try:
        return json.dumps(record, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (TypeError, ValueError) as error:
        raise RecordError(f"record {record['hash']}", "", f"cannot be written as JSON: {error}") from None


def _read(path: Path, advice: str) -> Iterator[Record | RecordError]:
    """The records of a ``.jsonl`` file, or the one of a ``.json`` file.

    In the place of what is none, why; ``advice`` is what to do about it.
    """
    if path.suffix == ".json":
        yield _parse(path.read_bytes(), str(path), advice)
        return
    # Not splitlines(): texts of data sets hold other line ends, such as U+2028.
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if line.strip():
            yield _parse(line, f"{path}, line {number}", advice)


def _parse(text: bytes, where: str, advice: str) -> Record | RecordError:
    try:
        record = json.loads(text.decode("utf-8"), parse_constant=_not_finite)
    except (ValueError, RecursionError) as error:
        return RecordError(where, "", f"not JSON ({error}); {advice}")
    try:
        check(record, where, advice)
    except RecordError as error:
        return error
    if rb"\ud" in text.lower():  # perhaps half a character pair, which can be read and not written
        try:
            _content(record)
        except RecordError as error:
            return RecordError(where, "", f"{str(error).partition(': ')[2]}; {advice}")
    return record


def _not_finite(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _read_own(path: Path) -> Record | None:
    """The record of a file of the folder; of a wrong one a warning, and None."""
    name = path.name.split(".")[0]
    advice = "not used: the run counts as not done. Repair the file or delete it"
    record = _parse(path.read_bytes(), str(path), advice)
    if not isinstance(record, RecordError) and record["hash"] != name:
        said = f"must be {name} as in the file's name, not {record['hash']}; {advice}"
        record = RecordError(str(path), "hash", said)
    if isinstance(record, RecordError):
        warnings.warn(str(record), stacklevel=5)
        return None
    return record


def compact(value: Any) -> Any:
    """Floats with nine significant digits, and None for what is not finite: valid and small JSON.

    Nine, because tests compare differences of differences of accuracies: with six, equal ones differ by 0.0001 points.
    """
    if isinstance(value, float):
        return float(f"{value:.9g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: compact(v) for k, v in value.items()}
    return [compact(v) for v in value] if isinstance(value, list | tuple) else value

"""The store of runs: one JSON file per run, and what may be said of each.

A record is written to a temporary name, flushed to the disk and renamed, so it is there as a whole or not at all. Four
states: *done*, *failed* (with traceback), *todo*, and *stale* (done on other data than are at hand now). Records made
elsewhere are merged by copying them in; ``export`` writes the sorted ``records.jsonl`` that tables are shipped with.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import paths
from .run import Run

Record = dict[str, Any]


class Records:
    """Records of a folder, and of shipped ``.jsonl`` files that are read only.

    Args:
        folder: where records are written; default ``paths.records()``.
        shipped: files with one record per line; the folder's own records come first.
    """

    def __init__(self, folder: Path | None = None, shipped: Iterable[Path] = ()) -> None:
        self.folder = Path(folder) if folder is not None else paths.records()
        self._shipped: dict[str, Record] = {}
        for path in shipped:
            for record in _read(path):
                self._shipped[record["hash"]] = record
        self._cache: dict[str, Record] = {}

    @property
    def shipped(self) -> list[str]:
        """Hashes of the shipped records."""
        return sorted(self._shipped)

    def path(self, run_hash: str) -> Path:
        return self.folder / f"{run_hash}.json"

    def get(self, run: Run | str) -> Record | None:
        """The record of a run, done or failed, or None. A finished record is read once."""
        name = run if isinstance(run, str) else run.hash
        if name in self._cache:
            return self._cache[name]
        try:
            record = json.loads(self.path(name).read_text("utf-8"))
        except FileNotFoundError:
            return self._shipped.get(name)
        if record["status"] == "done":
            self._cache[name] = record
        return record

    def done(self, run: Run | str) -> bool:
        record = self.get(run)
        return record is not None and record["status"] == "done"

    def failed(self, run: Run | str) -> bool:
        record = self.get(run)
        return record is not None and record["status"] == "failed"

    def put(self, record: Record) -> Path:
        """Store one record; whole or not at all, also under ``kill -9``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.path(record["hash"])
        # The configuration stays as it is: its hash is the record's name.
        short = {k: v if k == "run" else compact(v) for k, v in record.items()}
        write_whole(path, json.dumps(short, ensure_ascii=False, allow_nan=False).encode("utf-8"))
        self._cache.pop(record["hash"], None)
        return path

    def all(self) -> list[Record]:
        """Every record, sorted by hash."""
        names = {p.stem for p in self.folder.glob("*.json")} | set(self._shipped)
        return [self.get(name) for name in sorted(names)]

    def export(self, runs: Iterable[Run | str], path: Path) -> int:
        """Write the done records of ``runs`` as one line each, sorted by hash; returns their number."""
        found = {r if isinstance(r, str) else r.hash: self.get(r) for r in runs}
        lines = [
            json.dumps(r, ensure_ascii=False, sort_keys=True)
            for _, r in sorted(found.items())
            if r and r["status"] == "done"
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, "".join(line + "\n" for line in lines).encode("utf-8"))
        return len(lines)

    def merge(self, source: Path) -> int:
        """Copy done records from a folder or a ``.jsonl`` file; what is already done here stays. Returns their number.

        Raises:
            ValueError: something that is no record, or a record of another version; nothing is merged then.
        """
        files = sorted(source.glob("*.json")) if source.is_dir() else [source]
        found = [record for file in files for record in _read(file)]
        for record in found:
            if record["hash"] != Run.from_dict(record["run"]).hash:
                raise ValueError(
                    f"{source}: record {record['hash']} does not belong to its configuration (another version?)"
                )
        count = 0
        for record in found:
            if record["status"] == "done" and not self.done(record["hash"]):
                self.put(record)
                count += 1
        return count


def _read(path: Path) -> list[Record]:
    """The records of a ``.jsonl`` file, or the one of a ``.json`` file."""
    text = path.read_text("utf-8")
    out = []
    # Not splitlines(): texts of data sets hold other line ends, such as U+2028.
    for number, line in enumerate([text] if path.suffix == ".json" else text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}, line {number}: not JSON ({error})") from None
        if not isinstance(record, dict) or not {"hash", "status", "run"} <= set(record):
            raise ValueError(f"{path}, line {number}: not a record (a record has hash, status and run)")
        out.append(record)
    return out


def compact(value: Any) -> Any:
    """Floats with nine significant digits, and None for what is not finite: valid and small JSON.

    Nine, because tests compare differences of differences of accuracies: with six, equal ones differ by 0.0001 points.
    """
    if isinstance(value, float):
        return float(f"{value:.9g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: compact(v) for k, v in value.items()}
    return [compact(v) for v in value] if isinstance(value, list | tuple) else value


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that no reader and no crash ever sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)

"""``load_task(name)``: the user's folder, then the hub, then the built-in tasks; checked before it is returned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from .. import paths
from . import builtin, folder, hub
from .catalogue import BUILTIN, CATALOGUE, TaskSpec, spec
from .data import DataError, Split, TaskData


def load_task(name: str, use_hub: bool = True) -> TaskData:
    """One data set, from the first source that has it.

    Args:
        name: an id of the catalogue, a built-in task, or a folder in the data folder (``MIXUTILS_DATA``).
        use_hub: whether the Hugging Face hub may be asked.

    Returns:
        The parts as the source has them; ``splits.apply_policy`` cuts them.

    Raises:
        DataError: unknown name (the message lists the right ones), missing or bad data (with file and line).
    """
    root, entry = paths.data(), spec(name)
    here, source = at_hand(name, use_hub)
    if source == "built-in":
        rows = {k: [folder.make_row(k, i, r) for i, r in enumerate(v, 1)] for k, v in builtin.load(name).items()}
        where = ", ".join(f"{k} {v}" for k, v in builtin.versions().items())
        return _build(name, rows, None, "builtin", f"documentation of {where}")
    if source == "folder":
        files = _files(root, name, entry)
        rows = {part: [row for file in found for row in folder.read(file)] for part, found in files.items()}
        return _build(name, rows, entry, "folder", str(root))
    if here:
        return _build(name, hub.read(entry), entry, "hub", entry.hub.path)
    if entry is not None:
        wanted = f"{' and '.join(entry.parts['train'])} in {root or 'a data folder (--data or MIXUTILS_DATA)'}"
        asked = ", or the hub (--hub)" if entry.hub else f"; no hub has it ({entry.note or 'no source known'})"
        raise DataError(
            f"{name} is not at hand: {source}. It needs {wanted}{asked}; the built-in task of this shape is {entry.stand_in}"
        )
    if root is not None and (root / name).is_dir():
        have = ", ".join(sorted(p.name for p in (root / name).iterdir())) or "nothing"
        raise DataError(f"{root / name}: there is no train.{'|'.join(folder.FORMATS)}; found {have}")
    raise unknown(name)


def at_hand(name: str, use_hub: bool) -> tuple[bool, str]:
    """Whether a task can be loaded, judged by the files that are there, and why not; reads no data."""
    if name in BUILTIN:
        return True, "built-in"
    root, entry = paths.data(), spec(name)
    reason = "not in a data folder (none given)"
    if root is not None:
        found = _files(root, name, entry)
        if "train" in found:
            return True, "folder"
        reason = f"the data folder has only {', '.join(found)}, no training part" if found else "not in the data folder"
    if entry is None or not use_hub:
        return False, reason
    if hub.available(entry):
        return True, "hub"
    return False, reason + (" and the hub is not reachable" if entry.hub else " and not on the hub")


def _files(root: Path, name: str, entry: TaskSpec | None) -> dict[str, list[Path]]:
    """Part -> its files, for parts that are completely there."""
    places = entry.parts if entry else {part: (f"{name}/{part}",) for part in ("train", "validation", "test")}
    found = {
        part: [folder.find((root / source).parent, Path(source).name) for source in sources]
        for part, sources in places.items()
    }
    return {part: files for part, files in found.items() if all(files)}


def _build(name: str, rows: dict[str, list[folder.Row]], entry: TaskSpec | None, source: str, where: str) -> TaskData:
    if "train" not in rows:
        raise DataError(f"{name}: there is no training part in {where}; found {', '.join(rows) or 'nothing'}")
    if entry is not None:
        rows = {part: [r._replace(label=entry.class_name(r.label)) for r in found] for part, found in rows.items()}
    pair = rows["train"][0].second is not None
    labels = sorted({r.label for r in rows["train"]})
    index = {label: i for i, label in enumerate(labels)}
    parts = {}
    for part, part_rows in rows.items():
        for row in part_rows:
            place = f"{row.place[0]}, line {row.place[1]}"
            if (row.second is not None) != pair:
                raise DataError(f"{place}: {name} mixes single texts and pairs")
            if row.label not in index:
                raise DataError(
                    f"{place}: the label {row.label!r} of {part} does not occur in train; "
                    f"labels of train: {', '.join(labels[:20])}"
                )
        numbers = np.array([index[r.label] for r in part_rows], dtype=np.int64)
        second = [r.second for r in part_rows] if pair else None
        parts[part] = Split([r.text for r in part_rows], second, numbers)
    data = TaskData(name, tuple(labels), parts, pair, source=source, where=where).check()
    if entry is None:
        return data
    # Where the data are not of the published size: kept in the record and shown with the table.
    counts = [(f"{part} has", len(parts.get(part, ())), "rows", n) for part, n in entry.counts.items()]
    counts.append(("", len(labels), "classes", entry.classes))
    notes = [f"{of} {n} {what}, expected {expected}".strip() for of, n, what, expected in counts if n != expected]
    return replace(data, language=entry.language, notes=tuple(notes))


def known() -> list[str]:
    """Every name that can be asked for: catalogue, built-in, folders of the user."""
    root = paths.data()
    return [*CATALOGUE, *BUILTIN, *(n for n in (folder.names(root) if root else []) if n not in CATALOGUE)]


def unknown(name: str) -> DataError:
    """The error for a name that nothing answers to; it lists those that can be asked for."""
    return DataError(
        f"no data set is called {name!r}; there are {', '.join(known())}. "
        "Your own data is a folder NAME with train.jsonl|csv|tsv|parquet in the folder given by --data or MIXUTILS_DATA"
    )

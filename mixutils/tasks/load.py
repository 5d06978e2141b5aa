"""``load_task(name)``: the user's folder, then the hub, then the built-in tasks; checked before it is returned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from .. import paths
from ..wording import cut, shown
from . import builtin, folder, hub, notes, wishes
from .catalogue import BUILTIN, CATALOGUE, TaskSpec, spec
from .data import DataError, Split, TaskData

MANY = 20  # training rows, from which on what is usual can be told from what is not


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
        found = _files(root, name, entry)
        of = {p: wishes.of_folder(root / p, own=entry is None) for p in _folders(name, entry)}
        rows = {
            part: [row for place, file in files for row in folder.read(file, of[place].columns)]
            for part, files in found.items()
        }
        own = of[name] if entry is None else wishes.Wishes(labels=next((w.labels for w in of.values() if w.labels), ()))
        return _build(name, rows, entry, "folder", str(root), own)
    if here:
        return _build(name, hub.read(entry), entry, "hub", entry.hub.path)
    if entry is not None:
        wanted = f"{' and '.join(entry.parts['train'])} in {root or 'a data folder (--data or MIXUTILS_DATA)'}"
        asked = ", or the hub (--hub)" if entry.hub else f"; no hub has it ({entry.note or 'no source known'})"
        raise DataError(
            f"{name} is not at hand: {source}. It needs {wanted}{asked}; the built-in task of this shape is {entry.stand_in}"
        )
    if root is not None and _is_name(name) and (root / name).is_dir():
        have = ", ".join(sorted(shown(p.name) for p in (root / name).iterdir())) or "nothing"
        raise DataError(f"{shown(root / name)}: there is no train.{'|'.join(folder.FORMATS)}; found {have}")
    if root is not None and name in [p.name for p in root.iterdir() if p.is_dir()]:
        raise DataError(
            f"the folder {cut(name)}: its name has a comma, a control character or a blank at an end; rename it"
        )
    raise unknown(name)


def at_hand(name: str, use_hub: bool) -> tuple[bool, str]:
    """Whether a task can be loaded, judged by the files that are there, and why not; reads no data.

    Raises:
        DataError: files of its folder that look like data and are not read; a folder with the name of a built-in task.
    """
    root, entry = paths.data(), spec(name)
    if name in BUILTIN:
        if root is not None and (root / name).is_dir():
            raise DataError(f"{shown(root / name)}: {name} is a built-in task; give the folder another name")
        return True, "built-in"
    reason = "not in a data folder (none given)"
    if root is not None:
        found = _files(root, name, entry) if entry or _is_name(name) else {}
        if "train" in found:
            return True, "folder"
        reason = f"the data folder has only {', '.join(found)}, no training part" if found else "not in the data folder"
    if entry is None or not use_hub:
        return False, reason
    if hub.available(entry):
        return True, "hub"
    return False, reason + (" and the hub is not reachable" if entry.hub else " and not on the hub")


def _is_name(name: str) -> bool:
    """Whether it can be that of a user's folder, and be asked for on the command line."""
    return name not in ("", ".", "..") and name == name.strip() and name.isprintable() and not {*"/,"} & {*name}


def _folders(name: str, entry: TaskSpec | None) -> dict[str, set[str]]:
    """Folder -> names of its parts; of a user's own, the usual ones."""
    if entry is None:
        return {name: {*folder.PARTS}}
    named = [source.split("/") for sources in entry.parts.values() for source in sources]
    return {place: {*folder.PARTS, *(part for of, part in _OF_CATALOGUE if of == place)} for place, _ in named}


_OF_CATALOGUE = {tuple(s.split("/")) for of in CATALOGUE.values() for sources in of.parts.values() for s in sources}


def _files(root: Path, name: str, entry: TaskSpec | None) -> dict[str, list[tuple[str, Path]]]:
    """Part -> its files, each with its folder's name, for parts that are completely there."""
    found = {place: folder.parts(root / place, known) for place, known in _folders(name, entry).items()}
    wanted = entry.parts if entry else {part: (f"{name}/{part}",) for part in folder.PARTS}
    out = {}
    for part, sources in wanted.items():
        at = [source.rsplit("/", 1) for source in sources]
        if all(part in found[place] for place, part in at):
            out[part] = [(place, file) for place, part in at for file in found[place][part]]
    return out


def _build(
    name: str,
    rows: dict[str, list[folder.Row]],
    entry: TaskSpec | None,
    source: str,
    where: str,
    own: wishes.Wishes = wishes.USUAL,
) -> TaskData:
    if "train" not in rows:
        raise DataError(f"{name}: there is no training part in {where}; found {', '.join(rows) or 'nothing'}")
    if entry is not None:
        rows = {part: [r._replace(label=entry.class_name(r.label)) for r in found] for part, found in rows.items()}
    if own.labels:
        rows = {part: [_plain(r, own.labels) for r in found] for part, found in rows.items()}
    if mine := source == "folder" and entry is None:
        _refuse_senseless(name, rows["train"])
    _refuse_alike(rows)
    pair = rows["train"][0].second is not None
    labels = sorted({r.label for r in rows["train"]})
    index = {label: i for i, label in enumerate(labels)}
    parts = {}
    for part, part_rows in rows.items():
        for row in part_rows:
            if (row.second is not None) != pair:
                raise DataError(f"{_place(row)}: {name} mixes single texts and pairs")
            if row.label not in index:
                raise DataError(
                    f"{_place(row)}: the label {cut(row.label)} of {part} does not occur in train; "
                    f"labels of train: {', '.join(cut(label)[1:-1] for label in labels[:20])}"
                )
        numbers = np.array([index[r.label] for r in part_rows], dtype=np.int64)
        second = [r.second for r in part_rows] if pair else None
        parts[part] = Split([r.text for r in part_rows], second, numbers)
    data = TaskData(name, tuple(labels), parts, pair, source=source, where=where).check()
    if mine:
        if own.positive and own.positive not in labels:
            raise DataError(
                f"{name}: positive in {wishes.FILE} is {own.positive!r}; the classes are {notes.listed(labels)}"
            )
        return replace(data, language=own.language, positive=own.positive, notes=notes.of_source(data))
    if entry is None:
        return data
    # Where the data are not of the published size: kept in the record and shown with the table.
    counts = [(f"{part} has", len(parts.get(part, ())), "rows", n) for part, n in entry.counts.items()]
    counts.append(("", len(labels), "classes", entry.classes))
    remarks = [f"{of} {n} {what}, expected {expected}".strip() for of, n, what, expected in counts if n != expected]
    return replace(data, language=entry.language, notes=tuple(remarks))


def _place(row: folder.Row) -> str:
    return f"{shown(row.place[0])}, line {row.place[1]}"


def _plain(row: folder.Row, how: tuple[str, ...]) -> folder.Row:
    label = wishes.normal(row.label, how)
    if not label:
        raise DataError(f"{_place(row)}: of the label {cut(row.label)} --labels {','.join(how)} leaves nothing")
    return row._replace(label=label)


def _refuse_alike(rows: dict[str, list[folder.Row]]) -> None:
    """Labels that people take for one would be two classes."""
    first: dict[str, folder.Row] = {}
    for row in (row for found in rows.values() for row in found):
        first.setdefault(row.label, row)
    alike: dict[str, folder.Row] = {}
    for label, row in first.items():
        other = alike.setdefault(wishes.normal(label), row)
        if other is not row:
            how = ",".join(wishes.joining(label, other.label))
            raise DataError(
                f"{_place(row)}: the label {cut(label)} is nearly {cut(other.label)} ({_place(other)}); "
                f"--labels {how} takes them for one class, or correct one of them"
            )


def _refuse_senseless(name: str, train: list[folder.Row]) -> None:
    """Texts that say nothing, and labels that are no classes."""
    if not any(r.text.strip() or (r.second or "").strip() for r in train):
        raise DataError(f"{_place(train[0])}: all {len(train)} texts of {name}'s training part are empty")
    labels, texts = {r.label for r in train}, {(r.text, r.second) for r in train}
    if len(train) >= MANY and len(labels) > len(texts):
        raise DataError(
            f"{_place(train[0])}: train has {len(texts)} different texts and {len(labels)} different labels "
            f"({cut(train[0].label)}); are text and label swapped?"
        )
    if len(train) >= MANY and len(labels) > len(train) / 2 and all(map(notes.NUMBER.fullmatch, labels)):
        raise DataError(
            f"{_place(train[0])}: {len(train)} rows of train have {len(labels)} different numbers as labels "
            f"({cut(train[0].label)}); expected classes, not numbers to predict"
        )


def own_wishes(name: str) -> wishes.Wishes:
    """What holds for a user's own data set; the defaults where there is none of the name."""
    root = paths.data() if spec(name) is None and name not in BUILTIN and _is_name(name) else None
    return wishes.of_folder(root / name) if root is not None and (root / name).is_dir() else wishes.USUAL


def language(name: str) -> str:
    """The language of a data set: of the catalogue, or as its ``dataset.toml`` says; else English."""
    entry = spec(name)
    return entry.language if entry else own_wishes(name).language


def is_own(data: TaskData) -> bool:
    """Whether a data set is a user's own folder."""
    return data.source == "folder" and spec(data.id) is None


def known() -> list[str]:
    """Every name that can be asked for: catalogue, built-in, folders of the user."""
    root = paths.data()
    others = [
        n for n in (folder.names(root) if root else []) if n not in CATALOGUE and n not in BUILTIN and _is_name(n)
    ]
    return [*CATALOGUE, *BUILTIN, *others]


def unknown(name: str) -> DataError:
    """The error for a name that nothing answers to; it lists those that can be asked for."""
    return DataError(
        f"no data set is called {cut(name)}; there are {', '.join(known())}. "
        f"Your own data is a folder NAME with train.{'|'.join(folder.FORMATS)} in the folder given by --data or MIXUTILS_DATA"
    )

"""Predictions of a saved classifier on a file of texts (``python -m mixutils predict DIR FILE``)."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import torch

from ..encoder.export import load_saved
from ..tasks import DataError, spec
from ..tasks.folder import PAIRS

BATCH = 64
FORMATS = (".jsonl", ".csv", ".tsv", ".parquet")


class Prediction(NamedTuple):
    """Of one row: the predicted class, the probability of each class, and the row's own label, or None."""

    label: str
    probabilities: dict[str, float]
    true: str | None


def predict(folder: Path, file: Path, device: torch.device) -> Iterator[Prediction]:
    """Predictions for the rows of a file, in their order; the same on every call.

    Args:
        folder: of ``saved.save``, or any classifier that transformers can read. file: with the columns of a data set's
            files; ``label`` may be missing.

    Raises:
        EncoderError: no classifier. DataError: no such file, or a row without text, with file and line.
    """
    model, tokenizer = load_saved(folder)
    model.to(device)
    own = getattr(model.config, "mixutils", None) or {}
    names = [model.config.id2label[i] for i in range(model.config.num_labels)]
    entry, rows = spec(own.get("task", "")), list(_rows(file, own.get("pair")))
    how = {"truncation": "longest_first", "max_length": own.get("max_length") or min(tokenizer.model_max_length, 512)}
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        texts = [list(column) for column in zip(*(texts for texts, _ in part), strict=True)]
        inputs = tokenizer(*texts, padding=True, split_special_tokens=True, return_tensors="pt", **how).to(device)
        with torch.inference_mode():
            scores = model(**inputs).logits.double().softmax(1).tolist()
        for one, (_, true) in zip(scores, part, strict=True):
            true = entry.class_name(true) if entry and true is not None else true
            yield Prediction(
                names[max(range(len(names)), key=one.__getitem__)], dict(zip(names, one, strict=True)), true
            )


def write(found: list[Prediction], out: TextIO, ending: str) -> None:
    """One line per row, as CSV or TSV with a column per class, else as JSON."""
    if ending in (".csv", ".tsv"):
        writer = csv.writer(out, delimiter="\t" if ending == ".tsv" else ",", lineterminator="\n")
        writer.writerow(["label", *(f"probability of {name}" for name in found[0].probabilities)])
        writer.writerows([p.label, *(f"{x:.6f}" for x in p.probabilities.values())] for p in found)
        return
    for p in found:
        rounded = {name: round(x, 6) for name, x in p.probabilities.items()}
        out.write(json.dumps({"label": p.label, "probabilities": rounded}, ensure_ascii=False) + "\n")


def said(found: list[Prediction]) -> str:
    """The accuracy where rows have labels, or ""."""
    labelled = [p for p in found if p.true is not None]
    if not labelled:
        return ""
    right, unknown = sum(p.true == p.label for p in labelled), {p.true for p in labelled} - set(found[0].probabilities)
    beside = f"; no class of this classifier: {', '.join(map(repr, sorted(unknown)[:5]))}" if unknown else ""
    return f"accuracy {100 * right / len(labelled):.2f} on {len(labelled):,} rows with a label{beside}"


def _rows(path: Path, pair: bool | None) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """Texts and label of each row. ``pair``: whether there must be two texts; None: two where there are two."""
    if path.suffix not in FORMATS:
        raise DataError(
            f"{str(path)!r}: texts are read from {', '.join(FORMATS)}, not from {path.suffix or 'no ending'!r}"
        )
    if not path.is_file():
        raise DataError(f"there is no file {str(path)[:200]!r}")
    count = 0
    for count, (line, fields) in enumerate(_fields(path), 1):  # noqa: B007 - told below
        columns = next((two for two in PAIRS if {*two} <= {*fields}), None) if pair is not False else None
        if columns is None and pair:
            raise DataError(
                f"{path}, line {line}: expected two texts, as {' and '.join(PAIRS[0])}; got {', '.join(map(str, fields))}"
            )
        texts = tuple(fields.get(name) for name in columns or ("text",))
        if not all(isinstance(text, str) for text in texts):
            raise DataError(
                f"{path}, line {line}: no text in {' and '.join(columns or ('text',))}; got {', '.join(map(str, fields))}"
            )
        label = fields.get("label")
        yield texts, None if label in (None, "") or label != label else str(label)
    if not count:
        raise DataError(f"{path}: there are no rows in the file")


def _fields(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbered rows of a file as objects."""
    if path.suffix == ".parquet":
        try:
            import pandas as pd

            yield from enumerate(pd.read_parquet(path).to_dict("records"), 1)
        except ImportError:
            raise DataError(f"{path}: reading Parquet needs pyarrow: pip install pyarrow") from None
        return
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            yield from _jsonl(path, file) if path.suffix == ".jsonl" else _csv(path, file)
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: not UTF-8 ({error.reason}); save the file as UTF-8") from None


def _csv(path: Path, file: TextIO) -> Iterator[tuple[int, dict[str, Any]]]:
    reader, first = csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",", strict=True), 2
    try:
        for row in reader:
            yield first, row
            first = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}, line {first}: broken quoting or line end ({error})") from None


def _jsonl(path: Path, file: TextIO) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(file, 1):
        if line.strip():
            try:
                found = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{path}, line {number}: broken JSON ({error.msg})") from None
            if not isinstance(found, dict):
                raise DataError(f"{path}, line {number}: expected a JSON object, got {type(found).__name__}")
            yield number, found

"""Predictions of a saved classifier on a file of texts (``python -m mixutils predict DIR FILE``)."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

import torch

from ..encoder.export import load_saved
from ..tasks import DataError, spec
from ..tasks.folder import make_row
from ..tasks.formats import READERS, fields
from ..tasks.wishes import of_call

BATCH = 64


class Prediction(NamedTuple):
    """Of one row: the predicted class, the probability of each class, and the row's own label, or None."""

    label: str
    probabilities: dict[str, float]
    true: str | None


def predict(folder: Path, file: Path, device: torch.device) -> Iterator[Prediction]:
    """Predictions for the rows of a file, in their order; the same on every call.

    Args:
        folder: of ``saved.save``, or any classifier that transformers can read. file: with the columns of a data set's
            files, or those of ``--columns``; ``label`` may be missing.

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
    if not path.is_file():
        raise DataError(f"there is no file {str(path)[:200]!r}")
    if not {ending.lower() for ending in path.suffixes} & set(READERS):
        raise DataError(f"{str(path)[:200]!r}: texts are read from {', '.join(READERS)}")
    columns, count = of_call().get("columns", {}), 0
    for count, (line, found) in enumerate(fields(path), 1):  # noqa: B007 - told below
        row = make_row(path, line, found, columns, labelled=False)
        texts = (row.text,) if row.second is None else (row.text, row.second)
        if pair is not None and len(texts) != 1 + pair:
            wanted = ("one text", "two texts")[pair]
            raise DataError(
                f"{path}, line {line}: the classifier reads {wanted} a row; got {', '.join(map(str, found))}"
            )
        yield texts, row.label or None
    if not count:
        raise DataError(f"{path}: there are no rows in the file")

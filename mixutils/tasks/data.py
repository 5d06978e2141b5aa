"""The shapes of a data set: ``Split`` (rows), ``TaskData`` (splits with labels), and what is refused.

Text is kept exactly as the source has it. A row with an empty text is kept and counted, because the published sizes of
two of the papers' data sets (CR, MPQA) include such rows; every mixer copes with it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np


class DataError(ValueError):
    """Bad or missing data: the message says what was expected, what came, where, and what to do."""


@dataclass(frozen=True)
class Split:
    """Rows of one part of a data set.

    Attributes:
        text_a: n strings, the text or the first text of a pair.
        text_b: n strings, the second text, or None for single-text tasks.
        labels: (n,) int64, index into ``TaskData.labels``.
    """

    text_a: list[str]
    text_b: list[str] | None
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.text_a)

    def take(self, rows: np.ndarray) -> Split:
        """The given rows, in the given order."""
        b = None if self.text_b is None else [self.text_b[i] for i in rows]
        return Split([self.text_a[i] for i in rows], b, self.labels[rows])

    def texts(self) -> list[tuple[str, ...]]:
        """The text, or both texts, of each row."""
        return list(
            zip(self.text_a, strict=True) if self.text_b is None else zip(self.text_a, self.text_b, strict=True)
        )

    def digest(self) -> str:
        """16 hex digits that change with any text, label or the order of rows."""
        h = hashlib.blake2b(digest_size=8)
        for i in range(len(self)):
            second = "" if self.text_b is None else self.text_b[i]
            h.update(f"{self.text_a[i]}\x00{second}\x00{self.labels[i]}\x01".encode("utf-8", "surrogatepass"))
        return h.hexdigest()


@dataclass(frozen=True)
class TaskData:
    """A data set that was found, read and checked.

    Attributes:
        id: name in the catalogue, or the folder's name for a user's own data.
        labels: class names; a label index counts into this tuple.
        splits: "train" and whatever else there is ("validation", "test", "validation_mm", ...).
        pair: whether rows are pairs of texts.
        language: for the report.
        source: "folder", "hub" or "builtin"; ``where`` says which folder, hub id or corpus.
        notes: what a reader of its numbers must know, one sentence each.
        positive: of two classes the one whose F1 is binary F1, where the user says so.
    """

    id: str
    labels: tuple[str, ...]
    splits: dict[str, Split]
    pair: bool = False
    language: str = "English"
    source: str = "folder"
    where: str = ""
    notes: tuple[str, ...] = ()
    positive: str = ""

    @property
    def classes(self) -> int:
        return len(self.labels)

    def digest(self) -> str:
        """16 hex digits over all splits: two machines with the same digest trained on the same rows."""
        h = hashlib.blake2b(digest_size=8)
        for name in sorted(self.splits):
            h.update(f"{name}={self.splits[name].digest()};".encode())
        return h.hexdigest()

    def histogram(self, split: str) -> dict[str, int]:
        """Rows per class name in one split."""
        counts = np.bincount(self.splits[split].labels, minlength=self.classes)
        return dict(zip(self.labels, counts.tolist(), strict=True))

    def with_splits(self, splits: dict[str, Split]) -> TaskData:
        return replace(self, splits=splits)

    def check(self) -> TaskData:
        """Refuse what cannot be trained on, before anything expensive. Returns itself.

        Raises:
            DataError: no or empty training part, or fewer than two classes in it.
        """
        train, where = self.splits.get("train"), self.where or self.source
        if train is None or len(train) == 0:
            have = ", ".join(f"{k} ({len(v)} rows)" for k, v in self.splits.items()) or "nothing"
            raise DataError(f"{self.id}: there is no training part; found {have} in {where}")
        present = np.unique(train.labels)
        if len(present) < 2:
            only = self.labels[int(present[0])]
            raise DataError(
                f"{self.id}: the training part has one class only ({only!r}); two or more are needed (from {where})"
            )
        return self

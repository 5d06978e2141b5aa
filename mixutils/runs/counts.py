"""What is counted on whole data sets, whatever a run takes of them: lengths, and texts that are tested and trained on.

Records tell a data set by its digest, and ``counts.toml`` has the numbers of those of the catalogue that were at hand: they are
shown from records alone. Any other is counted where it is at hand.
"""

from __future__ import annotations

from functools import cache
from statistics import fmean
from typing import Any

from .. import paths
from ..encoder.load import load_tokenizer
from ..tasks import DataError, TaskData, apply_policy, at_hand
from ..tasks.splits import shared
from .execute import cached_task


def lengths(data: TaskData) -> dict[str, float]:
    """Mean length of the rows of all parts, both texts of a pair together.

    Returns:
        words: between blanks, so that punctuation counts where the source sets it apart. tokens: word pieces of the uncased
        BERT, with special ones.
    """
    tokenizer, words, pieces = load_tokenizer("minilm"), [], []
    for split in data.splits.values():
        words += [sum(len(text.split()) for text in row) for row in split.texts()]
        texts = [split.text_a] if split.text_b is None else [split.text_a, split.text_b]
        pieces += map(len, tokenizer(*texts, split_special_tokens=True)["input_ids"])
    return {"words": round(fmean(words), 2), "tokens": round(fmean(pieces), 2)}


def repeated(data: TaskData, policy: str) -> dict[str, tuple[int, int, int]]:
    """Part -> rows whose text trains too, those of them with the same label there, and all rows; cut with seed 0."""
    parts = apply_policy(data, policy, 0).splits
    return {name: (*shared(parts, name), len(split)) for name, split in parts.items() if name != "train"}


@cache
def _kept() -> dict[str, Any]:
    return paths.facts("runs/counts")


@cache
def _counted(task: str, policy: str, digest: str) -> dict[str, Any]:
    data = cached_task(task, False)[0]
    return lengths(data) | {"repeated": repeated(data, policy)}


def counted(task: str, policy: str, digest: str) -> dict[str, Any]:
    """``lengths`` and, as "repeated", what ``repeated`` finds, of the data set with this digest; {} where nobody knows."""
    kept = _kept().get(task, {})
    if kept.get("digest") == digest and policy in kept["repeated"]:
        return kept | {"repeated": kept["repeated"][policy]}
    try:
        there = at_hand(task, False)[0] and cached_task(task, False)[1] == digest
    except DataError:  # what records show needs no data, so that bad ones do not matter
        there = False
    return _counted(task, policy, digest) if there else {}

"""Which rows train, which select, which report: split policies and nested subsets.

A policy turns the parts a source has into the parts a run needs. All random cuts are stratified and drawn with a data
seed that is the same for every method (SPEC 2(b)); only ``tenths-by-seed`` follows the run's seed (SPEC RA13).
"""

from __future__ import annotations

import itertools
import re

import numpy as np

from .. import rng
from .data import DataError, Split, TaskData

Parts = dict[str, Split]


def stratified_order(labels: np.ndarray, seed: int, kind: str = "stratified") -> np.ndarray:
    """An order of all rows of which every prefix is a fair sample; prefixes are therefore nested.

    Args:
        labels: (n,) integer classes.
        seed: seed of the draw.
        kind: "stratified" keeps the class shares, "balanced" takes the classes in turn as long as they last,
            "random" looks at no label.

    Returns:
        (n,) int64 permutation.

    Raises:
        ValueError: another ``kind``.
    """
    draw = rng.numpy_rng(seed, "subset", kind)
    n = len(labels)
    shuffled = draw.permutation(n)
    if kind == "random":
        return shuffled
    if kind not in ("stratified", "balanced"):
        raise ValueError(f"subset must be 'stratified', 'balanced' or 'random', not {kind!r}")
    # Rank of each row within its class, in shuffled order. "balanced" sorts by that rank; "stratified" by the rank
    # over the size of the class, so that each class is spread evenly over [0, 1).
    key = np.empty(n)
    for c in np.unique(labels):
        rows = shuffled[labels[shuffled] == c]
        rank = np.arange(len(rows), dtype=float)
        key[rows] = rank if kind == "balanced" else (rank + draw.random()) / len(rows)
    return shuffled[np.argsort(key[shuffled], kind="stable")]


def cut(split: Split, sizes: list[int], seed: int) -> list[Split]:
    """Stratified pieces of the given sizes; what is left over is the last piece. Rows keep the source's order."""
    order = stratified_order(split.labels, seed)
    if min(sizes) < 1 or sum(sizes) >= len(split):
        raise DataError(f"cannot cut parts of {' and '.join(map(str, sizes))} rows out of {len(split)}")
    edges = np.cumsum([0, *sizes, len(split) - sum(sizes)])
    return [split.take(np.sort(order[a:b])) for a, b in itertools.pairwise(edges)]


def _cut(data: TaskData, select: int, report: int, seed: int) -> Parts:
    validation, test, rest = cut(data.splits["train"], [select, report], seed)
    return {"train": rest, "validation": validation, "test": test}


def _tenths(data: TaskData, seed: int) -> Parts:
    tenth = _tenth(data)
    return _cut(data, tenth, tenth, seed)


def _tenth(data: TaskData) -> int:
    return max(1, round(len(data.splits["train"]) / 10))


def _holdout(data: TaskData, seed: int) -> Parts:
    report = data.splits.get("test") or data.splits.get("validation")
    if report is None:
        return _tenths(data, seed)
    validation, rest = cut(data.splits["train"], [_tenth(data)], seed)
    return {"train": rest, "validation": validation, "test": report}


def _auto(data: TaskData, seed: int) -> Parts:
    three = ("train", "validation", "test")
    return {k: data.splits[k] for k in three} if set(three) <= set(data.splits) else _holdout(data, seed)


def _official_held(data: TaskData, seed: int) -> Parts:
    held, rest = cut(data.splits["train"], [_tenth(data)], seed)
    return data.splits | {"train": rest, "held": held}


def _pool(data: TaskData, select: int, report: int, seed: int) -> Parts:
    train, validation, test = (data.splits.get(k) for k in ("train", "validation", "test"))
    if test is None and validation is not None:  # a source with a validation part alone reports it
        validation, test = None, validation
    if test is None:
        test, train = cut(train, [report], seed)
    if validation is None:
        validation, train = cut(train, [select], seed)
    return {"train": train, "validation": _shorten(validation, select), "test": _shorten(test, report)}


def _shorten(split: Split, rows: int) -> Split:
    """At most so many rows, stratified, in the source's order."""
    return split if len(split) <= rows else split.take(np.sort(stratified_order(split.labels, 0)[:rows]))


POLICIES = {
    "official": "the parts of the source as they are; runs select on the reported part (SPEC SA19)",
    "official-held": "the same with a tenth of train set aside as 'held', to see what selection there would give (SPEC SA19)",
    "auto": "train, validation and test where the source has all three, else 'holdout', or 'tenths' of train alone",
    "holdout": "a tenth of train selects, the official test (or validation) part reports (SPEC 2(b))",
    "tenths": "80/10/10 of train, the same cut for every seed",
    "tenths-by-seed": "80/10/10 of train, cut with the run's seed (SPEC RA13)",
    "pool-V-T": "V rows select and at most T report, from the source's own parts where it has them, else from train, the "
    "same cut for every seed; the rest of train is a pool to draw small training sets from (SPEC 10)",
    "cut-V-T": "V rows of train select, T rows report, the same cut for every seed (SPEC 5(b))",
}


def apply_policy(data: TaskData, policy: str, run_seed: int, data_seed: int = 0) -> TaskData:
    """The data set cut as ``policy`` says; see ``POLICIES``.

    Raises:
        ValueError: an unknown policy; the message lists the known ones.
        DataError: the parts that the policy needs are not there.
    """
    if sized := re.fullmatch(r"(cut|pool)-(\d+)-(\d+)", policy):
        way = _cut if sized[1] == "cut" else _pool
        return data.with_splits(way(data, int(sized[2]), int(sized[3]), data_seed))
    if policy == "official":
        return data
    known = {"auto": _auto, "holdout": _holdout, "official-held": _official_held}
    known |= dict.fromkeys(("tenths", "tenths-by-seed"), _tenths)
    if policy not in known:
        raise ValueError(f"unknown split policy {policy!r}; known: {', '.join(POLICIES)}")
    return data.with_splits(known[policy](data, run_seed if policy == "tenths-by-seed" else data_seed))


def subset(data: TaskData, train_size: int | None, kind: str, run_seed: int, eval_size: int | None) -> TaskData:
    """The first ``train_size`` rows of the nested order, and at most ``eval_size`` rows of every other part.

    Training subsets differ by run seed, except under the kind "fixed" (stratified, SPEC DA24), and are nested over sizes;
    evaluation subsets are the same for all runs.
    Both sizes may be None (all rows). Rows come in the order of the draw for training and of the source otherwise.
    """
    out = {}
    for name, split in data.splits.items():
        if name == "train" and train_size is not None and train_size < len(split):
            seed, how = (0, "stratified") if kind == "fixed" else (run_seed, kind)
            order = stratified_order(split.labels, rng.derive(seed, "train-subset"), how)
            out[name] = split.take(order[:train_size])
        elif name != "train" and eval_size is not None:
            out[name] = _shorten(split, eval_size)
        else:
            out[name] = split
    return data.with_splits(out)

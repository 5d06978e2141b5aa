"""Which rows train, which select, which report: split policies and nested subsets.

A policy turns the parts a source has into the parts a run needs. All random cuts are stratified, and the same for every
method and seed (SPEC 2(b)); only ``tenths-by-seed`` and ``tenfold`` follow the run's seed (SPEC RA13). Under every policy's
variant in "-grouped" rows with one text stand on one side.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import partial

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


def set_aside(train: Split, seed: int, **sizes: int) -> Parts:
    """Stratified pieces of ``train`` under the names and of the sizes given; "train", the first part, is what is left.

    Rows keep the source's order.

    Raises:
        DataError: a piece without rows, or nothing left for "train".
    """
    rows = list(sizes.values())
    if min(rows) < 1 or sum(rows) >= len(train):
        raise DataError(f"cannot cut parts of {' and '.join(map(str, rows))} rows out of {len(train)}")
    *pieces, rest = np.split(stratified_order(train.labels, seed), np.cumsum(rows))
    return {name: train.take(np.sort(order)) for name, order in zip(("train", *sizes), (rest, *pieces), strict=True)}


def _tenth(parts: Parts) -> int:
    return max(1, round(len(parts["train"]) / 10))


def _auto(parts: Parts, seed: int) -> Parts:
    """Train, validation and test where the source has all three, else "holdout"."""
    found = {name: parts[name] for name in ("train", "validation", "test") if name in parts}
    return found if len(found) == 3 else _holdout(parts, seed)


def _holdout(parts: Parts, seed: int) -> Parts:
    """A tenth of train selects, the official test (or validation) part reports (SPEC 2(b)); "tenths" of train alone."""
    report = parts.get("test") or parts.get("validation")
    if report is None:
        return _tenths(parts, seed)
    return set_aside(parts["train"], seed, validation=_tenth(parts)) | {"test": report}


def _tenths(parts: Parts, seed: int) -> Parts:
    """80/10/10 of train."""
    return set_aside(parts["train"], seed, validation=_tenth(parts), test=_tenth(parts))


def _tenfold(parts: Parts, seed: int) -> Parts:
    """Ten-fold cross-validation: the stratified tenth that the seed names reports, the next one selects."""
    train, order = parts["train"], stratified_order(parts["train"].labels, 0)
    turned = (np.arange(len(train)) * 10 // len(train) - seed) % 10  # stretches of the order are fair samples
    pieces = {"train": turned > 1, "validation": turned == 1, "test": turned == 0}
    return {name: train.take(np.sort(order[rows])) for name, rows in pieces.items()}


def _pool(parts: Parts, seed: int, select: int, report: int) -> Parts:
    """V rows select and at most T report, from the source's own parts where it has them, else from train.

    The rest of train is a pool to draw small training sets from (SPEC 10). Of a train without so many rows a tenth each.
    """
    parts = dict(parts)
    if "test" not in parts and "validation" in parts:  # a source with a validation part alone reports it
        parts["test"] = parts.pop("validation")
    missing = {name: size for name, size in (("test", report), ("validation", select)) if name not in parts}
    if sum(missing.values()) >= len(parts["train"]):
        missing = dict.fromkeys(missing, _tenth(parts))
    for name, size in missing.items():
        parts |= set_aside(parts["train"], seed, **{name: size})
    reported = {"validation": _shorten(parts["validation"], select), "test": _shorten(parts["test"], report)}
    return {"train": parts["train"], **reported}


def _shorten(split: Split, rows: int) -> Split:
    """At most so many rows, stratified, in the source's order."""
    return split if len(split) <= rows else split.take(np.sort(stratified_order(split.labels, 0)[:rows]))


#: A policy's way from the source's parts, and the seed of the cut, to a run's parts; V and T stand for numbers.
POLICIES = {
    "official": lambda parts, seed: parts,  # runs select on the reported part (SPEC SA19)
    # With a tenth of train set aside, to see what selection there would give (SPEC SA19).
    "official-held": lambda parts, seed: parts | set_aside(parts["train"], seed, held=_tenth(parts)),
    "auto": _auto,
    "holdout": _holdout,
    "tenths": _tenths,
    "tenths-by-seed": _tenths,  # cut with the run's seed (SPEC RA13), all others but the next alike for every seed
    "tenfold": _tenfold,  # seeds 0 to 9 report every row once
    "pool-V-T": _pool,
    # V rows of train select, T rows report (SPEC 5(b)).
    "cut-V-T": lambda parts, seed, v, t: set_aside(parts["train"], seed, validation=v, test=t),
}


BY_SEED = ("tenths-by-seed", "tenfold")


def _grouped(cut: Callable[..., Parts], parts: Parts, seed: int, *sizes: int) -> Parts:
    """A policy's parts, with equal texts (of pairs: equal pairs) in one of them, whatever their labels.

    Each text is cut once, as its first row; the other rows follow it. So without repeated texts the parts are those of the
    policy itself, and else every text has the same chance, however often it stands there. A training row whose text stands
    in another part that the policy takes from the source is left out. Rows keep the source's order.
    """
    texts, rows_of = {name: split.texts() for name, split in parts.items()}, defaultdict(list)
    for row, text in enumerate(texts["train"]):
        rows_of[text].append(row)
    # Policies look at labels alone, so that a row's place can stand for its text.
    places = {name: replace(s, text_a=[(name, i) for i in range(len(s))], text_b=None) for name, s in parts.items()}
    places["train"] = places["train"].take(np.array([rows[0] for rows in rows_of.values()]))
    made = {name: split.text_a for name, split in cut(places, seed, *sizes).items()}
    official = {texts[source][i] for found in made.values() for source, i in found if source != "train"}

    def rows(source: str, i: int) -> list[int]:
        text = texts[source][i]
        return [i] if source != "train" else [] if text in official else rows_of[text]

    kept = {
        name: (found[0][0] if found else "train", sorted(r for place in found for r in rows(*place)))
        for name, found in made.items()
    }
    return {name: parts[source].take(np.array(found, dtype=int)) for name, (source, found) in kept.items()}


def shared(parts: Parts, part: str) -> tuple[int, int]:
    """How many rows of a part have a text (of pairs: both texts) that trains too; and with the same label."""
    labels_of, found = defaultdict(set), parts[part]
    for text, label in zip(parts["train"].texts(), parts["train"].labels, strict=True):
        labels_of[text].add(label)
    equal = [
        label in labels_of[text] for text, label in zip(found.texts(), found.labels, strict=True) if text in labels_of
    ]
    return len(equal), sum(equal)


def policy_name(policy: str) -> str:
    """The policy's name in ``POLICIES``, without its numbers and "-grouped"; a ValueError that lists the known ones otherwise."""
    name, sized = re.subn(r"-\d+-\d+$", "-V-T", policy.removesuffix("-grouped"))
    if name not in POLICIES or sized != name.endswith("-V-T"):
        raise ValueError(f"unknown split policy {policy!r}; known: {', '.join(POLICIES)}, and with -grouped behind")
    return name


def apply_policy(data: TaskData, policy: str, run_seed: int) -> TaskData:
    """The data set cut as ``policy`` says; see ``POLICIES``, all of which have a variant in "-grouped".

    Raises:
        ValueError: an unknown policy; the message lists the known ones.
        DataError: the parts that the policy needs are not there, or nothing is left to train on.
    """
    plain, name = policy.removesuffix("-grouped"), policy_name(policy)
    cut = POLICIES[name] if plain == policy else partial(_grouped, POLICIES[name])
    sizes = map(int, re.findall(r"\d+", plain))
    try:
        made = data.with_splits(cut(data.splits, run_seed if plain in BY_SEED else 0, *sizes))
    except DataError as error:
        raise DataError(f"{data.id}: {error} (split policy {policy})") from None
    if empty := [part for part, split in made.splits.items() if part != "train" and not len(split)]:
        raise DataError(f"{data.id}: the split policy {policy} leaves no row for {' and '.join(empty)}")
    return made if plain == policy else made.check()


def subset(data: TaskData, train_size: int | None, kind: str, run_seed: int, eval_size: int | None) -> TaskData:
    """The first ``train_size`` rows of the nested order, and at most ``eval_size`` rows of every other part.

    Training subsets differ by run seed, except under the kind "fixed" (stratified, SPEC DA24), and are nested over sizes;
    evaluation subsets are the same for all runs.
    Both sizes may be None (all rows). Rows come in the order of the draw for training and of the source otherwise.
    """
    parts = data.splits
    if eval_size is not None:
        parts = {name: split if name == "train" else _shorten(split, eval_size) for name, split in parts.items()}
    labels = parts["train"].labels
    if train_size is not None and train_size < len(labels):
        seed, how = (0, "stratified") if kind == "fixed" else (run_seed, kind)
        order = stratified_order(labels, rng.derive(seed, "train-subset"), how)
        parts = parts | {"train": parts["train"].take(order[:train_size])}
    return data.with_splits(parts)

"""DropMix's Figures 3b and 3c and Table 5: which channels are selected for which class, and which words contribute to them.

SPEC 6(d). Channel importance of a class: how often a channel is selected for its training samples, divided by their number.
With two classes the *ranking* of channels cannot depend on the label: the gradient of the cross-entropy for either class is
the same vector up to a factor. What differs between classes is the texts.

Every statement has a null. Profiles: labels permuted over the samples. Words: every other channel of the same class.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch

from .. import rng
from ..encoder.model import Classifier
from ..encoder.saliency import separate
from ..tasks import TaskData, load_task
from ..tasks.encode import Batch
from .common import against_null, read

TOP = 3  # channels per class [P]
WORDS = 14  # words per channel [P]
PERMUTATIONS = 1000
DRAWS = 10_000  # random sets of channels
Z = 1.96  # a word belongs to a class if its association is beyond this
LEVEL = 0.95  # simultaneous band of the permuted differences


def channels(model: Classifier, mixer, data: TaskData, tokenizer, run) -> dict[str, Any]:
    """Profiles with their null, and the words of the top channels with theirs, as JSON.

    Selections are counted on the training part: those of all training steps (option ``count_channels``), also where the
    model is that of an earlier checkpoint. Contributed words come from this model, dropout off: the token of a text whose
    gradient in a channel is largest.
    """
    pair = two_classes(data.labels)
    train = data.splits["train"]
    selected, seen = mixer.selected.cpu().numpy(), mixer.seen.cpu().numpy()
    keep = np.isin(train.labels, pair) & (seen > 0)
    share = selected[keep] / seen[keep][:, None]  # of the times that a text came by [R]
    sign = np.where(train.labels[keep] == pair[0], 1, -1)
    out: dict[str, Any] = {"classes": [data.labels[c] for c in pair], "of": len(data.labels)}
    out["samples"] = [int((sign == s).sum()) for s in (1, -1)]
    if min(out["samples"]) < 2:
        return out | {"why": "fewer than two training samples in one of the classes"}
    out |= profiles(share, sign, rng.numpy_rng(0, "probe", "dropmix-channels"))
    split = read(train, data, tokenizer, run.max_length).to(next(model.parameters()).device)
    vocabulary, counts = contributed(model, split.in_order(64), pair)
    z = association(run.task, pair, tokenizer, run.max_length)
    out["lexicon"] = lexicon(z, tokenizer)
    return out | words(counts, vocabulary, z[vocabulary], np.array(out["difference"]), tokenizer)


def two_classes(labels: tuple[str, ...]) -> tuple[int, int]:
    """ "positive" and "negative" where there are such labels, else the first two."""
    if {"positive", "negative"} <= set(labels):
        return labels.index("positive"), labels.index("negative")
    return 0, 1


def profiles(share: np.ndarray, sign: np.ndarray, draw: np.random.Generator) -> dict[str, Any]:
    """Importance of channels in both classes, their difference, and what labels that mean nothing would give.

    Args:
        share: (n, D) float, share of a sample's selections that had the channel. sign: (n,) 1 or -1, class.

    Returns:
        ``importance`` two lists of D; ``difference`` D; ``band`` the lowest and highest value of 95 % of the permuted
        sorted differences, rank by rank; ``edge`` the largest absolute difference of 95 % of the permutations;
        ``beyond`` numbers of channels beyond it on either side; ``correlation``, ``skewness`` and ``spread`` (largest
        absolute difference) with their one-sided p values, counting the observed labels among the permutations.
    """
    own, other = share[sign > 0].mean(0), share[sign < 0].mean(0)
    first, n = (sign > 0).sum(), len(sign)
    chosen = np.zeros((PERMUTATIONS, n), np.float32)
    for row in chosen:
        row[draw.permutation(n)[:first]] = 1
    null_own = chosen @ share
    null_other = (share.sum(0) - null_own) / (n - first)
    null_own /= first
    difference, null = own - other, null_own - null_other
    edge = float(np.quantile(np.abs(null).max(1), LEVEL))
    low, high = np.quantile(-np.sort(-null, axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    statistics = {
        "correlation": (rank_correlation(own[None], other[None])[0], rank_correlation(null_own, null_other)),
        "skewness": (skewness(difference[None])[0], skewness(null)),
        "spread": (np.abs(difference).max(), np.abs(null).max(1)),
    }
    out = {
        "importance": [_round(own), _round(other)],
        "difference": _round(difference),
        "band": [_round(low), _round(high)],
        "edge": edge,
        "beyond": [int((difference > edge).sum()), int((difference < -edge).sum())],
    }
    return out | {name: against_null(value, null, 1e-7) for name, (value, null) in statistics.items()}


def rank_correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Spearman's correlation of the rows of a and b, both (P, D); 0 where a row is constant."""
    x, y = (pd.DataFrame(part).rank(axis=1).to_numpy() for part in (a, b))  # equal values share the mean of their ranks
    x, y = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    scale = np.sqrt((x**2).sum(1) * (y**2).sum(1))
    return np.divide((x * y).sum(1), scale, out=np.zeros(len(x)), where=scale > 0)


def skewness(x: np.ndarray) -> np.ndarray:
    """Third standardised moment of the rows of x, (P, D); 0 where a row is constant."""
    x = x.astype(np.float64) - x.mean(1, keepdims=True)
    second = (x**2).mean(1)
    return np.divide((x**3).mean(1), second**1.5, out=np.zeros(len(x)), where=second > 1e-16)


def contributed(model: Classifier, batches: Iterator[Batch], pair: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """How often each token has the largest gradient of its text in each channel.

    Returns:
        (V,) int64 token ids that occur, and (2, D, V) int64 counts over the texts of both classes.
    """
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for batch in batches:
        size = separate(model, batch, train_mode=False).float().abs()
        size = size.masked_fill((batch.text_id < 0)[:, :, None], -1.0)  # special tokens and padding are no words
        token = batch.input_ids.gather(1, size.argmax(1))  # (B, D)
        for side, label in enumerate(pair):
            rows = (batch.labels == label) & (batch.text_id >= 0).any(1)
            found.append((np.full(int(rows.sum()), side), token[rows].cpu().numpy()))
    side, token = (np.concatenate(part) for part in zip(*found, strict=True))
    vocabulary, place = np.unique(token, return_inverse=True)
    counts = np.zeros((2, token.shape[1], len(vocabulary)), np.int64)
    np.add.at(counts, (side[:, None], np.arange(token.shape[1]), place.reshape(token.shape)), 1)
    return vocabulary, counts


def association(task: str, pair: tuple[int, int], tokenizer, max_length: int) -> np.ndarray:
    """z of every token's log odds ratio between two classes, over the whole training part of a data set.

    Positive: the token occurs in relatively more texts of the first class. Cells are raised by one half, so that absent
    tokens have z = 0 and rare ones a small z.

    Returns:
        (V,) float64, V is the tokenizer's size.
    """
    data = load_task(task)
    train = data.splits["train"]
    encoded = read(train, data, tokenizer, max_length)
    row, column = torch.nonzero(encoded.text_id >= 0, as_tuple=True)
    size = len(tokenizer)
    unique = np.unique(row.numpy().astype(np.int64) * size + encoded.input_ids[row, column].numpy())
    labels = train.labels[unique // size]
    have = [np.bincount(unique[labels == c] % size, minlength=size) + 0.5 for c in pair]
    rest = [(train.labels == c).sum() + 1.0 - h for c, h in zip(pair, have, strict=True)]
    z = np.log(have[0] * rest[1] / (have[1] * rest[0])) / np.sqrt(sum(1 / v for v in (*have, *rest)))
    return np.where(have[0] + have[1] > 1, z, 0.0)


def lexicon(z: np.ndarray, tokenizer) -> dict[str, float]:
    """All tokens with an association beyond ``Z``, for words that others have listed."""
    chosen = np.flatnonzero(np.abs(z) > Z)
    values = [round(float(v), 2) for v in z[chosen]]
    return dict(zip(tokenizer.convert_ids_to_tokens(chosen.tolist()), values, strict=True))


def words(
    counts: np.ndarray, vocabulary: np.ndarray, z: np.ndarray, difference: np.ndarray, tokenizer
) -> dict[str, Any]:
    """The most frequent contributed words of the top channels of both classes, and how well they fit their class.

    Top channels are those whose importance exceeds that in the other class most [R]: the largest importances alone are
    largely the same channels in both classes.

    Args:
        counts: (2, D, V). vocabulary: (V,) token ids. z: (V,) association with the first class. difference: (D,).
    """
    draw = rng.numpy_rng(0, "probe", "dropmix-words")
    out: dict[str, Any] = {"channels": [], "words": [], "fit": []}
    for side, sign in enumerate((1, -1)):
        top = np.argsort(-sign * difference, kind="stable")[:TOP]
        fit = share_that_fits(counts[side], sign * z)
        sets = np.array([draw.choice(len(fit), len(top), replace=False) for _ in range(DRAWS)])
        null, observed = fit[sets].mean(1), float(fit[top].mean())
        out["channels"].append(top.tolist())
        out["words"].append([_list(counts[side, d], vocabulary, z, tokenizer) for d in top])
        of_all = {"channels": _round(fit[top]), "mean": float(fit.mean())}
        out["fit"].append(of_all | against_null(observed, null, 1e-9))
    return out


def share_that_fits(counts: np.ndarray, z: np.ndarray) -> np.ndarray:
    """For every channel the share of its ``WORDS`` most frequent words with z beyond ``Z``; (D, V), (V,) -> (D,)."""
    order = np.argsort(-counts, axis=1, kind="stable")[:, :WORDS]
    used = np.take_along_axis(counts, order, 1) > 0
    return (used & (z[order] > Z)).sum(1) / np.maximum(used.sum(1), 1)


def _list(counts: np.ndarray, vocabulary: np.ndarray, z: np.ndarray, tokenizer) -> list[list]:
    order = np.argsort(-counts, kind="stable")[:WORDS]
    order = order[counts[order] > 0]
    tokens = tokenizer.convert_ids_to_tokens(vocabulary[order].tolist())
    return [[t, int(counts[i]), round(float(z[i]), 2)] for t, i in zip(tokens, order, strict=True)]


def _round(values: np.ndarray) -> list[float]:
    return [round(float(v), 5) for v in values]

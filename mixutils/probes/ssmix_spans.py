"""SSMix's Figures 1 to 5 from a trained model and real sentences: saliency, spans, mixtures, and where mixtures lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import rng
from ..encoder.model import Classifier, Edit, scale_level
from ..encoder.saliency import separate, token_saliency
from ..mixers import build
from ..mixers.spans import best_span, locate, span_length
from ..tasks import TaskData
from ..tasks.encode import Batch
from .common import batch_of, mixed_pairs, plane, read

RATIO = 0.2  # the figures of the paper show λ_0 = 0.2
EXAMPLES = 4
WORDS = (6, 16)  # words per text of the sentences that are shown: fits a line
LEVELS = (0, 7, 12)  # of 12; hidden mixing in the projection
POINTS = 24  # SSMix mixtures per pair in the projection
PAIRS = 40  # pairs over which the distance from the line is measured


def spans(model: Classifier, mixer, data: TaskData, tokenizer, run) -> dict[str, Any]:
    """All that the notebook ``ssmix_spans`` draws, as JSON.

    Sentences come from the reported part in a fixed random order; the two texts of an example have different labels.
    Dropout is off. A part with one label only has no such pairs: "examples" is empty then, and "projection" None.
    """
    part = next(k for k in data.splits if k != "train")
    split = data.splits[part]
    draw = rng.numpy_rng(0, "probe", "ssmix-spans")
    rows = _short_rows(split, draw)
    first, second = _pairs(rows, split.labels)
    if not first:
        return {"part": part, "ratio": RATIO, "examples": [], "projection": None}
    chosen = np.array([i for pair in zip(first, second, strict=True) for i in pair])
    device = next(model.parameters()).device
    batch = batch_of(read(split.take(chosen), data, tokenizer, run.max_length), device)
    saliency = token_saliency(separate(model, batch, train_mode=False))
    with torch.inference_mode():
        probabilities = model(batch).logits.float().softmax(-1)
    a = torch.arange(0, len(chosen), 2, device=device)
    return {
        "part": part,
        "ratio": RATIO,
        "examples": _examples(batch, saliency, probabilities, a, data, tokenizer),
        "projection": _projection(model, batch, saliency, a, tokenizer),
    }


def _mixer(name: str, ratio: float, tokenizer):
    out = build(name, ratio=ratio)
    out.pad = tokenizer.pad_token_id or 0
    out.unk = out.pad if tokenizer.unk_token_id is None else tokenizer.unk_token_id
    return out


def _short_rows(split, draw: np.random.Generator) -> np.ndarray:
    """Rows whose texts have a handy length, in random order; all rows where there are too few."""
    texts = [split.text_a] + ([split.text_b] if split.text_b is not None else [])
    handy = np.array([all(WORDS[0] <= len(t[i].split()) <= WORDS[1] for t in texts) for i in range(len(split))])
    rows = np.flatnonzero(handy) if handy.sum() >= 2 * EXAMPLES else np.arange(len(split))
    return draw.permutation(rows)


def _pairs(rows: np.ndarray, labels: np.ndarray) -> tuple[list[int], list[int]]:
    """Up to PAIRS pairs of rows with different labels, each row at most once."""
    first, second, waiting = [], [], []
    for row in rows.tolist():
        match = next((w for w in waiting if labels[w] != labels[row]), None)
        if match is None:
            waiting.append(row)
            continue
        waiting.remove(match)
        first.append(match)
        second.append(row)
        if len(first) == PAIRS:
            break
    return first, second


def _examples(
    batch: Batch, saliency: Tensor, probabilities: Tensor, a: Tensor, data: TaskData, tokenizer
) -> list[dict[str, Any]]:
    """Texts, spans and mixtures of the first pairs."""
    variants = {n: _mixer(n, RATIO, tokenizer) for n in ("ssmix", "ssmix-saliency", "ssmix-saliency-span", "unk")}
    mixed = {n: m.mix(batch, a, a + 1, saliency, rng.numpy_rng(0, "probe", n)) for n, m in variants.items()}
    parts = (0, 1) if bool((batch.text_id == 1).any()) else (0,)

    def text(name: str, row: int) -> dict[str, Any]:
        return {
            "name": name,
            "label": data.labels[int(batch.labels[row])],
            "predicted": data.labels[int(probabilities[row].argmax())],
            "parts": [_tokens(batch, saliency, row, part, tokenizer) for part in parts],
        }

    def mixture(rows: Batch, w_b: Tensor, k: int) -> dict[str, Any]:
        return {
            "w_b": float(w_b[k]),
            "parts": [_mixed_tokens(batch, rows, 2 * k, k, part, tokenizer) for part in parts],
        }

    return [
        {
            "texts": [text("A", 2 * k), text("B", 2 * k + 1)],
            "mixtures": {name: mixture(rows, w_b, k) for name, (rows, w_b) in mixed.items()},
            "spans": [_span(batch, saliency, 2 * k, 2 * k + 1, part) for part in parts],
        }
        for k in range(min(EXAMPLES, len(a)))
    ]


def _tokens(batch: Batch, saliency: Tensor, row: int, part: int, tokenizer) -> dict[str, Any]:
    inside = batch.text_id[row] == part
    ids = batch.input_ids[row][inside]
    return {"tokens": tokenizer.convert_ids_to_tokens(ids.tolist()), "saliency": saliency[row][inside].tolist()}


def _span(batch: Batch, saliency: Tensor, row_a: int, row_b: int, part: int) -> dict[str, int]:
    """Span length, start of the least salient span of A and of the most salient span of B, counted within the text."""
    text = locate(batch.text_id, part)
    a, b = text.rows(torch.tensor([row_a])), text.rows(torch.tensor([row_b]))
    length = span_length(a.n, b.n, RATIO)
    u = best_span(saliency[[row_a]], a, length, largest=False) - a.start
    v = best_span(saliency[[row_b]], b, length, largest=True) - b.start
    return {"length": int(length), "least_in_a": int(u), "most_in_b": int(v)}


def _mixed_tokens(batch: Batch, mixed: Batch, row_a: int, k: int, part: int, tokenizer) -> dict[str, Any]:
    inside = batch.text_id[row_a] == part
    before, after = batch.input_ids[row_a][inside], mixed.input_ids[k][inside]
    return {"tokens": tokenizer.convert_ids_to_tokens(after.tolist()), "changed": (before != after).tolist()}


@torch.inference_mode()
def _projection(model: Classifier, batch: Batch, saliency: Tensor, a: Tensor, tokenizer) -> dict[str, Any]:
    """Last-layer [CLS] states of texts and mixtures, for the sketch of Figure 2 as a measurement.

    Returns:
        Two-dimensional principal coordinates for one pair, and over all pairs the median distance of each method's
        mixtures from the straight line through A and B, in units of the distance between A and B.
    """

    def hidden(batch: Batch, edit: Edit | None = None) -> Tensor:
        return model.encode(batch, edit)[0][:, 0].float()

    texts = hidden(batch)
    begin, end = texts[a], texts[a + 1]
    weights = torch.linspace(0.1, 0.9, 9)[:, None].expand(-1, len(a)).to(a.device)
    states = {
        f"level {level}": torch.stack([hidden(batch, mixed_pairs(level, a, a + 1, w)) for w in weights], 1)
        for level in sorted({scale_level(given, model.depth) for given in LEVELS})
    }
    points = []
    for i in range(POINTS):
        # Both directions and growing ratios; two of three with random spans, because saliency picks only one span.
        mixer = _mixer("ssmix-saliency" if i % 3 else "ssmix", 0.1 + 0.4 * i / POINTS, tokenizer)
        first, second = (a, a + 1) if i % 2 == 0 else (a + 1, a)
        mixed, _ = mixer.mix(batch, first, second, saliency, rng.numpy_rng(0, "probe", "projection", i))
        points.append(hidden(mixed))
    states["ssmix"] = torch.stack(points, 1)
    off = {name: _off_line(begin, end, value) for name, value in states.items()}
    pair = int(off["ssmix"].median(1).values.argsort()[len(a) // 2])  # a pair in the middle
    clouds = [begin[[pair]], end[[pair]], *(value[pair] for value in states.values())]
    flat, explained = plane(torch.cat(clouds))
    of_a, of_b, *others = (part.tolist() for part in flat.split([len(cloud) for cloud in clouds]))
    return {
        "A": of_a[0],
        "B": of_b[0],
        "off_line": {name: float(value.median()) for name, value in off.items()},
        "pairs": len(a),
        "explained": explained,
        **dict(zip(states, others, strict=True)),
    }


def _off_line(begin: Tensor, end: Tensor, points: Tensor) -> Tensor:
    """Distance of points (P, n, d) from the lines through begin and end (P, d), in units of |end - begin|; (P, n)."""
    direction = end - begin
    length = direction.norm(dim=-1, keepdim=True).clamp(min=1e-9)
    unit = (direction / length)[:, None]
    relative = points - begin[:, None]
    along = (relative * unit).sum(-1, keepdim=True) * unit
    return (relative - along).norm(dim=-1) / length

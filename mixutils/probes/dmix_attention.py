"""DMIX's Table 7: predictions for the six printed sentences and for real ones, and the attention paid to each word.

The shade is the attention from [CLS] in the last layer, mean over heads (SPEC 2(d)); a word's pieces are added up.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from .. import paths, rng
from ..encoder.load import load_encoder
from ..encoder.model import Classifier
from ..tasks import DataError, Split, TaskData, load_task
from .common import batch_of, read

REAL = 6
WORDS = (5, 18)  # words of the real sentences that are shown: fits a line


def printed() -> dict[str, dict[str, str]]:
    """Sentence -> printed row -> predicted label, in the paper's order."""
    out: dict[str, dict[str, str]] = {}
    cells = pd.read_csv(paths.PUBLISHED / "dmix.csv", dtype=str, keep_default_na=False)
    for cell in cells[cells["table"] == "7"].itertuples():
        out.setdefault(cell.row, {})[cell.column] = cell.value
    return out


def attention(model: Classifier, mixer, data: TaskData, tokenizer, run) -> dict[str, Any]:
    """Words, attention and predictions, as JSON.

    The printed sentences are shown where the labels are the paper's. Real ones come from the reported part in a fixed random
    order, the classes in turn. Dropout is off.
    """
    out: dict[str, Any] = {"labels": list(data.labels), "printed": [], "real": []}
    known = {label for row in printed().values() for label in row.values()}
    if known <= set(data.labels):
        looks = _look(model, list(printed()), data, tokenizer, run)
        where = places(list(printed()), run.task)
        out["printed"] = [look | where.get(text, {}) for look, text in zip(looks, printed(), strict=True)]
    part = run.evaluate[-1] if run.evaluate else next(k for k in data.splits if k != "train")
    split = data.splits[part]
    rows = sentences(split, rng.numpy_rng(0, "probe", "dmix-attention"))
    out["real"] = [
        look | {"label": data.labels[int(split.labels[i])]}
        for i, look in zip(rows, _look(model, [split.text_a[i] for i in rows], data, tokenizer, run), strict=True)
    ]
    return out


def places(texts: list[str], task: str) -> dict[str, dict[str, str]]:
    """Text -> gold label and part, for texts whose beginning occurs in the data set; the paper prints no gold labels."""
    try:
        data = load_task(task, use_hub=False)
    except DataError:  # the data came from the hub
        return {}
    wanted = {_beginning(t): t for t in texts}
    return {
        wanted[b]: {"label": data.labels[int(split.labels[i])], "part": part}
        for part, split in data.splits.items()
        for i, b in enumerate(map(_beginning, split.text_a))
        if b in wanted
    }


def _beginning(text: str) -> str:
    # Some words are masked in print, so only the first characters can be compared.
    return " ".join(text.split()).lower()[:20]


def sentences(split: Split, draw: np.random.Generator) -> list[int]:
    """Rows of handy length, the classes in turn; of any length where there are too few."""
    order = draw.permutation(len(split))
    # Plain characters only: fonts lack others.
    handy = [i for i in order.tolist() if (t := split.text_a[i]).isascii() and WORDS[0] <= len(t.split()) <= WORDS[1]]
    order = handy if len(handy) >= REAL else order.tolist()
    by_class: dict[int, list[int]] = {}
    for i in order:
        by_class.setdefault(int(split.labels[i]), []).append(i)
    chosen: list[int] = []
    while len(chosen) < min(REAL, len(order)):
        for c in sorted(by_class):
            if by_class[c] and len(chosen) < REAL:
                chosen.append(by_class[c].pop(0))
    return chosen


@torch.inference_mode()
def _look(model: Classifier, texts: list[str], data: TaskData, tokenizer, run) -> list[dict[str, Any]]:
    # The model's own attention function returns no weights; the eager one of the same encoder does.
    eager = Classifier(load_encoder(run.encoder, run.dropout, "eager"), data.classes).eval()
    eager.load_state_dict({k: v.cpu() for k, v in model.state_dict().items()})
    batch = batch_of(read(texts, data, tokenizer, run.max_length))
    states = eager.encoder(**batch.inputs(), output_attentions=True)
    weights = states.attentions[-1].float().mean(1)[:, 0]  # (rows, tokens): from [CLS], mean over heads
    p = eager.classify(eager.pool(states.last_hidden_state)).float().softmax(-1)
    words = tokenizer(texts, truncation=True, max_length=run.max_length)
    out = []
    for i, text in enumerate(texts):
        shade: dict[int, float] = {}
        for t, word in enumerate(words.word_ids(i)):
            if word is not None:
                shade[word] = shade.get(word, 0.0) + float(weights[i, t])
        spans = [words.word_to_chars(i, w) for w in shade]
        out.append(
            {
                "words": [text[s.start : s.end] for s in spans],
                "attention": [round(v, 6) for v in shade.values()],
                "predicted": data.labels[int(p[i].argmax())],
                "confidence": float(p[i].max()),
            }
        )
    return out

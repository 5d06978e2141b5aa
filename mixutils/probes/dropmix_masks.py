"""DropMix's Figure 3a: saliency and masks of one sentence from a trained model, and what a patch replaces."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .. import rng
from ..encoder.model import Classifier
from ..encoder.saliency import separate
from ..mixers import build
from ..tasks import TaskData
from .common import batch_of, read

SENTENCE = "like jaglom's films , some is honestly affecting"  # [P] Figure 3
MARKED = ("honestly", "affecting")  # the words that the paper names
RATIO = 0.2  # fixed λ [R]: not printed; two words of this sentence
N = 2  # [P]
#: Name -> mixer and options: the four windows with the salient part dropped, and three as section 4.1 has them (SPEC RA1).
VARIANTS = {
    "unit": ("dropmix-u", {}),
    "channel": ("dropmix-c", {}),
    "word": ("dropmix-w", {}),
    "general": ("dropmix-g", {}),
    "channel, literal": ("dropmix-c", {"mask": "keep_salient"}),
    "word, literal": ("dropmix-w", {"mask": "keep_salient"}),
    "general, literal": ("dropmix-g", {"mask": "keep_salient"}),
}


def masks(model: Classifier, mixer, data: TaskData, tokenizer, run) -> dict[str, Any]:
    """The paper's sentence with a partner from the training part, as JSON; see ``measure``."""
    example = measure(model, data, tokenizer, run.max_length, SENTENCE, partner_of(SENTENCE, data))
    return {"ratio": RATIO, "n": N, "examples": [example | {"of_paper": True, "marked": list(MARKED)}]}


def partner_of(text: str, data: TaskData) -> str:
    """A training text about as long as ``text``, the first in a fixed random order."""
    train = data.splits["train"]
    wanted = len(text.split())
    order = rng.numpy_rng(0, "probe", "dropmix-masks").permutation(len(train))
    best = min(order, key=lambda i: abs(len(train.text_a[i].split()) - wanted))  # min keeps the order among equals
    return train.text_a[best]


def measure(
    model: Classifier, data: TaskData, tokenizer, max_length: int, text_a: str, text_b: str, label: str = ""
) -> dict[str, Any]:
    """Saliency and masks of A with partner B, dropout off.

    Args:
        model: with its full vocabulary. label: of A; "" takes the predicted one. With two classes it makes no difference:
            the gradients for both labels are one vector up to a factor.

    Returns:
        Per position (special tokens included; N positions where A or B has a token): ``tokens_a``, ``tokens_b``,
        ``word_of`` (index into ``words`` of A, or -1). ``saliency``: thousandths of the largest unit's, (N, D).
        ``masks``: variant -> ``units`` that come from B (hexadecimal bits per position), their ``share`` per position,
        and ``w_b``.

    Raises:
        ValueError: an unknown label; the message lists the known ones.
    """
    if label and label not in data.labels:
        raise ValueError(f"no class is called {label!r}; there are {', '.join(data.labels)}")
    device = next(model.parameters()).device
    batch = batch_of(read([text_a, text_b], data, tokenizer, max_length), device)
    with torch.inference_mode():
        predicted = int(model(batch).logits[0].argmax())
    batch.labels[0] = data.labels.index(label) if label else predicted
    gradient = separate(model, batch.rows(slice(0, 1)), train_mode=False).float()
    first, second = torch.tensor([0], device=device), torch.tensor([1], device=device)
    out = _words(tokenizer, max_length, text_a, batch.input_ids.shape[1])
    lengths = batch.attention_mask.sum(1).tolist()
    for name, row in (("tokens_a", 0), ("tokens_b", 1)):
        tokens = tokenizer.convert_ids_to_tokens(batch.input_ids[row].tolist())
        out[name] = [t if i < lengths[row] else "" for i, t in enumerate(tokens)]
    size = gradient[0].abs()
    size = 1000 * size / size.max().clamp(min=1e-30)
    out |= {
        "texts": [text_a, text_b],
        "label": data.labels[int(batch.labels[0])],
        "predicted": data.labels[predicted],
        "width": model.width,
        "saliency": size.round().int().tolist(),
        "masks": {},
    }
    for name, (method, options) in VARIANTS.items():
        mixer = build(method, ratio_draw="fixed", ratio=RATIO, n=N, **options)
        patch = mixer.draw_patch(batch, first, second, model.width, np.random.default_rng(0))
        units = patch.salient(gradient).units[0].cpu().numpy()
        out["masks"][name] = {
            "units": [np.packbits(row).tobytes().hex() for row in units],
            "share": units.mean(1).round(5).tolist(),
            "w_b": float(units.mean()),
        }
    return out


def unpack(mask: dict[str, Any], width: int) -> np.ndarray:
    """The (N, D) bool array of a mask's ``units``."""
    rows = [np.frombuffer(bytes.fromhex(row), np.uint8) for row in mask["units"]]
    return np.unpackbits(np.stack(rows), axis=1)[:, :width].astype(bool)


def _words(tokenizer, max_length: int, text: str, positions: int) -> dict[str, Any]:
    """Words of a text and the word of each position."""
    out = tokenizer(text, truncation=True, max_length=max_length, return_offsets_mapping=True)
    of = [-1 if w is None else w for w in out.word_ids()]
    spans: dict[int, list[int]] = {}
    for word, (begin, end) in zip(of, out["offset_mapping"], strict=True):
        if word >= 0:
            spans.setdefault(word, [begin, end])[1] = end
    return {
        "words": [text[a:b] for _, (a, b) in sorted(spans.items())],
        "word_of": of + [-1] * (positions - len(of)),
    }

"""DropMix's patches beside a plain step of BERT-base's size: choosing the windows is the part that the paper calls costly.

``python -m mixutils bench --patches``. The saliency maps are random, so that no λ and no text makes the choice easy.
"""

from __future__ import annotations

import argparse
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch

from ..encoder.load import load_tokenizer
from ..mixers.patches import PATCHES, Patch, Places
from ..tasks import Split, TaskData, encode
from . import timing
from .steps import BATCH_SIZE, Stepper, task_data

ENCODER, LENGTH, CHANNELS = "random:bert-base", 128, 768
SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)  # λ; at 0 and 1 nothing is chosen
ROUNDS = 2  # batches of the plain step, in turns with the patches, per repeat


def full_length(data: TaskData) -> TaskData:
    """``ROUNDS`` batches of texts that are cut at ``LENGTH`` tokens each: texts of a task, one after another."""
    train = data.splits["train"]
    words = " ".join(train.text_a).split()
    # A word is at least one token, so LENGTH words are enough; they are taken again from the start where they run out.
    starts = np.arange(ROUNDS * BATCH_SIZE) * LENGTH % max(1, len(words) - LENGTH)
    texts = [" ".join(words[s : s + LENGTH]) for s in starts]
    return data.with_splits({"train": Split(texts, None, np.resize(train.labels, len(texts)))})


def measure(device: torch.device, data: TaskData, repeats: int) -> dict[str, Any]:
    """Milliseconds of a plain step and of choosing each kind of patch for as many units, in turns; medians over all λ."""
    task = encode(full_length(data), load_tokenizer(ENCODER), max_length=LENGTH)
    stepper = Stepper("none", {}, ENCODER, task, device)
    batches = list(torch.arange(ROUNDS * BATCH_SIZE, device=device).split(BATCH_SIZE))
    stepper.step(batches[0])
    maps = np.random.default_rng(0).normal(size=(BATCH_SIZE, LENGTH, CHANNELS))
    gradient = torch.from_numpy(maps.astype(np.float32)).to(device)
    steps = {choice: lambda _, choice=choice: choose(*choice, gradient) for choice in product(PATCHES, SHARES)}
    took = timing.in_turns(batches * repeats, {"plain": stepper.step} | steps)
    found = []
    for patch in PATCHES:
        own = [s for share in SHARES for s in took[patch, share]]
        found.append({"patch": patch} | timing.against(own, took["plain"] * len(SHARES), "over_plain"))
    plain = timing.against(took["plain"], took["plain"], "over_plain")
    return {
        "shape": [BATCH_SIZE, LENGTH, CHANNELS],
        "encoder": ENCODER,
        "plain_ms": plain["ms"],
        "patches": found,
    }


def choose(patch: str, share: float, gradient: torch.Tensor) -> float:
    """Seconds to choose one batch's patches: scores of all windows, their union, the units."""
    rows, length, channels = gradient.shape
    height = torch.full((rows,), length, device=gradient.device)
    lam = torch.full((rows,), share, dtype=torch.float64, device=gradient.device)
    window = Patch(patch, 2, 1, Places(height, length), channels, lam)
    return timing.timed(partial(window.salient, gradient), gradient.device)[1]


def main(args: argparse.Namespace) -> int:
    """Measure, print, write a record."""
    device = timing.set_up(args)
    result = measure(device, task_data(args.task), args.repeats)
    rows, length, channels = result["shape"]
    print(f"plain step of {ENCODER}, {rows} texts of {length} tokens: {result['plain_ms']:.0f} ms")
    for r in result["patches"]:
        print(
            f"patches of {rows} x {length} x {channels} units, {r['patch']:<8}{r['ms']:>7.1f} ms, {100 * r['over_plain']:.1f} % "
            f"of the step (quartiles {100 * r['low']:.1f}-{100 * r['high']:.1f})"
        )
    timing.write(f"patch-{device.type}", device, repeats=args.repeats, **result)
    return 0

"""DropMix's patches beside a plain step of BERT-base's size: choosing the windows is the part that the paper calls costly.

``python -m mixutils bench --patches``. The saliency maps are random, so that no λ and no text makes the choice easy.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch

from .. import paths
from ..encoder.load import load_tokenizer
from ..mixers.patches import PATCHES, Patch, Places
from ..runs import environment
from ..runs.records import compact, write_whole
from ..tasks import Split, TaskData, encode
from .steps import BATCH_SIZE, Stepper, _wait, task_data

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
    plain: list[float] = []
    found: dict[str, list[float]] = {patch: [] for patch in PATCHES}
    ratios: dict[str, list[float]] = {patch: [] for patch in PATCHES}
    for _ in range(repeats):
        for rows in batches:
            plain.append(stepper.step(rows))
            for share in SHARES:
                for patch in PATCHES:
                    seconds = choose(patch, share, gradient)
                    found[patch].append(seconds)
                    ratios[patch].append(seconds / plain[-1])
    return {
        "shape": [BATCH_SIZE, LENGTH, CHANNELS],
        "encoder": ENCODER,
        "plain_ms": 1e3 * median(plain),
        "patches": [
            {
                "patch": patch,
                "ms": 1e3 * median(found[patch]),
                "over_plain": median(ratios[patch]),
                "low": float(np.quantile(ratios[patch], 0.25)),
                "high": float(np.quantile(ratios[patch], 0.75)),
            }
            for patch in PATCHES
        ],
    }


def choose(patch: str, share: float, gradient: torch.Tensor) -> float:
    """Seconds to choose one batch's patches: scores of all windows, their union, the units."""
    rows, length, channels = gradient.shape
    height = torch.full((rows,), length, device=gradient.device)
    lam = torch.full((rows,), share, dtype=torch.float64, device=gradient.device)
    _wait(gradient.device)
    begin = perf_counter()
    Patch(patch, 2, 1, Places(height, length), channels, lam).salient(gradient)
    _wait(gradient.device)
    return perf_counter() - begin


def main(args: argparse.Namespace) -> int:
    """Measure, print, write a record."""
    device = environment.pick_device(args.device)
    environment.set_up(device, args.threads or environment.cores())
    result = measure(device, task_data(args.task), args.repeats)
    rows, length, channels = result["shape"]
    print(f"plain step of {ENCODER}, {rows} texts of {length} tokens: {result['plain_ms']:.0f} ms")
    for r in result["patches"]:
        print(
            f"patches of {rows} x {length} x {channels} units, {r['patch']:<8}{r['ms']:>7.1f} ms, {100 * r['over_plain']:.1f} % "
            f"of the step (quartiles {100 * r['low']:.1f}-{100 * r['high']:.1f})"
        )
    record = {
        "environment": environment.describe(device, environment.pick_precision("auto", device)),
        "repeats": args.repeats,
        "date": datetime.now(UTC).date().isoformat(),
        **result,
    }
    path = paths.figures("bench") / f"patch-{device.type}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(compact(record), indent=1).encode())
    print(f"written to {path}")
    return 0

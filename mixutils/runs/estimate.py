"""What a plan will cost: expected seconds from a count of multiplications, and disk space."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from statistics import median

import torch

from ..encoder.load import absent, shallow
from ..mixers import REGISTRY
from ..tasks import spec
from ..training.loop import count_steps, evaluation_steps
from .environment import pick_device, pick_precision
from .records import Records
from .run import Run

#: Weights of the layers in millions, without embeddings; an unknown encoder is taken for a BERT-base.
LAYER_WEIGHTS = {
    "minilm": 10.6,
    "random:tiny": 0.07,
    "random:small": 0.8,
    "cnn": 0.5,
    "lstm": 0.6,
    "google-bert/bert-large-uncased": 302.3,
}
#: Padded tokens per row, of tasks and of all others by their shape.
TOKENS = {"docs-coarse": 26.0, "docs-fine": 26.0, "docs-pair": 48.0, "ttc": 128.0, "single": 24.0, "pair": 90.0}
#: Hidden units, which a word of the vocabulary takes; 768 for all others.
WIDTHS = {
    "minilm": 384,
    "random:tiny": 64,
    "random:small": 128,
    "cnn": 384,
    "lstm": 384,
    "google-bert/bert-large-uncased": 1024,
}
OVERHEAD = 0.6  # seconds per run: data, tokenizer, weights


def _of(table: Mapping[str, float], encoder: str, other: float) -> float:
    return table.get(encoder) or table.get(encoder.partition(":")[0], other)


@cache
def _shape(encoder: str) -> tuple[float, float]:
    """Weights of the layers in millions, and width: of a folder by its ``config.json``."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        config = json.loads((Path(encoder) / "config.json").read_text("utf-8"))
        width = config["hidden_size"]
        inner = 4 * width**2 + 2 * width * config.get("intermediate_size", 4 * width)
        return config["num_hidden_layers"] * inner / 1e6, width
    return _of(LAYER_WEIGHTS, encoder, 85.0), _of(WIDTHS, encoder, 768)


def _size(run: Run) -> tuple[float, int, int]:
    """Tokens per row, training rows, and evaluated rows of one run."""
    entry = spec(run.task)
    shape = TOKENS["pair" if entry and entry.pair else "single"]
    full = (entry.counts.get("train") if entry else None) or 6000
    evaluated = (run.eval_size or 1000) * (len(run.evaluate) or 2)
    return min(run.max_length, TOKENS.get(run.task, shape)), min(run.train_size or full, full), evaluated


def work(run: Run) -> float:
    """Multiply-adds ×2 of one run, in units of 1e9, from configuration alone."""
    tokens, n, evaluated = _size(run)
    steps, rows = count_steps(n, run.recipe), min(run.recipe.batch_size, n)
    weights = _shape(run.encoder)[0] / 1e3  # billions
    passes = REGISTRY[run.method].cost if run.method in REGISTRY else 1.0
    return 2 * weights * tokens * (3 * steps * rows * passes + evaluated * len(evaluation_steps(n, run.recipe)))


def megabytes(run: Run) -> float:
    """Of the model that is trained, in float32, with the words of its data set only.

    Their number grows with the root of the text: 20 to 37 times the root of the tokens on the papers' English data sets.
    """
    tokens, n, evaluated = _size(run)
    weights, width = _shape(run.encoder)
    words = min(30_522, 35 * math.sqrt(tokens * (n + evaluated)))
    return 4 * (weights + width * (words + 512 + width) / 1e6)  # places, pooler


def measured_speed(device: torch.device) -> float:
    """Work per second that training reaches on this machine, from a product that takes a third of a second.

    The factors are what whole training steps reached of the bare product's rate when they were measured; estimates are
    printed as such, and the first finished runs replace them.
    """
    from torch.utils.benchmark import Timer  # takes half a second, which few commands need

    bf16 = pick_precision("auto", device) == "bfloat16"
    options = {"device": device, "dtype": torch.bfloat16 if bf16 else torch.float32}
    a, b = torch.randn(704, 384, **options), torch.randn(384, 1536, **options)
    product = Timer("(a @ b)[0, 0].item()", globals={"a": a, "b": b}).blocked_autorange(min_run_time=0.3)
    rate = 2 * 704 * 384 * 1536 / product.median / 1e9
    return rate * (0.5 if bf16 else 0.8)


class Costs:
    """Expected seconds of runs on this machine.

    Args:
        store: finished runs correct the estimate, encoder by encoder.
    """

    def __init__(self, store: Records, device: str = "auto") -> None:
        self.device, seen = pick_device(device), defaultdict(list)
        for record in store.all():
            if record["status"] == "done" and record["environment"]["device_type"] == self.device.type:
                run, seconds = Run.from_dict(record["run"]), record["cost"]["train_s"] + record["cost"]["eval_s"]
                if seconds > 0.2:
                    seen[run.encoder].append(work(run) / seconds)
        self._rates = {encoder: median(found) for encoder, found in seen.items() if len(found) >= 3}

    def rate(self, encoder: str) -> float:
        """Work per second."""
        if encoder not in self._rates:
            tiny = encoder.startswith("random:") or shallow(encoder)  # too small for the arithmetic to matter
            self._rates[encoder] = 20.0 if tiny else measured_speed(self.device)
        return self._rates[encoder]

    def seconds(self, run: Run) -> float:
        return OVERHEAD + work(run) / max(self.rate(run.encoder), 1e-3)

    def unknown(self, runs: Iterable[Run]) -> dict[str, str]:
        """Why an encoder of these runs cannot be opened here, by its name; nobody knows what it would take."""
        return {name: why for name in dict.fromkeys(run.encoder for run in runs) if (why := _absent(name))}

    def wall(self, runs: Iterable[Run], workers: int) -> float:
        """Seconds until a pool of workers has done all those whose encoder can be opened."""
        runs = list(runs)
        unknown = self.unknown(runs)
        return sum(self.seconds(run) for run in runs if run.encoder not in unknown) / max(1, workers)


_absent = cache(absent)


def disk(runs: Iterable[Run], workers: int = 1) -> float:
    """Megabytes that checkpoints take, at most.

    Those of finished runs are kept while others start from them, or for measurements. Each worker has an unfinished run besides,
    to go on from: the weights, two moments of each, and the weights of every checkpoint that will be kept or evaluated;
    twice, while a new state replaces the old one.
    """
    ahead, kept = {r.hash: r for r in runs}, defaultdict(set)
    for run in list(ahead.values()):
        for of, policy in ((run.start, run.start_policy), (run, run.probe_policy)):
            if policy:
                kept[ahead.setdefault(of.hash, of).hash].add(policy)
    copies = {h: 3 + len(kept[h] | {r.final_policy} - {""}) for h, r in ahead.items()}
    largest = max((copies[h] * megabytes(r) for h, r in ahead.items()), default=0.0)
    finished = sum(len(kept[h]) * megabytes(r) for h, r in ahead.items())
    return finished + 2 * min(workers, len(ahead)) * largest

"""What a plan will cost: expected seconds from a count of multiplications and the speed of this machine, and disk space."""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from statistics import median

import torch

from ..encoder.dropout import give_rng
from ..encoder.load import absent, load_encoder, shallow
from ..encoder.model import Classifier
from ..mixers import REGISTRY, build
from ..paths import facts
from ..rng import numpy_rng
from ..tasks import spec
from ..tasks.encode import EncodedSplit
from ..training.loop import autocast, count_steps, evaluation_steps, take_step
from ..training.optim import build_optimizer
from . import environment
from .environment import pick_attention, pick_device, pick_precision, set_up
from .records import Records
from .run import Run

#: Weights of the layers in millions, without embeddings; an unknown encoder is taken for a BERT-base.
LAYER_WEIGHTS = {
    "minilm": 10.6,
    "random:tiny": 0.07,
    "random:small": 0.8,
    "random:mini": 10.6,
    "cnn": 0.5,
    "lstm": 0.6,
    "google-bert/bert-large-uncased": 302.3,
}
#: Tokens per row of the built-in tasks, and by their shape of those that nobody has counted (``counts.toml`` has the catalogue's).
TOKENS = {"docs-coarse": 17.0, "docs-fine": 16.0, "docs-pair": 40.0, "single": 24.0, "pair": 60.0}
#: Hidden units, which a word of the vocabulary takes; 768 for all others.
WIDTHS = {
    "minilm": 384,
    "random:tiny": 64,
    "random:small": 128,
    "random:mini": 384,
    "cnn": 384,
    "lstm": 384,
    "google-bert/bert-large-uncased": 1024,
}
OVERHEAD = 1.0  # seconds per run: data, tokenizer, weights
#: Of the steps that the speed is measured by: rows, tokens per row, classes; how long it takes.
ROWS, LENGTH, CLASSES, SECONDS = 16, 24, 6, 1.5


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


def _size(run: Run) -> tuple[float, int, int, int]:
    """Tokens per row; training rows; rows that are evaluated each time, and those that are evaluated once."""
    entry = spec(run.task)
    shape = TOKENS["pair" if entry and entry.pair else "single"]
    tokens = TOKENS.get(run.task) or facts("runs/counts").get(run.task, {}).get("tokens", shape)
    full = (entry.counts.get("train") if entry else None) or 6000
    _, *pool = run.policy.split("-") if run.policy.startswith("pool-") else ("",)
    part = run.eval_size or 1000
    evaluated, once = map(int, pool) if pool else (part * (len(run.evaluate) or 2), part * len(run.final))
    return min(run.max_length, tokens), min(run.train_size or full, full), evaluated, once


def work(run: Run) -> float:
    """Multiply-adds ×2 of one run, in units of 1e9, from configuration alone."""
    tokens, n, evaluated, once = _size(run)
    steps, rows = count_steps(n, run.recipe), min(run.recipe.batch_size, n)
    weights = _shape(run.encoder)[0] / 1e3  # billions
    entry, clean = REGISTRY.get(run.method, REGISTRY["none"]), dict(run.options).get("clean", False)
    passes = entry.cost + clean * entry.clean
    evaluations = evaluated * len(evaluation_steps(n, run.recipe)) + once
    return 2 * weights * tokens * (3 * steps * rows * passes + evaluations)


def megabytes(run: Run) -> float:
    """Of the model that is trained, in float32, with the words of its data set only.

    Their number grows with the root of the text: 20 to 37 times the root of the tokens on the papers' English data sets.
    """
    tokens, n, evaluated, once = _size(run)
    weights, width = _shape(run.encoder)
    words = min(30_522, 35 * math.sqrt(tokens * (n + evaluated + once)))
    return 4 * (weights + width * (words + 512 + width) / 1e6)  # places, pooler


@cache
def measured_speed(device: torch.device, workers: int = 1) -> float:
    """Work per second of each of some workers, from updates that they make at the same time; about three seconds.

    They are threads here and processes later; what they have in common, caches and memory, slows both down.
    """
    threads, kernel = torch.get_num_threads(), torch.get_float32_matmul_precision()
    precision = pick_precision("auto", device)
    set_up(device, 1)
    try:
        with torch.random.fork_rng(devices=()), ThreadPoolExecutor(workers) as pool:
            torch.manual_seed(0)
            updates = [_updates(device, precision) for _ in range(workers)]
            return sum(pool.map(_rate, updates)) / workers
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(kernel)


def _updates(device: torch.device, precision: str) -> Callable[[], float]:
    """A function that makes one update of an encoder of MiniLM's size."""
    model = Classifier(load_encoder("random:mini", attention=pick_attention("auto", device)), CLASSES).to(device)
    model.keep_rows(torch.arange(1000))
    give_rng(model, numpy_rng(0, "speed"))
    optimizer = build_optimizer("adamw", model, mixer := build("none"), 1e-5, 1e-5, 0.0, (0.9, 0.999), 1e-8)
    ids = torch.arange(ROWS * LENGTH).view(ROWS, LENGTH) % 900 + 50
    labels = torch.arange(ROWS) % CLASSES
    split = EncodedSplit(ids.int(), torch.zeros_like(ids).char(), None, torch.full((ROWS,), LENGTH), labels).to(device)
    batch, draw = split.batch(torch.arange(ROWS, device=device)), numpy_rng(0, "speed")
    cast = autocast(device, precision)
    model.train()
    return lambda: take_step(model, mixer, batch, draw, cast, optimizer)


def _rate(update: Callable[[], float]) -> float:
    """Work per second; the first update is not timed."""
    torch.set_num_threads(1)  # each thread has its own number
    update()
    begin, n = time.perf_counter(), 0
    while not n or time.perf_counter() - begin < SECONDS:
        update()
        n += 1
    of_update = 3 * 2 * LAYER_WEIGHTS["random:mini"] / 1e3 * ROWS * LENGTH
    return n * of_update / (time.perf_counter() - begin)


class Costs:
    """Expected seconds of runs on this machine.

    Args:
        store: finished runs of this machine correct the estimate, encoder by encoder. workers: that will train side by side.
    """

    def __init__(self, store: Records, device: str = "auto", workers: int = 1) -> None:
        self.device, self.workers, seen = pick_device(device), workers, defaultdict(list)
        here = environment.describe(self.device, pick_precision("auto", self.device))
        same = ("device", "precision")  # one name stands for processors with and without bfloat16 units
        for record in store.all():
            if record["status"] == "done" and all(record["environment"].get(k) == here[k] for k in same):
                run, seconds = Run.from_dict(record["run"]), record["cost"]["train_s"] + record["cost"]["eval_s"]
                if seconds > 0.2:
                    seen[run.encoder].append(work(run) / seconds)
        self._rates = {encoder: median(found) for encoder, found in seen.items() if len(found) >= 3}

    def rate(self, encoder: str) -> float:
        """Work per second."""
        if encoder not in self._rates:
            tiny = encoder in ("random:tiny", "random:small") or shallow(
                encoder
            )  # too small for the arithmetic to matter
            self._rates[encoder] = 20.0 if tiny else measured_speed(self.device, self.workers)
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

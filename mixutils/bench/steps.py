"""Step times: every registered mixer against the plain step, and the plain step against the Hugging Face Trainer's.

All figures come from one process run and are medians of ratios, each of two steps on the same batch a moment apart: machines
are noisy, and a ratio within one run is what can be carried elsewhere. Methods take turns (round by round, batch by batch),
so that a drift of the clock hits all of them alike.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from statistics import median
from typing import Any

import numpy as np
import torch

from .. import paths, rng
from ..encoder.dropout import give_rng
from ..encoder.load import load_encoder, load_tokenizer
from ..encoder.model import Classifier
from ..mixers import REGISTRY, build
from ..runs import environment
from ..runs.records import compact, write_whole
from ..tasks import EncodedTask, TaskData, apply_policy, at_hand, encode, load_task, spec, subset
from ..training.loop import autocast, take_step
from ..training.optim import build_optimizer

BATCH_SIZE, BATCHES, WARM_UP = 32, 8, 2
GROUP = 6  # methods in memory at a time, each with a model and an optimiser of its own
#: Under which protocol a mixer is timed; the hidden mixers also with SSMix's clean terms.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in REGISTRY},
    "wordmix + clean": ("wordmix", {"pairing": "halves", "clean": True}),
    "senmix + clean": ("senmix", {"pairing": "halves", "clean": True}),
    "tmix + clean": ("tmix", {"pairing": "halves", "clean": True}),
}


class Stepper:
    """One method with a model and an optimiser of its own; ``step`` does everything that a training step does."""

    def __init__(
        self, method: str, options: dict[str, Any], encoder: str, task: EncodedTask, device: torch.device
    ) -> None:
        torch.manual_seed(0)
        attention = environment.pick_attention("auto", device)
        dropout = REGISTRY[method].dropout
        self.model = Classifier(load_encoder(encoder, dropout, attention), task.classes, dropout).to(device)
        self.model.keep_rows(task.vocabulary)
        give_rng(self.model, rng.numpy_rng(0, "dropout"))
        self.mixer = build(method, **options)
        self.rng = rng.numpy_rng(0, "bench")
        self.split = task.splits["train"].to(device)
        self.cast = autocast(device, environment.pick_precision("auto", device))
        with torch.no_grad(), self.cast():
            self.mixer.prepare(self.model, task, self.rng)
        self.mixer.to(device)
        self.optimizer = build_optimizer("adamw", self.model, self.mixer, 1e-5, 1e-5, 1e-4, (0.9, 0.999), 1e-8)
        self.model.train()
        self.device = device

    def step(self, rows: torch.Tensor) -> float:
        """Seconds of one training step."""
        _wait(self.device)
        begin = time.perf_counter()
        take_step(self.model, self.mixer, self.split.batch(rows), self.rng, self.cast, self.optimizer)
        _wait(self.device)
        return time.perf_counter() - begin

    def passes(self, batches: list[torch.Tensor]) -> float:
        """Forward and backward passes per step, counted."""
        before = self.model.work
        for rows in batches:
            self.step(rows)
        return (self.model.work - before) / self.model.depth / sum(map(len, batches))


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def task_data(name: str, batch_size: int = 0) -> TaskData:
    """The rows that are timed: of the task, or of the built-in one of its shape."""
    size = batch_size or BATCH_SIZE
    entry = spec(name)
    if not at_hand(name, False)[0] and entry is not None:
        name = entry.stand_in
    data = apply_policy(load_task(name, use_hub=False), "official", 0)
    rows = len(data.splits["train"])
    if rows < size * BATCHES:
        raise ValueError(f"{name} has {rows} training rows; timing takes {BATCHES} batches of {size}")
    data = subset(data, size * BATCHES, "random", 0, None)
    return data.with_splits({"train": data.splits["train"]})


def measure(
    encoder: str,
    data: TaskData,
    device: torch.device,
    repeats: int,
    say: Callable[[str], None],
    only: Collection[str] = (),
    batch_size: int = 0,
) -> list[dict[str, Any]]:
    """Median step time and passes of every variant, or of the mixers in ``only``, and of the plain step; in turns."""
    task = encode(data, load_tokenizer(encoder))
    batches = _batches(batch_size, device)
    out: list[dict[str, Any]] = []
    others = [name for name in VARIANTS if name != "none" and (not only or VARIANTS[name][0] in only)]
    for begin in range(0, max(1, len(others)), GROUP):
        names = ("none", *others[begin : begin + GROUP])
        made = _measure_group(names, encoder, task, device, batches, repeats)
        out += made if not out else made[1:]
    say(f"plain step of {encoder}: {out[0]['ms']:.0f} ms")
    return out


def _measure_group(
    names: tuple[str, ...],
    encoder: str,
    task: EncodedTask,
    device: torch.device,
    batches: list[torch.Tensor],
    repeats: int,
) -> list[dict[str, Any]]:
    """The first of ``names`` is the plain step: every group has one of its own, timed in turns with the others."""
    steppers = {name: Stepper(*VARIANTS[name], encoder, task, device) for name in names}
    passes = {name: s.passes(batches) for name, s in steppers.items()}  # warms up, too
    seconds: dict[str, list[float]] = {name: [] for name in steppers}
    for _, rows in itertools.product(range(repeats), batches):
        for name, stepper in steppers.items():
            seconds[name].append(stepper.step(rows))
    out = []
    for name in steppers:
        ratios = np.array(seconds[name]) / np.array(seconds["none"])  # the same batch, a moment apart
        ratio = float(np.median(ratios))
        out.append(
            {
                "encoder": encoder,
                "method": name,
                "ms": 1e3 * median(seconds[name]),
                "over_plain": ratio,
                "passes": passes[name],
                "over_passes": ratio / passes[name],
                "low": float(np.quantile(ratios, 0.25)),
                "high": float(np.quantile(ratios, 0.75)),
            }
        )
    return out


def _batches(batch_size: int, device: torch.device) -> list[torch.Tensor]:
    size = batch_size or BATCH_SIZE
    return list(torch.arange(size * BATCHES, device=device).split(size))


def trainer_steps(encoder: str, data: TaskData, batch_size: int = 0) -> Iterator[float]:
    """Seconds of the Hugging Face Trainer's steps with its default arguments on the same batches, in the same order."""
    import tempfile

    import transformers

    tokenizer = load_tokenizer(encoder)
    train = data.splits["train"]
    texts = (train.text_a,) if train.text_b is None else (train.text_a, train.text_b)
    rows = tokenizer(*texts, truncation=True, max_length=128)
    dataset = [{k: v[i] for k, v in rows.items()} | {"labels": int(train.labels[i])} for i in range(len(train))]
    torch.manual_seed(0)
    body = load_encoder(encoder)
    config = body.config
    config.num_labels = data.classes
    model = transformers.BertForSequenceClassification(config)
    model.bert.load_state_dict(body.state_dict(), strict=False)
    found: list[float] = []

    class Clock(transformers.TrainerCallback):
        def on_step_begin(self, *args, **kwargs):
            self.begin = time.perf_counter()

        def on_step_end(self, *args, **kwargs):
            found.append(time.perf_counter() - self.begin)

    class InOrder(transformers.Trainer):
        def _get_train_sampler(self, *args, **kwargs):
            return torch.utils.data.SequentialSampler(self.train_dataset)

    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            folder,
            per_device_train_batch_size=batch_size or BATCH_SIZE,
            num_train_epochs=1,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            logging_strategy="no",
        )
        InOrder(model, arguments, train_dataset=dataset, processing_class=tokenizer, callbacks=[Clock()]).train()
    yield from found[WARM_UP:]


def against_trainer(
    encoder: str, data: TaskData, device: torch.device, repeats: int, batch_size: int = 0
) -> dict[str, Any]:
    """Our plain step and the Trainer's default step, in turns.

    The Trainer is left as it comes: float32, its own optimiser, clipping and schedule, every row of the vocabulary. Our
    precision switches are put back while it runs.
    """
    ours = Stepper("none", {}, encoder, encode(data, load_tokenizer(encoder)), device)
    batches = _batches(batch_size, device)
    for rows in batches[:WARM_UP]:
        ours.step(rows)
    mine, theirs = [], []
    for _ in range(repeats):
        mine += [ours.step(rows) for rows in batches[WARM_UP:]]
        precision = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")  # torch's default
        theirs += list(trainer_steps(encoder, data, batch_size))
        torch.set_float32_matmul_precision(precision)
    ratios = np.array(theirs) / np.array(mine)
    return {
        "encoder": encoder,
        "ours_ms": 1e3 * median(mine),
        "trainer_ms": 1e3 * median(theirs),
        "speed_up": float(np.median(ratios)),
        "low": float(np.quantile(ratios, 0.25)),
        "high": float(np.quantile(ratios, 0.75)),
    }


def main(args: argparse.Namespace) -> int:
    """Measure, print tables, write a record.

    Raises:
        ValueError: no rounds, a negative batch size, an unknown mixer, or fewer rows than are timed.
    """
    if args.repeats < 1:
        raise ValueError(f"--repeats must be at least 1, not {args.repeats}")
    if args.batch_size < 0:
        raise ValueError(f"--batch-size must be at least 1, not {args.batch_size}")
    methods = tuple(filter(None, args.methods.split(",")))
    if unknown := [name for name in methods if name not in REGISTRY]:
        raise ValueError(f"no mixer is called {unknown[0]!r}; there are {', '.join(REGISTRY)}")
    device = environment.pick_device(args.device)
    environment.set_up(device, args.threads or environment.cores())
    size = args.batch_size or BATCH_SIZE
    data = task_data(args.task, size)
    print(f"{data.id}, batch {size}, {args.repeats} rounds of {BATCHES} batches; medians of ratios on the same batch")
    record: dict[str, Any] = {
        "environment": environment.describe(device, environment.pick_precision("auto", device)),
        "task": data.id,
        "batch_size": size,
        "repeats": args.repeats,
        "date": datetime.now(UTC).date().isoformat(),
        "mixers": [],
        "trainer": [],
    }
    for encoder in args.encoders.split(","):
        rows = measure(encoder, data, device, args.repeats, print, methods, size)
        record["mixers"] += rows
        print(f"{'method':<22}{'ms':>8}{'/ plain':>9}{'quartiles':>14}{'passes':>8}{'/ (passes x plain)':>20}")
        for r in rows:
            print(
                f"{r['method']:<22}{r['ms']:>8.0f}{r['over_plain']:>9.2f}{r['low']:>8.2f}-{r['high']:.2f}{r['passes']:>9.2f}{r['over_passes']:>16.2f}"
            )
        try:
            result = against_trainer(encoder, data, device, max(2, args.repeats // 2), size)
        except ImportError as error:
            print(f"the Trainer could not be timed: {error}", file=sys.stderr)
            continue
        record["trainer"].append(result)
        print(
            f"Trainer's default step {result['trainer_ms']:.0f} ms, ours {result['ours_ms']:.0f} ms: "
            f"{result['speed_up']:.2f} times as fast ({result['low']:.2f}-{result['high']:.2f})"
        )
    # What README and claims read is the whole benchmark; a part of it has a file of its own.
    name = f"bench-{device.type}" + (f"-batch{size}" if size != BATCH_SIZE else "") + ("-part" if methods else "")
    path = paths.figures("bench") / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(compact(record), indent=1).encode())
    print(f"written to {path}")
    return 0

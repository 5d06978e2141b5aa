"""Step times: every registered mixer against the plain step, and the plain step against the Hugging Face Trainer's.

All figures come from one run of a process and are medians of ratios, each of two steps on the same batch a moment apart.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Collection, Iterator
from statistics import median
from typing import Any

import torch

from .. import rng
from ..encoder.dropout import give_rng
from ..encoder.load import load_encoder, load_tokenizer
from ..encoder.model import Classifier
from ..mixers import REGISTRY, build
from ..runs import environment
from ..tasks import EncodedTask, TaskData, apply_policy, at_hand, encode, load_task, spec, subset
from ..training.loop import autocast, take_step
from ..training.optim import build_optimizer
from . import timing

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

        def work() -> None:
            take_step(self.model, self.mixer, self.split.batch(rows), self.rng, self.cast, self.optimizer)

        return timing.timed(work, self.device)[1]

    def passes(self, batches: list[torch.Tensor]) -> float:
        """Forward and backward passes per step, counted."""
        before = self.model.work
        for rows in batches:
            self.step(rows)
        return (self.model.work - before) / self.model.depth / sum(map(len, batches))


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
        # Every group has a plain step of its own, in turns with the others.
        names = ("none", *others[begin : begin + GROUP])
        steppers = {name: Stepper(*VARIANTS[name], encoder, task, device) for name in names}
        passes = {name: s.passes(batches) for name, s in steppers.items()}  # warms up, too
        took = timing.in_turns(batches * repeats, {name: s.step for name, s in steppers.items()})
        for name in names[1:] if out else names:
            row = timing.against(took[name], took["none"], "over_plain")
            rounds = [1e3 * median(took[name][i : i + len(batches)]) for i in range(0, len(took[name]), len(batches))]
            more = {"passes": passes[name], "over_passes": row["over_plain"] / passes[name], "rounds": rounds}
            out.append({"encoder": encoder, "method": name} | row | more)
    say(f"plain step of {encoder}: {out[0]['ms']:.0f} ms")
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
    ratio = timing.against(theirs, mine, "speed_up")
    return {"encoder": encoder, "ours_ms": 1e3 * median(mine), "trainer_ms": ratio.pop("ms"), **ratio}


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
    device = timing.set_up(args)
    size = args.batch_size or BATCH_SIZE
    data = task_data(args.task, size)
    print(f"{data.id}, batch {size}, {args.repeats} rounds of {BATCHES} batches; medians of ratios on the same batch")
    mixers, trainer = [], []
    for encoder in args.encoders.split(","):
        rows = measure(encoder, data, device, args.repeats, print, methods, size)
        mixers += rows
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
        trainer.append(result)
        print(
            f"Trainer's default step {result['trainer_ms']:.0f} ms, ours {result['ours_ms']:.0f} ms: "
            f"{result['speed_up']:.2f} times as fast ({result['low']:.2f}-{result['high']:.2f})"
        )
    # What README and claims read is the whole benchmark; a part of it has a file of its own.
    name = f"bench-{device.type}" + (f"-batch{size}" if size != BATCH_SIZE else "") + ("-part" if methods else "")
    about = {"task": data.id, "batch_size": size, "repeats": args.repeats}
    timing.write(name, device, **about, mixers=mixers, trainer=trainer)
    return 0

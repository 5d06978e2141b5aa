"""``execute(run) -> record``: the one function that every launcher calls, in whatever process it runs."""

from __future__ import annotations

import copy
import functools
import math
import os
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import paths, rng
from ..encoder.check import notes as encoder_notes
from ..encoder.digest import digest as encoder_digest
from ..encoder.dropout import ablate
from ..encoder.load import EncoderError, load_encoder, load_tokenizer
from ..encoder.model import Classifier
from ..mixers import build
from ..mixers.base import Mixer
from ..tasks import DataError, TaskData, apply_policy, encode, is_own, load_task, notes, subset
from ..tasks.encode import EncodedTask
from ..training.loop import State, autocast, count_steps, epoch_steps, evaluate, train
from ..training.metrics import f1_per_class
from ..training.policies import check, choose
from . import checkpoints, environment
from .generations import GENERATION
from .records import Record, Records, failure
from .run import Run

#: Confusion matrices of larger label sets are left out of the record: C² numbers.
MOST_CLASSES = 20


# A worker has many runs on the same task with the same encoder.
tokenizer = functools.lru_cache(maxsize=4)(load_tokenizer)


@functools.lru_cache(maxsize=4)
def _task(name: str, use_hub: bool, *wishes: str) -> tuple[TaskData, str]:
    data = load_task(name, use_hub)
    return data, data.digest()


def cached_task(name: str, use_hub: bool = True) -> tuple[TaskData, str]:
    """A task and its digest, read once per process."""
    wishes = (os.environ.get(f"MIXUTILS_{name}", "") for name in ("DATA", "COLUMNS", "LABELS"))
    return _task(name, use_hub, *wishes)


def prepare_data(run: Run, use_hub: bool = True) -> tuple[TaskData, str]:
    """The rows that a run trains and is evaluated on, and the digest of the whole data set.

    Raises:
        DataError: the data or one of the parts to evaluate are missing.
    """
    data, digest = cached_task(run.task, use_hub)
    data = apply_policy(data, run.policy, run.seed)
    size = run.train_size
    if run.train_fraction < 1:
        size = min(size or math.inf, max(1, round(run.train_fraction * len(data.splits["train"]))))
    data = subset(data, size, run.subset, run.seed, run.eval_size)
    wanted = run.evaluate or tuple(k for k in data.splits if k not in ("train", *run.final))
    wanted = (*wanted, *run.final)
    missing = [k for k in wanted if k not in data.splits]
    if missing or not wanted:
        raise DataError(
            f"{run.task} has no part {', '.join(missing) or 'to evaluate'}; it has {', '.join(data.splits)}"
        )
    data = data.with_splits({k: data.splits[k] for k in ("train", *wanted)}).check()
    found = notes.of_run(data) if is_own(data) else notes.lost(data)
    return replace(data, notes=(*data.notes, *found)), digest


def build_model(run: Run, classes: int, device: torch.device) -> Classifier:
    """The model a run starts from, with its full vocabulary.

    New layers are initialised from the seed's "init" stream, or everything comes from the checkpoint of ``run.start``.
    """
    torch.manual_seed(rng.derive(run.seed, "init"))
    attention = environment.pick_attention(run.attention, device)
    everywhere = None if isinstance(run.dropout, str) else run.dropout
    model = Classifier(load_encoder(run.encoder, everywhere, attention), classes, everywhere)
    if isinstance(run.dropout, str):
        ablate(model, run.dropout)
    if run.start is not None:
        checkpoints.load_weights(model, run.start.hash, run.start_policy)
    return model.to(device)


def execute(
    run: Run,
    *,
    device: str = "auto",
    threads: int = 1,
    use_hub: bool = True,
    keep: Iterable[str] = (),
    progress: Callable[[str], None] = lambda line: None,
) -> Record:
    """Train one run and describe it.

    Args:
        keep: checkpoint policies whose weights are stored for later runs.
        progress: called with one plain line now and then.

    Returns:
        The record, with status "done". Nothing is stored except the checkpoints; see ``attempt``.
    """
    begin = time.perf_counter()
    where = environment.pick_device(device)
    precision = environment.pick_precision(run.precision, where)
    environment.set_up(where, threads, run.precision)
    data, digest = prepare_data(run, use_hub)
    if run.start is not None and not checkpoints.checkpoint_path(run.start.hash, run.start_policy).is_file():
        # Deleted, or made on another machine: repeating the parent gives the same weights.
        progress(f"its start {run.start.title()} is repeated for its weights")
        execute(run.start, device=device, threads=threads, use_hub=use_hub, keep=[run.start_policy], progress=progress)
    words = tokenizer(run.encoder)
    model = build_model(run, data.classes, where)
    task = encode(data, words, model.fits(run.max_length))
    content = encoder_digest(run.encoder)
    model.keep_rows(task.vocabulary)
    mixer = build(run.method, **dict(run.options))
    policies = [check(name) for name in {*keep, run.probe_policy, run.final_policy} - {""}]
    unfinished = checkpoints.Unfinished(run.hash, made_from=[digest, content])
    total = count_steps(len(data.splits["train"]), run.recipe)

    def save(state: State, objects: dict[str, Any]) -> None:
        unfinished.save(state, objects)
        part, metrics = next(iter(state.curve[-1]["metrics"].items()))
        progress(f"step {state.step}/{total}, {part} accuracy {100 * metrics['accuracy']:.1f}")

    on_device = task.to(where)
    watched = replace(on_device, splits={k: v for k, v in on_device.splits.items() if k not in run.final})
    how = {"precision": precision, "keep": policies, "save": save, "resume": unfinished.load}
    state = train(model, mixer, watched, run.recipe, run.seed, **how)
    for name in keep:
        checkpoints.save_weights(run.hash, name, state.best[name], task.vocabulary)
    final = _final(run, model, mixer, state, on_device, autocast(where, precision))
    n, r = len(data.splits["train"]), run.recipe
    seen = max(1, r.steps * min(n, r.batch_size) if r.steps else r.epochs * n)  # rows of all updates together
    record = {
        "hash": run.hash,
        "status": "done",
        "run": run.to_dict(),
        "generation": GENERATION,
        "commit": environment.commit(),
        "environment": environment.describe(where, precision)
        | {"attention": model.encoder.config._attn_implementation},
        "data": _describe(data, digest, task, model, use_hub),
        "encoder": ({"digest": content} if content else {})
        | {"notes": encoder_notes(model, words, data.pair, run.max_length)},
        "curve": state.curve,
        "selected": _selected(run, state, data, final),
        "mixer": mixer.log(),
        "cost": {
            "steps": state.step,
            "step_ms": float(np.median(state.step_ms)),
            "train_s": state.train_s,
            "eval_s": state.eval_s,
            "passes": model.work / model.depth / seen,
            "parameters": sum(p.numel() for p in model.parameters()),
            "mixer_parameters": sum(p.numel() for p in mixer.parameters()),
        },
    }
    if run.probes:
        _keep_for_measurements(run, mixer, state, task.vocabulary)
    unfinished.path.unlink(missing_ok=True)
    record["cost"]["total_s"] = time.perf_counter() - begin
    record["date"] = datetime.now(UTC).date().isoformat()
    return record


def attempt(run: Run, store: Records, **kwargs: Any) -> Record:
    """``execute`` and store; a failure is stored with its traceback and does not raise.

    Raises:
        OSError: nothing can be written any more, see ``paths.NOT_WRITABLE``.
    """
    try:
        record = execute(run, **kwargs)
        store.put(record)  # inside: a record that its own check refuses is a failure too
    except Exception as error:
        if isinstance(error, OSError) and error.errno in paths.NOT_WRITABLE:
            raise
        cause = "input" if isinstance(error, DataError | EncoderError | OSError) else ""
        record = failure(run, f"{type(error).__name__}: {error}", traceback.format_exc(), cause)
        store.put(record)
    return record


def _describe(data: TaskData, digest: str, task: EncodedTask, model: Classifier, use_hub: bool) -> dict[str, Any]:
    """The data; of a shallow encoder also where its word vectors come from, and the share of training tokens without."""
    out = {
        "source": data.source,
        "digest": digest,
        "language": data.language,
        "subset": data.splits["train"].digest(),
        "rows": {k: v.digest() for k, v in data.splits.items() if k != "train"},
        "labels": list(data.labels),
        "full": {k: len(v) for k, v in cached_task(data.id, use_hub)[0].splits.items()},
        "sizes": {k: len(v) for k, v in data.splits.items()},
        "histogram": {k: list(data.histogram(k).values()) for k in data.splits},
        "mean_tokens": float(task.splits["train"].lengths.float().mean()),
        "vocabulary": len(task.vocabulary),
        "notes": list(data.notes),
    }
    if data.positive:
        out["positive"] = data.positive
    if (vectors := getattr(model.encoder.config, "vectors", None)) is not None:
        train = task.splits["train"]
        unknown = (train.input_ids == task.unk)[train.text_id >= 0].float().mean()
        out["vectors"] = vectors | {"unknown": float(unknown)}
    return out


def _final(run: Run, model, mixer, state: State, task, cast) -> dict[str, Any]:
    """Metrics and details of the parts that are evaluated once, with the weights of the run's ``final_policy``.

    The model keeps these weights, the mixer goes back to what it has counted by the end of training.
    """
    if not run.final:
        return {}
    begin, best, last = time.perf_counter(), state.best[run.final_policy], copy.deepcopy(mixer.state_dict())
    model.load_state_dict(checkpoints.below(best, "model."))
    mixer.load_state_dict(checkpoints.below(best, "mixer."))
    out = {part: evaluate(model, mixer, task.splits[part], cast) for part in run.final}
    mixer.load_state_dict(last)
    state.eval_s += time.perf_counter() - begin
    return out


def _selected(run: Run, state: State, data: TaskData, final: dict[str, Any]) -> dict[str, Any]:
    """For every policy the step and what it reports of each part: metrics, bits, and confusions of small label sets."""
    watched = [k for k in data.splits if k not in ("train", *run.final)]
    kinds = ("best-on", "best-epoch-on") if run.recipe.eval_first else ("best-on",)  # else mostly the same steps
    epoch, out = epoch_steps(len(data.splits["train"]), run.recipe), {}
    for name in ("last", *(f"{kind}-{k}" for kind in kinds for k in watched)):
        i = choose(name, state.curve, epoch=epoch)
        found = {k: (v, state.details[i][k]) for k, v in state.curve[i]["metrics"].items()}
        if name == run.final_policy:
            found |= final
        out[name] = {
            "step": state.curve[i]["step"],
            "metrics": {k: metrics | _details(details) for k, (metrics, details) in found.items()},
        }
    return out


def _details(details: dict[str, Any]) -> dict[str, Any]:
    confusion = details["confusion"]
    out = {
        "f1_per_class": f1_per_class(confusion),
        "predicted_classes": sum(any(c) for c in zip(*confusion, strict=True)),
        "bits": details["bits"],
    }
    return out | ({"confusion": confusion} if len(confusion) <= MOST_CLASSES else {})


def _keep_for_measurements(run: Run, mixer: Mixer, state: State, vocabulary: Tensor) -> None:
    """Store the checkpoint that something is measured on, see ``trained``.

    A mixer that predicts with parameters of its own belongs to the same step as the weights; what it has counted is that of
    the whole training.
    """
    best = state.best[run.probe_policy]
    mixer.load_selected(checkpoints.below(best, "mixer."))
    best |= {f"mixer.{name}": value for name, value in mixer.state_dict().items()}
    checkpoints.save_weights(run.hash, run.probe_policy, best, vocabulary)

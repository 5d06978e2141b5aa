"""Before the first run: the rows of every run are read and cut, and one step of every kind of run is tried on a few of them.

What would make runs fail hours later is said at once, all of it, and nothing is trained.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ..encoder.check import check_encoder
from ..encoder.load import EncoderError
from ..mixers import build
from ..tasks import encode
from ..training.loop import train
from .execute import build_model, cached_task, prepare_data, tokenizer
from .records import Records
from .run import Run

ROWS, TOKENS = 16, 16  # of a rehearsal, at most
#: What a user can mend. Anything else is a fault of ours, which costs its own runs only.
MENDABLE = (ValueError, OSError, ImportError)


def read(runs: Iterable[Run], use_hub: bool = True) -> None:
    """Read the data sets of ``runs``.

    Raises:
        ValueError: some cannot be read; one line for each.
    """
    _raise(_faults_of_data(dict.fromkeys(run.task for run in runs), use_hub))


def _faults_of_data(tasks: Iterable[str], use_hub: bool) -> dict[str, str]:
    """Data sets that cannot be read -> why."""
    out = {}
    for task in tasks:
        try:
            cached_task(task, use_hub)
        except MENDABLE as error:
            out[task] = _line(error)
    return out


def _raise(wrong: dict[str, str]) -> None:
    if wrong:
        raise ValueError("\n".join(("nothing was trained; mend this first:", *dict.fromkeys(wrong.values()))))


def rehearse(runs: Iterable[Run], store: Records, use_hub: bool = True) -> list[str]:
    """Try what ``runs`` need.

    Args:
        runs: that are to be executed. store: kinds of which a run is done there are not tried again.

    Returns:
        What an encoder cannot do as asked, in sentences.

    Raises:
        ValueError: something does not work; one line for each data set, encoder or method.
    """
    runs = list(runs)
    wrong = _faults_of_data(dict.fromkeys(run.task for run in runs), use_hub)  # data sets, encoders, kinds -> why
    for run in _first(runs, _rows):
        if run.task not in wrong:
            try:
                prepare_data(run, use_hub)
            except MENDABLE as error:
                wrong[run.task] = _line(error)
    runs = [run for run in runs if run.task not in wrong]
    pair = {task: cached_task(task, use_hub)[0].pair for task in {run.task for run in runs}}
    found: dict[str, None] = {}
    for run in _first(runs, lambda run: (run.encoder, pair[run.task], run.max_length)):
        try:
            found |= dict.fromkeys(check_encoder(run.encoder, pair[run.task], run.max_length))
        except EncoderError as error:
            wrong[run.encoder] = _line(error)
    done = [Run.from_dict(r["run"]) for r in store.all() if r["status"] == "done" and r["run"]["task"] in pair]
    proven = {_kind(run, pair) for run in done}
    for run in _first(runs, lambda run: _kind(run, pair)):
        if _kind(run, pair) not in proven and run.encoder not in wrong:
            try:
                _try(run, use_hub)
            except MENDABLE as error:
                wrong[run.hash] = f"{run.title()}: {_line(error)}"
    _raise(wrong)
    return list(found)


def _first(runs: list[Run], key) -> list[Run]:
    """The first run of each kind."""
    return list({key(run): run for run in reversed(runs)}.values())[::-1]


def _rows(run: Run) -> tuple[Any, ...]:
    """What the rows of a run depend on."""
    sizes = (run.train_size, run.train_fraction, run.subset, run.eval_size)
    return (run.task, run.policy, run.seed, *sizes, run.evaluate, run.final)


def _kind(run: Run, pair: dict[str, bool]) -> tuple[Any, ...]:
    """What a step of a run depends on, but for the size of things."""
    model = (run.encoder, run.dropout, run.attention, pair[run.task])
    return (*model, run.method, run.options, run.recipe.optimizer, run.recipe.schedule, run.recipe.class_weights)


@torch.random.fork_rng(devices=())
def _try(run: Run, use_hub: bool) -> None:
    """One update on a few rows, and an evaluation, as ``execute`` does them."""
    data, _ = prepare_data(run, use_hub)
    few = {part: split.take(np.arange(min(ROWS, len(split)))) for part, split in data.splits.items()}
    task = encode(data.with_splits(few), tokenizer(run.encoder), min(TOKENS, run.max_length))
    model = build_model(run.with_(start=None, start_policy=""), data.classes, torch.device("cpu"))
    model.keep_rows(task.vocabulary)
    recipe = replace(run.recipe, epochs=1, steps=1, carry=False, eval_every=0, eval_first=0)
    recipe = replace(recipe, batch_size=min(recipe.batch_size, ROWS))
    train(model, build(run.method, **dict(run.options)), task, recipe, run.seed)


def _line(error: BaseException) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__

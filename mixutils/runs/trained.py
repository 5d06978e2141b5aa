"""Finished runs with their weights, for what a notebook measures on a trained model.

A run whose ``probes`` are not empty leaves the checkpoint that its ``probe_policy`` names, with the mixer's state. Like any
checkpoint it may be deleted: repeating the run gives the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch

from .. import rng
from ..encoder.model import Classifier
from ..mixers import build
from ..mixers.base import Mixer
from ..tasks import Split, TaskData, encode
from ..tasks.encode import Batch, EncodedSplit
from . import checkpoints, environment
from .execute import build_model, execute, prepare_data, tokenizer
from .run import Run


class Trained(NamedTuple):
    """A trained run, ready to be looked at.

    Attributes:
        model: at the checkpoint of ``run.probe_policy``, with the full vocabulary, in evaluation mode. mixer: its parameters
            are those of the same step, what it has counted is that of the whole training. data: the run's rows.
        tokenizer: of the run's encoder.
    """

    run: Run
    model: Classifier
    mixer: Mixer
    data: TaskData
    tokenizer: Any

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    def read(self, split: Split | Sequence[str]) -> EncodedSplit:
        """A part, or texts without labels, as the model reads them, on its device."""
        if not isinstance(split, Split):
            split = Split(list(split), None, np.zeros(len(split), dtype=np.int64))
        data = self.data.with_splits({"train": split})
        return (
            encode(data, self.tokenizer, self.model.fits(self.run.max_length), renumber=False)
            .splits["train"]
            .to(self.device)
        )

    def batch(self, split: Split | Sequence[str]) -> Batch:
        """All rows of ``read`` as one batch."""
        rows = self.read(split)
        return rows.batch(torch.arange(len(rows), device=self.device))


def trained(run: Run, *, device: str = "auto", use_hub: bool = True) -> Trained:
    """The trained model of a run with ``probes``; the run is repeated where its checkpoint is not there.

    Sets up the process as for one worker thread, so that what is measured has the same bits here and there.

    Raises:
        ValueError: a run without ``probes`` keeps no weights.
    """
    if not run.probes:
        raise ValueError(f"{run.title()} keeps no weights: nothing is measured on it")
    if not checkpoints.checkpoint_path(run.hash, run.probe_policy).is_file():
        execute(run, device=device, use_hub=use_hub)
    where = environment.pick_device(device)
    environment.set_up(where, 1, run.precision)
    data, _ = prepare_data(run, use_hub)
    words = tokenizer(run.encoder)
    model = build_model(run.with_(start=None, start_policy=""), data.classes, where)
    task = encode(data, words, model.fits(run.max_length), renumber=False).to(where)
    mixer = build(run.method, **dict(run.options)).to(where)
    with torch.no_grad():  # what a mixer holds depends on the training part; its values come from the checkpoint
        mixer.prepare(model, replace(task, splits={"train": task.splits["train"]}), rng.numpy_rng(run.seed, "mixer"))
    tensors = checkpoints.load_weights(model, run.hash, run.probe_policy)
    mixer.to(where).load_state_dict(checkpoints.below(tensors, "mixer."))
    return Trained(run, model.eval(), mixer, data, words)

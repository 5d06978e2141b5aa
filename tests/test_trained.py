"""Trained models as notebooks measure them: the weights of the chosen step, the counts of the whole training."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mixutils.encoder.load import load_encoder, load_tokenizer
from mixutils.encoder.model import Classifier
from mixutils.mixers import REGISTRY
from mixutils.runs import checkpoints
from mixutils.runs.execute import execute
from mixutils.runs.run import Run
from mixutils.runs.trained import Trained, trained
from mixutils.tasks import Split, TaskData
from mixutils.training.loop import Recipe, autocast, evaluate

OPTIONS = {"dropmix-c": {"count_channels": True}}


def measured(method: str) -> Run:
    return Run(
        "docs-coarse",
        method,
        0,
        options=tuple(OPTIONS.get(method, {}).items()),
        encoder="random:tiny",
        recipe=Recipe(lr=5e-3, epochs=3, batch_size=20),
        policy="auto",
        train_size=40,
        eval_size=40,
        evaluate=("test",),
        precision="float32",
        probes=("made-up",),
        probe_policy="best-on-test",
    )


@pytest.mark.parametrize("method", REGISTRY)
def test_it_predicts_what_the_record_says_of_the_chosen_step(method):
    run = measured(method)
    selected = execute(run)["selected"][run.probe_policy]["metrics"]["test"]
    t = trained(run)
    metrics, details = evaluate(t.model, t.mixer, t.read(t.data.splits["test"]), autocast(t.device, "float32"))
    assert details["bits"] == selected["bits"]
    assert metrics["accuracy"] == pytest.approx(selected["accuracy"])


def test_counts_are_those_of_the_whole_training():
    run = measured("dropmix-c")
    execute(run)
    assert set(trained(run).mixer.seen.tolist()) <= {run.recipe.epochs, run.recipe.epochs - 1, run.recipe.epochs - 2}
    assert trained(run).mixer.seen.max() > 1


def test_a_deleted_checkpoint_is_made_again_with_the_same_bits():
    run = measured("dnm")
    execute(run)
    before = trained(run)
    checkpoints.checkpoint_path(run.hash, run.probe_policy).unlink()
    after = trained(run)
    for part in ("model", "mixer"):
        ours, theirs = getattr(before, part).state_dict(), getattr(after, part).state_dict()
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_run_without_measurements_keeps_nothing():
    with pytest.raises(ValueError, match="keeps no weights"):
        trained(measured("none").with_(probes=(), probe_policy=""))


def test_texts_are_read_in_the_tokenizers_own_numbering_with_labels_where_there_are_some():
    texts, tokenizer = ["a fine funny film", "dull and far too long"], load_tokenizer("random:tiny")
    data = TaskData("toy", ("yes", "no"), {"train": Split(texts, None, np.array([1, 0]))})
    t = Trained(measured("none"), Classifier(load_encoder("random:tiny"), 2), None, data, tokenizer)
    assert t.read(data.splits["train"]).labels.tolist() == [1, 0]
    assert t.read(texts).labels.tolist() == [0, 0]
    batch = t.batch(texts)
    for row, text in zip(batch.input_ids, texts, strict=True):
        ids = tokenizer(text)["input_ids"]
        assert row[: len(ids)].tolist() == ids
    assert torch.equal(batch.input_ids, t.batch(data.splits["train"]).input_ids)

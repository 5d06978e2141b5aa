"""What every registered mixer must do: train on every kind of task, leave inputs and global randomness alone, be repeatable."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from torch import nn

from mixutils.encoder.model import Classifier
from mixutils.mixers import REGISTRY, Mixer, build
from mixutils.runs.execute import build_model
from mixutils.runs.run import Run
from mixutils.training.loop import Recipe, train
from tests.conftest import make_batch, make_model, make_task

NAMES = list(REGISTRY)
PROTOCOLS = {name: {} for name in NAMES} | {
    "wordmix": {"pairing": "halves", "clean": True},
    "tmix": {"pairing": "dataset"},
}
#: Every label is mixed with a far example's, by weights near 1: the fall takes more steps to show.
SLOW = ("dmix", "dmix-nt", "euc-dmix", "euc-dmix-nt", "m-ratio", "m-threshold")


@pytest.mark.parametrize("pair", [False, True], ids=["single", "pair"])
@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("name", NAMES)
def test_every_mixer_trains_and_learns(name, classes, pair):
    """A few steps on a task whose label can be read off one token: the loss on the training part falls."""
    task, model = make_task(32, pair, classes), make_model(classes)
    for split in task.splits.values():  # the first word tells the class
        split.input_ids[:, 1] = 10 + split.labels.int()
    epochs = 24 if name in SLOW else 8
    state = train(model, build(name, **PROTOCOLS[name]), task, Recipe(lr=3e-3, epochs=epochs, batch_size=8), seed=0)
    losses = [point["train_loss"] for point in state.curve]
    assert len(losses) == epochs
    assert state.step == 4 * epochs
    assert min(losses[-3:]) < losses[0]


@pytest.mark.parametrize("name", NAMES)
def test_odd_small_and_one_sided_batches_do_not_crash(name):
    model, task = make_model(), make_task()
    mixer = build(name, **PROTOCOLS[name])
    mixer.prepare(model, task, np.random.default_rng(0))
    for rows in ([0], [0, 1, 2], [0, 3, 6]):  # one row, an odd number, one class only
        total = 0.0
        for part in mixer.losses(model, task.splits["train"].batch(torch.tensor(rows)), np.random.default_rng(0)):
            (part.weight * part.loss).backward()
            total += part.weight * part.loss.item()
        assert np.isfinite(total)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_changes_neither_its_input_nor_global_randomness(name):
    """Dropout off: nothing of a step may draw from torch's or numpy's global generators."""
    model, task = make_model(), make_task()
    mixer = build(name, **PROTOCOLS[name])
    mixer.prepare(model, task, np.random.default_rng(0))
    batch = task.splits["train"].batch(torch.arange(8))
    before = [None if v is None else v.clone() for v in vars(batch).values()]
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002 - the global generator is what is watched
    here = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    for part in mixer.losses(model, batch, np.random.default_rng(0)):
        (part.weight * part.loss).backward()
    assert torch.equal(torch.get_rng_state(), here[0])
    assert np.array_equal(np.random.get_state()[1], here[1])  # noqa: NPY002
    assert not model.training
    for old, new in zip(before, vars(batch).values(), strict=True):
        assert old is None or torch.equal(old, new)


@pytest.mark.parametrize("name", NAMES)
def test_same_draws_same_gradient(name):
    gradients = []
    for _ in range(2):
        model, task = make_model(), make_task()
        mixer = build(name, **PROTOCOLS[name])
        mixer.prepare(model, task, np.random.default_rng(0))
        for part in mixer.losses(model, task.splits["train"].batch(torch.arange(8)), np.random.default_rng(3)):
            (part.weight * part.loss).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    assert torch.equal(*gradients)


@functools.cache
def model_of_a_run(encoder: str, dropout: float | None) -> Classifier:
    """As ``execute`` makes it. DropMix's registered dropout of 0 is left out where the encoder's own is asked for."""
    return build_model(Run("docs-coarse", "none", 0, encoder=encoder, dropout=dropout), 3, torch.device("cpu")).train()


@pytest.mark.parametrize("encoder", ["random:tiny", "cnn:random", "lstm:random"])
@pytest.mark.parametrize("name", NAMES)
def test_every_mixer_passes_the_dropout_of_its_encoder_and_head(name, encoder):
    """With the mixer's draws held fixed, two training steps differ by their dropout, and by nothing else."""
    task = make_task(24)
    batch = task.splits["train"].batch(torch.arange(12))
    for dropout in (None, 0.0):
        model = model_of_a_run(encoder, dropout)
        assert any(m.p > 0 for m in model.modules() if isinstance(m, nn.Dropout)) == (dropout is None)
        mixer = build(name, **PROTOCOLS[name])
        mixer.prepare(model, task, np.random.default_rng(0))
        losses = []
        for _ in range(2):
            parts = []
            for part in mixer.losses(model, batch, np.random.default_rng(5)):
                part.loss.backward()
                parts.append(part.loss.item())
            losses.append(parts)
            model.zero_grad()
        assert (losses[0] == losses[1]) == (dropout == 0), (dropout, losses)


def test_prediction_is_on_unmixed_text(model):
    batch = make_batch([4, 2])
    with torch.no_grad():
        for name in NAMES:
            if type(build(name)).predict is Mixer.predict:
                assert torch.equal(build(name).predict(model, batch), model(batch).logits)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="none, wordmix, senmix, tmix, ssmix"):
        build("cutmix")


def test_every_entry_answers_the_four_questions():
    for name, entry in REGISTRY.items():
        assert all((entry.title, entry.where, entry.whom, entry.how, entry.label, entry.passes)), name
        assert entry.cost >= 1

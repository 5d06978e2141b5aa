"""Weights on disk, with a reduced vocabulary and back."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
import torch

from mixutils.runs.checkpoints import checkpoint_path, load_weights, save_weights
from tests.conftest import make_batch, make_model


def trained_on(vocabulary: torch.Tensor):
    model = make_model()
    model.keep_rows(vocabulary)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.01)
    return model


def test_weights_travel_through_a_file_into_a_full_vocabulary():
    vocabulary = torch.tensor([0, 1, 2, 3, 7, 9, 30])
    small = trained_on(vocabulary)
    save_weights("abc", "last", {f"model.{k}": v for k, v in small.state_dict().items()}, vocabulary)
    full = make_model(seed=5)
    untouched = full.encoder.get_input_embeddings().weight[50].clone()
    load_weights(full, "abc", "last")
    batch = make_batch([3, 2])
    ids = torch.tensor([[2, 7, 9, 30, 3], [2, 9, 7, 3, 0]])
    with torch.no_grad():
        a = small(replace(batch, input_ids=torch.searchsorted(vocabulary, ids))).logits
        b = full(replace(batch, input_ids=ids)).logits
    assert torch.equal(a, b)
    assert torch.equal(full.encoder.get_input_embeddings().weight[50], untouched)


def test_restoring_rejects_weights_of_another_shape():
    vocabulary = torch.arange(60)
    save_weights("abc", "last", {f"model.{k}": v for k, v in make_model().state_dict().items()}, vocabulary)
    with pytest.raises(RuntimeError):
        load_weights(make_model(classes=4), "abc", "last")


def test_nothing_half_written_is_ever_visible(monkeypatch):
    """The file appears by renaming; a crash while writing leaves only a temporary name."""

    def crash(*a, **k):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(OSError, match="disk full"):
        save_weights("abc", "last", {"model.x": torch.ones(2)}, torch.arange(2))
    assert not checkpoint_path("abc", "last").exists()


def test_a_policy_must_exist():
    with pytest.raises(ValueError, match="last, best-on-SPLIT"):
        checkpoint_path("abc", "first")

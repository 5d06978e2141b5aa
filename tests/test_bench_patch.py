"""The time of choosing DropMix's patches: full texts, all patches in turns with the plain step."""

from __future__ import annotations

import pytest
import torch

from mixutils.encoder.load import load_tokenizer
from mixutils.mixers.patches import PATCHES
from mixutils.tasks import encode
from tests import notebook


@pytest.fixture
def bench():
    """The notebook's functions, with small settings."""
    found = notebook.measuring("dropmix")
    found.names |= {"ENCODER": "random:tiny", "LENGTH": 16, "CHANNELS": 24}
    return found


def test_every_text_is_as_long_as_the_encoder_reads(bench):
    task = encode(
        bench.full_length(bench.bench.timed_rows("docs-coarse", 32)), load_tokenizer("random:tiny"), max_length=16
    )
    train = task.splits["train"]
    assert len(train.labels) == bench.ROUNDS * bench.BATCH_SIZE
    batch = train.batch(torch.arange(len(train.labels)))
    assert batch.attention_mask.sum(1).unique().tolist() == [16]


def test_what_is_timed_is_the_choice_of_as_many_units_as_the_share_says(bench, monkeypatch):
    seen = []
    real = bench.Patch.salient

    def spy(self, gradient):
        seen.append(real(self, gradient))
        return seen[-1]

    monkeypatch.setattr(bench.Patch, "salient", spy)
    for patch in PATCHES:
        assert bench.choose(patch, 0.5, torch.randn(3, 16, 24)) > 0
    for chosen in seen:
        assert ((chosen.count <= 192) & (chosen.count > 192 - 2 * 24)).all()


def test_every_patch_is_compared_with_the_plain_step(bench):
    found = bench.time_patches(torch.device("cpu"), bench.bench.timed_rows("docs-coarse", 32), 1)
    assert found["shape"] == [32, 16, 24]
    assert [r["patch"] for r in found["patches"]] == list(PATCHES)
    assert all(r["low"] <= r["over_plain"] <= r["high"] and r["ms"] > 0 for r in found["patches"])
    assert found["plain_ms"] > 0

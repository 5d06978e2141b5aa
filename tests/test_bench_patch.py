"""The bench of DropMix's patches: full texts, all patches in turns with the plain step, a record of what is printed."""

from __future__ import annotations

import json

import pytest
import torch

from mixutils import paths
from mixutils.bench import patches as bench_patch
from mixutils.bench.steps import task_data
from mixutils.cli import main
from mixutils.encoder.load import load_tokenizer
from mixutils.mixers.patches import PATCHES
from mixutils.tasks import encode


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(bench_patch, "ENCODER", "random:tiny")
    monkeypatch.setattr(bench_patch, "LENGTH", 16)
    monkeypatch.setattr(bench_patch, "CHANNELS", 24)


def test_every_text_is_as_long_as_the_encoder_reads(small):
    task = encode(bench_patch.full_length(task_data("docs-coarse")), load_tokenizer("random:tiny"), max_length=16)
    train = task.splits["train"]
    assert len(train.labels) == bench_patch.ROUNDS * bench_patch.BATCH_SIZE
    batch = train.batch(torch.arange(len(train.labels)))
    assert batch.attention_mask.sum(1).unique().tolist() == [16]


def test_what_is_timed_is_the_choice_of_as_many_units_as_the_share_says(monkeypatch):
    seen = []
    real = bench_patch.Patch.salient

    def spy(self, gradient):
        seen.append(real(self, gradient))
        return seen[-1]

    monkeypatch.setattr(bench_patch.Patch, "salient", spy)
    for patch in PATCHES:
        assert bench_patch.choose(patch, 0.5, torch.randn(3, 16, 24)) > 0
    for chosen in seen:
        assert ((chosen.count <= 192) & (chosen.count > 192 - 2 * 24)).all()


def test_the_record_holds_what_is_printed(small, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(paths, "figures", lambda name: tmp_path / name)
    assert main(["bench", "--patches", "--task", "docs-coarse", "--repeats", "1"]) == 0
    out = capsys.readouterr().out
    record = json.loads((tmp_path / "bench" / "patch-cpu.json").read_text("utf-8"))
    assert record["shape"] == [32, 16, 24]
    assert [r["patch"] for r in record["patches"]] == list(PATCHES)
    for r in record["patches"]:
        assert r["low"] <= r["over_plain"] <= r["high"]
        assert f"{100 * r['over_plain']:.1f} % of the step" in out
    assert f"{record['plain_ms']:.0f} ms" in out

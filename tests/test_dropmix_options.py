"""DropMix's options: label weights, draws, what is noted for the log and counted, dropout, wrong values."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from mixutils.mixers import REGISTRY, build
from tests.conftest import make_batch, make_model, make_task
from tests.test_dropmix import fixed, run


@pytest.mark.parametrize(("name", "share"), [("dropmix-c", 0.3), ("dropmix-keep", 0.7)])
def test_label_weights_by_lambda(model, name, share):
    """SPEC RA6; with the literal mask the partner has 1 - λ of the units (RA1)."""
    mixer = fixed(name, 0.3, label_weight="lambda")
    run(mixer, model, make_batch([6, 2, 9, 4]))
    assert mixer.log()["w_b"] == pytest.approx(share)
    assert mixer.log()["replaced"] == pytest.approx(share, abs=0.02)


def test_lambda_is_a_beta_draw_per_batch_or_example(model):
    batch, drawn = make_batch([5] * 6), {"batch": [], "example": []}
    rows = torch.arange(6)
    for per, values in drawn.items():
        mixer, rng = build("dropmix-c", alpha=0.5, draw=per), np.random.default_rng(0)
        for _ in range(400):
            values.append(mixer.draw_patch(batch, rows, rows, 32, rng).lam.tolist())
    assert all(len(set(v)) == 1 for v in drawn["batch"])
    assert all(len(set(v)) == 6 for v in drawn["example"])
    assert kstest([v[0] for v in drawn["batch"]], "beta", (0.5, 0.5)).pvalue > 0.001
    assert kstest(np.ravel(drawn["example"]), "beta", (0.5, 0.5)).pvalue > 0.001


def test_window_sizes_drawn_per_batch(model):
    """SPEC RA10: uniform over 2..32."""
    batch, rows, rng = make_batch([5, 5]), torch.arange(2), np.random.default_rng(0)
    mixer = build("dropmix-w", n_draw="per_batch")
    sizes = [mixer.draw_patch(batch, rows, rows, 32, rng).n for _ in range(600)]
    assert (min(sizes), max(sizes)) == (2, 32)
    assert build("dropmix-w", n=7).draw_patch(batch, rows, rows, 32, rng).n == 7


def test_log_tells_what_was_mixed(model):
    batch = make_batch([8, 8, 8, 8])
    mixer = fixed("dropmix-w", 0.3, n=2)  # a budget of three rows of ten: windows of two
    run(mixer, model, batch)
    log = mixer.log()
    assert set(log) == {"w_b", "lam", "replaced", "real", "padding", "unmixed", "whole"}
    assert log["lam"] == pytest.approx(0.3)
    assert 0.2 <= log["w_b"] <= 0.3
    assert log["unmixed"] == log["whole"] == 0
    none = fixed("dropmix-w", 0.1, n=2)  # one row of ten (SPEC RA17)
    run(none, model, batch)
    nothing = dict.fromkeys(("w_b", "replaced", "real", "padding", "whole"), 0)
    assert none.log() == pytest.approx(nothing | {"lam": 0.1, "unmixed": 1})


def test_log_tells_which_part_of_the_partners_share_is_its_padding(model):
    """SPEC RA5: everything is replaced; where the partner is shorter, its padding takes the place of A's tokens."""
    batch = make_batch([8, 3, 8, 3])
    mixer, first = fixed("dropmix-c", 1.0), torch.arange(4)
    second = torch.tensor([1, 0, 2, 3])
    patch = mixer.draw_patch(batch, first, second, 32, np.random.default_rng(0))
    mixer.weigh(batch, first, second, patch, patch.without_saliency(batch.input_ids.shape[1]))
    lengths = batch.attention_mask.sum(1)[[0, 1]].tolist()
    lost = 1 - min(lengths) / max(lengths)  # only the first of the four pairs loses tokens
    assert mixer.log()["real"] == pytest.approx(1)
    assert mixer.log()["padding"] == pytest.approx(lost / 4)


@pytest.mark.parametrize("pairing", ["halves", "permutation", "dataset"])
def test_saliency_is_of_the_first_texts_only(pairing):
    """SPEC RA18: anchors alone go through the saliency pass, partners never."""
    model, task = make_model(), make_task()
    mixer = fixed("dropmix-g", 0.5, pairing=pairing)
    mixer.prepare(model, task, np.random.default_rng(0))
    run(mixer, model, task.splits["train"].batch(torch.arange(8)))
    assert model.work / model.depth == 16  # mixtures and anchors; at level 0 the partners run through no layer


def test_channels_are_counted_text_by_text():
    """Figures 3b, 3c: how often each channel of each training text was replaced."""
    model, task = make_model(), make_task(12)
    mixer = fixed("dropmix-c", 0.25, count_channels=True)
    mixer.prepare(model, task, np.random.default_rng(0))
    for rows in ([0, 3, 5], [3, 5, 7]):
        run(mixer, model, task.splits["train"].batch(torch.tensor(rows)))
    assert mixer.seen.tolist() == [1, 0, 0, 2, 0, 2, 0, 1, 0, 0, 0, 0]
    assert torch.equal(mixer.selected.sum(1), mixer.seen * int(0.25 * 32))
    assert "selected" in mixer.state_dict()
    assert not list(build("dropmix-c").buffers())


def test_dropout_belongs_to_the_method():
    """SPEC 6(a): none in Bert, Mixup and DropMix; the encoder's own in Dropout and Dropout+Mixup."""
    without = {name for name, entry in REGISTRY.items() if entry.dropout == 0}
    assert without == {"no-dropout", "mixup", *(n for n in REGISTRY if n.startswith("dropmix-"))}
    assert REGISTRY["none"].dropout is None
    assert REGISTRY["dropout+mixup"].dropout is None
    assert REGISTRY["mixup"].options == REGISTRY["dropout+mixup"].options


def test_dropmix_adds_no_parameters():
    """RC12."""
    assert not [p for name in REGISTRY if name.startswith("dropmix-") for p in build(name).parameters()]


@pytest.mark.parametrize(
    "field",
    [
        "patch",
        "n_draw",
        "ratio_draw",
        "draw",
        "pairing",
        "mask",
        "budget",
        "mix_at",
        "length",
        "label_weight",
        "saliency_mode",
        "mix_mask",
    ],
)
def test_a_wrong_value_lists_the_right_ones(field):
    with pytest.raises(ValueError, match=f"{field} must be one of"):
        build("dropmix-g", **{field: "nonsense"})


@pytest.mark.parametrize("wrong", [{"n": 0}, {"width": 0}, {"max_length": 0}, {"ratio": 1.1}, {"alpha": 0.0}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        build("dropmix-g", **wrong)

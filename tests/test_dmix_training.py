"""DMIX in training: what moves, every option, its embeddings, the dense reference, resuming, wrong options."""

from __future__ import annotations

import math

import pytest
import torch

from mixutils.mixers import build
from mixutils.mixers.dmix import soft_loss
from mixutils.mixers.embeddings import sentence_embeddings
from mixutils.mixers.pairmatrix import PairMatrix
from mixutils.runs import checkpoints
from mixutils.tasks.encode import EncodedTask
from mixutils.training.loop import Recipe, train
from tests.conftest import make_model, make_task
from tests.dense import DenseMatrix
from tests.test_dmix import MEMBERS, RECIPE, force, loss_of, prepared


@pytest.mark.parametrize("name", MEMBERS)
def test_m_moves_where_it_is_trained_and_nowhere_else(name):
    model, task, mixer = make_model(), make_task(24), build(name)
    state = train(model, mixer, task, RECIPE, seed=0)
    point = state.curve[-1]["mixer"]
    assert (point.get("moved_max", 0.0) > 1e-3) is mixer.options.trains
    assert point["partner_max"] >= 1
    assert {"w_b", "m", "same_label", "target_entropy"} <= set(mixer.log())
    if mixer.options.trains:
        assert point["visited"] <= 24 * 5
        assert math.isfinite(point["belief_gap"])


@pytest.mark.parametrize(
    "options",
    [
        {"m_norm": "global_max"},
        {"m_norm": "row_minmax"},
        {"m_range": "sigmoid"},
        {"m_param": "row_scale"},
        {"m_on": "self"},
        {"m_label_grad": False},
        {"loss": "ce"},
        {"loss": "bce"},
        {"select": "top_percent"},
        {"distance": "spherical"},
        {"distance": "cosine"},
        {"distance": "hyp_atanh", "ball": "expmap0"},
        {"embed_when": "epoch"},
        {"embed_pool": "mean"},
        {"embed_pool": "pooler"},
        {"compat_public_script": True},
        {"ratio": "beta"},
        {"self_partner": True, "T": 0.0},
    ],
    ids=lambda o: "-".join(f"{k}={v}" for k, v in o.items()),
)
def test_every_option_trains(options):
    model = make_model()
    state = train(model, build("dmix", **options), make_task(24), RECIPE, seed=0)
    assert all(math.isfinite(point["train_loss"]) for point in state.curve)


def test_the_public_script_trains_on_unmixed_states_with_one_detached_ratio():
    """SPEC DA42."""
    mixer, model, task = prepared(compat_public_script=True)
    partner = [5, 9, 13]
    force(mixer, partner)
    rows = [0, 1, 2]
    loss = loss_of(mixer, model, task, rows)
    batch = task.splits["train"].batch(torch.tensor(rows))
    w = mixer.matrix.at(torch.tensor([0]), torch.tensor([[5]]))[0].expand(3)
    expected = soft_loss(model(batch).logits, batch.labels, task.splits["train"].labels[partner], w)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    loss.backward()
    mixer.after_step(1.0)
    assert len(mixer.matrix.movement()) == 0


def test_factors_per_row_are_the_optimisers():
    model, mixer = make_model(), build("dmix", m_param="row_scale")
    train(model, mixer, make_task(24), RECIPE, seed=0)
    assert [p.shape for p in mixer.parameters()] == [(24,)]
    assert mixer.matrix.movement().max() > 1e-3


def test_embeddings_are_those_of_single_texts_in_evaluation_mode():
    model, task = make_model(), make_task(24)
    model.train()
    split = task.splits["train"]
    found = {pool: sentence_embeddings(model, split, pool) for pool in ("cls", "mean", "pooler")}
    assert model.training
    model.eval()
    with torch.no_grad():
        for i in (0, 7, 23):
            out = model(split.batch(torch.tensor([i])))
            torch.testing.assert_close(found["cls"][i], out.states[0, 0], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(found["mean"][i], out.states[0].mean(0), atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(found["pooler"][i], out.vector[0], atol=1e-5, rtol=1e-4)


def test_embeddings_follow_the_encoder_once_an_epoch_if_asked():
    for when, same in (("once", True), ("epoch", False)):
        mixer, model, task = prepared(n=16, embed_when=when)
        before = mixer.embeddings.clone()
        with torch.no_grad():
            for p in model.parameters():
                p.mul_(1.1)
        for rows in torch.arange(16).split(8):
            loss_of(mixer, model, task, rows.tolist())
        assert torch.equal(mixer.embeddings, before)
        loss_of(mixer, model, task, [0, 1])
        assert torch.equal(mixer.embeddings, before) is same


def test_nothing_but_training_texts_is_in_the_matrix():
    """SPEC 7, rule 8, DA4: other validation texts, same training."""
    states = []
    for seed in (1, 2):
        model, task, mixer = make_model(), make_task(24), build("dmix")
        other = make_task(12, seed=seed).splits["train"]
        train(model, mixer, EncodedTask({**task.splits, "validation": other}, 3, task.vocabulary, 1, 0), RECIPE, seed=0)
        assert len(mixer.matrix) == 24
        states.append(mixer.matrix.full(torch.arange(24)))
    assert torch.equal(*states)


@pytest.mark.parametrize("name", ["dmix", "m-ratio"])
@pytest.mark.parametrize("m_range", ["clamp", "sigmoid"])
def test_training_with_slots_is_training_with_the_dense_matrix(name, m_range, monkeypatch):
    """200 steps: the same partners, the same losses and values to rounding."""
    found = []
    for matrix in (PairMatrix, DenseMatrix):
        monkeypatch.setattr("mixutils.mixers.dmix.PairMatrix", matrix)
        model, mixer = make_model(), build(name, m_range=m_range, T=0.5)
        used = []
        draw = mixer.partners
        mixer.partners = lambda rows, rng, draw=draw, used=used: used.append(draw(rows, rng)) or used[-1]
        recipe = Recipe(lr=2e-4, epochs=50, batch_size=6, optimizer="bertadam", eps=1e-6, mixer_lr=1e-3)
        state = train(model, mixer, make_task(24), recipe, seed=0)
        assert state.step == 200
        losses = [point["train_loss"] for point in state.curve]
        found.append((torch.cat(used), torch.tensor(losses), mixer.matrix.full(torch.arange(24)), mixer.log()))
    (a_partner, a_loss, a_value, a_log), (b_partner, b_loss, b_value, b_log) = found
    assert torch.equal(a_partner, b_partner)
    torch.testing.assert_close(a_loss, b_loss, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(a_value, b_value, rtol=1e-3, atol=1e-4)
    assert a_log == pytest.approx(b_log, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(
    "options", [{}, {"embed_when": "epoch"}, {"m_param": "row_scale"}, {"m_train": False}], ids=str
)
def test_an_interrupted_run_goes_on_with_the_same_bits(options):
    class Stop(Exception):
        pass

    def run(save=None, resume=None):
        model, mixer = make_model(), build("dmix", **options)
        state = train(model, mixer, make_task(24), RECIPE, seed=0, save=save, resume=resume)
        rows = mixer.matrix.full(torch.arange(24))
        return state, rows, mixer.partner_count, mixer.log(), torch.cat([p.flatten() for p in model.parameters()])

    straight = run()
    unfinished = checkpoints.Unfinished("abc", seconds=0.0)

    def stop(state, objects):
        unfinished.save(state, objects)
        if state.step == 6:
            raise Stop

    with pytest.raises(Stop):
        run(save=stop)
    resumed = run(resume=unfinished.load)
    for a, b in zip(straight[1:3] + straight[4:], resumed[1:3] + resumed[4:], strict=True):
        assert torch.equal(a, b)
    assert straight[3] == resumed[3]
    assert [p["mixer"] for p in straight[0].curve] == [p["mixer"] for p in resumed[0].curve]
    assert [p["train_loss"] for p in straight[0].curve] == [p["train_loss"] for p in resumed[0].curve]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distance": "poincare"}, "hyp_atan"),
        ({"ball": "unit"}, "expmap0"),
        ({"select": "rank"}, "top_percent"),
        ({"T": 1.0}, "below 1"),
        ({"T": -0.1}, "at least 0"),
        ({"tau": 0.0}, "percentage"),
        ({"tau": 120.0}, "at most 100"),
        ({"alpha": 0.0}, "positive"),
        ({"levels": ("sentence",)}, "0 to 12"),
        ({"levels": ()}, "0 to 12"),
        ({"m_range": "tanh"}, "sigmoid"),
        ({"m_param": "row_scale", "m_range": "sigmoid"}, "row_scale"),
        ({"cosine_sort": "similarity"}, "cosine"),
        ({"ball_scale": -1.0}, "largest norm"),
        ({"loss": "mse"}, "'kl', 'ce', 'bce'"),
        ({"lr": 1.0}, "its options: alpha, beta_fold, draw, mix_mask, levels"),
    ],
)
def test_wrong_options_are_refused_with_the_right_ones(options, message):
    with pytest.raises(ValueError, match=message):
        build("dmix", **options)


def test_one_training_example_is_too_few():
    with pytest.raises(ValueError, match="need at least two of them"):
        prepared(n=1)

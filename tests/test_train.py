"""The loop: same bits, order of batches, evaluation points, checkpoints, interruption."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mixutils.mixers import build
from mixutils.runs.checkpoints import Unfinished
from mixutils.training.loop import Recipe, autocast, batches, count_steps, evaluate, evaluation_steps, train
from tests.conftest import make_model, make_task

RECIPE = Recipe(lr=1e-3, epochs=3, batch_size=8, warmup=0.1, weight_decay=0.01)
KEPT = ("best-on-validation", "last")


def run(method: str = "ssmix", recipe: Recipe = RECIPE, seed: int = 0, **kwargs):
    model = make_model(hidden_dropout_prob=0.1)
    state = train(model, build(method), make_task(20), recipe, seed, **kwargs)
    return model, state


def weights(model) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("method", ["none", "ssmix", "tmix", "ssmix-saliency-span"])
@pytest.mark.parametrize("optimizer", ["adamw", "adam", "bertadam"])
def test_same_seed_same_bits(method, optimizer):
    recipe = Recipe(lr=1e-3, epochs=2, batch_size=8, optimizer=optimizer)
    (a, left), (b, right) = run(method, recipe), run(method, recipe)
    assert torch.equal(weights(a), weights(b))
    assert left.curve == right.curve
    assert not torch.equal(weights(a), weights(run(method, recipe, seed=1)[0]))


def test_what_happened_before_a_run_does_not_matter():
    a, _ = run()
    torch.rand(17)
    np.random.default_rng().random(5)
    b, _ = run()
    assert torch.equal(weights(a), weights(b))


@pytest.mark.parametrize("method", ["ssmix", "tmix"])
@pytest.mark.parametrize("stop", [1, 2])
def test_an_interrupted_run_ends_with_the_same_bits(method, stop, tmp_path):
    """Stopped after an evaluation and started again from what was stored."""
    whole, expected = run(method, keep=KEPT)

    class Stop(Exception):
        pass

    def interrupted(state, objects):
        store.save(state, objects)
        if len(state.curve) == stop:
            raise Stop

    store = Unfinished("abc", seconds=0)
    with pytest.raises(Stop):
        run(method, keep=KEPT, save=interrupted)
    assert store.path.is_file()
    resumed, state = run(method, keep=KEPT, save=store.save, resume=store.load)
    assert torch.equal(weights(whole), weights(resumed))
    assert state.curve == expected.curve
    assert state.details == expected.details
    for policy, tensors in expected.best.items():
        assert all(torch.equal(v, state.best[policy][k]) for k, v in tensors.items())


def test_batches_do_not_depend_on_the_method_and_cover_the_data():
    split = make_task(21).splits["train"]
    rows = list(batches(split, RECIPE, seed=3))
    assert len(rows) == count_steps(21, RECIPE) == 9
    for epoch in range(3):
        seen = torch.cat(rows[3 * epoch : 3 * epoch + 3])
        assert sorted(seen.tolist()) == list(range(21))
    assert [r.tolist() for r in batches(split, RECIPE, 3, start=4)] == [r.tolist() for r in rows[4:]]


def test_drawn_batches_have_no_repeats_inside():
    """DNM: each step draws anew (SPEC 5(b))."""
    split = make_task(21).splits["train"]
    recipe = Recipe(steps=7, batch_size=20)
    rows = list(batches(split, recipe, seed=3))
    assert [len(set(r.tolist())) for r in rows] == [20] * 7
    assert [r.tolist() for r in batches(split, recipe, 3, start=5)] == [r.tolist() for r in rows[5:]]


@pytest.mark.parametrize(
    ("n", "recipe", "steps"),
    [
        (20, Recipe(epochs=3, batch_size=8), [3, 6, 9]),
        (20, Recipe(epochs=3, batch_size=8, eval_every=500), [3, 6, 9]),  # an epoch has fewer: every epoch (SSMix)
        (80, Recipe(epochs=2, batch_size=8, eval_every=4), [4, 8, 12, 16, 20]),
        (80, Recipe(epochs=2, batch_size=8, eval_every=7), [7, 14, 20]),  # always after the last
        (80, Recipe(epochs=2, batch_size=8, eval_every=7, eval_first=3), [3, 6, 7, 9, 10, 14, 20]),  # and epochs' ends
        (20, Recipe(epochs=3, batch_size=8, eval_every=50, eval_first=1), [1, 2, 3, 6, 9]),
        (80, Recipe(steps=7, batch_size=8, eval_every=5, eval_first=2), [2, 4, 5, 6, 7]),
        (50, Recipe(steps=10, batch_size=20, eval_every=4), [4, 8, 10]),
        (50, Recipe(steps=10, batch_size=20, eval_every=200), [10]),
    ],
)
def test_evaluation_points(n, recipe, steps):
    assert evaluation_steps(n, recipe) == steps


def test_the_curve_has_one_point_per_evaluation_with_every_part():
    _, state = run("none")
    assert [p["step"] for p in state.curve] == [3, 6, 9]
    assert set(state.curve[0]["metrics"]) == {"validation"}
    assert len(state.step_ms) == 9


def test_the_train_loss_of_a_point_is_the_mean_since_the_last_one():
    """Where nothing is learned and nothing dropped, each is the cross entropy of the whole training part."""
    model, task = make_model(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0), make_task(24)
    state = train(model, build("none"), task, Recipe(lr=0.0, epochs=3, batch_size=8, eval_every=3), 0)
    whole, _ = evaluate(model, build("none"), task.splits["train"], autocast(torch.device("cpu"), "float32"))
    assert [p["train_loss"] for p in state.curve] == pytest.approx(3 * [whole["loss"]], rel=1e-5)


def test_kept_weights_are_those_of_the_chosen_step():
    model, state = run("none", keep=KEPT)
    last = {k.removeprefix("model."): v for k, v in state.best["last"].items()}
    assert all(torch.equal(v, last[k]) for k, v in model.state_dict().items())
    best = make_model(hidden_dropout_prob=0.1)
    best.load_state_dict({k.removeprefix("model."): v for k, v in state.best["best-on-validation"].items()})
    batch = make_task(20).splits["validation"].batch(torch.arange(12))
    with torch.no_grad():
        accuracy = (best.eval()(batch).logits.argmax(1) == batch.labels).float().mean().item()
    assert accuracy == pytest.approx(max(p["metrics"]["validation"]["accuracy"] for p in state.curve))


@pytest.mark.parametrize(("own", "peak"), [(0.0, 1e-3), (0.5, 0.5)])
def test_a_mixer_s_own_step_follows_the_schedule(own, peak):
    """At the rate of its own, or where it has none at that of the model (SPEC X10)."""
    mixer, seen = build("none"), []
    mixer.after_step = seen.append
    train(make_model(), mixer, make_task(24), Recipe(lr=1e-3, mixer_lr=own, epochs=2, batch_size=8, warmup=0.5), 0)
    assert seen == pytest.approx([peak * x for x in (0, 1 / 3, 2 / 3, 1, 2 / 3, 1 / 3)])


def test_clipping_bounds_the_first_update():
    """One BERTAdam step moves in proportion to the gradient, so a clipped gradient moves less."""
    moved = []
    for clip in (0.0, 1e-3):
        model = make_model()
        before = weights(model)
        train(
            model,
            build("none"),
            make_task(8),
            Recipe(lr=1e-3, epochs=1, batch_size=8, clip=clip, optimizer="bertadam", eps=1.0),
            0,
        )
        moved.append((weights(model) - before).norm().item())
    assert moved[1] < 0.1 * moved[0]


def test_a_loss_that_is_not_finite_stops_the_run():
    model = make_model()
    with torch.no_grad():
        model.classifier.weight.fill_(math.nan)
    with pytest.raises(RuntimeError, match="step 1 of 9"):
        train(model, build("none"), make_task(20), RECIPE, 0)


def test_bfloat16_stays_close_to_float32():
    """Autocast on the same model and batch: logits differ by rounding only."""
    model, batch = make_model(), make_task().splits["train"].batch(torch.arange(8))
    with torch.no_grad():
        plain = model(batch).logits
        with autocast(torch.device("cpu"), "bfloat16")():
            low = model(batch).logits.float()
    assert not torch.equal(plain, low)
    assert ((plain - low).norm() / plain.norm()).item() < 0.03


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="float32"):
        autocast(torch.device("cpu"), "float16")

"""DNM in training: what moves and what is fixed, how it starts, partners from all training data, resuming, wrong options."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mixutils.mixers import build
from mixutils.mixers.partners import select
from mixutils.runs.checkpoints import Unfinished
from mixutils.training.loop import Recipe, train
from mixutils.training.optim import build_optimizer
from tests.conftest import make_model, make_task
from tests.test_dnm import FAMILY, explicit, one_loss, prepared


@pytest.mark.parametrize(
    ("options", "without"),
    [
        ({}, ()),
        ({"input_weights": "fixed"}, ("v1", "v2")),
        ({"output_weights": "fixed"}, ("w",)),
        ({"output_weights": "fixed", "fow": "half"}, ("w",)),
        ({"label_embedding": "fixed"}, ("space.embeddings",)),
        ({"label_grad": False}, ("w", "space.embeddings")),
    ],
    ids=str,
)
def test_what_is_fixed_gets_no_gradient_and_all_else_does(options, without):
    mixer, model, task = prepared(**options)
    one_loss(mixer, model, task.splits["train"].batch(torch.arange(12))).backward()
    moved = {k for k, p in mixer.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
    assert moved == {"v1", "v2", "w", "space.embeddings", "space.fc.weight", "space.fc.bias"} - set(without)
    assert model.encoder.get_input_embeddings().weight.grad is not None
    assert model.classifier.weight.grad is None  # not part of DNM


@pytest.mark.parametrize(
    "options", [{"input_weights": "fixed"}, {"output_weights": "fixed"}, {"label_embedding": "fixed"}]
)
def test_what_is_fixed_has_not_moved_after_training(options):
    mixer, model, task = prepared(**options)
    state = train(model, mixer, task, Recipe(lr=1e-3, epochs=2, batch_size=8), 0)
    moved = state.curve[-1]["mixer"]
    still = {"input_weights": ("v1", "v2"), "output_weights": ("w",), "label_embedding": ("m",)}[next(iter(options))]
    for name in ("v1", "v2", "w", "m", "fc"):
        assert (moved[f"moved_{name}_max"] == 0) == (name in still), name


def test_movement_of_a_step_is_adams():
    """SPEC NA4: a coordinate moves by one learning rate in Adam's first step; the policy has its own, fc the model's."""
    mixer, model = build("dnm"), make_model()
    recipe = Recipe(lr=1e-4, mixer_lr=1e-3, steps=1, batch_size=12, optimizer="adam", schedule="constant")
    moved = train(model, mixer, make_task(), recipe, 0).curve[-1]["mixer"]
    for name in ("v1", "v2", "w", "m"):
        assert moved[f"moved_{name}_max"] == pytest.approx(1e-3, rel=1e-2), name
    assert moved["moved_fc_max"] == pytest.approx(1e-4, rel=1e-2)


def test_fc_learns_and_decays_with_the_model():
    mixer, model, _ = prepared()
    optimizer = build_optimizer("adamw", model, mixer, 1e-3, 1e-2, 0.5, (0.9, 0.999), 1e-8)
    decayed, plain, own = ({id(p) for p in g["params"]} for g in optimizer.param_groups)
    assert id(mixer.space.fc.weight) in decayed
    assert id(mixer.space.fc.bias) in plain
    assert own == {id(p) for p in (mixer.v1, mixer.v2, mixer.w, mixer.space.embeddings)}


def test_starts():
    """SPEC 5(c): v and M from N(0, 1), W Xavier; NA4: zeros mean averaging; other starts are drawn for other seeds."""
    wide = make_model(hidden_size=256, num_attention_heads=4)
    mixer, _, _ = prepared(model=wide)
    for tensor in (mixer.v1, mixer.v2, mixer.space.embeddings):
        assert float(tensor.detach().std()) == pytest.approx(1, abs=0.15)
    assert float(mixer.w.detach().abs().max()) == pytest.approx((6 / 512) ** 0.5, rel=1e-2)
    low, high = (float(mixer.policy()[0].detach().quantile(q)) for q in (0.05, 0.95))
    assert low < 0.15
    assert high > 0.85
    zeros, _, _ = prepared(policy_init="zeros")
    assert torch.equal(zeros.policy()[0], torch.full((32,), 0.5))
    assert prepared(label_init_std=0.02, model=wide)[0].space.embeddings.std().item() == pytest.approx(0.02, rel=0.15)
    assert not torch.equal(prepared(seed=1)[0].v1, prepared(seed=0)[0].v1)


@pytest.mark.parametrize("name", ["dnm", "dnm-wo-dss", "dnm-random"])
def test_partners_from_the_whole_training_part(name):
    mixer, model, task = prepared(name, n=40, pool="dataset")
    batch = task.splits["train"].batch(torch.tensor([3, 17, 30]))
    with torch.no_grad():
        pairs = mixer.pairs(model, batch, np.random.default_rng(0))
        loss = float(one_loss(mixer, model, batch, 0))
        everything = model(task.splits["train"].batch(torch.arange(40))).states[:, 0]
    torch.testing.assert_close(pairs.vectors[pairs.first], everything[batch.index], atol=1e-5, rtol=1e-4)
    assert torch.equal(pairs.labels[pairs.first], batch.labels)
    if name == "dnm":
        torch.testing.assert_close(mixer.features, everything, atol=1e-5, rtol=1e-4)
        unit = F.normalize(everything.double(), dim=1)
        expected = select(1 - unit[batch.index] @ unit.T, batch.index, 5)
        torch.testing.assert_close(pairs.vectors[pairs.second], everything[expected], atol=1e-5, rtol=1e-4)
    assert pairs.second.shape == (3, 1 if name == "dnm-wo-dss" else 10)
    written_out = explicit(mixer, pairs.vectors.double().numpy(), pairs.labels.tolist(), pairs.first, pairs.second)
    assert loss == pytest.approx(written_out, rel=2e-5)


def test_features_of_the_data_set_are_refreshed_once_an_epoch():
    mixer, model, task = prepared(n=24, pool="dataset")
    draws = np.random.default_rng(0)
    seen = []
    for step in range(7):  # an epoch has three steps
        with torch.no_grad():
            model.encoder.embeddings.word_embeddings.weight += 0.01 * (step + 1)
            list(mixer.losses(model, task.splits["train"].batch(torch.arange(8)), draws))
        seen.append(mixer.features.clone())
    changed = [not torch.equal(a, b) for a, b in itertools.pairwise(seen)]
    assert changed == [False, False, True, False, False, True]


@pytest.mark.parametrize(
    ("name", "options"),
    [(n, {}) for n in FAMILY]
    + [("dnm", {"pool": "dataset"}), ("nonlinear", {}), ("nonlinear", {"lambda_matrix": "fixed"})],
)
def test_an_interrupted_run_ends_with_the_same_bits(name, options):
    """Policies, starts, stored features and the random draws all come back."""
    recipe = Recipe(lr=1e-3, mixer_lr=3e-3, steps=7, batch_size=8, eval_every=2)

    def run(**kwargs):
        model, mixer = make_model(hidden_dropout_prob=0.1), build(name, **options)
        state = train(model, mixer, make_task(20), recipe, 0, **kwargs)
        return [*model.state_dict().values(), *mixer.state_dict().values()], state.curve, mixer.log()

    class Stop(Exception):
        pass

    def interrupted(state, objects):
        store.save(state, objects)
        if len(state.curve) == 2:
            raise Stop

    whole, curve, log = run()
    store = Unfinished("abc", seconds=0)
    with pytest.raises(Stop):
        run(save=interrupted)
    again, same, relog = run(resume=store.load)
    assert all(torch.equal(a, b) for a, b in zip(whole, again, strict=True))
    assert curve == same
    assert log == relog


@pytest.mark.parametrize("name", FAMILY)
def test_a_step_is_one_pass(name):
    mixer, model, task = prepared(name)
    model.work = 0
    one_loss(mixer, model, task.splits["train"].batch(torch.arange(20)))
    assert model.work == 20 * model.depth


def test_the_loss_is_float32_under_autocast():
    mixer, model, task = prepared()
    batch = task.splits["train"].batch(torch.arange(12))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        pairs = mixer.pairs(model, batch, np.random.default_rng(0))
        loss, scores = one_loss(mixer, model, batch), mixer.predict(model, batch)
    assert loss.dtype == scores.dtype == torch.float32
    expected = explicit(mixer, pairs.vectors.double().numpy(), batch.labels.tolist(), pairs.first, pairs.second)
    assert float(loss) == pytest.approx(expected, rel=2e-5)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"select": "nearest"}, "'both', 'largest', 'smallest', 'random'"),
        ({"random_partners": 2}, "1, '2K'"),
        ({"pool": "corpus"}, "'batch', 'dataset'"),
        ({"mix": "linear"}, "'nonlinear', 'scalar'"),
        ({"input_weights": "free"}, "'tuned', 'fixed'"),
        ({"output_weights": "free"}, "'tuned', 'fixed'"),
        ({"fow": "zero"}, "'frozen', 'half'"),
        ({"policy_softmax": "row"}, "'pair', 'dim'"),
        ({"label_softmax": "row"}, "'pair', 'dim'"),
        ({"policy_init": "ones"}, "'normal', 'zeros'"),
        ({"label_embedding": "frozen"}, "'trained', 'fixed', 'trained_orthogonal'"),
        ({"cls": "mean"}, "'state', 'pooler'"),
        ({"nodnm_loss": "mse"}, "'ce', 'cosine'"),
        ({"draw": "row"}, "'batch', 'example'"),
        ({"k": 0}, "k must be at least 1, not 0"),
        ({"alpha": 0.0}, "alpha must be positive"),
        ({"label_init_std": 0.0}, "label_init_std must be positive"),
        ({"topk": 5}, "dnm has no option topk; its options: .*k, select"),
    ],
    ids=str,
)
def test_wrong_options_are_refused_with_the_right_ones(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        build("dnm", **options)

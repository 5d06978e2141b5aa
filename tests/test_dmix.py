"""DMIX: its gradient as derived, its identities, its variants, the dense reference in training, resuming."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.special import rel_entr
from scipy.stats import chisquare

from mixutils import checkpoints
from mixutils.mixers import REGISTRY, build
from mixutils.mixers.dmix import DMix, soft_loss
from mixutils.mixers.embeddings import sentence_embeddings
from mixutils.model import Edit
from mixutils.tasks.encode import EncodedTask
from mixutils.train import Recipe, train
from tests.conftest import make_model, make_task

MEMBERS = [name for name, entry in REGISTRY.items() if entry.cls is DMix]
RECIPE = Recipe(lr=1e-3, epochs=5, batch_size=8, optimizer="bertadam", eps=1e-6, mixer_lr=1e-2)


def prepared(name: str = "dmix", n: int = 24, model=None, **options) -> tuple[DMix, torch.nn.Module, EncodedTask]:
    """A mixer that is ready, its model (dropout off) and its task."""
    model, task = model or make_model(), make_task(n)
    mixer = build(name, **options)
    mixer.prepare(model, task, np.random.default_rng(0))
    return mixer, model, task


def force(mixer: DMix, partner: list[int], value: float | None = None) -> None:
    """Every step uses these partners, and all entries of M are ``value``."""
    mixer.partners = lambda rows, rng: torch.tensor(partner)[: len(rows)]
    if value is not None:
        mixer.matrix.base.at = lambda rows, columns: torch.full(columns.shape, value)


def loss_of(mixer, model, task, rows, seed: int = 0) -> torch.Tensor:
    (part,) = mixer.losses(model, task.splits["train"].batch(torch.tensor(rows)), np.random.default_rng(seed))
    return part.loss


# The gradient of one entry


@pytest.mark.parametrize("value", [0.3, 0.75, 0.99])
@pytest.mark.parametrize("level", [0, 4, 12])
def test_the_gradient_of_one_entry_is_the_derived_one(level, value):
    """SPEC 2(a): a part through the states and log(M/p_β) - log((1 - M)/p_α) through the label."""
    model = make_model()
    mixer, _, task = prepared(model=model, levels=(level,))
    i, j = 0, 4  # classes 0 and 1
    force(mixer, [j], value)
    loss_of(mixer, model, task, [i]).backward()
    found = float(mixer.matrix._leaf.grad)

    both = task.splits["train"].batch(torch.tensor([i, j]))
    states = {}

    def mix(h):
        mixture = (1 - value) * h[:1] + value * h[1:]
        mixture = mixture.detach().requires_grad_()
        states.update(mixture=mixture, difference=(h[1:] - h[:1]).detach())
        return mixture

    depth = math.ceil(level * 3 / 12)
    logits = model(both, Edit(depth, mix, torch.tensor([0]), torch.tensor([1]))).logits
    log_p = logits.log_softmax(-1)
    target = torch.tensor([[1 - value, value, 0.0]])
    (-(target * log_p).sum()).backward()
    through_states = float((states["mixture"].grad * states["difference"]).sum())
    alpha, beta = log_p[0, :2].tolist()
    through_label = math.log(value) - beta - (math.log(1 - value) - alpha)
    assert found == pytest.approx(through_states + through_label, rel=1e-3, abs=1e-5)

    mixer, _, task = prepared(model=model, levels=(level,), m_label_grad=False)
    force(mixer, [j], value)
    loss_of(mixer, model, task, [i]).backward()
    assert float(mixer.matrix._leaf.grad) == pytest.approx(through_states, rel=1e-3, abs=1e-5)


def label_gradient(kind: str, value: float, logits: torch.Tensor, other: int = 1) -> float:
    w = torch.tensor([value], requires_grad=True)
    soft_loss(logits, torch.tensor([0]), torch.tensor([other]), w, kind).backward()
    return float(w.grad)


def test_the_label_part_vanishes_at_the_models_own_belief():
    """SPEC 2(a): where M/(1 - M) = p_β/p_α; plain cross-entropy has no such point (SPEC DA13)."""
    logits = torch.tensor([[0.3, 1.1, -0.4]])
    belief = float(torch.sigmoid(logits[0, 1] - logits[0, 0]))
    assert label_gradient("kl", belief, logits) == pytest.approx(0, abs=1e-6)
    assert label_gradient("kl", belief - 0.1, logits) < 0 < label_gradient("kl", belief + 0.1, logits)
    log_p = logits.log_softmax(-1)[0]
    for value in (0.1, 0.5, 0.9):
        assert label_gradient("ce", value, logits) == pytest.approx(float(log_p[0] - log_p[1]), rel=1e-5)
    assert label_gradient("kl", 0.4, logits, other=0) == pytest.approx(0, abs=1e-6)  # one class: the label is constant


def test_the_losses_are_their_formulas_in_float64():
    rng = np.random.default_rng(0)
    logits, w = rng.normal(size=(6, 4)), rng.random(6)
    own, other = rng.integers(0, 4, 6), rng.integers(0, 4, 6)
    other[0] = own[0]
    w[1] = 0.0
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    y = np.zeros((6, 4))
    np.add.at(y, (np.arange(6), own), 1 - w)
    np.add.at(y, (np.arange(6), other), w)
    expected = {
        "kl": rel_entr(y, p).sum(1).mean(),
        "ce": -(y * np.log(p)).sum(1).mean(),
        "bce": -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(),
    }
    given = [torch.tensor(x) for x in (logits, own, other)] + [torch.tensor(w).float()]
    for kind, value in expected.items():
        assert float(soft_loss(*given, kind)) == pytest.approx(value, rel=1e-5)


def test_an_entry_of_one_has_a_finite_gradient():
    """SPEC DA8: KL's gradient is infinite at 1, so M stays below; unbounded, it is cut off and never nan."""
    mixer, model, task = prepared(T=0.0)
    row = mixer.matrix.base.where[0, 0].item()
    force(mixer, [row])
    loss_of(mixer, model, task, [0]).backward()
    assert torch.isfinite(mixer.matrix._leaf.grad).all()
    assert mixer.matrix._leaf.item() == pytest.approx(1 - 1e-3)
    assert math.isfinite(label_gradient("kl", 1.0, torch.zeros(1, 3)))
    assert math.isfinite(label_gradient("kl", 0.0, torch.zeros(1, 3)))


# Identities (SPEC 7)


@pytest.mark.parametrize("level", [0, 4, 8, 12])
@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_the_ends_are_the_anchor_and_the_partner(level, weight):
    """Rule 1, and the conversion of M to w_b: M weighs the partner, or the anchor with m_on = self (SPEC DA7)."""
    model, task = make_model(), make_task(24)
    task.splits["train"].lengths[:] = 5  # equal lengths
    rows, partner = [0, 1, 2], [4, 5, 6]
    for m_on in ("partner", "self"):
        mixer = build("dmix", levels=(level,), m_on=m_on, loss="ce", m_range="none")
        mixer.prepare(model, task, np.random.default_rng(0))
        force(mixer, partner, weight)
        pure = partner if (weight == 1.0) == (m_on == "partner") else rows
        batch = task.splits["train"].batch(torch.tensor(pure))
        with torch.no_grad():
            expected = torch.nn.functional.cross_entropy(model(batch).logits, batch.labels)
            assert float(loss_of(mixer, model, task, rows)) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("name", ["dmix", "m-threshold", "dmix-short"])
@pytest.mark.parametrize("level", [0, 4, 12])
def test_mixing_a_text_with_itself_changes_nothing(name, level):
    """Rules 2 and 3; KL of a pure label is its cross-entropy."""
    mixer, model, task = prepared(name, levels=(level,), self_partner=True)
    force(mixer, [3, 4, 5])
    batch = task.splits["train"].batch(torch.tensor([3, 4, 5]))
    with torch.no_grad():
        expected = torch.nn.functional.cross_entropy(model(batch).logits, batch.labels)
        assert float(loss_of(mixer, model, task, [3, 4, 5])) == pytest.approx(float(expected), rel=1e-4)


def test_a_step_costs_what_tmix_with_partners_from_the_data_set_costs():
    """Anchors and partners below layer k, mixtures above: (K + k)/K passes."""
    for given, passes in ((12, 2), (8, 5 / 3), (4, 4 / 3), (0, 1)):
        work = []
        for name, options in (("dmix", {}), ("tmix", {"pairing": "dataset"}), ("emix", {})):
            model, task = make_model(), make_task(24)
            mixer = build(name, levels=(given,), **options)
            mixer.prepare(model, task, np.random.default_rng(0))
            assert model.work == 0  # the embeddings belong to no step
            list(mixer.losses(model, task.splits["train"].batch(torch.arange(8)), np.random.default_rng(0)))
            work.append(model.work / model.depth / 8)
        assert work == pytest.approx([passes] * 3)


# Selection


def chosen(mixer: DMix, row: int, repeats: int = 2000) -> np.ndarray:
    """How often each example becomes the partner of ``row``."""
    rng = np.random.default_rng(5)
    counts = np.zeros(len(mixer.matrix), int)
    for _ in range(repeats // 50):
        np.add.at(counts, mixer.partners(torch.full((50,), row), rng).numpy(), 1)
    return counts


def explicit_set(mixer: DMix, row: int) -> np.ndarray:
    """S_i from whole rows, as the papers define it."""
    o = mixer.options
    d = mixer.points.between(torch.tensor([row]))[0].double().numpy()
    others = np.delete(np.arange(len(d)), row)
    if o.select == "top_percent":
        sign = 1 if o.cosine_sort == "similarity" else -1
        count = o.tau if o.tau_unit == "count" else max(1, math.ceil(o.tau / 100 * len(others) - 1e-9))
        return np.sort(others[np.argsort(sign * d[others], kind="stable")[: int(count)]])
    m = d[others] / d[others].max()
    if o.m_norm == "row_minmax":
        m = (d[others] - d[others].min()) / (d[others].max() - d[others].min())
    return others[m.clip(1e-3, 1 - 1e-3) >= o.T * m.clip(1e-3, 1 - 1e-3).max()]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("dmix", {"T": 0.5}),
        ("dmix", {"T": 0.9}),
        ("dmix", {"T": 0.0}),
        ("dmix", {"T": 0.8, "m_norm": "row_minmax"}),
        ("euc-dmix-nt", {"T": 0.8}),
        ("m-threshold", {"T": 0.7}),
        ("dmix", {"select": "top_percent", "tau": 30.0}),
        ("dmix-short", {"tau": 10.0}),
        ("dmix-short", {"tau": 100.0}),
        ("dmix-short-euclidean", {"tau": 50.0}),
        ("dmix-short-cosine", {"tau": 20.0}),
        ("dmix-short-cosine", {"tau": 20.0, "cosine_sort": "similarity"}),
        ("dmix-short", {"tau": 3.0, "tau_unit": "count"}),
    ],
    ids=lambda x: x if isinstance(x, str) else "-".join(map(str, x.values())),
)
def test_partners_are_uniform_over_the_set(name, options):
    """SPEC 7, rule 6; never the anchor, never empty (SPEC DA10)."""
    mixer, _, _ = prepared(name, n=40, **options)
    for row in (0, 17):
        inside, counts = explicit_set(mixer, row), chosen(mixer, row)
        assert counts[row] == 0
        assert set(np.flatnonzero(counts)) <= set(inside)
        assert len(inside) >= 1
        if len(inside) > 1:
            assert chisquare(counts[inside]).pvalue > 1e-3


def test_m_ratio_takes_anybody_else():
    mixer, _, _ = prepared("m-ratio", n=20)
    counts = chosen(mixer, 3)
    assert counts[3] == 0
    assert chisquare(np.delete(counts, 3)).pvalue > 1e-3


def test_the_short_papers_method_is_the_same_for_arctangent_and_artanh():
    """SPEC SD2."""
    found = []
    for kind in ("hyp_atan", "hyp_atanh"):
        mixer, _, _ = prepared("dmix-short", n=40, distance=kind, ball="scale", tau=20.0)
        found.append(mixer.partners(torch.arange(40), np.random.default_rng(0)))
    assert torch.equal(*found)


def test_the_threshold_follows_the_current_row():
    """SPEC DA9: where learning lowers a row's maximum, more of the others pass."""
    mixer, _, _ = prepared(n=40, T=0.9)
    before = len(set(np.flatnonzero(chosen(mixer, 0))))
    far = mixer.matrix.base.where[0, :3]
    for _ in range(30):
        mixer.matrix.gather(torch.zeros(3, dtype=torch.long), far).sum().backward()
        mixer.after_step(0.1)
    assert len(set(np.flatnonzero(chosen(mixer, 0)))) > before


def test_the_share_that_is_selected_is_logged():
    """SPEC DA6."""
    mixer, model, task = prepared(n=40, T=0.8)
    sizes = np.array([len(explicit_set(mixer, i)) for i in range(40)]) / 39
    log = mixer.log()
    assert (log["set_mean"], log["set_min"], log["set_max"]) == pytest.approx((sizes.mean(), sizes.min(), sizes.max()))
    for seed, rows in itertools.product(range(40), torch.arange(40).split(8)):
        loss_of(mixer, model, task, rows.tolist(), seed)
    assert mixer.log()["selected"] == pytest.approx(sizes.mean(), abs=0.02)
    assert int(mixer.partner_count.sum()) == 1600


# Variants


def test_the_variants_differ_in_what_the_table_says():
    """SPEC 2(a), variants: selection, ratio and whether M is trained."""
    expected = {
        "dmix": ("value", "matrix", True, "hyp_atan"),
        "dmix-nt": ("value", "matrix", False, "hyp_atan"),
        "euc-dmix": ("value", "matrix", True, "euclidean"),
        "euc-dmix-nt": ("value", "matrix", False, "euclidean"),
        "m-ratio": ("random", "matrix", True, "hyp_atan"),
        "m-threshold": ("value", "beta", False, "hyp_atan"),
        "dmix-short": ("top_percent", "beta", False, "hyp_atan"),
        "dmix-short-euclidean": ("top_percent", "beta", False, "euclidean"),
        "dmix-short-cosine": ("top_percent", "beta", False, "cosine"),
    }
    assert sorted(expected) == sorted(MEMBERS)
    for name, wanted in expected.items():
        o = build(name).options
        assert (o.select, o.ratio, o.trains, o.distance) == wanted


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
        {"m_optimizer": "adam"},
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
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)
    loss.backward()
    mixer.after_step(1.0)
    assert len(mixer.matrix.movement()) == 0


def test_factors_per_row_are_the_optimisers():
    model, mixer = make_model(), build("dmix", m_param="row_scale")
    train(model, mixer, make_task(24), RECIPE, seed=0)
    assert [p.shape for p in mixer.parameters()] == [(24,)]
    assert mixer.matrix.movement().max() > 1e-3


# Embeddings


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
    with pytest.raises(ValueError, match="'cls', 'mean', 'pooler'"):
        sentence_embeddings(model, split, "max")


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


# The dense reference, and resuming


@pytest.mark.parametrize("name", ["dmix", "m-ratio"])
@pytest.mark.parametrize("m_range", ["clamp", "sigmoid"])
def test_training_with_slots_is_training_with_the_dense_matrix(name, m_range):
    """200 steps: the same partners, the same losses and values to rounding."""
    found = []
    for dense in (False, True):
        model, mixer = make_model(), build(name, dense=dense, m_range=m_range, T=0.5)
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
    "options", [{}, {"dense": True}, {"embed_when": "epoch"}, {"m_param": "row_scale"}, {"m_train": False}], ids=str
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


# Wrong input


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
        ({"dense": True, "embed_when": "epoch"}, "embed_when='once'"),
        ({"loss": "mse"}, "'kl', 'ce', 'bce'"),
        ({"lr": 1.0}, "its options: levels, mix_mask, distance"),
    ],
)
def test_wrong_options_are_refused_with_the_right_ones(options, message):
    with pytest.raises(ValueError, match=message):
        build("dmix", **options)


def test_one_training_example_is_too_few():
    with pytest.raises(ValueError, match="at least two training examples"):
        prepared(n=1)

"""DMIX: its gradient as derived, its identities, its selection, its variants."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.special import rel_entr
from scipy.stats import chisquare

from mixutils.encoder.model import Edit
from mixutils.mixers import REGISTRY, build
from mixutils.mixers.dmix import DMix, soft_loss
from mixutils.tasks.encode import EncodedTask
from mixutils.training.loop import Recipe
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

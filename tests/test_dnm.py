"""DNM against the printed formulas, written out pair by pair in float64; gradients, prediction, diagnosis."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mixutils.encoder.dropout import give_rng
from mixutils.encoder.shallow import KINDS
from mixutils.mixers import build
from mixutils.mixers.dnm import Pairs
from mixutils.mixers.embeddings import sentences
from mixutils.mixers.partners import select
from tests.conftest import make_batch, make_model, make_task
from tests.test_shallow import make_shallow

FAMILY = ("dnm", "dnm-wo-dss", "dnm-wo-lds", "dnm-wo-sds", "dnm-wo-dnm", "dnm-random")


def prepared(name: str = "dnm", n: int = 24, seed: int = 0, model=None, **options):
    model, task = model or make_model(), make_task(n)
    mixer = build(name, **options)
    mixer.prepare(model, task, np.random.default_rng(seed))
    return mixer, model, task


def one_loss(mixer, model, batch, seed: int = 0) -> torch.Tensor:
    (part,) = mixer.losses(model, batch, np.random.default_rng(seed))
    assert part.weight == 1
    return part.loss


def softmax(*values: np.ndarray) -> list[np.ndarray]:
    total = sum(np.exp(v) for v in values)
    return [np.exp(v) / total for v in values]


def explicit(mixer, h, labels, first, second) -> float:
    """Equations 2 to 6 in numpy, float64, one pair at a time; ``h`` (n, d)."""
    o = mixer.options
    weights = {k: v.detach().double().numpy() for k, v in mixer.named_parameters()}
    v1, v2, w = weights["v1"], weights["v2"], weights["w"]
    m, fc, bias = (weights[f"space.{k}"] for k in ("embeddings", "fc.weight", "fc.bias"))
    one, two = softmax(v1, v2) if o.policy_softmax == "pair" else (np.exp(v) / np.exp(v).sum() for v in (v1, v2))
    losses = []
    for i, row in zip(first, second, strict=True):
        for j in row:
            mixed = one * h[i] + two * h[j]
            phi_i, phi_j = (one * h[i]) @ w, (two * h[j]) @ w
            if o.output_weights == "fixed" and o.fow == "half":
                a = b = 0.5
            elif o.label_softmax == "pair":
                a, b = softmax(phi_i, phi_j)
            else:
                a, b = (np.exp(p) / np.exp(p).sum() for p in (phi_i, phi_j))
            target = a * m[labels[i]] + b * m[labels[j]]
            predicted = fc @ mixed + bias
            cosine = predicted @ target / (np.linalg.norm(predicted) * np.linalg.norm(target))
            losses.append((1 - cosine) ** 2)
    return float(np.mean(losses))


READINGS = [
    {},
    {"policy_softmax": "dim"},
    {"label_softmax": "dim"},
    {"output_weights": "fixed", "fow": "half"},
    {"input_weights": "fixed", "output_weights": "fixed"},
    {"policy_init": "zeros"},
    {"label_init_std": 0.02},
]


@pytest.mark.parametrize("options", READINGS, ids=str)
@pytest.mark.parametrize("name", ["dnm", "dnm-wo-dss", "dnm-random", "dnm-wo-lds"])
def test_the_loss_is_the_printed_formula_pair_by_pair(name, options):
    mixer, model, task = prepared(name, **options)
    with torch.no_grad():
        mixer.space.fc.bias.normal_(generator=torch.Generator().manual_seed(1))
    batch = task.splits["train"].batch(torch.arange(13))
    with torch.no_grad():
        pairs = mixer.pairs(model, batch, np.random.default_rng(4))
        loss = one_loss(mixer, model, batch, 4)
    expected = explicit(mixer, pairs.vectors.double().numpy(), batch.labels.tolist(), pairs.first, pairs.second)
    assert float(loss) == pytest.approx(expected, rel=2e-5)


def test_the_vector_is_the_top_state_of_the_first_token():
    batch = make_batch([4, 6])
    for cls in ("state", "pooler"):
        mixer, model, _ = prepared(cls=cls)
        with torch.no_grad():
            out = model(batch)
            expected = out.states[:, 0] if cls == "state" else out.vector
            torch.testing.assert_close(sentences(model, batch, mixer.options.cls), expected)


@pytest.mark.parametrize(
    ("name", "partners"),
    [("dnm", 10), ("dnm-wo-dss", 1), ("dnm-wo-lds", 5), ("dnm-wo-sds", 5), ("dnm-wo-dnm", 10), ("dnm-random", 10)],
)
def test_who_is_mixed_with_whom(name, partners):
    mixer, model, task = prepared(name)
    batch = task.splits["train"].batch(torch.arange(20))
    with torch.no_grad():
        pairs = mixer.pairs(model, batch, np.random.default_rng(0))
        vectors = F.normalize(model(batch).states[:, 0].double(), dim=1)
    assert pairs.second.shape == (20, partners)
    assert not (pairs.second == pairs.first[:, None]).any()
    if "random" not in mixer.options.select:
        expected = select(1 - vectors @ vectors.T, torch.arange(20), 5, mixer.options.select)
        assert torch.equal(pairs.second, expected)


def test_without_sds_only_far_and_without_lds_only_near_partners():
    far, model, task = prepared("dnm-wo-sds")
    near, both = prepared("dnm-wo-lds")[0], prepared("dnm")[0]
    batch = task.splits["train"].batch(torch.arange(20))
    with torch.no_grad():
        sets = [m.pairs(model, batch, np.random.default_rng(0)).second for m in (far, near, both)]
    assert torch.equal(torch.cat(sets[:2], 1), sets[2])


def test_a_sentence_mixed_with_itself_keeps_vector_and_label():
    """SPEC 7, rule 2, for the pair softmax."""
    mixer, _, _ = prepared()
    h, y = torch.randn(6, 32), torch.tensor([0, 1, 2, 0, 1, 2])
    one, two = mixer.policy()
    torch.testing.assert_close(mixer.mix(h, h), h)
    share, rest = mixer.label_weights((one * h) @ mixer.w, (two * h) @ mixer.w)
    label = mixer.space.embeddings[y]
    torch.testing.assert_close(share * label + rest * label, label)


def test_label_weights_of_a_pair_sum_to_one_in_every_dimension():
    """SPEC 7, rule 4, for labels with a weight per dimension; constant halves sum to 1 too."""
    for options in ({}, {"output_weights": "fixed", "fow": "half"}):
        mixer, _, _ = prepared(**options)
        one, two = mixer.policy()
        torch.testing.assert_close(one + two, torch.ones(32))
        share, rest = mixer.label_weights(torch.randn(5, 32) * 30, torch.randn(5, 32))
        torch.testing.assert_close(share + rest, torch.ones(5, 32))
        assert ((share >= 0) & (share <= 1)).all()


def test_pairs_of_one_class_keep_their_label():
    mixer, model, task = prepared()
    batch = task.splits["train"].batch(torch.tensor([0, 3, 6, 9, 12]))  # all of class 0
    with torch.no_grad():
        pairs = mixer.pairs(model, batch, np.random.default_rng(0))
        predicted = mixer.space.fc(mixer.mix(pairs.vectors[:, None], pairs.vectors[pairs.second]))
        expected = (1 - F.cosine_similarity(predicted, mixer.space.embeddings[0], dim=-1)).square().mean()
        assert float(one_loss(mixer, model, batch)) == pytest.approx(float(expected), rel=1e-5)


def test_both_orders_of_a_pair_differ():
    """SPEC NA9."""
    mixer, _, _ = prepared()
    a, b = torch.randn(32), torch.randn(32)
    assert not torch.allclose(mixer.mix(a, b), mixer.mix(b, a), atol=0.1)


@pytest.mark.parametrize("options", [{}, {"policy_softmax": "dim", "label_softmax": "dim"}], ids=str)
def test_gradients_are_those_of_finite_differences(options):
    mixer, _, _ = prepared(**options, model=make_model(hidden_size=8, num_attention_heads=2))
    mixer = mixer.double()
    h = torch.randn(5, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    labels, first = torch.tensor([0, 1, 2, 0, 1]), torch.arange(5)
    second = torch.tensor([[1, 2], [0, 4], [3, 1], [4, 2], [0, 3]])
    names = [k for k, _ in mixer.named_parameters()]
    values = [p.detach().clone().requires_grad_() for p in mixer.parameters()]

    def loss(vectors, *parameters):
        return torch.func.functional_call(
            _Nonlinear(mixer),
            {f"mixer.{k}": p for k, p in zip(names, parameters, strict=True)},
            (Pairs(vectors, labels, first, second),),
        )

    assert torch.autograd.gradcheck(loss, (h, *values), eps=1e-6, atol=1e-6)


class _Nonlinear(torch.nn.Module):
    def __init__(self, mixer) -> None:
        super().__init__()
        self.mixer = mixer

    def forward(self, pairs: Pairs) -> torch.Tensor:
        return self.mixer._nonlinear(pairs)


def test_prediction_is_the_nearest_label_embedding():
    mixer, model, task = prepared()
    batch = task.splits["validation"].batch(torch.arange(12))
    with torch.no_grad():
        mixer.space.fc.bias.normal_(generator=torch.Generator().manual_seed(0))
        scores = mixer.predict(model, batch).double().numpy()
        h = model(batch).states[:, 0].double().numpy()
    fc, bias, m = (p.detach().double().numpy() for p in (*mixer.space.fc.parameters(), mixer.space.embeddings))
    for i, vector in enumerate(h):
        predicted = fc @ vector + bias
        cosines = [predicted @ row / np.linalg.norm(predicted) / np.linalg.norm(row) for row in m]
        assert scores[i] == pytest.approx(cosines, rel=1e-4, abs=1e-6)
        assert scores[i].argmax() == int(np.argmax(cosines))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["dnm", "dnm-random"])
def test_a_shallow_encoders_dropout_is_on_the_mixed_vectors_and_not_in_the_distances(kind, name):
    """SPEC NA8, NA10, NA11: the printed formula on vectors with one mask; partners by the vectors without it."""
    mixer, model, task = prepared(name, model=make_shallow(kind, dropout=0.5))
    batch = task.splits["train"].batch(torch.arange(13))
    model.train()
    with torch.no_grad():
        pairs = mixer.pairs(model, batch, np.random.default_rng(4))
        torch.testing.assert_close(pairs.vectors, model(batch).vector)
        give_rng(model, np.random.default_rng(8))
        loss = one_loss(mixer, model, batch, 4)
        model.dropout.rng = np.random.default_rng(8)
        dropped = model.dropout(pairs.vectors).double().numpy()
    assert 0 < (dropped == 0).mean() < 1
    expected = explicit(mixer, dropped, batch.labels.tolist(), pairs.first, pairs.second)
    assert float(loss) == pytest.approx(expected, rel=2e-5)


def test_a_deep_encoders_vectors_enter_the_head_as_they_are():
    """No dropout beyond that of the encoder's layers (SPEC NA11), and none drawn in vain."""
    model, vectors = make_model(classifier_dropout=0.5).train(), torch.randn(4, 32)
    assert model.before_head(vectors) is vectors
    shallow = make_shallow("cnn", dropout=0.5)
    assert torch.equal(shallow.before_head(vectors), vectors)  # in evaluation
    assert not torch.equal(shallow.train().before_head(vectors), vectors)


def test_without_dnm_it_is_mixup_of_sentence_vectors():
    """SPEC NA25: one ratio, one-hot labels, cross-entropy, the same pairs; no parameters of its own."""
    mixer, model, task = prepared("dnm-wo-dnm")
    assert list(mixer.parameters()) == []
    batch = task.splits["train"].batch(torch.arange(12))
    w = 1 - np.random.default_rng(7).beta(1.0, 1.0)
    with torch.no_grad():
        loss = float(one_loss(mixer, model, batch, 7))
        pairs = mixer.pairs(model, batch, np.random.default_rng(7))
        terms = []
        for i in range(12):
            for j in pairs.second[i].tolist():
                log_p = model.classifier((1 - w) * pairs.vectors[i] + w * pairs.vectors[j]).log_softmax(-1)
                terms.append(-(1 - w) * log_p[batch.labels[i]] - w * log_p[batch.labels[j]])
        torch.testing.assert_close(mixer.predict(model, batch), model.classifier(model(batch).states[:, 0]))
    assert loss == pytest.approx(float(torch.stack(terms).mean()), rel=1e-5)
    assert mixer.log()["w_b"] == pytest.approx(w, rel=1e-5)


def test_without_dnm_by_cosine_mixes_embeddings_by_the_ratio():
    mixer, model, task = prepared("dnm-wo-dnm", nodnm_loss="cosine", draw="example")
    batch = task.splits["train"].batch(torch.arange(12))
    w = 1 - np.random.default_rng(7).beta(1.0, 1.0, 120)
    with torch.no_grad():
        loss = float(one_loss(mixer, model, batch, 7))
        pairs = mixer.pairs(model, batch, np.random.default_rng(7))
        m, terms = mixer.space.embeddings, []
        for n, j in enumerate(pairs.second.flatten().tolist()):
            i = n // 10
            predicted = mixer.space.fc((1 - w[n]) * pairs.vectors[i] + w[n] * pairs.vectors[j])
            target = (1 - w[n]) * m[batch.labels[i]] + w[n] * m[batch.labels[j]]
            terms.append((1 - F.cosine_similarity(predicted, target, dim=0)) ** 2)
    assert loss == pytest.approx(float(torch.stack(terms).mean()), rel=1e-4)


def test_clean_sentences_are_half_of_the_loss_where_they_are_asked_for():
    """SPEC NA12."""
    for name in ("dnm", "dnm-wo-dnm"):
        mixer, model, task = prepared(name, add_clean=True)
        plain, _, _ = prepared(name)
        batch = task.splits["train"].batch(torch.arange(9))
        with torch.no_grad():
            vectors = model(batch).states[:, 0]
            if name == "dnm":
                clean = mixer.space.loss(mixer.space.fc(vectors), mixer.space.embeddings[batch.labels])
            else:
                clean = F.cross_entropy(model.classifier(vectors), batch.labels)
            expected = (float(clean) + float(one_loss(plain, model, batch))) / 2
            assert float(one_loss(mixer, model, batch)) == pytest.approx(expected, rel=1e-5)


def test_the_penalty_keeps_label_embeddings_apart():
    """SPEC NA3: the mean squared cosine of different classes is added, and it is 0 only where they are orthogonal."""
    mixer, model, task = prepared(label_embedding="trained_orthogonal")
    plain, _, _ = prepared()
    batch = task.splits["train"].batch(torch.arange(9))
    m = mixer.space.embeddings.detach().double().numpy()
    cosines = [
        a @ b / np.linalg.norm(a) / np.linalg.norm(b) for i, a in enumerate(m) for j, b in enumerate(m) if i != j
    ]
    with torch.no_grad():
        gap = float(one_loss(mixer, model, batch)) - float(one_loss(plain, model, batch))
    assert gap == pytest.approx(np.mean(np.square(cosines)), rel=1e-3)
    with torch.no_grad():
        mixer.space.embeddings.copy_(torch.eye(m.shape[1])[: len(m)] * 3)
        assert float(mixer.space.with_penalty(torch.tensor(0.25))) == 0.25


def test_diagnosis_says_whether_the_policy_depends_on_the_pair():
    mixer, model, task = prepared()
    one_loss(mixer, model, task.splits["train"].batch(torch.arange(12)))
    found = mixer.diagnose()
    m = F.normalize(mixer.space.embeddings.detach(), dim=1)
    assert found["label_cosine"] == pytest.approx(float((m @ m.T)[~torch.eye(3, dtype=torch.bool)].mean()), abs=1e-6)
    share, phi = mixer.policy()[0].detach().numpy(), mixer._weights.numpy().reshape(-1, model.width)  # (d,), (pairs, d)
    assert [found[f"policy_{name}"] for name in ("mean", "low", "high")] == pytest.approx(
        [share.mean(), *np.quantile(share, [0.05, 0.95])], abs=1e-6
    )
    assert [found[f"label_weight_{name}"] for name in ("mean", "over_pairs", "over_dims")] == pytest.approx(
        [phi.mean(), phi.std(0).mean(), phi.std(1).mean()], rel=1e-5
    )
    assert all(v == 0 for k, v in found.items() if k.startswith("moved_"))
    with torch.no_grad():
        mixer.w.zero_()  # a label policy that cannot see the pair
    one_loss(mixer, model, task.splits["train"].batch(torch.arange(12)))
    assert mixer.diagnose()["label_weight_over_pairs"] == 0
    assert mixer.diagnose()["label_weight_mean"] == 0.5
    assert mixer.diagnose()["moved_w_max"] > 0
    assert prepared("dnm-wo-dnm")[0].diagnose() == {}

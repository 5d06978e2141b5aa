"""DNM against the printed formulas, written out pair by pair in float64; gradients, options, prediction, resumption."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mixutils.checkpoints import Unfinished
from mixutils.mixers import build
from mixutils.mixers.dnm import Pairs
from mixutils.mixers.label_space import LabelSpace, cosine_loss
from mixutils.mixers.selection import select
from mixutils.optim import build_optimizer
from mixutils.train import Recipe, train
from tests.conftest import make_batch, make_model, make_task

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
            torch.testing.assert_close(mixer.features_of(model, batch), expected)


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
    torch.testing.assert_close(mixer.targets(share, rest, y, y), mixer.space.embeddings[y])


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
        expected = cosine_loss(predicted, mixer.space.embeddings[0].expand_as(predicted))
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
    assert float(prepared(label_init_std=0.02, model=wide)[0].space.embeddings.std()) == pytest.approx(0.02, rel=0.15)
    assert not torch.equal(prepared(seed=1)[0].v1, prepared(seed=0)[0].v1)


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
                clean = cosine_loss(mixer.space.fc(vectors), mixer.space.embeddings[batch.labels])
            else:
                clean = F.cross_entropy(model.classifier(vectors), batch.labels)
            expected = (float(clean) + float(one_loss(plain, model, batch))) / 2
            assert float(one_loss(mixer, model, batch)) == pytest.approx(expected, rel=1e-5)


def test_the_penalty_keeps_label_embeddings_apart():
    """SPEC NA3: the mean squared cosine of different classes is added, and it is 0 only where they are orthogonal."""
    mixer, model, task = prepared(label_embedding="trained_orthogonal", orthogonal_weight=2.0)
    plain, _, _ = prepared()
    batch = task.splits["train"].batch(torch.arange(9))
    m = mixer.space.embeddings.detach().double().numpy()
    cosines = [
        a @ b / np.linalg.norm(a) / np.linalg.norm(b) for i, a in enumerate(m) for j, b in enumerate(m) if i != j
    ]
    with torch.no_grad():
        gap = float(one_loss(mixer, model, batch)) - float(one_loss(plain, model, batch))
    assert gap == pytest.approx(2 * np.mean(np.square(cosines)), rel=1e-3)
    space = LabelSpace(8, 3, np.random.default_rng(0), 1.0, 0.02, "trained_orthogonal")
    with torch.no_grad():
        space.embeddings.copy_(torch.eye(8)[:3] * 3)
    assert float(space.penalty()) == 0


def test_diagnosis_says_whether_the_policy_depends_on_the_pair():
    mixer, model, task = prepared()
    one_loss(mixer, model, task.splits["train"].batch(torch.arange(12)))
    found = mixer.diagnose()
    m = F.normalize(mixer.space.embeddings.detach(), dim=1)
    assert found["label_cosine"] == pytest.approx(float((m @ m.T)[~torch.eye(3, dtype=torch.bool)].mean()), abs=1e-6)
    assert found["label_weight_over_pairs"] > 0
    assert all(v == 0 for k, v in found.items() if k.startswith("moved_"))
    with torch.no_grad():
        mixer.w.zero_()  # a label policy that cannot see the pair
    one_loss(mixer, model, task.splits["train"].batch(torch.arange(12)))
    assert mixer.diagnose()["label_weight_over_pairs"] == 0
    assert mixer.diagnose()["label_weight_mean"] == 0.5
    assert mixer.diagnose()["moved_w_max"] > 0
    assert prepared("dnm-wo-dnm")[0].diagnose() == {}


# The pool of the whole training part ---------------------------------------------------------------------------------------


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


# Runs ------------------------------------------------------------------------------------------------------------------------


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
        ({"orthogonal_weight": -1.0}, "must not be negative"),
        ({"topk": 5}, "dnm has no option topk; its options: k, select"),
    ],
    ids=str,
)
def test_wrong_options_are_refused_with_the_right_ones(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        build("dnm", **options)

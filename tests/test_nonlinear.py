"""NonlinearMixup (SPEC NA21) against the formula pair by pair, and the identities of SPEC 7."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mixutils.encoder.dropout import give_rng
from mixutils.encoder.model import Edit
from mixutils.encoder.shallow import KINDS
from mixutils.mixers import build
from mixutils.mixers.nonlinear import draw_matrix, mix_by_matrix
from tests.conftest import make_batch, make_model, make_task
from tests.test_shallow import make_shallow


def prepared(n: int = 24, model=None, **options):
    model, task = model or make_model(), make_task(n)
    mixer = build("nonlinear", **options)
    mixer.prepare(model, task, np.random.default_rng(0))
    return mixer, model, task


@pytest.mark.parametrize("matrix", ["per_batch", "fixed"])
@pytest.mark.parametrize("alpha", [1.0, 0.3])
def test_the_loss_is_the_formula_pair_by_pair(matrix, alpha):
    """Mixed word by word in one row at a time, labels and cosine in float64."""
    mixer, model, task = prepared(lambda_matrix=matrix, alpha=alpha)
    with torch.no_grad():
        mixer.space.fc.bias.normal_(generator=torch.Generator().manual_seed(1))
    batch = task.splits["train"].batch(torch.arange(7))
    length, draws = batch.input_ids.shape[1], np.random.default_rng(5)
    partners = draws.permutation(7)
    weight = mixer.matrix[:length] if matrix == "fixed" else draw_matrix(draws, alpha, length, 32)
    u, m, fc, bias = (
        p.detach().double().numpy() for p in (mixer.u, mixer.space.embeddings, *mixer.space.fc.parameters())
    )
    losses = []
    with torch.no_grad():
        (part,) = mixer.losses(model, batch, np.random.default_rng(5))
        for i, j in enumerate(partners):
            pair = batch.rows(torch.tensor([i, int(j)]))
            edit = Edit(0, lambda h: (weight * h[0] + (1 - weight) * h[1])[None], torch.tensor([0]), torch.tensor([1]))
            s = model.encode(pair, edit)[0][0, 0].double().numpy()
            phi = 1 / (1 + np.exp(-s @ u))
            target = phi * m[pair.labels[0]] + (1 - phi) * m[pair.labels[1]]
            predicted = fc @ s + bias
            losses.append((1 - predicted @ target / np.linalg.norm(predicted) / np.linalg.norm(target)) ** 2)
    assert part.loss.item() == pytest.approx(np.mean(losses), rel=2e-5)


def test_a_matrix_of_ones_is_the_first_sentence_and_of_zeros_the_partner():
    """SPEC 7, rule 1, to the bit; a constant matrix is WordMix; a sentence with itself stays (rule 2)."""
    a, b = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    assert torch.equal(mix_by_matrix(a, b, torch.ones(3, 4)), a)
    assert torch.equal(mix_by_matrix(a, b, torch.zeros(3, 4)), b)
    torch.testing.assert_close(mix_by_matrix(a, b, torch.full((3, 4), 0.3)), 0.3 * a + 0.7 * b)
    torch.testing.assert_close(mix_by_matrix(a, a, torch.rand(3, 4)), a)


@pytest.mark.parametrize("alpha", [1.0, 0.2, 2.0])
def test_entries_of_the_matrix_are_independent_beta_draws(alpha):
    from scipy.stats import beta, kstest

    drawn = draw_matrix(np.random.default_rng(0), alpha, 40, 100)
    assert drawn.dtype == torch.float32
    assert kstest(drawn.flatten().double().numpy(), beta(alpha, alpha).cdf).pvalue > 0.01
    rows, columns = (np.corrcoef(x.numpy())[0, 1:] for x in (drawn, drawn.T))
    assert abs(rows.mean()) < 0.05
    assert abs(columns.mean()) < 0.05


def test_a_fixed_matrix_is_drawn_once_and_a_batchs_own_every_step():
    fixed, model, task = prepared(lambda_matrix="fixed")
    assert fixed.matrix.shape == (task.splits["train"].input_ids.shape[1], 32)
    assert "matrix" in fixed.state_dict()  # kept for a run that is resumed
    batch = task.splits["train"].batch(torch.arange(8))

    def spread(mixer) -> float:
        """Two steps that draw the same partners from different places of a stream."""
        losses = []
        with torch.no_grad():
            for seed in (1, 2):
                losses.append(next(mixer.losses(model, batch, _SamePartners(seed))).loss.item())
        return abs(losses[0] - losses[1])

    assert spread(fixed) == 0
    assert spread(prepared(model=model)[0]) > 0


class _SamePartners:
    """A generator whose permutations are always the same rotation."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed).random

    def permutation(self, n: int) -> np.ndarray:
        return np.roll(np.arange(n), 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_shallow_encoders_dropout_stands_in_front_of_policy_and_head(kind):
    """The formula on dropped vectors, with a mask known beforehand; without it a CNN would be trained with none at all."""
    mixer, model, task = prepared(model=make_shallow(kind, dropout=0.5))
    batch = task.splits["train"].batch(torch.arange(7))
    draws = np.random.default_rng(5)
    partners = torch.from_numpy(draws.permutation(7))
    weight = draw_matrix(draws, 1.0, batch.input_ids.shape[1], 20)
    with torch.no_grad():
        edit = Edit(0, lambda h: weight * h + (1 - weight) * h[partners], torch.arange(7), partners)
        plain = model.encode(batch, edit)[0][:, 0]
        model.train()
        give_rng(model, np.random.default_rng(8))
        (part,) = mixer.losses(model, batch, np.random.default_rng(5))
        model.dropout.rng = np.random.default_rng(8)
        s = model.dropout(plain)
        phi, m = torch.sigmoid(s @ mixer.u), mixer.space.embeddings
        target = phi * m[batch.labels] + (1 - phi) * m[batch.labels[partners]]
        expected = (1 - torch.cosine_similarity(mixer.space.fc(s), target)).square().mean()
    assert not torch.equal(s, plain)
    assert part.loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_prediction_is_by_cosine_on_unmixed_text():
    mixer, model, _ = prepared()
    batch = make_batch([5, 2])
    with torch.no_grad():
        s = model(batch).states[:, 0]
        predicted = mixer.space.fc(s)
        expected = torch.stack([torch.cosine_similarity(predicted, m, dim=1) for m in mixer.space.embeddings], 1)
        torch.testing.assert_close(mixer.predict(model, batch), expected)


def test_gradients_reach_policy_labels_and_words_and_stop_where_asked():
    for options, without in (({}, set()), ({"label_grad": False}, {"u", "space.embeddings"})):
        mixer, model, task = prepared(**options)
        next(mixer.losses(model, task.splits["train"].batch(torch.arange(8)), np.random.default_rng(0))).loss.backward()
        moved = {k for k, p in mixer.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
        assert moved == {"u", "space.embeddings", "space.fc.weight", "space.fc.bias"} - without
        assert model.encoder.get_input_embeddings().weight.grad.abs().max() > 0


def test_finite_differences_agree_with_the_gradient_of_the_label_policy():
    mixer, model, task = prepared()
    batch = task.splits["train"].batch(torch.arange(6))

    def loss() -> torch.Tensor:  # the loss is computed in float32: a large step and a wide tolerance
        return next(mixer.losses(model, batch, np.random.default_rng(0))).loss

    loss().backward()
    direction = mixer.u.grad / mixer.u.grad.norm()
    with torch.no_grad():
        step = 1e-2
        mixer.u += step * direction
        above = loss().item()
        mixer.u -= 2 * step * direction
        below = loss().item()
    assert (above - below) / (2 * step) == pytest.approx(float(mixer.u.grad.norm()), rel=0.02)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"lambda_matrix": "per_row"}, "'per_batch', 'fixed'"),
        ({"pairing": "dataset"}, "'permutation', 'halves'"),
        ({"mix_mask": "both"}, "'union', 'first', 'ones'"),
        ({"label_embedding": "frozen"}, "'trained', 'fixed', 'trained_orthogonal'"),
        ({"cls": "mean"}, "'state', 'pooler'"),
        ({"alpha": -1.0}, "alpha must be positive"),
        ({"label_init_std": 0.0}, "label_init_std must be positive"),
        ({"k": 5}, "nonlinear has no option k"),
    ],
    ids=str,
)
def test_wrong_options_are_refused_with_the_right_ones(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        build("nonlinear", **options)

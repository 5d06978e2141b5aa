"""The matrix at any scale against the dense one, number for number; its base, its range, its state on disk."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mixutils.mixers.geometry import Points
from mixutils.mixers.pairmatrix import BETA1, EPS, TAIL, TOP, BaseMatrix, PairMatrix, Range, RowScale
from mixutils.training.optim import BertAdam
from tests.dense import DenseMatrix
from tests.test_geometry import cloud


def base(n: int = 30, norm: str = "row_max", kind: str = "hyp_atan", seed: int = 0, **kwargs) -> BaseMatrix:
    return BaseMatrix(Points(cloud(n, 8, 1.0, 20.0, seed).float(), kind), norm, **kwargs)


def whole(matrix) -> torch.Tensor:
    return matrix.full(torch.arange(len(matrix)))


@pytest.mark.parametrize("norm", ["row_max", "global_max", "row_minmax"])
def test_the_base_is_the_normalised_distance(norm):
    """SPEC DA5, in float64 with N × N tensors; the diagonal counts nowhere."""
    b = base(norm=norm, T=0.6)
    d = b.points.between(torch.arange(30)).double()
    others = d.clone().fill_diagonal_(torch.nan).numpy()
    high, low = np.nanmax(others, 1, keepdims=True), np.nanmin(others, 1, keepdims=True)
    if norm == "row_max":
        expected = d.numpy() / high
    elif norm == "global_max":
        expected = d.numpy() / high.max()
    else:
        expected = (others - low) / (high - low)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(b.rows(torch.arange(30)), expected, rtol=1e-4, atol=1e-5)
    columns = torch.tensor([[0, 5, 29], [1, 2, 3]])
    np.testing.assert_allclose(
        b.at(torch.tensor([4, 9]), columns), expected[np.array([[4], [9]]), columns.numpy()], rtol=1e-4, atol=1e-5
    )
    np.fill_diagonal(expected, -1)
    members = (expected >= 0.6 * expected.max(1, keepdims=True)).sum(1)
    np.testing.assert_allclose(b.share, members / 29, rtol=1e-6)
    np.testing.assert_allclose(b.top[:, 0], expected.max(1), rtol=1e-5)


def test_every_row_has_an_entry_that_is_one_and_m_is_not_symmetric():
    """SPEC 2(a)."""
    m = base().rows(torch.arange(30))
    torch.testing.assert_close(m.amax(1), torch.ones(30), rtol=1e-5, atol=0)
    assert (m - m.T).abs().max() > 1e-3


def test_equal_texts_alone_make_no_nan():
    b = BaseMatrix(Points(torch.ones(5, 3)), "row_max")
    assert torch.equal(b.rows(torch.arange(5)), torch.zeros(5, 5))
    assert torch.isfinite(PairMatrix(b, Range("clamp")).row_max(torch.arange(5))).all()


@pytest.mark.parametrize("kind", ["clamp", "sigmoid", "none"])
def test_a_range_shows_what_it_stored(kind):
    x = torch.tensor([0.0, 0.2, 0.9, 1.0])
    r = Range(kind)
    inside = x if kind == "none" else x.clamp(EPS, 1 - EPS)
    torch.testing.assert_close(r.show(r.store(x)), inside)
    far = r.project(torch.tensor([-3.0, 0.5, 7.0]))
    expected = {"clamp": [EPS, 0.5, 1 - EPS], "sigmoid": [-3.0, 0.5, 7.0], "none": [-3.0, 0.5, 7.0]}[kind]
    torch.testing.assert_close(far, torch.tensor(expected))


def steps(matrix, count: int, seed: int, quiet: range = range(0), lr: float = 1e-2, batch: int = 4) -> torch.Tensor:
    """Updates with random pairs and gradients that depend on the entries; returns all entries that were seen.

    In ``quiet`` steps the same two rows are visited, so that the others' moments fade for long.
    """
    rng, seen, n = np.random.default_rng(seed), [], len(matrix)
    for step in range(count):
        rows = torch.from_numpy(rng.permutation(n)[:batch])
        columns = torch.from_numpy(rng.integers(n - 1, size=batch))
        columns = columns + (columns >= rows)
        pull = torch.from_numpy(rng.normal(size=batch)).float()
        if step in quiet:
            rows, columns = torch.tensor([0, 1]), torch.tensor([2, 3])
            pull = pull[:2]
        entries = matrix.gather(rows, columns)
        (entries * pull + torch.special.entr(entries.clamp(1e-4))).sum().backward()
        seen.append(entries.detach())
        seen.append(matrix.row_max(rows))
        matrix.after_step(lr * (0.5 + 0.5 * step / count))
    return torch.cat(seen)


@pytest.mark.parametrize("kind", ["clamp", "sigmoid", "none"])
def test_slots_are_the_dense_matrix(kind):
    """Same draws, 200 steps: same entries, row maxima and matrix; on the way many rows use up their kept maxima."""
    lazy, dense = PairMatrix(base(15), Range(kind)), DenseMatrix(base(15), Range(kind))
    a, b = steps(lazy, 200, 0), steps(dense, 200, 0)
    torch.testing.assert_close(a, b, rtol=1e-4, atol=2e-6)
    torch.testing.assert_close(whole(lazy), whole(dense), rtol=1e-4, atol=2e-6)
    assert int(lazy.count.max()) > TOP
    assert lazy.movement().max() > 0.05
    assert lazy.movement().mean() == pytest.approx(float(dense.movement().mean()), rel=1e-4)


def test_moments_that_faded_for_longer_than_the_tail_are_caught_up():
    """Entries visited, left alone for 300 steps and visited again are those of the dense matrix, which never stopped."""
    quiet = range(60, 360)
    assert len(quiet) > TAIL
    lazy, dense = PairMatrix(base(12), Range("clamp")), DenseMatrix(base(12), Range("clamp"))
    a, b = steps(lazy, 460, 1, quiet), steps(dense, 460, 1, quiet)
    torch.testing.assert_close(a, b, rtol=1e-4, atol=2e-6)
    torch.testing.assert_close(whole(lazy), whole(dense), rtol=1e-4, atol=2e-6)


def test_the_update_rule_is_bertadams():
    """The dense matrix as an ordinary parameter of the project's BERTAdam."""
    lazy = PairMatrix(base(10), Range("none"))
    value = torch.nn.Parameter(torch.cat([lazy.base.at(torch.tensor([i]), torch.arange(10)[None]) for i in range(10)]))
    optimizer = BertAdam([value], lr=1e-2, weight_decay=0.0)
    rng = np.random.default_rng(0)
    for _ in range(30):
        rows, columns = torch.from_numpy(rng.permutation(10)[:3]), torch.from_numpy(rng.integers(10, size=3))
        pull = torch.from_numpy(rng.normal(size=3)).float()
        (lazy.gather(rows, columns) * pull).sum().backward()
        lazy.after_step(1e-2)
        optimizer.zero_grad()
        (value[rows, columns] * pull).sum().backward()
        optimizer.step()
    torch.testing.assert_close(lazy.at(torch.arange(10), torch.arange(10).expand(10, 10)), value.detach())


def test_an_isolated_gradient_moves_an_entry_by_at_most_32_learning_rates():
    """SPEC DA11."""
    lr, m = 2e-5, PairMatrix(base(10), Range("none"))
    for _ in range(400):
        entry = m.gather(torch.tensor([3]), torch.tensor([4]))
        if int(m.clock) == 0:
            entry.sum().backward()
        m.after_step(lr)
    assert float(m.movement()) == pytest.approx(31.6 * lr, rel=0.05)


def test_a_pair_twice_and_a_row_twice_in_one_batch():
    lazy, dense = PairMatrix(base(10), Range("clamp")), DenseMatrix(base(10), Range("clamp"))
    rows, columns = torch.tensor([3, 3, 3, 5]), torch.tensor([4, 4, 7, 4])
    for m in (lazy, dense):
        for weights in ([1.0, 2.0, 3.0, 4.0], [-1.0, 0.5, 0.1, 0.3]):
            (m.gather(rows, columns) * torch.tensor(weights)).sum().backward()
            m.after_step(0.01)
    torch.testing.assert_close(whole(lazy), whole(dense), rtol=1e-5, atol=1e-7)
    assert lazy.count.tolist() == [0, 0, 0, 2, 0, 1, 0, 0, 0, 0]


def test_projection_keeps_every_entry_in_range():
    m = PairMatrix(base(10), Range("clamp"))
    steps(m, 50, 0, lr=0.5)
    learned = m.value[m.column >= 0]
    assert learned.min() >= EPS - 1e-9
    assert learned.max() <= 1 - EPS
    assert ((learned == 1 - EPS) | (learned == EPS)).any()


def test_fixed_values_stay_and_cost_no_slots():
    m = PairMatrix(base(10), Range("clamp"), train=False)
    before = whole(m)
    entries = m.gather(torch.tensor([1, 2]), torch.tensor([3, 4]))
    assert not entries.requires_grad
    m.after_step(1.0)
    assert torch.equal(whole(m), before)
    assert m.column.numel() == 0
    assert len(m.movement()) == 0


def test_state_grows_with_the_visits_not_with_the_square():
    """One epoch over N examples: one slot a row."""
    sizes = {}
    for n in (50, 200):
        m = PairMatrix(base(n), Range("clamp"))
        rng = np.random.default_rng(0)
        for rows in torch.from_numpy(rng.permutation(n)).split(8):
            columns = (rows + 1 + torch.from_numpy(rng.integers(n - 1, size=len(rows)))) % n
            m.gather(rows, columns).sum().backward()
            m.after_step(1e-3)
        assert m.column.shape == (n, 1)
        sizes[n] = sum(t.nbytes for t in (*m.buffers(), *vars(m.base).values()) if isinstance(t, torch.Tensor))
    assert sizes[200] / sizes[50] == pytest.approx(4, rel=0.01)
    assert len(m._active[0]) == 200  # all within the tail
    for _ in range(TAIL + 1):
        m.after_step(1e-3)
    assert len(m._active[0]) == 0


@pytest.mark.parametrize("at", [7, 260])
def test_a_stored_state_goes_on_with_the_same_bits(at):
    quiet = range(20, 245)
    straight, begun = PairMatrix(base(12), Range("clamp")), PairMatrix(base(12), Range("clamp"))
    steps(straight, at, 3, quiet)
    steps(begun, at, 3, quiet)
    resumed = PairMatrix(base(12), Range("clamp"))
    resumed.load_state_dict({k: v.clone() for k, v in begun.state_dict().items()})
    steps(straight, 230, 4, range(0, 205))
    steps(resumed, 230, 4, range(0, 205))
    assert torch.equal(whole(straight), whole(resumed))
    for (name, a), b in zip(straight.state_dict().items(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_factors_per_row_scale_the_fixed_matrix():
    """SPEC DA12."""
    m = RowScale(base(10), Range("clamp"))
    assert m.factor.requires_grad
    rows, columns = torch.tensor([2, 5]), torch.tensor([3, 6])
    before = m.base.at(rows, columns[:, None])[:, 0]
    with torch.no_grad():
        m.factor[2] = 0.5
    torch.testing.assert_close(m.gather(rows, columns), (before * torch.tensor([0.5, 1.0])).clamp(EPS, 1 - EPS))
    torch.testing.assert_close(m.row_max(rows), torch.tensor([0.5, 1 - EPS]))
    torch.testing.assert_close(m.full(rows)[0], (0.5 * m.base.rows(rows)[0]).clamp(EPS, 1 - EPS))
    m.gather(rows, columns).sum().backward()
    assert float(m.factor.grad[2]) == pytest.approx(float(before[0]))
    assert m.movement().max() == 0.5


def test_the_tail_is_long_enough():
    """What is cut off moves an entry by less than a float32 near 1 can show, at any learning rate up to 1."""
    assert 32 * BETA1**TAIL < 2.0**-24

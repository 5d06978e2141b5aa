"""Distances in closed form against the explicit Möbius sum in float64, geoopt inside the ball, and scipy."""

from __future__ import annotations

import geoopt
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from mixutils.mixers import geometry
from mixutils.mixers.geometry import KINDS, Points, into_ball, pairwise

HYPERBOLIC = ("hyp_atan", "hyp_atanh", "spherical")


def cloud(n: int, d: int, low: float, high: float, seed: int = 0) -> torch.Tensor:
    """(n, d) float64: random directions, norms uniform between ``low`` and ``high``; float32 numbers."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    x *= rng.uniform(low, high, size=(n, 1)) / np.linalg.norm(x, axis=1, keepdims=True)
    return torch.from_numpy(x).float().double()


def mobius(x: torch.Tensor, y: torch.Tensor, sign: float = 1.0) -> torch.Tensor:
    """x ⊕ y as printed (DMIX, eq. 6); with sign -1 the sum of the positively curved model."""
    xy, xx, yy = (x * y).sum(-1), (x * x).sum(-1), (y * y).sum(-1)
    above = (1 + sign * 2 * xy + sign * yy)[..., None] * x + (1 - sign * xx)[..., None] * y
    return above / (1 + sign * 2 * xy + xx * yy)[..., None]


def explicit(e: torch.Tensor, kind: str) -> torch.Tensor:
    """(N, N) float64 distances from N × N × d sums."""
    z = mobius(-e[None, :, :], e[:, None, :], -1.0 if kind == "spherical" else 1.0).norm(dim=-1)
    z.fill_diagonal_(0)
    return 2 * (torch.atanh(z) if kind == "hyp_atanh" else torch.atan(z))


PLACES = {
    "inside": (0.05, 0.9),
    "outside": (1.5, 40.0),
    "across": (0.3, 3.0),
    "tiny": (1e-6, 1e-5),
    "bert": (14.0, 15.0),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", HYPERBOLIC)
def test_the_closed_form_is_the_explicit_sum(kind, place):
    """SPEC 7, rule 7: inside, outside and across the unit ball."""
    e = cloud(40, 16, *PLACES[place])
    if kind == "hyp_atanh" and place == "across":
        with pytest.raises(ValueError, match="both sides of the unit sphere"):
            Points(e, kind)
        return
    expected = explicit(e, kind)
    points, everybody = Points(e, kind), torch.arange(40)
    torch.testing.assert_close(points.between(everybody).double(), expected, rtol=3e-4, atol=1e-9)
    i, j = (x.flatten() for x in torch.meshgrid(everybody, everybody, indexing="ij"))
    torch.testing.assert_close(points.pairs(i, j).double(), expected.flatten(), rtol=2e-5, atol=1e-9)


@pytest.mark.parametrize(("low", "high"), [(0.01, 0.5), (0.5, 0.99)])
def test_artanh_inside_the_ball_is_geoopts_distance(low, high):
    e = cloud(30, 8, low, high)
    expected = geoopt.PoincareBall(c=1.0).dist(e[:, None], e[None])
    expected.fill_diagonal_(0)
    torch.testing.assert_close(
        Points(e, "hyp_atanh").between(torch.arange(30)).double(), expected, rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize(("kind", "name"), [("euclidean", "euclidean"), ("cosine", "cosine")])
def test_euclidean_and_cosine_are_scipys(kind, name):
    a, b = cloud(20, 12, 0.5, 20.0), cloud(15, 12, 0.5, 20.0, seed=1)
    expected = cdist(a.numpy(), b.numpy(), name)
    np.testing.assert_allclose(pairwise(a, b, kind).numpy(), expected, rtol=1e-4, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(-6, np.log10(50)), st.integers(1, 64), st.sampled_from(KINDS))
@example(0, -6.0, 1, "hyp_atan")
@example(3775, 0.0, 1, "hyp_atan")  # two points of a line, close together
@example(0, float(np.log10(50)), 64, "spherical")
def test_properties_of_every_distance(seed, exponent, d, kind):
    """Symmetric, zero on the diagonal, finite, not negative, for norms from 1e-6 to 50."""
    norm = 10**exponent
    e = cloud(12, d, 0.7 * norm, norm, seed)
    if kind == "hyp_atanh" and 0.7 * norm < 1 <= norm:
        kind = "hyp_atan"
    points, everybody = Points(e, kind), torch.arange(12)
    found = points.between(everybody)
    assert torch.isfinite(found).all()
    assert (found >= 0).all()
    assert (found.diagonal() == 0).all()
    scale = float(found.max())
    torch.testing.assert_close(found, found.T, rtol=1e-3, atol=1e-4 * scale)
    i, j = (x.flatten() for x in torch.meshgrid(everybody, everybody, indexing="ij"))
    assert torch.equal(points.pairs(i, j), points.pairs(j, i))  # to the bit
    torch.testing.assert_close(points.pairs(i, j).view(12, 12), found, rtol=1e-3, atol=1e-4 * scale)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(-6, np.log10(50)), st.integers(2, 48))
def test_arctangent_and_artanh_order_pairs_alike(seed, exponent, d):
    """SPEC DA1, SD2: one method wherever only the order counts."""
    norm = 10**exponent
    e = cloud(12, d, 1.01, 1 + norm, seed) if norm >= 0.9 else cloud(12, d, 0.5 * norm, norm, seed)
    a, b = (Points(e, kind).between(torch.arange(12)) for kind in ("hyp_atan", "hyp_atanh"))
    order = a.argsort(dim=1, stable=True)
    along = b.gather(1, order)
    assert (along.diff(dim=1) >= -1e-6 * along.max()).all()  # artanh's own rounding


def test_values_after_row_normalisation_hardly_differ_for_large_norms():
    """SPEC DA1: at norm 15 and cosine 0.83, arctangent and artanh differ by less than 0.001 after division by row maxima."""
    e = cloud(100, 64, 1.0, 1.0) + 2.2 * cloud(1, 64, 1.0, 1.0, seed=1)
    e *= 14.5 / e.norm(dim=1, keepdim=True)
    assert float((e[:50] @ e[50:].T).mean()) / 14.5**2 == pytest.approx(0.83, abs=0.02)
    a, b = (Points(e, kind).between(torch.arange(100)) for kind in ("hyp_atan", "hyp_atanh"))
    difference = a / a.amax(1, keepdim=True) - b / b.amax(1, keepdim=True)
    assert 0 < difference.abs().max() < 1e-3


def test_outside_the_ball_the_formula_is_that_of_the_inverted_points():
    """SPEC DA2."""
    e = cloud(20, 8, 2.0, 30.0)
    inverted = e / (e**2).sum(1, keepdim=True)
    rows = torch.arange(20)
    torch.testing.assert_close(Points(e).between(rows), Points(inverted).between(rows), rtol=1e-4, atol=1e-7)


def test_the_spherical_sum_is_the_angle_on_the_sphere():
    """2·arctan of the positively curved sum is the angle between the stereographic images."""
    e = cloud(20, 5, 0.1, 5.0)
    square = (e**2).sum(1, keepdim=True)
    on_sphere = torch.cat([2 * e, square - 1], 1) / (square + 1)
    angle = torch.acos((on_sphere @ on_sphere.T).clamp(-1, 1))
    angle.fill_diagonal_(0)
    torch.testing.assert_close(Points(e, "spherical").between(torch.arange(20)).double(), angle, rtol=1e-3, atol=1e-4)


def test_points_are_brought_into_the_ball():
    e = cloud(50, 8, 5.0, 20.0).float()
    largest = e.norm(dim=1).max()
    scaled = into_ball(e, "scale")
    torch.testing.assert_close(scaled, e / (1.001 * largest))
    assert scaled.norm(dim=1).max() < 1
    mapped = into_ball(e, "expmap0")
    torch.testing.assert_close(mapped.norm(dim=1), torch.tanh(scaled.norm(dim=1)))
    torch.testing.assert_close(torch.nn.functional.cosine_similarity(mapped, e), torch.ones(50))
    torch.testing.assert_close(into_ball(e, "scale", 0.01), e * 0.01)
    assert into_ball(e, "none") is e
    assert torch.isfinite(into_ball(torch.zeros(3, 4), "expmap0")).all()
    Points(e, "hyp_atanh", "scale")  # defined now


def test_equal_texts_have_distance_zero_and_near_ones_are_told_apart():
    """What float32 cannot tell from zero is computed in float64."""
    e = cloud(30, 384, 14.0, 15.0)
    e[1] = e[0]
    e[2] = e[0] + 1e-4
    e = e.float()
    for kind in ("hyp_atan", "euclidean"):
        found = Points(e, kind).between(torch.arange(30))
        assert found[0, 1] == 0
        expected = Points(e, kind).pairs(torch.tensor([0]), torch.tensor([2]))
        torch.testing.assert_close(found[0, 2:3], expected, rtol=1e-4, atol=0)
        assert expected > 0


@pytest.mark.parametrize("kind", KINDS)
def test_order_and_its_inverse(kind):
    e = cloud(25, 8, 0.1, 0.9)
    points, rows = Points(e, kind), torch.arange(25)
    order, distance = points.order(rows), points.between(rows)
    torch.testing.assert_close(points.order_of(distance), order, rtol=1e-3, atol=1e-6)
    flat = order.flatten().argsort()
    assert (distance.flatten()[flat].diff() >= -1e-6).all()  # artanh's own rounding


def test_reduced_precision_of_a_training_step_does_not_reach_distances():
    points, rows = Points(cloud(25, 64, 10.0, 15.0)), torch.arange(25)
    with torch.autocast("cpu", torch.bfloat16):
        inside = points.between(rows), points.pairs(rows, rows.flip(0))
    assert torch.equal(inside[0], points.between(rows))
    assert torch.equal(inside[1], points.pairs(rows, rows.flip(0)))


@pytest.mark.parametrize("kind", ["hyp_atan", "euclidean", "cosine"])
@pytest.mark.parametrize("block", [30, 10**6])
def test_extremes_are_those_of_the_sorted_rows(monkeypatch, kind, block):
    monkeypatch.setattr(geometry, "BLOCK", block)  # rows one by one, or all at once
    e = cloud(30, 8, 1.0, 10.0)
    points = Points(e, kind)
    whole = points.between(torch.arange(30))
    whole.fill_diagonal_(-1)
    ranked = whole.sort(dim=1, descending=True)
    found = points.extremes(4, 6, lambda top, low: 0.8 * top)
    torch.testing.assert_close(found.top, ranked.values[:, :4], rtol=1e-5, atol=1e-7)
    assert torch.equal(found.where, ranked.indices[:, :4])
    torch.testing.assert_close(found.low, ranked.values[:, 28], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(points.distance(found.cut).float(), ranked.values[:, 5], rtol=1e-5, atol=1e-7)
    expected = (whole >= 0.8 * ranked.values[:, :1]).sum(1) / 29
    torch.testing.assert_close(found.share, expected)
    near = points.distance(points.extremes(1, -3).cut).float()
    torch.testing.assert_close(near, ranked.values[:, 26], rtol=1e-4, atol=1e-6)
    plain = points.extremes(100)
    assert plain.top.shape == (30, 29)
    assert plain.cut is None
    assert plain.share is None


def test_wrong_input_is_refused_with_the_right_ones():
    e = cloud(4, 3, 0.1, 0.9)
    with pytest.raises(ValueError, match="'hyp_atan', 'hyp_atanh', 'spherical', 'euclidean', 'cosine'"):
        Points(e, "poincare")
    with pytest.raises(ValueError, match="'none', 'scale', 'expmap0'"):
        Points(e, ball="unit")
    with pytest.raises(ValueError, match=r"\(N, d\)"):
        Points(e[0])
    with pytest.raises(ValueError, match="finite"):
        Points(torch.full((3, 2), torch.nan))
    with pytest.raises(ValueError, match="at least two"):
        Points(e[:1]).extremes(1)
    with pytest.raises(ValueError, match="between -3 and 3"):
        Points(e).extremes(1, 4)

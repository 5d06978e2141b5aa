"""Patches of batches of texts: the SPEC's test vectors, the four shapes, and the readings of N."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mixutils.mixers.patches import PATCHES, Patch, Places, find_places
from mixutils.mixers.windows import RULES
from tests.conftest import make_batch
from tests.greedy import greedy


def patch(shape: str, heights, columns: int, channels: int, lam, n: int = 2, **options) -> Patch:
    lam = torch.as_tensor(lam, dtype=torch.float64).expand(len(heights))
    return Patch(shape, n, options.pop("width", 1), Places(torch.tensor(heights), columns), channels, lam, **options)


def window(shape: str, n: int, height: int, channels: int) -> tuple[int, int]:
    """n × w of SPEC 6(a)'s table."""
    return {"unit": (1, 1), "channel": (max(height, 1), 1), "word": (n, channels), "general": (n, 1)}[shape]


@settings(max_examples=200, deadline=None)
@given(
    shape=st.sampled_from(PATCHES),
    rows=st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from([0.0, 0.02, 0.1, 0.5, 0.9, 1.0]) | st.floats(0, 1)),
        min_size=1,
        max_size=4,
    ),
    channels=st.integers(1, 6),
    n=st.integers(1, 11),
    rule=st.sampled_from(RULES),
    ties=st.booleans(),
    keep=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_every_shape_equals_the_greedy_loop(shape, rows, channels, n, rule, ties, keep, seed):
    """Rows of different lengths, each with a λ of its own (SPEC RA15)."""
    rng = np.random.default_rng(seed)
    heights, lam = map(list, zip(*rows, strict=True))
    size = (len(heights), 9, channels)
    gradient = (rng.integers(-2, 3, size) if ties else rng.standard_normal(size)).astype(np.float32)
    got = patch(shape, heights, 9, channels, lam, n, rule=rule, keep=keep).salient(torch.from_numpy(gradient))
    for row, (real, share) in enumerate(rows):
        budget = int(np.floor(share * real * channels + 1e-9))
        expected = greedy(gradient[row, :real], *window(shape, n, real, channels), budget, rule)
        expected = ~expected if keep else expected
        np.testing.assert_array_equal(got.units[row, :real].numpy(), expected)
        assert not got.units[row, real:].any()
        assert int(got.count[row]) == expected.sum()
        assert got.per_position[row, :real].tolist() == expected.sum(1).tolist()


@settings(max_examples=100, deadline=None)
@given(
    shape=st.sampled_from(PATCHES),
    heights=st.lists(st.integers(0, 9), min_size=1, max_size=3),
    lam=st.sampled_from([0.0, 0.01, 0.05, 0.2, 0.99, 1.0]),
    rule=st.sampled_from(RULES),
    keep=st.booleans(),
)
def test_a_patch_known_without_saliency_is_the_salient_one(shape, heights, lam, rule, keep):
    it = patch(shape, heights, 9, 5, lam, 3, rule=rule, keep=keep)
    early = it.without_saliency(9)
    if early is not None:
        late = it.salient(torch.rand(len(heights), 9, 5))
        assert torch.equal(early.units, late.units)
        assert torch.equal(early.count, late.count)


def test_vectors_of_the_spec():
    gradient = torch.randn(1, 4, 5)
    for shape in PATCHES:
        none = patch(shape, [4], 4, 5, 0.0).salient(gradient)
        assert not none.units.any()
        assert none.count.tolist() == [0]
    assert patch("unit", [4], 4, 5, 0.5).salient(gradient).count.tolist() == [10]
    # C, D = 768, λ = 0.3: 230 channels, S/ND = 230/768, for any N
    channels = patch("channel", [7, 128], 128, 768, 0.3).salient(torch.randn(2, 128, 768))
    assert channels.units[0, 0].sum() == 230
    assert (channels.count / torch.tensor([7, 128])).tolist() == [230, 230]
    # W, n = 2, a budget of one row
    assert patch("word", [10], 10, 5, 0.1).salient(torch.randn(1, 10, 5)).count.tolist() == [0]
    assert patch("word", [10], 10, 5, 0.1, n=1).salient(torch.randn(1, 10, 5)).count.tolist() == [5]


@pytest.mark.parametrize("lam", [0.07, 0.29, 0.57, 0.58])
def test_products_that_fall_just_below_an_integer_are_that_integer(lam):
    """0.29 · 100 is 28.999… in floating point."""
    assert patch("unit", [10], 10, 10, lam).budget.tolist() == [round(lam * 100)]


@pytest.mark.parametrize("random", [False, True])
def test_shapes_of_patches(random):
    gradient, rng = torch.randn(2, 12, 9), np.random.default_rng(0)
    for lam in (0.3, 0.7):
        made = {s: patch(s, [12, 8], 12, 9, lam, n=3) for s in PATCHES}
        chosen = {s: (p.random(12, rng) if random else p.salient(gradient)).units for s, p in made.items()}
        assert all(units.any() for units in chosen.values())
        for row, real in enumerate((12, 8)):
            channel, word = chosen["channel"][row, :real], chosen["word"][row, :real]
            assert (channel == channel[:1]).all()  # whole channels
            assert (word == word[:, :1]).all()  # whole positions
            general = chosen["general"][row, :real].T.int()
            for line in general:  # runs of three or more
                runs = "".join(map(str, line.tolist())).split("0")
                assert all(len(r) == 0 or len(r) >= 3 for r in runs)


def test_a_wide_general_window_is_the_word_window():
    """SPEC RA11."""
    gradient = torch.randn(2, 12, 9)
    wide = patch("general", [12, 8], 12, 9, 0.5, n=3, width=9).salient(gradient)
    assert torch.equal(wide.units, patch("word", [12, 8], 12, 9, 0.5, n=3).salient(gradient).units)


@pytest.mark.parametrize("shape", PATCHES)
def test_random_patches_have_the_size_of_salient_ones_and_are_uniform(shape):
    from scipy.stats import chisquare

    it = patch(shape, [8] * 300, 8, 6, 0.5, n=2)
    got = it.random(8, np.random.default_rng(0))
    assert (got.count <= 24).all()
    assert got.count.float().mean() > 20
    if shape in ("unit", "channel", "general"):
        assert chisquare(got.units[:, 4].sum(0).numpy()).pvalue > 0.001  # no channel preferred
    if shape == "unit":
        assert chisquare(got.units.sum(0).flatten().numpy()).pvalue > 0.001
    assert torch.equal(got.units, it.random(8, np.random.default_rng(0)).units)


def test_which_positions_are_units():
    """SPEC RA5: positions where either text has a token, the first, the shorter, or all of the printed 128."""
    batch, first, second = make_batch([6, 2]), torch.tensor([0, 1]), torch.tensor([1, 0])
    heights = {
        name: find_places(batch, first, second, name, None, False).height.tolist() for name in ("union", "a", "min")
    }
    assert heights == {"union": [8, 8], "a": [8, 4], "min": [4, 4]}
    full = find_places(batch, first, second, "union", 128, False)
    assert (full.height.tolist(), full.columns) == ([128, 128], 128)
    assert find_places(batch, first, second, "union", 5, False).columns == 8  # never fewer than the batch has


def test_counted_padding_takes_what_has_no_saliency():
    """SPEC RA5: a budget above the real share replaces all of a short text, while the label claims the budget's share."""
    gradient = torch.zeros(1, 6, 4)
    gradient[0, :5] = torch.rand(5, 4) + 0.1
    it = patch("unit", [128], 128, 4, 0.1)
    got = it.salient(gradient)
    assert got.units.shape == (1, 6, 4)
    assert got.units[0, :5].all()
    assert got.count.tolist() == [51]
    assert patch("channel", [128], 128, 4, 0.5).salient(gradient).count.tolist() == [256]


@settings(max_examples=60, deadline=None)
@given(
    shape=st.sampled_from(PATCHES),
    lengths=st.lists(st.integers(0, 6), min_size=2, max_size=4),
    pair=st.booleans(),
    lam=st.sampled_from([0.2, 0.5, 1.0]),
    seed=st.integers(0, 1000),
)
def test_protected_positions_are_no_units(shape, lengths, pair, lam, seed):
    """SPEC RA8: the patch of what is left when the special tokens of both texts are cut out."""
    rng = np.random.default_rng(seed)
    batch = make_batch(lengths, rng.integers(0, 5, len(lengths)).tolist() if pair else None, seed)
    rows = torch.arange(len(lengths))
    second = torch.from_numpy(rng.permutation(len(lengths)))
    places = find_places(batch, rows, second, "union", None, True)
    width = batch.input_ids.shape[1]
    gradient = rng.random((len(lengths), width, 4)).astype(np.float32)
    it = Patch(shape, 2, 1, places, 4, torch.full((len(lengths),), lam, dtype=torch.float64))
    got = it.salient(torch.from_numpy(gradient))
    token = (batch.attention_mask[rows] | batch.attention_mask[second]).bool()
    special = (batch.text_id == -1) & batch.attention_mask.bool()
    free = token & ~special[rows] & ~special[second]
    assert not got.units[~free].any()
    for i in range(len(lengths)):
        real = int(free[i].sum())
        expected = greedy(gradient[i][free[i].numpy()], *window(shape, 2, real, 4), int(lam * real * 4 + 1e-9))
        np.testing.assert_array_equal(got.units[i][free[i]].numpy(), expected)
        assert int(got.count[i]) == expected.sum()

"""The choice of a partner is uniform over S_i, however it comes about."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from mixutils.mixers.partners import TRIES, choose, draw, pick


def sample(members: torch.Tensor, repeats: int, tries: int = TRIES, self_partner: bool = False) -> np.ndarray:
    """How often each of N was chosen (R, N), for sets given as (R, N) bool."""
    n, rng = members.shape[1], np.random.default_rng(0)
    rows = torch.arange(len(members)).repeat(repeats)
    draws = draw(rng, rows, n, self_partner, tries)
    partner, _ = choose(
        draws,
        rows,
        lambda places, columns: members[rows[places][:, None], columns],
        lambda places: members[rows[places]],
    )
    counts = np.zeros(members.shape, int)
    np.add.at(counts, (rows.numpy(), partner.numpy()), 1)
    return counts


@pytest.mark.parametrize("tries", [0, 3, 256], ids=["always whole rows", "mixed", "nearly always candidates"])
def test_uniform_over_the_set_by_either_way(tries):
    rng = np.random.default_rng(3)
    members = torch.from_numpy(rng.random((4, 40)) < [[0.9], [0.5], [0.1], [0.03]])
    members[torch.arange(4), torch.arange(4)] = False
    members[:, 20] = True
    counts = sample(members, 3000, tries)
    for row, inside in zip(counts, members.numpy(), strict=True):
        assert row[~inside].sum() == 0
        if inside.sum() > 1:
            assert chisquare(row[inside]).pvalue > 1e-3


def test_a_set_of_one_is_found():
    members = torch.zeros(3, 5000, dtype=torch.bool)
    members[:, 4321] = True
    assert sample(members, 5)[:, 4321].tolist() == [5, 5, 5]


def test_candidates_are_the_others_and_uniform():
    rows = torch.tensor([0, 3, 6]).repeat(500)
    found = draw(np.random.default_rng(0), rows, 7, False, 4).candidates
    assert not (found == rows[:, None]).any()
    for i in (0, 3, 6):
        counts = np.bincount(found[rows == i].flatten().numpy(), minlength=7)
        assert chisquare(np.delete(counts, i)).pvalue > 1e-3
    with_self = draw(np.random.default_rng(0), rows, 7, True, 4).candidates
    assert (with_self == rows[:, None]).any()


def test_what_is_drawn_does_not_depend_on_what_is_accepted():
    """A later draw is the same whether a threshold lets everybody pass or nobody."""
    after = []
    for share in (0.0, 1.0):
        rng = np.random.default_rng(0)
        rows = torch.arange(4)
        draws = draw(rng, rows, 50, False)
        everybody = torch.full((4, 50), True)
        choose(
            draws, rows, lambda p, c, share=share: torch.full(c.shape, bool(share)), lambda p, e=everybody: e[: len(p)]
        )
        after.append(rng.random())
    assert after[0] == after[1]


def test_the_member_at_a_point():
    members = torch.tensor([[False, True, False, True, True], [True, False, False, False, False]])
    assert pick(members, torch.tensor([0.0, 0.999])).tolist() == [1, 0]
    assert pick(members, torch.tensor([0.34, 0.0])).tolist() == [3, 0]
    assert pick(members, torch.tensor([0.99, 0.5])).tolist() == [4, 0]


def test_nobody_else_is_an_error():
    with pytest.raises(ValueError, match="at least two"):
        draw(np.random.default_rng(0), torch.tensor([0]), 1, False)

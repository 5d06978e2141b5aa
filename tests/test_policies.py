"""Checkpoint policies on a hand-made curve."""

from __future__ import annotations

import pytest

from mixutils.training.policies import check, choose


def curve(*values: float, split: str = "validation", metric: str = "accuracy") -> list[dict]:
    return [{"step": i, "metrics": {split: {metric: v}, "other": {metric: -v}}} for i, v in enumerate(values)]


def test_best_is_the_highest_and_the_earliest_of_equals():
    assert choose("best-on-validation", curve(0.5, 0.9, 0.7, 0.9)) == 1
    assert choose("best-on-other", curve(0.5, 0.9, 0.7, 0.9)) == 0


def test_last_is_the_last():
    assert choose("last", curve(0.9, 0.1, 0.5)) == 2
    assert choose("last", curve(0.9)) == 0


@pytest.mark.parametrize("name", ["last", "best-on-validation", "best-on-test", "best-on-validation_r3"])
def test_names_of_policies_are_known(name):
    assert check(name) == name


@pytest.mark.parametrize("name", ["best", "best-on-", "first", "", "Last", "best-validation"])
def test_unknown_policies_are_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match="known: last, best-on-SPLIT"):
        check(name)

"""Checkpoint policies on a hand-made curve."""

from __future__ import annotations

import pytest

from mixutils.training.policies import Best, Last, parse


def curve(*values: float, split: str = "validation", metric: str = "accuracy") -> list[dict]:
    return [{"step": i, "metrics": {split: {metric: v}, "other": {metric: -v}}} for i, v in enumerate(values)]


def test_best_is_the_highest_and_the_earliest_of_equals():
    assert Best("validation").choose(curve(0.5, 0.9, 0.7, 0.9)) == 1
    assert Best("other").choose(curve(0.5, 0.9, 0.7, 0.9)) == 0


def test_best_can_follow_another_metric():
    points = [{"metrics": {"test": {"accuracy": a, "f1_macro": f}}} for a, f in ((0.9, 0.1), (0.5, 0.6))]
    assert Best("test").choose(points) == 0
    assert Best("test", "f1_macro").choose(points) == 1


def test_last_is_the_last():
    assert Last().choose(curve(0.9, 0.1, 0.5)) == 2
    assert Last().choose(curve(0.9)) == 0


@pytest.mark.parametrize("policy", [Last(), Best("validation"), Best("test"), Best("validation_r3")])
def test_a_policy_is_found_again_by_its_name(policy):
    assert parse(policy.name) == policy


@pytest.mark.parametrize("name", ["best", "best-on-", "first", "", "Last", "best-validation"])
def test_unknown_policies_are_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match="known: last, best-on-SPLIT"):
        parse(name)

"""Checkpoint policies on a hand-made curve."""

from __future__ import annotations

import pytest

from mixutils.training.policies import check, choose


def curve(*values: float, split: str = "validation", metric: str = "accuracy") -> list[dict]:
    return [{"step": i, "metrics": {split: {metric: v}, "other": {metric: -v}}} for i, v in enumerate(values)]


def test_best_is_the_highest_and_the_earliest_of_equals():
    assert choose("best-on-validation", curve(0.5, 0.9, 0.7, 0.9)) == 1
    assert choose("best-on-other", curve(0.5, 0.9, 0.7, 0.9)) == 0


def points(*steps: int, **values: list[float]) -> list[dict]:
    """A curve of several metrics on validation."""
    return [{"step": s, "metrics": {"validation": {k: v[i] for k, v in values.items()}}} for i, s in enumerate(steps)]


def test_every_metric_chooses_by_itself():
    found = points(1, 2, 3, accuracy=[0.9, 0.8, 0.7], f1_macro=[0.3, 0.5, 0.4], f1_weighted=[0.6, 0.6, 0.7])
    for metric, at in (("accuracy", 0), ("f1_macro", 1), ("f1_weighted", 2)):
        assert choose("best-on-validation", found, metric) == at


@pytest.mark.parametrize(
    ("steps", "accuracy", "step"),
    [
        ([10, 20, 30, 40], [0.9, 0.5, 0.8, 0.6], 40),  # epochs of 20 end at 20 and 40
        ([10, 20, 30, 40], [0.9, 0.6, 0.8, 0.6], 20),  # the earliest of equals
        ([8, 16, 24, 32, 40], [0.1, 0.7, 0.9, 0.2, 0.6], 16),  # an epoch's last evaluation, where its end has none
        ([20, 40], [0.5, 0.6], 40),
        ([7, 14], [0.9, 0.5], 14),  # all within one epoch
    ],
)
def test_the_best_epoch_is_chosen_among_the_last_evaluations_of_each(steps, accuracy, step):
    found = points(*steps, accuracy=accuracy)
    assert steps[choose("best-epoch-on-validation", found, epoch=20)] == step
    # A run without epochs is chosen among all evaluations.
    assert choose("best-epoch-on-validation", found) == choose("best-on-validation", found)


def test_last_is_the_last():
    assert choose("last", curve(0.9, 0.1, 0.5)) == 2
    assert choose("last", curve(0.9)) == 0


@pytest.mark.parametrize("name", ["last", "best-on-validation", "best-on-test", "best-on-validation_r3"])
def test_names_of_policies_are_known(name):
    assert check(name) == name


@pytest.mark.parametrize("name", ["best", "best-on-", "first", "", "Last", "best-validation", "best-epoch-on-"])
def test_unknown_policies_are_refused_with_the_known_ones(name):
    for use in (check, lambda policy: choose(policy, curve(0.5))):
        with pytest.raises(ValueError, match="known: last, best-on-SPLIT"):
            use(name)


def test_weights_are_not_kept_of_epochs():
    with pytest.raises(ValueError, match="unknown checkpoint policy 'best-epoch-on-validation'"):
        check("best-epoch-on-validation")

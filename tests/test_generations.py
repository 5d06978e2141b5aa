"""Which records have the numbers of the code as it is."""

from __future__ import annotations

import pytest

from mixutils.runs import generations
from mixutils.runs.generations import CHANGES, GENERATION, outdated, same_numbers
from mixutils.runs.run import Run

PLAIN = Run("mr", "none", 0)


@pytest.mark.parametrize(
    ("run", "numbers_of_1", "again"),
    [
        (PLAIN, range(1, 3), False),
        (Run("mr", "nonlinear", 0), range(1, 3), False),
        (Run("mr", "nonlinear", 0, encoder="cnn"), range(1, 2), True),
        (Run("mr", "nonlinear", 0, encoder="lstm:vectors.txt"), range(1, 2), True),
        (Run("mr", "dnm-wo-dss", 0, encoder="lstm"), range(1, 2), True),
        (Run("mr", "wordmix", 0, encoder="cnn"), range(1, 3), False),
        (Run("mr", "tmix", 0), range(1, 3), False),
        (Run("mr", "tmix", 0, options=(("pairing", "dataset"),)), range(1, 2), False),
        (Run("mr", "emix", 0), range(1, 2), False),
        (Run("mr", "dropmix-c", 0, probes=("dropmix-channels",), probe_policy="last"), range(1, 2), True),
        (Run("mr", "dropmix-c", 0, probes=("dropmix-masks",), probe_policy="last"), range(1, 3), False),
    ],
)
def test_a_change_concerns_the_runs_that_it_names(run, numbers_of_1, again):
    assert same_numbers(run, 1) == numbers_of_1
    assert same_numbers(run, GENERATION)[-1] == GENERATION
    assert bool(outdated(run, 1)) == again
    assert outdated(run, GENERATION) == ""


def test_ranges_lie_between_the_changes_of_a_run(monkeypatch):
    changes = [generations.Change(g, lambda run: True, "", True) for g in (2, 5)]
    monkeypatch.setattr(generations, "CHANGES", tuple(changes))
    monkeypatch.setattr(generations, "GENERATION", 6)
    found = {g: same_numbers(PLAIN, g) for g in range(1, 7)}
    assert found == {1: range(1, 2), **dict.fromkeys((2, 3, 4), range(2, 5)), **dict.fromkeys((5, 6), range(5, 7))}


def test_every_change_says_why():
    assert all(change.why and change.generation > 1 for change in CHANGES)

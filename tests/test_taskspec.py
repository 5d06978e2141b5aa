"""Rules that change labels."""

from __future__ import annotations

import dataclasses

import pytest

from mixutils.tasks.taskspec import RULES, Hub, TaskSpec

#: The fine labels of TREC below the coarse ones, as Li and Roth publish them.
FINE = {
    "ABBR": "abb exp",
    "ENTY": "animal body color cremat currency dismed event food instru lang letter other plant product religion sport "
    "substance symbol techmeth termeq veh word",
    "DESC": "def desc manner reason",
    "HUM": "gr ind title desc",
    "LOC": "city country mount other state",
    "NUM": "code count date dist money ord other period perc speed temp volsize weight",
}
TREC = [f"{coarse}:{fine}" for coarse, names in FINE.items() for fine in names.split()]


def test_dropping_the_coarse_part_leaves_the_47_classes_that_the_papers_print():
    fine = [RULES["drop_coarse"](label) for label in TREC]
    assert (len(TREC), len(set(fine))) == (50, 47)
    assert {f for f in fine if fine.count(f) > 1} == {"other", "desc"}


@pytest.mark.parametrize(("label", "fine"), [("plain", "plain"), ("A:b:c", "b:c"), (":x", "x"), ("x:", "")])
def test_only_what_stands_before_the_first_colon_is_dropped(label, fine):
    assert RULES["drop_coarse"](label) == fine


def test_no_rule_changes_nothing():
    assert [RULES[""](label) for label in TREC] == TREC


def test_an_entry_cannot_be_changed_by_accident():
    entry = TaskSpec("mine", "Mine", {"train": ("mine/train",)}, {}, (), Hub("me/mine", {"train": ("train",)}))
    with pytest.raises(dataclasses.FrozenInstanceError):
        entry.classes = 3
    with pytest.raises(dataclasses.FrozenInstanceError):
        entry.hub.path = "you/mine"

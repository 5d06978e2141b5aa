"""Profiles, and what a user's wishes make of them."""

from __future__ import annotations

import pytest

from mixutils.papers import PAPERS
from mixutils.papers.profiles import PROFILES, make_setting, parse_seeds


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("1", (0,)),
        ("5", (0, 1, 2, 3, 4)),
        (" 3 ", (0, 1, 2)),
        ("0-4", (0, 1, 2, 3, 4)),
        ("7-7", (7,)),
        ("0,3,7", (0, 3, 7)),
        ("7, 3", (7, 3)),
        ("0-2,1,9", (0, 1, 2, 9)),
    ],
)
def test_seeds_are_a_number_a_list_or_a_range(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["0", "4-0", "", ",", "-1", "1-2-3", "two", "1.5", "3,", "²"])
def test_other_seeds_are_refused_with_the_three_forms(text):
    with pytest.raises(ValueError, match=r"a number \(5\), a list \(0,3,7\) or a range \(0-4\)") as error:
        parse_seeds(text)
    assert repr(text) in str(error.value)


def test_unknown_profile_lists_the_known_ones():
    with pytest.raises(
        ValueError, match="no profile is called 'labtop'; there are smoke, laptop, desk, compare, class, base, full"
    ):
        make_setting("labtop")


def test_a_setting_without_wishes_is_the_profile():
    s = make_setting("laptop")
    p = PROFILES["laptop"]
    assert (s.encoder, s.train_size, s.eval_size, s.batch_size) == (p.encoder, p.train_size, p.eval_size, p.batch_size)
    assert s.seeds == (0, 1)
    assert s.tasks is None
    assert s.use_hub is False


def test_each_wish_changes_its_own_field_only():
    plain = vars(make_setting("desk"))
    wishes = {
        "seeds": ("0,9", "seeds", (0, 9)),
        "tasks": (" trec-coarse, ,mrpc,mrpc", "tasks", ("trec-coarse", "mrpc")),
        "train_size": (77, "train_size", 77),
        "use_hub": (True, "use_hub", True),
        "methods": ("tmix, dnm,tmix", "methods", ("tmix", "dnm")),
    }
    for name, (given, field, expected) in wishes.items():
        made = vars(make_setting("desk", **{name: given}))
        assert made[field] == expected
        changed = {k for k, v in made.items() if v != plain[k]}
        # What a paper may limit under a profile is marked as the user's own.
        assert changed == {field} | ({"chosen"} if field in ("seeds", "train_size", "methods") else set())
        assert made["chosen"] <= {field}


def test_wishes_left_empty_leave_the_profile_alone():
    assert make_setting("laptop", seeds="", tasks="", encoder="", train_size=None) == make_setting("laptop")
    assert make_setting("laptop", tasks=" , ").tasks is None


def test_train_size_zero_is_all_rows_and_negative_is_refused():
    assert make_setting("laptop", train_size=0).train_size is None
    with pytest.raises(ValueError, match="0 for all rows, not -5"):
        make_setting("laptop", train_size=-5)


def test_another_encoder_gets_the_papers_own_learning_rates():
    assert make_setting("laptop").lr_scale == 8.0
    assert make_setting("laptop", encoder="google-bert/bert-base-uncased").lr_scale == 1.0
    assert make_setting("laptop", encoder="minilm").lr_scale == 8.0


def test_full_leaves_seeds_and_sizes_to_the_papers_and_scales_nothing():
    s = make_setting("full")
    assert s.seeds_for(5) == (0, 1, 2, 3, 4)
    assert s.seeds_for(10) == tuple(range(10))
    assert (s.train_size, s.eval_size, s.batch_size, s.lr_scale) == (None, None, None, 1.0)
    assert make_setting("full", seeds="2").seeds_for(5) == (0, 1)


def test_only_full_asks_for_a_gpu_and_only_smoke_is_not_comparable():
    assert [p.name for p in PROFILES.values() if p.needs_gpu] == ["full"]
    assert [p.name for p in PROFILES.values() if not p.comparable] == ["smoke"]
    assert [p.name for p in PROFILES.values() if p.use_hub] == ["full"]


def test_other_languages_get_the_multilingual_encoder_unless_the_user_names_one():
    full = make_setting("full")
    assert full.encoder_for("English") == full.encoder == "google-bert/bert-base-uncased"
    assert full.encoder_for("Hindi") == "google-bert/bert-base-multilingual-uncased"
    assert make_setting("full", encoder="minilm").encoder_for("Hindi") == "minilm"
    assert make_setting("desk").encoder_for("Hindi") == "minilm"


def test_the_five_papers_are_those_that_are_registered():
    assert tuple(PAPERS) == PROFILES["full"].papers == PROFILES["desk"].papers

"""How messages say numbers, and values that come from elsewhere."""

from __future__ import annotations

import pytest

from mixutils.wording import counted, cut, shortened, shown


@pytest.mark.parametrize(("number", "said"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs"), (2000, "2,000 runs")])
def test_numbers_agree_with_their_noun(number, said):
    assert counted(number, "run") == said


def test_what_is_long_is_cut_and_says_so():
    assert shortened("abc", 3) == "abc"
    assert shortened("abcd", 3) == "abc…"
    assert cut("ab" * 50, 5) == "'abab…"


def test_names_are_on_one_line():
    assert shown("ä b") == "ä b"
    assert shown("a\nb") == r"'a\nb'"

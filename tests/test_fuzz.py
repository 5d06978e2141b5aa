"""A part of what ``tests/fuzz`` makes, other cases than by default; the whole is run by hand, see there."""

from __future__ import annotations

import pytest

from tests.fuzz import commands, encoders, records


@pytest.mark.slow
@pytest.mark.parametrize(
    ("door", "n"), [(commands, 15), (records, 120), (encoders, 30)], ids=["commands", "records", "encoders"]
)
def test_what_is_wrong_is_said_in_words_and_nowhere_used(door, n):
    assert door.run(7, n) == []

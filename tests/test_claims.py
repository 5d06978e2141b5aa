"""The papers' claims, as their notebooks make them: each of the SPEC once, on any records, under permuted names."""

from __future__ import annotations

import pytest

from mixutils.companion import make_plan
from mixutils.papers import PAPERS
from mixutils.runs.records import Records
from mixutils.show.style import VERDICT_MARKS
from tests.fakes import filled
from tests.notebook import verdicts

#: Prefix and number of the claims of each paper, in sections (f) of the SPEC.
KEYS = {"ssmix": ("SC", 10), "dmix": ("DC", 12), "dmix_short": ("SDC", 5), "dnm": ("NC", 13), "dropmix": ("RC", 12)}


@pytest.fixture(autouse=True)
def no_data(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")


def test_every_paper_has_claims():
    assert set(PAPERS) == set(KEYS)


@pytest.mark.parametrize("profile", ["smoke", "desk", "full"])
@pytest.mark.parametrize("paper", KEYS)
def test_every_claim_of_the_spec_is_made_once_and_without_records_says_why_it_is_not_tested(paper, profile):
    prefix, n = KEYS[paper]
    for found in verdicts(paper, make_plan(paper, profile), Records()).values():
        # A claim that is tested in two ways has a word behind its key for the second.
        assert list(dict.fromkeys(v.key.split()[0] for v in found)) == [f"{prefix}{i}" for i in range(1, n + 1)]
        assert {v.word for v in found} <= {"not tested", "illustration", "supported"}
        assert {v.kind for v in found if v.word == "supported"} <= {"measured"}  # numbers of the authors' code
        for v in found:
            assert v.text, v.key
            assert v.own, v.key
            assert v.why, v.key


@pytest.mark.parametrize("paper", KEYS)
def test_words_are_those_of_the_spec_on_any_records_and_names_can_be_permuted(paper, tmp_path):
    plan = make_plan(paper, "smoke", seeds="3")
    order = {r.hash: i for i, r in enumerate(plan.runs)}
    store = filled(plan, lambda r: 40 + order[r.hash] / 7, tmp_path)
    plain, permuted = (verdicts(paper, plan, store, shuffle) for shuffle in (None, 3))
    assert {v.word for found in (plain, permuted) for of in found.values() for v in of} <= set(VERDICT_MARKS)
    assert {k: [v.key for v in of] for k, of in plain.items()} == {k: [v.key for v in of] for k, of in permuted.items()}
    numbers = [[str(v.estimate) for of in found.values() for v in of] for found in (plain, permuted)]
    assert numbers[0] != numbers[1]

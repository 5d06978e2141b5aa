"""The papers' claims: each of the SPEC declared once, readings, permuted names, and what is declared in their place."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mixutils import claims
from mixutils.companion import make_plan
from mixutils.evidence import Evidence
from mixutils.evidence.stores import Shuffled
from mixutils.papers import PAPERS
from mixutils.runs.records import Records
from mixutils.show.style import VERDICT_MARKS
from tests.fakes import filled

#: Prefix and number of the claims of each paper, in sections (f) of the SPEC.
KEYS = {"ssmix": ("SC", 10), "dmix": ("DC", 12), "dmix_short": ("SDC", 5), "dropmix": ("RC", 12)}
ALL = {paper: [f"{prefix}{i}" for i in range(1, n + 1)] for paper, (prefix, n) in KEYS.items()}


@pytest.fixture(autouse=True)
def no_data(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")


@pytest.fixture(scope="module")
def levels(tmp_path_factory):
    """DropMix's smoke plan with two seeds, every run at a level of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_DATA", "")
        plan = make_plan("dropmix", "smoke", seeds="3")
    order = {r.hash: i for i, r in enumerate(plan.runs)}
    return plan, filled(plan, lambda r: 40 + order[r.hash] / 7, tmp_path_factory.mktemp("levels"))


def test_every_paper_has_claims():
    assert set(claims.DECLARED) == set(KEYS) <= set(PAPERS)


@pytest.mark.parametrize("profile", ["smoke", "desk", "full"])
@pytest.mark.parametrize("paper", KEYS)
def test_every_claim_of_the_spec_is_declared_once_and_without_records_says_why_it_is_not_tested(paper, profile):
    found = claims.verdicts(make_plan(paper, profile), Records())
    assert [v.key for v in found] == ALL[paper]
    assert {v.word for v in found} <= {"not tested", "illustration", "supported"}
    assert {v.kind for v in found if v.word == "supported"} <= {"measured"}  # numbers of the authors' code
    for v in found:
        assert v.text, v.key
        assert v.own, v.key
        assert v.why, v.key


@pytest.mark.parametrize("paper", KEYS)
def test_words_are_those_of_the_spec_on_any_records(paper, tmp_path):
    plan = make_plan(paper, "smoke", seeds="3")
    found = claims.verdicts(plan, filled(plan, lambda r: 50 + r.seed, tmp_path))
    assert {v.word for v in found} <= set(VERDICT_MARKS)


def test_a_plan_without_claims_is_refused_with_those_that_have_some():
    with pytest.raises(ValueError, match="no claims of 'compare' are declared; there are those of ssmix"):
        claims.evidence(make_plan("compare", "smoke"), Records())


def numbers(found) -> list[tuple]:
    return [(v.key, v.word, round(v.estimate, 9)) for v in found if v.units]


def test_a_shuffled_store_and_a_shuffled_frame_say_the_same(levels):
    plan, store = levels
    plain = numbers(claims.verdicts(plan, store))
    permuted = numbers(claims.verdicts(plan, store, shuffle=3))
    assert str(permuted) == str(numbers(claims.verdicts(plan, Shuffled(store, plan, 3))))
    assert str(permuted) != str(plain)


def test_the_margin_is_an_option(levels):
    assert {v.margin for v in claims.verdicts(*levels, margin=2.0)} == {2.0}


def test_a_papers_own_metric_gives_way_to_the_readers(levels, monkeypatch):
    plan, store = levels
    seen = []
    monkeypatch.setattr(claims, "Evidence", lambda *args, **given: seen.append(given["metric"]) or SimpleNamespace())
    monkeypatch.setattr(claims.importlib, "import_module", lambda *_: SimpleNamespace(METRIC={"trac": "f1_weighted"}))
    for given in ({}, {"metric": "f1_macro"}):
        claims.evidence(plan, store, declare=lambda *_: None, **given)
    assert seen == [{"trac": "f1_weighted"}, "f1_macro"]


def test_other_claims_can_stand_in_the_place_of_the_papers(levels):
    def declare(e: Evidence, plan, store) -> None:
        e.claim("X1", "C is above W", e.diff("3", "DropMix-C", "DropMix-W"), kind="pooled")

    assert [v.key for v in claims.verdicts(*levels, declare=declare)] == ["X1"]

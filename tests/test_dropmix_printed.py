"""What DropMix's own tables say about its claims: the counts that stand beside them, by hand from what is printed."""

from __future__ import annotations

from decimal import Decimal

from mixutils.papers import dropmix
from mixutils.papers.published import published


def exact(row: str, column: str, what: str = "value") -> Decimal:
    return Decimal(getattr(published("dropmix")["3", row, column], what))


ALL = [c.key for c in dropmix.COLUMNS]


def test_ra26_five_or_six_printed_margins_exceed_the_larger_standard_deviation():
    """SPEC RA26 says six: that counts Subj against Bert's spread; SSMix has the same mean there and a wider one."""
    at_least, at_most = set(), set()
    for c in ALL:
        ours = max(dropmix.VARIANTS, key=lambda r: exact(r, c))
        top = max(exact(r, c) for r in dropmix.BASELINES)
        spreads = [
            max(exact(ours, c, "spread"), exact(r, c, "spread")) for r in dropmix.BASELINES if exact(r, c) == top
        ]
        margin = exact(ours, c) - top
        at_least |= {c} if all(margin > s for s in spreads) else set()
        at_most |= {c} if any(margin > s for s in spreads) else set()
    assert at_least == {"qqp", "qnli", "sst2-glue", "rte", "trec-coarse"}
    assert at_most - at_least == {"subj"}


def test_rc3_rc4_and_rc11_on_the_printed_table():
    best = {c: max(dropmix.VARIANTS, key=lambda r: exact(r, c)) for c in ALL}
    assert [c for c in ALL if best[c] != "DropMix-G"] == ["qnli", "mrpc"]
    assert [c for c in ALL if exact("DropMix-C", c) <= exact("DropMix-U", c)] == ["mr"]
    gaps = [exact("DropMix-G", c) - exact("DropMix-C", c) for c in ALL]
    assert (str(min(gaps)), str(max(gaps))) == ("-0.31", "0.73")


def test_rc2_dropmix_against_the_quoted_ssmix():
    glue = ALL[:6]
    lower = [c for c in glue if max(exact(r, c) for r in dropmix.VARIANTS) <= exact("SSMix*", c)]
    assert lower == ["mrpc"]


def test_rc6_on_the_printed_table_4():
    cells = published("dropmix")

    def value(row, column):
        return Decimal(cells["4", row, column].value)

    higher = {"DropMix-C": 0, "DropMix-G": 0}
    for key, (_, plain, _) in dropmix.ENCODERS.items():
        for task in dropmix.SENTENCES:
            best = max(value(r, f"{key}/{task}") for r in (plain, "Dropout", "Mixup", "Dropout+Mixup"))
            for row in higher:
                higher[row] += value(row, f"{key}/{task}") > best
    assert higher == {"DropMix-C": 9, "DropMix-G": 11}

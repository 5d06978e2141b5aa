"""The transcribed tables: counted, checked against the papers' texts where they are, and against what the SPEC says of them."""

from __future__ import annotations

import os
import re
from collections import Counter
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from mixutils import paths
from mixutils.papers import PAPERS
from mixutils.papers.published import Published, published

COUNTS = {
    "ssmix": {"1": 37, "2": 84, "A.1": 84, "B.1": 70},
    "dmix": {"1": 24, "2": 40, "3": 40, "4": 12, "5": 30, "6": 28, "7": 18, "8": 9},
    "dmix_short": {"1": 28},
    "dnm": {"1": 20, **dict.fromkeys("2345", 48), "6": 15, "7": 15, "8": 12, "9": 12, "10": 15, "11": 15},
    "dropmix": {"1": 6, "2": 48, "3": 120, "4": 72, "5": 84},
}
TEXTS = {
    "ssmix": "ssmix.txt",
    "dmix": "dmix-adaptive.txt",
    "dmix_short": "dmix-short.txt",
    "dnm": "dnm.txt",
    "dropmix": "dropmix.txt",
}
#: Tables whose printed lines are our columns (data sets or settings down, methods across); elsewhere a line is a row.
TURNED = {("dmix", "2"), ("dmix", "3")}
#: Tables that are printed in two blocks of six columns.
BLOCKS = {("dropmix", "3"), ("dropmix", "4")}

GLUE = ("sst2-glue", "qqp", "mnli", "qnli", "rte", "mrpc")
ANLI = tuple(f"anli-r{r}/{part}" for r in (1, 2, 3) for part in ("validation", "test"))
SSMIX = (*GLUE, "trec-coarse", "trec-fine", *ANLI)
DMIX = ("trac", "trec-coarse", "trec-fine", "cola", "sst2-10k", "ahs", "ttc", "hasoc")
DROPMIX = ("mnli", "qqp", "qnli", "sst2-glue", "mrpc", "rte", "trec-coarse", "sst1-sent", "subj", "mr", "cr", "mpqa")


def cells(paper: str, table: str) -> list[Published]:
    return [c for c in published(paper).values() if c.table == table]


@cache
def exact(paper: str, table: str, row: str, column: str) -> Decimal:
    """A printed number without rounding, so that 92.1 - 91.9 is 0.2."""
    return Decimal(published(paper)[table, row, column].value)


def signs(differences) -> tuple[int, int, int]:
    """How many are positive, zero, negative."""
    found = Counter((d > 0) - (d < 0) for d in differences)
    return found[1], found[0], found[-1]


@pytest.mark.parametrize("paper", PAPERS)
def test_every_table_has_as_many_cells_as_the_paper_prints(paper):
    assert Counter(c.table for c in published(paper).values()) == COUNTS[paper]


@pytest.mark.parametrize("paper", PAPERS)
def test_the_files_are_plain_and_no_cell_is_typed_twice(paper):
    raw = (paths.PUBLISHED / f"{paper}.csv").read_bytes()
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    assert raw.isascii()
    assert len(published(paper)) == sum(COUNTS[paper].values())  # equal keys would have fallen together
    for c in published(paper).values():
        assert c.paper == paper
        assert c.value
        assert set(c.marker.split()) <= {"star", "diamond", "bold", "quoted", "underline"}


def test_all_five_papers_have_a_file_and_no_other_is_there():
    assert {p.stem for p in paths.PUBLISHED.glob("*.csv")} == set(PAPERS) == set(COUNTS)


def test_an_unknown_paper_lists_the_known_ones():
    with pytest.raises(KeyError, match="no paper is called 'sssmix'; there are dmix, dmix_short"):
        published("sssmix")


def test_numbers_are_read_and_words_are_none():
    assert published("ssmix")["2", "SSMix", "trec-fine"].number == 90.24
    assert published("dmix")["1", "trac", "samples"].number == 5329
    assert published("ssmix")["1", "sst2-glue", "train"].number is None  # printed as 67k


# -------------------------------------------------------------------------------------------------- the papers' texts


def text_lines(paper: str) -> list[str]:
    folder = os.environ.get("MIXUTILS_PAPERS")
    if not folder or not (Path(folder) / TEXTS[paper]).is_file():
        pytest.skip("needs the papers' texts: set MIXUTILS_PAPERS to their folder")
    return (Path(folder) / TEXTS[paper]).read_text("utf-8").replace("± ", "±").split("\n")


def blocks(paper: str) -> dict[str, list[str]]:
    """Table -> the lines between the caption before and its own; captions stand below the tables."""
    out, begin = {}, 0
    lines = text_lines(paper)
    for i, line in enumerate(lines):
        if found := re.match(r"Table ([0-9A-B.]+): ", line):
            out[found[1]] = lines[begin:i]
            begin = i + 1
    return out


def pattern(cell: Published) -> str:
    """The printed string, not as a part of a longer number."""
    spread = f"±{re.escape(cell.spread)}" if cell.spread else ""
    return rf"(?<![\w.,]){re.escape(cell.value)}{spread}(?!\w|[.,]\d)"


@pytest.mark.parametrize("paper", PAPERS)
def test_the_text_has_the_captions_of_exactly_these_tables(paper):
    assert list(blocks(paper)) == list(COUNTS[paper])


@pytest.mark.parametrize("paper", PAPERS)
def test_every_value_is_printed_as_often_as_it_was_typed(paper):
    for table, lines in blocks(paper).items():
        text = "\n".join(lines)
        for found, needed in Counter(map(pattern, cells(paper, table))).items():
            assert len(re.findall(found, text)) >= needed, (table, found)


@pytest.mark.parametrize("paper", PAPERS)
def test_values_of_one_printed_line_stand_in_one_line_in_this_order(paper):
    for table, lines in blocks(paper).items():
        groups: dict[str, list[Published]] = {}
        for cell in cells(paper, table):
            groups.setdefault(cell.column if (paper, table) in TURNED else cell.row, []).append(cell)
        for name, group in groups.items():
            size = 6 if (paper, table) in BLOCKS else len(group)
            for i in range(0, len(group), size):
                ordered = re.compile(".*?".join(map(pattern, group[i : i + size])))
                assert any(ordered.search(line) for line in lines), (table, name)


# -------------------------------------------------------------------------------------------- what the SPEC says of them


def best_hidden(column: str) -> Decimal:
    return max(exact("ssmix", "2", row, column) for row in ("EmbedMix", "TMix"))


def test_sc1_ssmix_beats_hidden_mixup_in_10_cells_ties_in_1_and_loses_in_3():
    gaps = {c: exact("ssmix", "2", "SSMix", c) - best_hidden(c) for c in SSMIX}
    assert signs(gaps.values()) == (10, 1, 3)
    assert {c: str(g) for c, g in gaps.items() if g < 0} == {
        "rte": "-0.51",
        "mrpc": "-0.15",
        "anli-r3/test": "-0.42",
    }
    # SC4: the same on pairs.
    assert signs(g for c, g in gaps.items() if c not in ("sst2-glue", "trec-coarse", "trec-fine")) == (7, 1, 3)


def test_sc3_gains_on_fine_and_coarse_trec():
    gain = {
        (row, c): exact("ssmix", "2", row, c) - exact("ssmix", "2", "No mixup", c)
        for row in ("SSMix", "TMix")
        for c in ("trec-fine", "trec-coarse")
    }
    assert list(map(str, gain.values())) == ["3.56", "0.52", "3.48", "0.44"]


def test_sc5_is_ordered_on_8_of_14_cells():
    full, span, tokens = ("SSMix", "SSMix - saliency", "SSMix - saliency - span")
    ordered = [
        c
        for c in SSMIX
        if exact("ssmix", "2", full, c) >= exact("ssmix", "2", span, c) >= exact("ssmix", "2", tokens, c)
    ]
    assert len(ordered) == 8


def test_sc8_ssmix_against_unk():
    gaps = [exact("ssmix", "B.1", "SSMix", c) - exact("ssmix", "B.1", "Random UNK replacement", c) for c in SSMIX]
    assert signs(gaps) == (9, 1, 4)


def test_sc10_gains_on_the_anli_test_parts():
    gains = [exact("ssmix", "2", "SSMix", c) - exact("ssmix", "2", "No mixup", c) for c in ANLI[1::2]]
    assert list(map(str, gains)) == ["0.18", "0.70", "0.00"]


def test_sa18_no_printed_mixup_cell_is_below_no_mixup():
    mixups = [c for c in cells("ssmix", "2") if c.row != "No mixup"]
    assert len(mixups) == 70
    assert all(Decimal(c.value) >= exact("ssmix", "2", "No mixup", c.column) for c in mixups)


def test_sa29_ssmix_means_are_counts_of_right_answers_over_five_seeds():
    rows = dict(
        zip(SSMIX, (872, 40430, 9832, 5463, 277, 408, 500, 500, 1000, 1000, 1000, 1000, 1200, 1200), strict=True)
    )
    for cell in cells("ssmix", "2") + cells("ssmix", "B.1"):
        total = 5 * rows[cell.column]
        nearest = Decimal(round(Decimal(cell.value) * total / 100)) * 100 / total
        assert abs(nearest - Decimal(cell.value)) <= Decimal("0.005"), cell


def test_sa31_the_spreads_of_sst2_are_too_small_for_standard_deviations():
    # A mean over five seeds that is no multiple of 1/872 needs at least one seed beside the others: for k of 5 counts one
    # higher the variance is k(5 - k)/20 counts, so the deviation is at least sqrt(0.2) counts, 0.0512 points; as the
    # estimator with n it is 0.0459.
    for row in ("No mixup", "EmbedMix", "TMix", "SSMix"):
        mean, spread = exact("ssmix", "2", row, "sst2-glue"), exact("ssmix", "A.1", row, "sst2-glue")
        assert all(abs(Decimal(k) * 100 / 872 - mean) > Decimal("0.005") for k in range(800, 872))
        assert spread < Decimal("0.0459")


def test_dc1_dmix_is_best_on_8_of_8_and_starred_on_all():
    others = ("f_theta", "WMix", "SMix", "TMix")
    assert sum(exact("dmix", "2", "DMix", c) > max(exact("dmix", "2", m, c) for m in others) for c in DMIX) == 8
    assert all("star" in published("dmix")["2", "DMix", c].marker for c in DMIX)


def test_dc7_a_threshold_is_better_than_a_ratio_on_3_of_3():
    gaps = [
        exact("dmix", "4", "M-Threshold", c) - exact("dmix", "4", "M-Ratio", c) for c in ("ttc", "trec-coarse", "ahs")
    ]
    assert signs(gaps) == (3, 0, 0)


def test_sdc1_hyperbolic_dmix_is_best_on_4_of_4():
    hyperbolic = "DMIX (Hyperbolic)"
    for column in ("ahs", "essc", "ttc", "ghc"):
        rest = [Decimal(c.value) for c in cells("dmix_short", "1") if c.column == column and c.row != hyperbolic]
        assert len(rest) == 6
        assert exact("dmix_short", "1", hyperbolic, column) > max(rest)


def test_nc1_dnm_is_best_in_23_of_24_cells():
    best = []
    for table in "2345":
        for column in dict.fromkeys(c.column for c in cells("dnm", table)):
            rest = [Decimal(c.value) for c in cells("dnm", table) if c.column == column and c.row != "DNM (proposed)"]
            best.append((exact("dnm", table, "DNM (proposed)", column) > max(rest), column))
    assert len(best) == 24
    assert [column for ahead, column in best if not ahead] == ["sst2-sent/500"]


def test_nc10_every_ablation_of_dnm_loses():
    losses = [
        exact("dnm", c.table, "DNM (proposed)", c.column) - Decimal(c.value)
        for table in ("10", "11")
        for c in cells("dnm", table)
        if c.row != "DNM (proposed)"
    ]
    assert signs(losses) == (24, 0, 0)


def test_rc1_and_rc5_dropmix_on_12_data_sets():
    variants = ("DropMix-U", "DropMix-C", "DropMix-W", "DropMix-G")
    own = ("encoder (paper: Bert)", "Dropout", "Mixup", "Dropout+Mixup", "SSMix")
    margins = {
        c: max(exact("dropmix", "3", v, c) for v in variants) - max(exact("dropmix", "3", o, c) for o in own)
        for c in DROPMIX
    }
    assert signs(margins.values()) == (11, 0, 1)
    assert str(margins["mrpc"]) == "-1.00"
    units = [exact("dropmix", "3", "DropMix-C", c) - exact("dropmix", "3", "DropMix-W", c) for c in DROPMIX]
    assert signs(units) == (12, 0, 0)
    assert (str(min(units)), str(max(units))) == ("0.12", "1.95")


def test_dropmix_marks_what_the_caption_of_table_3_says():
    for c in DROPMIX:
        of = {x.row: x for x in cells("dropmix", "3") if x.column == c}
        best = max(Decimal(x.value) for x in of.values())
        assert {row for row, x in of.items() if "bold" in x.marker} == {
            row for row, x in of.items() if Decimal(x.value) == best
        }
        by_value = sorted((f"DropMix-{v}" for v in "UCWG"), key=lambda row: -Decimal(of[row].value))
        first_or_second_to_g = by_value[0] == "DropMix-C" or by_value[:2] == ["DropMix-G", "DropMix-C"]
        assert {row for row, x in of.items() if "underline" in x.marker} == (
            {"DropMix-C"} if first_or_second_to_g else set()
        )
    assert not any(x.marker for x in cells("dropmix", "4"))  # its caption defines no marks


def test_numbers_that_two_papers_share_are_the_same():
    # DropMix quotes SSMix; DMIX's f_theta and SSMix's "No mixup" agree on TREC coarse digit for digit (SPEC X3, DA35).
    for quoted, original in (("Dropout*", "No mixup"), ("SSMix*", "SSMix")):
        for c in GLUE:
            cell = published("dropmix")["3", quoted, c]
            assert cell.value == published("ssmix")["2", original, c].value
            assert cell.spread == published("ssmix")["A.1", original, c].value
            assert "quoted" in cell.marker
    assert exact("dmix", "2", "f_theta", "trec-coarse") == exact("ssmix", "2", "No mixup", "trec-coarse")

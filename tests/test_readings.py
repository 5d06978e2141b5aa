"""docs/readings.md: every code leads somewhere, every quotation is the paper's."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from mixutils import paths
from mixutils.papers.options import readings
from mixutils.papers.profiles import make_setting
from mixutils.site.readings import CODE, PARTS, anchor, linked, measured, page, target

DOCS = {"README.md": "docs/", **{f"docs/{p.name}": "" for p in (paths.ROOT / "docs").glob("*.md")}}
#: Where codes are cited. (Tests may make some up.)
CITING = [
    *(p for folder in ("mixutils", "notebooks") for p in (paths.ROOT / folder).rglob("*.*")),
    *(paths.ROOT / name for name in DOCS),
]
TEXTS = {
    "DMIX (short)": "dmix-short.txt",
    "DMIX": "dmix-adaptive.txt",
    "SSMix": "ssmix.txt",
    "DNM": "dnm.txt",
    "DropMix": "dropmix.txt",
}


@pytest.fixture(autouse=True)
def _shipped(_work, monkeypatch):
    """What was measured stands in the tables that come with the checkout."""
    monkeypatch.setenv("MIXUTILS_FIGURES", str(paths.ROOT / "figures"))


def test_every_entry_is_on_the_page_once():
    headings = re.findall(r"^### (.*)$", page(), re.MULTILINE)
    assert len(set(headings)) == len(headings) == len(readings())
    assert len({anchor(code) for code in readings()}) == len(headings)
    assert all(any(code.startswith(begin) for begin in PARTS.values()) for code in readings())


def test_what_was_measured_is_said_with_its_numbers():
    found = {
        code: [measured(of) for of in entry["measured"]] for code, entry in readings().items() if "measured" in entry
    }
    assert len(found) >= 8
    for code, said in found.items():
        assert all(said), code  # the tables that the entry names are shipped
        assert all(re.search(r"\d\.\d\d", text) and "nan" not in text for text in said), code
        assert all(text in page() for text in said)


def test_without_its_tables_nothing_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("MIXUTILS_FIGURES", str(tmp_path))
    assert "Measured" not in page()


def cited() -> dict[str, Path]:
    """Code -> a file that cites it."""
    out = {}
    for path in CITING:
        if path.suffix in (".py", ".toml", ".md", ".ipynb", ".sh"):
            text = path.read_text("utf-8")
            if path.suffix == ".ipynb":
                text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
            out |= dict.fromkeys(CODE.findall(text), path)
    return out


def test_every_code_that_is_cited_has_an_entry():
    deviations = (paths.ROOT / "docs" / "deviations.md").read_text("utf-8")
    found = cited()
    assert len(found) > 100
    known = {*readings(), *re.findall(r"^## (P\d+)$", deviations, re.MULTILINE)}
    assert {code: str(path) for code, path in found.items() if code not in known} == {}


def test_the_deviations_have_the_numbers_of_the_profiles():
    text = (paths.ROOT / "docs" / "deviations.md").read_text("utf-8")
    laptop, desk = make_setting("laptop"), make_setting("desk")
    for said in (
        f"multiply them by {desk.lr_scale:g} for MiniLM",
        f"`laptop` trains in batches of {laptop.batch_size}.",
        f"cut to {laptop.eval_size} and {desk.eval_size} examples",
        f"`laptop` cuts texts at {laptop.max_length} tokens",
    ):
        assert said in text


@pytest.mark.parametrize("name", DOCS)
def test_codes_in_the_documentation_are_links(name):
    text = (paths.ROOT / name).read_text("utf-8")
    made = linked(text, DOCS[name])
    assert made.replace("](readings.md#", "](#") == text if name == "docs/readings.md" else made == text


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("as DA7 says", "as [DA7](readings.md#da7) says"),
        ("(P1; X10)", "([P1](deviations.md#p1); [X10](readings.md#x10))"),
        ("`DA7` [DA7](x.md) figures/X1 X1/y a-P1", "`DA7` [DA7](x.md) figures/X1 X1/y a-P1"),
        ("# DA7\nGPU P100", "# DA7\nGPU P100"),
    ],
)
def test_what_becomes_a_link(text, made):
    assert linked(text) == made


def test_sections_have_anchors_as_github_makes_them():
    assert target("2(c), τ") == "readings.md#spec-2c-τ"
    assert target("P3") == "deviations.md#p3"


def flat(text: str) -> str:
    """Without line ends, hyphens, and what the extraction from a PDF makes of quotation marks and ligatures."""
    for a, b in (("ﬁ", "fi"), ("ﬂ", "fl"), ("’", "'"), ("‘", "'"), ("“", '"'), ("”", '"'), ("``", '"'), ("''", '"')):
        text = text.replace(a, b)
    return re.sub(r"[\s\-\xad\x00\f*]+", "", text)


@pytest.mark.skipif("MIXUTILS_PAPERS" not in os.environ, reason="needs the papers' texts (MIXUTILS_PAPERS)")
@pytest.mark.parametrize("code", [code for code, entry in readings().items() if "quote" in entry])
def test_quotations_are_the_papers_words(code):
    entry = readings()[code]
    texts = [flat((Path(os.environ["MIXUTILS_PAPERS"]) / name).read_text("utf-8")) for name in TEXTS.values()]
    named = [x for name, x in zip(TEXTS, texts, strict=True) if entry["place"].startswith((f"{name},", f"{name};"))]
    texts = named if len(re.findall("|".join(map(re.escape, TEXTS)), entry["place"])) == 1 else texts
    pieces = [flat(piece) for piece in entry["quote"].split("…") if piece.strip()]
    assert any(all(piece in text for piece in pieces) for text in texts), entry["quote"]
    assert 3 <= len(entry["quote"].split()) <= 30

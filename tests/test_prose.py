"""Prose holds no number of its own: what was found is filled in from records, what a paper says is quoted or cited.

A number in prose outlives the run it came from. So a result is printed by a code cell, or stands between the markers that
``mixutils readme`` fills. What may stand in prose is listed in ``PASSES``; whoever needs another number puts it in backticks, which
says that it is a setting, or in “quotation marks”, which says that the paper prints it.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from mixutils import paths
from mixutils.papers.published import published

_NUMBER = r"[−+±]?\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?(?![A-Za-z\d])"
_LIST = rf"{_NUMBER}(?:(?:, | and | or | to |–)(?:[A-Z]\.)?{_NUMBER})*"
_WORD = "(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
#: What a number in prose may be -> how that looks.
PASSES = {
    "code, a setting": r"```.*?```|`[^`]*`",
    "a formula": r"\$\$.*?\$\$|\$[^$]*\$",
    "printed in a paper": r"“[^”]*”|\"[^\"]*\"",
    "a link": r"\[\w+\]\([^)]*\)|\]\([^)]*\)|aclanthology\.org\S+",
    "a reference": rf"(?:Tables?|Figures?|[Ss]ections?|Algorithm|[Ee]xercise|pages?|[Ss]tages?|SPEC|[Ll]ayers?|[Ss]entences|Anchor|example)"
    rf"\s+(?:[A-Z]\.)?(?:{_LIST}|\d[a-c])",
    "a code of the SPEC, a name": r"\b[A-Z][A-Za-z]*-?\d+\b",
    "a year": r"\b(?:19|20)\d\d\b",
    "a setting by its name": rf"\b\w+ ?[=<≥] ?{_NUMBER}(?: %)?(?:(?:,| and| or) {_NUMBER})*",
    "a distribution, a set of layers": r"\b(?:Beta|N)\([^)]*\)|\{[\d, ]+\}",
    "how much is computed": rf"{_LIST}\s+(?:(?:training |held-out )?(?:rows|examples)|seeds|epochs|layers|cores|million\s+parameters)",
    "how long it takes, in the README": rf"{_LIST}\s+(?:minutes|hours)|took {_NUMBER}|Python {_LIST}",
    "a constant of statistics": r"95 %|90 % interval|80 % power",
    "an end of a scale, a half": r"\b1/2\b|(?<![\d.,])[01](?![\d.,]\d|\d|e)",
}
FILLED = re.compile(r"<!-- begin .*?<!-- end -->", re.DOTALL)  # by ``mixutils readme``
EXERCISES = "## Exercises"  # their numbers are their own
NOTEBOOKS = sorted(path.stem for path in paths.NOTEBOOKS.glob("*.ipynb"))
PAGES = ("README.md", "docs/results.md")
PAPERS = ("ssmix", "dmix", "dmix_short", "dnm", "dropmix")
#: A comparison is a verdict's business. Prose may say what a paper claims, and these, which compare nothing that is tested.
COMPARES = (
    r"\b(?:as good as|no worse|outperforms?|beats?|leads|behind|ahead of|far above|far below|better than|worse than)\b"
)
NO_RESULT = (
    "a run of the method beats a run without mixup on the same task",  # defines a probability
    "Every single comparison behind the words",
    "leaves the saliency behind",
)
CLAIMED = r"\*\*What the papers? (?:claims?|shows?)"


def prose(name: str) -> list[tuple[str, str]]:
    """(place, text) of what people wrote: Markdown cells up to the exercises, or a page without its filled blocks."""
    if name.endswith(".md"):
        return [(name, FILLED.sub("", (paths.ROOT / name).read_text("utf-8")))]
    cells = json.loads((paths.NOTEBOOKS / f"{name}.ipynb").read_text("utf-8"))["cells"]
    written = [(i, "".join(c["source"])) for i, c in enumerate(cells) if c["cell_type"] == "markdown"]
    return [(f"{name}, cell {i}", text.partition(EXERCISES)[0]) for i, text in written]


def literal(text: str) -> list[str]:
    """The numbers of a text that ``PASSES`` does not let pass, with what stands around them; “three of four”, too."""
    for pattern in PASSES.values():
        text = re.sub(pattern, lambda found: re.sub(r"[^\n]", " ", found[0]), text, flags=re.DOTALL)
    found = re.finditer(rf"(?<![\w.]){_NUMBER}|\b{_WORD} of (?:the )?{_WORD}\b", text, flags=re.IGNORECASE)
    return [text[max(0, m.start() - 40) : m.end() + 40] for m in found]


@pytest.mark.parametrize("name", [*NOTEBOOKS, *PAGES])
def test_no_number_is_typed_into_prose(name):
    found = [f"{place}: …{around}…" for place, text in prose(name) for around in literal(text)]
    assert not found, "\n".join(["print it from the frame, `set` it or “quote” it:", *found])


@pytest.mark.parametrize("name", [*NOTEBOOKS, *PAGES])
def test_prose_compares_nothing_by_itself(name):
    found = []
    for place, text in prose(name):
        for allowed in NO_RESULT:
            text = text.replace(allowed, "")
        claimed = "".join(p for p in text.split("\n\n") if not re.match(CLAIMED, p))
        found += [
            f"{place}: {claimed[max(0, m.start() - 60) : m.end() + 40]!r}" for m in re.finditer(COMPARES, claimed)
        ]
    assert not found, "\n".join(["say it by a verdict:", *found])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("an entry moves by about 0.003 at most", ["0.003"]),
        ("it is behind on three of four data sets", ["three of four"]),
        ("SSMix gains 2 points on SST-2 (Table 2, SPEC SA18)", ["2"]),
        ("with `250` rows, 5 seeds, T = 0.7, λ = 0.2, $k=3$, from Beta(0.1, 0.1), in 2021", []),
        ("the paper prints “28.54” in Tables 2 and A.1, pages 890–899; [a link](x/3.4)", []),
        ("a share from 0 to 1, its 95 % interval, layers {3,4}", []),
        ("0.1 is no end of a scale, nor is 1.5 or 10", ["0.1", "1.5", "10"]),
    ],
)
def test_a_typed_number_is_found_and_what_may_stand_is_not(text, found):
    assert len(literal(text)) == len(found)
    assert all(number in around for number, around in zip(found, literal(text), strict=True))


@pytest.mark.skipif(
    "MIXUTILS_PAPERS" not in os.environ, reason="needs the papers' texts: set MIXUTILS_PAPERS to their folder"
)
@pytest.mark.parametrize("name", [*NOTEBOOKS, *PAGES])
def test_a_quoted_number_is_printed_in_a_paper(name):
    texts = [path.read_text("utf-8") for path in sorted(Path(os.environ["MIXUTILS_PAPERS"]).glob("*.txt"))]
    cells = {v for paper in PAPERS for c in published(paper).values() for v in (c.value, c.spread)}
    printed = cells | set(re.findall(_NUMBER, "\n".join(texts)))
    quoted = [n for _, text in prose(name) for q in re.findall(r"“([^”]*)”", text) for n in re.findall(_NUMBER, q)]
    assert not [n for n in quoted if n not in printed and n.rstrip(",") not in printed]

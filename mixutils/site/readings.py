"""docs/readings.md: every code that code, notebooks and captions cite, from ``papers/readings.toml``; and where codes lead."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from .. import paths
from ..papers import PLANS
from ..papers.options import readings
from ..wording import counted
from . import csvs

#: A code as texts cite it; not within a word, a path or a longer number.
CODE = re.compile(r"(?<![\w./#-])(?:(?:DA|SD|SA|NA|RA)\d{1,2}|[XP]\d{1,2})(?![\w/#-])")
FIRST = """# What the papers leave open

The code, the notebooks and the captions cite codes such as DA7 or RA12. Each stands for one place where a paper is silent, ambiguous or at odds with itself or with another one: the
paper's words, the problem, and how it is read here. Where another reading changes numbers it is an option: `--option NAME.OPTION=VALUE` on the command line, `options` in a notebook
([how](use.md)). `python -m mixutils readings` prints the same list. Deviations that we chose ourselves, for want of a GPU, are P1 to P7 in [deviations.md](deviations.md).

*SPEC n* in code and captions is a section of the specification that the code was written from: 1, what all papers share; 2 to 6, one paper each, in the order below, with (a) formulas, (b) protocol,
(c) hyperparameters, (d) tables and figures, (e) the codes of this page, (f) claims; 7, findings across the papers; 9, verdicts ([verdicts.md](verdicts.md)); 10, the protocol of the comparison.
"""
#: The profile whose saved tables say what a reading changes.
MEASURED_IN = "desk"
#: Heading -> beginnings of its codes; the rest comes first.
PARTS = {"All papers": ("1.", "X")} | {
    plan.PAPER.title: tuple(plan.PAPER.codes)
    for plan in sorted(PLANS.values(), key=lambda plan: plan.PAPER.codes[-1:])
    if plan.PAPER.codes
}


def heading(code: str) -> str:
    """An entry's heading; sections of the specification are called so."""
    return code if code[0].isalpha() else f"SPEC {code}"


def anchor(code: str) -> str:
    """Of the entry, or of the deviation, as GitHub and MyST make it from the heading."""
    return re.sub(r"[^\w -]", "", heading(code).lower()).replace(" ", "-")


def target(code: str) -> str:
    """Where a code leads, seen from ``docs``."""
    return f"{'deviations' if code[0] == 'P' else 'readings'}.md#{anchor(code)}"


def linked(text: str, folder: str = "") -> str:
    """Markdown with a link on every code that has none; code and existing links stay.

    Args:
        folder: the way from the text to ``docs``.
    """
    kept = re.split(r"(`[^`]*`|!?\[[^\]]*\]\([^)]*\)|<[^>]*>|^#.*$)", text, flags=re.MULTILINE)
    for i in range(0, len(kept), 2):
        kept[i] = CODE.sub(lambda m: f"[{m[0]}]({folder}{target(m[0])})", kept[i])
    return "".join(kept)


def page() -> str:
    """The whole file."""
    found, out = readings(), [linked(FIRST.rstrip())]
    for title, beginnings in PARTS.items():
        out.append(f"## {title}")
        out += [_entry(code, entry) for code, entry in found.items() if code.startswith(beginnings)]
    return "\n\n".join(out).replace("](readings.md#", "](#") + "\n"


def measured(of: dict[str, Any]) -> str:
    """What a reading changes, from the saved tables; "" where they are not there.

    Args:
        of: ``claims``, a paper whose claims are decided under two readings; or a ``table`` of cells and its ``rows``, whose means over
            the columns that have all of them are compared in ``value``; or its ``columns``, whose means over all lines are.
    """
    path = paths.figures(MEASURED_IN) / (f"{of['claims']}/claims.csv" if "claims" in of else f"{of['table']}.csv")
    if not path.is_file():
        return ""
    frame = csvs.read(path)
    if "claims" in of:
        return _of_claims(frame) if frame["reading"].nunique() > 1 else ""
    if "columns" in of:
        cells = frame[list(of["columns"])].dropna()
    else:
        value = of.get("value", "ours")
        cells = frame.pivot_table(value, "column", "row").reindex(columns=list(of["rows"])).dropna()
    if cells.empty:
        return ""
    found = ", ".join(f"*{name}* {mean:.2f}" for name, mean in cells.mean().items())
    return f"{found}, means over {counted(len(cells), 'cell')}" + (f" of *{of['value']}*" if "value" in of else "")


def _of_claims(frame: pd.DataFrame) -> str:
    once = frame.drop_duplicates(["claim", "reading"])
    first, second = once["reading"].unique()
    both = once.pivot(index="claim", columns="reading", values=["verdict", "estimate"]).loc[once["claim"].unique()]
    words, estimates = both["verdict"].dropna(), both["estimate"].astype(float).dropna()
    other = words.index[words[first] != words[second]]
    apart = (estimates[first] - estimates[second]).abs()
    return (
        f"under *{second}* {len(other)} of {counted(len(words), 'claim')} {'has' if len(other) == 1 else 'have'} another word than under *{first}*"
        + f" ({', '.join(other)})" * bool(len(other))
        + f"; estimates differ by {apart.median():.2f} in the median and by {apart.max():.2f} at most ({apart.idxmax()})"
    )


def _entry(code: str, entry: dict[str, Any]) -> str:
    place = f"*{entry['place']}*" + (f": “{entry['quote']}”" if "quote" in entry else "")
    here = linked(" ".join(filter(None, (f"**Here:** {entry['read']}", entry.get("why")))))
    lines = [f"### {heading(code)}", place, f"{linked(entry['open'])}\n\n{here}"]
    if "option" in entry:
        values = [f"`{v}`" for v in entry["others"]]
        values = [f"`{entry['default']}` (here)", *values] if "default" in entry else values
        lines.append(f"Option `{entry['option']}`: {', '.join(values)}.")
    elif "how" in entry:
        lines.append(f"How to change it: {linked(entry['how'])}.")
    lines += [f"Measured (profile {MEASURED_IN}): {said}." for said in map(measured, entry.get("measured", ())) if said]
    return "\n\n".join(lines)

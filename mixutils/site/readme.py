"""The numbers in README.md and docs/results.md: blocks between markers that name what they show, never written by hand.

``<!-- begin KIND WHAT -->`` … ``<!-- end -->``; the kinds are those of ``KINDS``. They come from the CSV files that the notebooks
saved, ``PROFILE/PAPER/TABLE`` below ``figures/``.
"""

from __future__ import annotations

import math
import re

import matplotlib.pyplot as plt
import pandas as pd

from .. import paths
from ..papers import PLANS
from ..show import card, style
from ..show.style import VERDICT_MARKS
from . import csvs


def fill(text: str) -> str:
    """``text`` with the content of every block made anew.

    Raises:
        ValueError: a block of an unknown kind, or one that has no end. FileNotFoundError: a table that nobody has saved.
    """

    def made(block: re.Match) -> str:
        kind, _, what = block[1].partition(" ")
        if kind not in KINDS or "<!-- begin" in block[2] or not block[3]:
            why = "has no end" if kind in KINDS else f"is of no known kind; there are {', '.join(KINDS)}"
            raise ValueError(f"the block {block[1]!r} {why}")
        return f"<!-- begin {block[1]} -->\n{KINDS[kind](what).rstrip()}\n<!-- end -->"

    return re.sub(r"<!-- begin (.+?) -->\n(.*?)(<!-- end -->|\Z)", made, text, flags=re.DOTALL)


def gains(what: str) -> str:
    """Gains of all methods under one protocol."""
    profile, _, name = what.partition("/")
    frame = csvs.read(paths.figures(profile) / f"{name}.csv")
    frame = frame.dropna(subset="estimate").sort_values("estimate", ascending=False)
    if frame.empty:
        return "Too few blocks are complete for an interval: `python -m mixutils train --only compare` goes on."
    head = ["method", "gain over no mixup, points [95 % interval]", "verdict", "tasks", "with one task left out", "MDE"]
    head += ["reported by its papers"]
    lines = (
        [
            line.method,
            f"**{line.estimate:+.2f}** [{line.low:+.2f}, {line.high:+.2f}]",
            f"{VERDICT_MARKS.get(line.word, '')} {line.word}",
            f"{line.tasks:.0f}",
            "–" if math.isnan(line.without_one_low) else f"{line.without_one_low:+.2f} to {line.without_one_high:+.2f}",
            f"{line.mde:.2f}",
            "–" if math.isnan(line.reported) else f"{line.reported:+.2f}",
        ]
        for line in frame.itertuples()
    )
    return table(pd.DataFrame(lines, columns=head))


def card_of(what: str) -> str:
    """The report card of the profile with the claims, its figure beside the CSV files; what other profiles add is named after it."""
    profile, *others = what.split()
    found = csvs.of_papers(paths.figures(profile))
    compared = csvs.read(paths.figures(others[0]) / "compare" / "gains.csv")
    of_trec = [path for p in others if (path := paths.figures(p) / "trec_full" / "levels.csv").is_file()]
    style.use()
    figure = card.card(found, compared, {key: PLANS[key].PAPER.name for key in found})
    style.save(figure, paths.figures(profile), "report_card")
    plt.close(figure)
    said = card.sentences(found, compared, csvs.read(of_trec[0]) if of_trec else None)
    image = f"![{re.sub('[*]', '', said[0])}](figures/{profile}/report_card.png)"
    return "\n\n".join((image, " ".join(said)))


def claims(what: str) -> str:
    """What became of every claim of a paper, in each reading."""
    profile, _, name = what.partition("/")
    return table(csvs.claims(csvs.read(paths.figures(profile) / f"{name}.csv")).drop(columns="the paper's own tables"))


def table(frame: pd.DataFrame) -> str:
    """A Markdown table; no cell can end itself or its line."""
    cells = frame.astype(str).replace({r"\|": r"\\|", "\n": "<br>"}, regex=True)
    lines = [list(frame), ["---"] * len(frame.columns), *cells.to_numpy()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


KINDS = {"card": card_of, "gains": gains, "claims": claims}

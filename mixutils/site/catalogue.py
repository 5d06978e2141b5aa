"""Which notebooks there are, and whose runs they need."""

from __future__ import annotations

from collections.abc import Collection

from ..papers import PLANS

#: Paper -> its notebooks; those of None need no runs.
_OF_PAPERS = {None: ("start_here",)} | {key: plan.PAPER.notebooks for key, plan in PLANS.items()}
#: Notebook -> paper whose plan it needs. The slides come last: they show what the comparison has found.
NOTEBOOKS: dict[str, str | None] = {name: paper for paper, names in _OF_PAPERS.items() for name in names}
NOTEBOOKS["class_slides"] = None
#: Notebooks that show what those before them have saved, each after all the others and after those that stand before it here.
READERS = ("compare", "class_slides")


def select(only: str | None, within: Collection[str] = ()) -> tuple[list[str], list[str]]:
    """Papers and notebooks that ``--only`` names; all of them for None.

    Args:
        within: papers that are meant by "all of them"; () for every one.
        only: names of papers or notebooks, separated by commas. A paper brings all its notebooks, a notebook its paper.

    Raises:
        ValueError: an unknown name; the message lists the known ones.
    """
    if not only:
        papers = [p for p in PLANS if not within or p in within]
        return papers, [n for n, paper in NOTEBOOKS.items() if paper is None or paper in papers]
    names = [n.strip() for n in only.split(",") if n.strip()]
    unknown = [only] * (not names) + [n for n in names if n not in PLANS and n not in NOTEBOOKS]
    if unknown:
        known = dict.fromkeys([*PLANS, *NOTEBOOKS])
        raise ValueError(
            f"--only does not know {', '.join(map(repr, unknown))}; papers and notebooks: {', '.join(known)}"
        )
    notebooks = [n for n, paper in NOTEBOOKS.items() if n in names or paper in names]
    papers = [p for p in PLANS if p in names or p in {NOTEBOOKS[n] for n in notebooks}]
    return papers, notebooks

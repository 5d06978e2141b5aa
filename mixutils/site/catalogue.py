"""Which notebooks there are, what they show, and whose runs they need.

Training asks for papers and notebooks by name, so importing this module must not import matplotlib; ``artifacts`` does.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection
from typing import TYPE_CHECKING

from ..papers import PLANS

if TYPE_CHECKING:
    from ..show.artifacts import Artifact

#: Paper key -> the module here that makes its tables and figures.
MODULES: dict[str, str] = {k: k for k in ("ssmix", "dmix", "dmix_short", "dropmix")}
#: Notebook -> paper whose plan it needs, in the order in which they are executed; None needs no runs.
NOTEBOOKS: dict[str, str | None] = {
    "start_here": None,
    "ssmix": "ssmix",
    "ssmix_spans": "ssmix",
    "dmix": "dmix",
    "dmix_thresholds": "dmix",
    "dmix_layers": "dmix",
    "dmix_matrix": "dmix",
    "dmix_attention": "dmix",
    "dmix_short": "dmix_short",
    "dnm": "dnm",
    "dnm_topk": "dnm",
    "dnm_ablations": "dnm",
    "dnm_policy": "dnm",
    "dnm_tsne": "dnm",
    "dropmix": "dropmix",
    "dropmix_sparse": "dropmix",
    "dropmix_saliency": "dropmix",
    "dropmix_channels": "dropmix",
    "compare": "compare",
}


def artifacts(paper: str) -> tuple[Artifact, ...]:
    """The tables and figures of a paper; the comparison's are made in its notebook."""
    if paper not in MODULES:
        return ()
    return importlib.import_module(f"mixutils.report.{MODULES[paper]}").ARTIFACTS


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
    unknown = [n for n in names if n not in PLANS and n not in NOTEBOOKS]
    if unknown:
        known = dict.fromkeys([*PLANS, *NOTEBOOKS])
        raise ValueError(f"--only does not know {', '.join(unknown)}; papers and notebooks: {', '.join(known)}")
    notebooks = [n for n, paper in NOTEBOOKS.items() if n in names or paper in names]
    papers = [p for p in PLANS if p in names or p in {NOTEBOOKS[n] for n in notebooks}]
    return papers, notebooks

"""One module per paper: protocol and plan. ``PAPERS`` is the explicit table of what there is."""

from __future__ import annotations

from types import ModuleType

from . import compare, dmix, dmix_short, dnm, dropmix, ssmix, trec_full
from .base import Cell, Column, Paper, Plan, Reading

#: Paper key -> module with ``PAPER`` and ``plan(setting)``.
PAPERS: dict[str, ModuleType] = {module.PAPER.key: module for module in (ssmix, dmix, dmix_short, dnm, dropmix)}
#: The same for everything that has a plan: the papers, the comparison of all methods, TREC at the papers' size.
PLANS: dict[str, ModuleType] = PAPERS | {"compare": compare, "trec_full": trec_full}

__all__ = ["PAPERS", "PLANS", "Cell", "Column", "Paper", "Plan", "Reading"]

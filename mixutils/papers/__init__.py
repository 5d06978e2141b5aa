"""One module per paper: protocol, plan, claims. ``PAPERS`` is the explicit table of what there is."""

from __future__ import annotations

from types import ModuleType

from . import compare, dmix, dmix_short, dnm, dropmix, ssmix
from .base import Cell, Column, Paper, Plan, Reading

#: Paper key -> module with ``PAPER`` and ``plan(setting)``.
PAPERS: dict[str, ModuleType] = {
    "ssmix": ssmix,
    "dmix": dmix,
    "dmix_short": dmix_short,
    "dnm": dnm,
    "dropmix": dropmix,
    "compare": compare,
}
#: Those that are somebody's publication; the rest is this companion's own.
PUBLICATIONS = tuple(k for k in PAPERS if k != "compare")

__all__ = ["PAPERS", "PUBLICATIONS", "Cell", "Column", "Paper", "Plan", "Reading"]

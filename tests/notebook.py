"""Notebooks in this process: their claims, or all of their cells, on a plan and records that a test brings.

A notebook's imports are tagged "setup", what opens the companion "open", what its claims are made of "claims"; its readings
of the claims are ``readings``.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Collection
from types import CodeType, SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import pytest

from mixutils import paths
from mixutils.companion import Companion, figures, names_of
from mixutils.evidence import Verdict
from mixutils.papers import PLANS, Plan
from mixutils.runs.records import Records


@functools.cache
def code(name: str) -> list[tuple[frozenset[str], CodeType]]:
    """The code cells of a notebook with their tags."""
    cells = json.loads((paths.NOTEBOOKS / f"{name}.ipynb").read_text("utf-8"))["cells"]
    return [
        (frozenset(cell["metadata"].get("tags", ())), compile("".join(cell["source"]), f"{name}, cell {i}", "exec"))
        for i, cell in enumerate(cells)
        if cell["cell_type"] == "code"
    ]


def companion(plan: Plan, store: Records, shuffle: int | None = None) -> Companion:
    """A companion that shows these records and trains nothing."""
    c = Companion.__new__(Companion)
    c.plan, c.store, c.shuffle, c.train = plan, store, shuffle, False
    c.paper, c.profile = PLANS[plan.paper].PAPER, plan.setting.profile
    c.device, c.jobs = "cpu", 1
    c.folder = figures(c.profile.name, shuffle) / plan.paper
    return c


def run(
    name: str, plan: Plan, store: Records, shuffle: int | None = None, only: Collection[str] = (), **parameters: Any
) -> dict[str, Any]:
    """The names that a notebook leaves, after all of its cells or those with one of the tags in ``only``."""
    out = {"__name__": "notebook", "c": companion(plan, store, shuffle)}
    for tags, cell in code(name):
        if "parameters" in tags:
            exec(cell, out)
            out |= {"profile": plan.setting.profile.name, "train": False} | parameters
        elif "open" not in tags and (not only or tags & {"setup", *only}):
            exec(cell, out)
    plt.close("all")
    return out


def measuring(name: str, tag: str = "measure") -> SimpleNamespace:
    """What the cells of a notebook define that measure something, and its imports; nothing is opened or trained.

    ``names`` is the dictionary in which they look for each other.
    """
    out = names_of(name, tag, c=None)
    return SimpleNamespace(**{k: v for k, v in out.items() if k != "__builtins__"}, names=out)


def verdicts(name: str, plan: Plan, store: Records, shuffle: int | None = None) -> dict[str, list[Verdict]]:
    """Reading -> what became of the claims."""
    return {k: e.verdicts() for k, e in run(name, plan, store, shuffle, only=["claims"])["readings"].items()}


def saved(name: str, plan: Plan, store: Records, shuffle: int | None = None) -> dict[str, Any]:
    """Name -> table or figure (None where there is nothing to show) that a notebook saves; nothing is written."""
    made: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Companion, "save", lambda self, what, name, says="": made.setdefault(name, what))
        run(name, plan, store, shuffle)
    return made

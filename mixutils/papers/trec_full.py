"""TREC's coarse questions at the papers' size: all training questions, a 12-layer encoder, each paper's own epochs and schedule.

What it asks is whether the papers' *levels* come out. It decides no claim: 500 test questions and three seeds do not tell
methods apart that are half a point from each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from . import dmix, dnm, dropmix, ssmix
from .base import Cell, Column, Plan, Reading, opened, tasks_at_hand
from .profiles import Setting

_FACTS, PAPER, _, scope = opened("trec_full")
_MODULES = {module.PAPER.key: module for module in (ssmix, dropmix, dmix, dnm)}


class Place(NamedTuple):
    """Where a row is printed."""

    paper: str
    table: str
    row: str


ROWS = {name: Place(**place) for name, place in _FACTS["rows"].items()}
#: Row -> every place where it is printed.
REPORTED = {name: (place, *(Place(**p) for p in _FACTS["also"].get(name, ()))) for name, place in ROWS.items()}
CONTROL = next(iter(ROWS))
FACTORS: tuple[float, ...] = _FACTS["search"]["factors"]
CHOSEN: dict[str, float] = _FACTS["search"]["chosen"]
TABLE, SEARCH_TABLE, SEARCH_SEED = "levels", "learning rate", 100


def factor(setting: Setting) -> float:
    """On every paper's learning rate."""
    return CHOSEN.get(setting.encoder, setting.lr_scale)


def plan(setting: Setting) -> Plan:
    """The rows' runs, seed by seed, after those that the factor is chosen by."""
    have, absent = tasks_at_hand([scope(setting).task], setting)
    if not have:
        return Plan("trec_full", setting, (), (), absent=absent)
    own = replace(setting, tasks=tuple(have), seeds=setting.seeds_for(PAPER.seeds), lr_scale=factor(setting))
    plans = {key: module.plan(own) for key, module in _MODULES.items()}
    columns = plans["ssmix"].columns
    cells = [_cell(name, place, c, plans[place.paper]) for c in columns for name, place in ROWS.items()]
    order = sorted((run for cell in cells for run in cell.runs), key=lambda run: run.seed)
    search = search_cells(own, columns)
    first = [run for cell in search for run in cell.runs]
    return Plan("trec_full", setting, columns, (*cells, *search), (), absent, (*first, *order))


def _cell(name: str, place: Place, column: Column, plan: Plan) -> Cell:
    """A row's cell in its paper's own plan, under our name; of several training sizes, which DNM has, the largest."""
    theirs = [c for c in plan.table(place.table) if c.row == place.row and c.column.split("/")[0] == column.key]
    changes: dict[str, Any] = {"probes": (), "probe_policy": ""}
    if theirs[-1].reading.policy.startswith("best-epoch"):
        changes["recipe__eval_every"] = 0  # at the ends of epochs alone; more would double the time of DMIX's runs
    return Cell(TABLE, name, column.key, tuple(r.with_(**changes) for r in theirs[-1].runs), theirs[-1].reading)


def search_cells(setting: Setting, columns: Iterable[Column]) -> list[Cell]:
    """The runs that the factor was chosen by; none for an encoder that nobody searched."""
    if setting.encoder not in CHOSEN or "train_size" in setting.chosen:
        return []
    held = {"policy": "official-held", "select": "held", "report": "held", "evaluate": ("held",)}
    return [
        Cell(
            SEARCH_TABLE,
            f"{x:g}",
            c.key,
            (ssmix.stage_1(replace(c, **held), SEARCH_SEED, replace(setting, lr_scale=x)),),
            Reading("best-on-held", "held"),
        )
        for c in columns
        if c.published
        for x in FACTORS
    ]

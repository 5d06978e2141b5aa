"""A plan with a user's options in its runs (``options`` says what they are)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..mixers import build
from ..runs.run import Run
from .base import Plan
from .options import Option, differing, methods


def with_options(plan: Plan, options: Iterable[Option]) -> Plan:
    """The plan with the options of mixers, runs and recipes in all its runs.

    What rows are there to compare is left alone: what the rows of a table vary in a column (T in DMIX's Figure 3), and what a
    row gives its mixer that other rows do not (DropMix-W with padding counted).
    """
    wanted = [(m, o) for o in options for m in (methods(o) or ["*"] * (o.whose in EVERY))]
    if not wanted:
        return plan
    usual = {run.method: run for run in reversed(plan.runs)}  # a method's first run
    made: dict[str, dict[str, Run]] = defaultdict(dict)  # hash -> what the run became in the tables
    cells = []
    for cell in plan.cells:
        beside = [r for c in plan.table(cell.table) if c.column == cell.column for r in (*c.runs, *c.held)]
        changed = {}
        for name in ("runs", "held"):
            runs = getattr(cell, name)
            changed[name] = tuple(_changed(r, _kept(r, wanted, beside, usual), wanted) for r in runs)
            for old, new in zip(runs, changed[name], strict=True):
                made[old.hash][new.hash] = new
        cells.append(replace(cell, **changed))

    def everywhere(runs: Iterable[Run]) -> tuple[Run, ...]:
        """Runs that stand in cells too are what they became there."""
        return tuple(x for r in runs for x in (made.get(r.hash) or {"": _changed(r, _of(r, wanted), wanted)}).values())

    return replace(plan, cells=tuple(cells), **{n: everywhere(getattr(plan, n)) for n in ("extra", "order", "first")})


EVERY = ("run", "recipe")
Wanted = list[tuple[str, Option]]  # method or "*", and what is wanted of it


def _of(run: Run, wanted: Wanted) -> list[Option]:
    return [option for method, option in wanted if method in (run.method, "*")]


def _kept(run: Run, wanted: Wanted, beside: Iterable[Run], usual: Mapping[str, Run]) -> list[Option]:
    """The options that a run takes beside the other runs of its column in a table."""
    same = [r for r in beside if r.method == run.method]
    return [
        o
        for o in _of(run, wanted)
        if len({_value(o, r) for r in same}) == 1
        and (o.whose in EVERY or _value(o, run) == _value(o, usual[run.method]))
    ]


def _value(option: Option, run: Run) -> Any:
    of = {"run": run, "recipe": run.recipe}.get(option.whose) or build(run.method, **dict(run.options)).options
    return getattr(of, option.what)


def _changed(run: Run, options: list[Option], wanted: Wanted) -> Run:
    fields = {o.what: o.value for o in options if o.whose == "run"}
    fields |= {f"recipe__{o.what}": o.value for o in options if o.whose == "recipe"}
    if own := {o.what: o.value for o in options if o.whose not in EVERY}:
        fields["options"] = tuple(differing(run.method, dict(run.options) | own).items())
    if run.start is not None:
        fields["start"] = _changed(run.start, _of(run.start, wanted), wanted)
    return run.with_(**fields)

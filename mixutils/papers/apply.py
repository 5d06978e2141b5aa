"""A plan with a user's options in its runs (``options`` says what they are)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..mixers import build
from ..runs.run import Run
from .base import Cell, Plan
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
    beside: dict[tuple[str, str, str], list[Run]] = defaultdict(list)
    for cell in plan.cells:
        for run in (*cell.runs, *cell.held):
            beside[cell.table, cell.column, run.method].append(run)
    # What all rows of a method in a column have alike.
    alike = {
        at: [o for o in _of(runs[0], wanted) if len({_value(o, r) for r in runs}) == 1] for at, runs in beside.items()
    }
    made: dict[str, dict[str, Run]] = defaultdict(dict)  # hash -> what the run became in the tables

    def of_cell(cell: Cell, run: Run) -> Run:
        own = alike[cell.table, cell.column, run.method]
        own = [o for o in own if o.whose in EVERY or _value(o, run) == _value(o, usual[run.method])]
        new = _changed(run, own, wanted)
        made[run.hash][new.hash] = new
        return new

    cells = [
        replace(c, **{name: tuple(of_cell(c, r) for r in getattr(c, name)) for name in ("runs", "held")})
        for c in plan.cells
    ]

    def everywhere(runs: Iterable[Run]) -> tuple[Run, ...]:
        """Runs that stand in cells too are what they became there."""
        return tuple(x for r in runs for x in (made.get(r.hash) or {"": _changed(r, _of(r, wanted), wanted)}).values())

    done = replace(plan, cells=tuple(cells), **{n: everywhere(getattr(plan, n)) for n in ("extra", "order", "first")})
    _can_weigh(done.runs)
    return done


def _can_weigh(runs: Iterable[Run]) -> None:
    """Refuse class weights for mixers whose loss has no place for them."""
    weighted = {(r.method, r.options) for r in runs if r.recipe.class_weights != "none"}
    if without := sorted({m for m, options in weighted if not build(m, **dict(options)).weighs_classes}):
        raise ValueError(
            f"class weights are not for {', '.join(without)}: their loss compares label embeddings; "
            "leave them out, as with --only compare --methods NAME,NAME"
        )


EVERY = ("run", "recipe")
Wanted = list[tuple[str, Option]]  # method or "*", and what is wanted of it


def _of(run: Run, wanted: Wanted) -> list[Option]:
    return [option for method, option in wanted if method in (run.method, "*")]


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

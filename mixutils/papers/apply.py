"""A plan with a user's options in its runs (``options`` says what they are)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ..mixers import build
from ..runs.run import Run
from .base import Plan
from .options import Option, differing, methods


def with_options(plan: Plan, options: Iterable[Option]) -> Plan:
    """The plan with the options of mixers, runs and recipes in all its runs.

    What the rows of a table vary is left alone in that table: T in DMIX's Figure 3 stays what each row says.
    """
    wanted = [(m, o) for o in options for m in (methods(o) or ["*"] * (o.whose in ("run", "recipe")))]
    if not wanted:
        return plan
    made: dict[str, dict[str, Run]] = defaultdict(dict)  # hash -> what the run became in the tables
    cells = []
    for table in dict.fromkeys(c.table for c in plan.cells):
        of_table = plan.table(table)
        runs = [r for c in of_table for r in c.runs]
        own = {m: [o for of, o in wanted if of in (m, "*") and _same(o, m, runs)] for m in {r.method for r in runs}}
        for cell in of_table:
            changed = tuple(_changed(r, own[r.method], wanted) for r in cell.runs)
            made |= {old.hash: made[old.hash] | {new.hash: new} for old, new in zip(cell.runs, changed, strict=True)}
            cells.append(replace(cell, runs=changed))

    def everywhere(runs: Iterable[Run]) -> tuple[Run, ...]:
        plain = lambda r: {"": _changed(r, [o for m, o in wanted if m in (r.method, "*")], wanted)}  # noqa: E731
        return tuple(new for r in runs for new in (made.get(r.hash) or plain(r)).values())

    return replace(plan, cells=tuple(cells), **{n: everywhere(getattr(plan, n)) for n in ("extra", "order", "first")})


def _same(option: Option, method: str, runs: Iterable[Run]) -> bool:
    """Whether all runs of a method have one value of what an option changes."""
    return len({repr(_value(option, run)) for run in runs if run.method == method}) == 1


def _value(option: Option, run: Run) -> Any:
    of = {"run": run, "recipe": run.recipe}.get(option.whose) or build(run.method, **dict(run.options)).options
    return getattr(of, option.what)


def _changed(run: Run, options: list[Option], wanted: list[tuple[str, Option]]) -> Run:
    fields = {o.what: o.value for o in options if o.whose == "run"}
    fields |= {f"recipe__{o.what}": o.value for o in options if o.whose == "recipe"}
    own = {o.what: o.value for o in options if o.whose not in ("run", "recipe")}
    if own:
        fields["options"] = tuple(differing(run.method, dict(run.options) | own).items())
    if run.start is not None:
        fields["start"] = _changed(run.start, [o for m, o in wanted if m in (run.start.method, "*")], wanted)
    return run.with_(**fields)

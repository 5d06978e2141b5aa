"""What each paper claims: cells, rival and kind, two to six declarative lines per claim; ``evidence`` decides them (SPEC 9).

A module per paper with one function ``declare(e, plan, store)``; ``plan`` and ``store`` are for what is no cell of a table,
such as the probe of one trained model.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

from ..evidence import Evidence, Verdict, curves, frame, printed
from ..evidence.stores import Shuffled
from ..papers import PAPERS
from ..papers.base import Plan
from ..runs.records import Records

#: Papers whose claims are declared here, in a module of the paper's name; those of the others stand in their notebooks.
DECLARED = tuple(paper for paper in PAPERS if importlib.util.find_spec(f"{__name__}.{paper}"))
MARGIN = 0.5  # smallest effect of interest in points (SPEC 9.3)


def evidence(
    plan: Plan,
    store: Records,
    *,
    declare: Callable[[Evidence, Plan, Records], None] | None = None,
    shuffle: int | None = None,
    margin: float = MARGIN,
    **reading,
) -> Evidence:
    """A paper's claims over its records.

    Args:
        plan: of the paper. declare: what to declare in place of the paper's claims.
        shuffle: a seed; methods change places before anything is computed (SPEC 9.5). A shuffled store brings its own.
        margin: smallest effect of interest in points.
        reading: ``metric``, ``policy``, ``floor`` and ``tasks`` of ``Evidence``: another reading of all numbers.

    Raises:
        ValueError: nobody has declared claims of what the plan is for.
    """
    if plan.paper not in DECLARED:
        raise ValueError(f"no claims of {plan.paper!r} are declared; there are those of {', '.join(DECLARED)}")
    if isinstance(store, Shuffled):
        store, shuffle = store.plain, store.seed
    module = importlib.import_module(f".{plan.paper}", __package__)
    if reading.get("metric") is None:  # where a data set's primary metric is not that of the paper's tables
        reading["metric"] = getattr(module, "METRIC", None)
    e = Evidence(
        frame(plan, store, shuffle),
        printed(plan.paper),
        curves=curves(plan, store, shuffle),
        margin=margin,
        **reading,
    )
    (declare or module.declare)(e, plan, store)
    return e


def verdicts(plan: Plan, store: Records, **how) -> list[Verdict]:
    """What became of a paper's claims; ``how`` are the other arguments of ``evidence``."""
    return evidence(plan, store, **how).verdicts()

"""Changes of the code that changed the numbers of existing configurations, and which records they concern.

A run keeps its name when the code changes; its record says under which generation it was made. A record has the numbers
of every generation from its own up to the next change that affects its run. Two records are compared only where these
ranges meet, and a record from before a change that asks for it is *outdated*: the run is trained again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..encoder.load import shallow
from ..mixers import build
from .run import Run


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        generation: the first one whose numbers are the new ones. affects: whose numbers. why: for people.
        retrain: whether records from before it are outdated; if not, they stay, and are told apart.
    """

    generation: int
    affects: Callable[[Run], bool]
    why: str
    retrain: bool


def _draws_from_data_set(run: Run) -> bool:
    """Whether partners come from the whole training part by a uniform draw."""
    options: Any = build(run.method, **dict(run.options)).options
    return getattr(options, "pairing", "") == "dataset" or run.method == "emix"


def _past_the_head(run: Run) -> bool:
    """Whether the mixer has a head of its own, past the classifier's dropout, which is a shallow encoder's only one."""
    return bool(shallow(run.encoder)) and (run.method == "nonlinear" or run.method.startswith("dnm"))


CHANGES = (
    Change(2, _past_the_head, "mixers with a head of their own pass the dropout of shallow encoders", True),
    Change(2, _draws_from_data_set, "a partner drawn from the data set is never the anchor", False),
    Change(
        2,
        lambda run: "dropmix-channels" in run.probes,
        "counts of a probe are those at the end of training, not those of the selected epoch",
        True,
    ),
)
#: What records are made under now.
GENERATION = max(change.generation for change in CHANGES)


def same_numbers(run: Run, made_in: int) -> range:
    """The generations under which this run has the numbers of a record that was made under ``made_in``."""
    of_run = sorted(change.generation for change in CHANGES if change.affects(run))
    first = max((g for g in of_run if g <= made_in), default=1)
    after = min((g for g in of_run if g > made_in), default=GENERATION + 1)
    return range(first, after)


def outdated(run: Run, made_in: int) -> str:
    """Why a record of this run that was made under ``made_in`` has to be made again, or ""."""
    return next((c.why for c in CHANGES if c.retrain and made_in < c.generation and c.affects(run)), "")

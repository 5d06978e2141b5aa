"""Which step of a run is reported: checkpoint policies, each with the name that stands in the table's header.

A policy is chosen after the fact from the evaluation curve, because the curve has every split's metrics at every
evaluation; only the weights have to be kept while training. Policies are never mixed within a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Best:
    """The evaluation with the highest metric on one split; the earliest on ties."""

    split: str
    metric: str = "accuracy"

    @property
    def name(self) -> str:
        return f"best-on-{self.split}"

    def choose(self, curve: list[dict[str, Any]]) -> int:
        values = [point["metrics"][self.split][self.metric] for point in curve]
        return values.index(max(values))


@dataclass(frozen=True)
class Last:
    """The last evaluation."""

    @property
    def name(self) -> str:
        return "last"

    def choose(self, curve: list[dict[str, Any]]) -> int:
        return len(curve) - 1


Policy = Best | Last


def parse(name: str) -> Policy:
    """ "last", or "best-on-SPLIT"; ``best-on-validation`` selects as one should, ``best-on-test`` as reported (SPEC SA19).

    Raises:
        ValueError: anything else.
    """
    if name == "last":
        return Last()
    if name.startswith("best-on-") and len(name) > len("best-on-"):
        return Best(name.removeprefix("best-on-"))
    raise ValueError(f"unknown checkpoint policy {name!r}; known: last, best-on-SPLIT (as in best-on-validation)")

"""Which step of a run is reported: checkpoint policies, each with the name that stands in the table's header.

A policy is chosen after the fact from the evaluation curve, because the curve has every split's metrics at every
evaluation; only the weights have to be kept while training. Policies are never mixed within a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_BEST = "best-on-"


@dataclass(frozen=True)
class Policy:
    """A policy by its name: "last", or "best-on-SPLIT", the highest accuracy on that part and the earliest on ties."""

    name: str

    def choose(self, curve: list[dict[str, Any]]) -> int:
        """Which evaluation of a curve it is."""
        if self.name == "last":
            return len(curve) - 1
        values = [point["metrics"][self.name.removeprefix(_BEST)]["accuracy"] for point in curve]
        return values.index(max(values))


def parse(name: str) -> Policy:
    """``best-on-validation`` selects as one should, ``best-on-test`` as reported (SPEC SA19).

    Raises:
        ValueError: no policy's name.
    """
    if name == "last" or (name.startswith(_BEST) and name != _BEST):
        return Policy(name)
    raise ValueError(f"unknown checkpoint policy {name!r}; known: last, best-on-SPLIT (as in best-on-validation)")

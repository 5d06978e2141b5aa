"""Which step of a run is reported: checkpoint policies, each with the name that stands in the table's header.

"last", or "best-on-SPLIT", the highest accuracy on that part and the earliest on ties: ``best-on-validation`` selects as one
should, ``best-on-test`` as reported (SPEC SA19). A policy is applied after the fact to the evaluation curve, because the
curve has every split's metrics at every evaluation; only the weights have to be kept while training. Policies are never
mixed within a table.
"""

from __future__ import annotations

from typing import Any

_BEST = "best-on-"


def check(policy: str) -> str:
    """The name, if it is a policy's; a ValueError otherwise."""
    if policy == "last" or (policy.startswith(_BEST) and policy != _BEST):
        return policy
    raise ValueError(f"unknown checkpoint policy {policy!r}; known: last, best-on-SPLIT (as in best-on-validation)")


def choose(policy: str, curve: list[dict[str, Any]]) -> int:
    """Which evaluation of a curve a policy reports."""
    if check(policy) == "last":
        return len(curve) - 1
    values = [point["metrics"][policy.removeprefix(_BEST)]["accuracy"] for point in curve]
    return values.index(max(values))

"""Which step of a run is reported: checkpoint policies, each with the name that stands in the table's header.

"last"; "best-on-SPLIT", the highest value on that part among all evaluations, the earliest on ties; "best-epoch-on-SPLIT", the
same among the last evaluations of every epoch (SPEC 2(b)). ``best-on-validation`` selects as one should, ``best-on-test`` as
reported (SPEC SA19). The value is that of the metric which is read, so that every F1 has a checkpoint of its own; weights are
kept by accuracy. A policy is applied after the fact to the evaluation curve, because the curve has every split's metrics at
every evaluation; only the weights have to be kept while training. Policies are never mixed within a table.
"""

from __future__ import annotations

import math
import re
from typing import Any

_BEST = re.compile("best(-epoch)?-on-(.+)")


def check(policy: str) -> str:
    """The name, if it is a policy's whose weights can be kept; a ValueError otherwise.

    Which evaluation is the last of its epoch is not known before the next.
    """
    if policy == "last" or ((best := _BEST.fullmatch(policy)) and not best[1]):
        return policy
    raise ValueError(f"unknown checkpoint policy {policy!r}; known: last, best-on-SPLIT (as in best-on-validation)")


def choose(policy: str, curve: list[dict[str, Any]], metric: str = "accuracy", epoch: int = 0) -> int:
    """Which evaluation of a curve a policy reports.

    Args:
        metric: whose values are compared. epoch: updates of an epoch; 0: the run counts none, and "best-epoch-on-SPLIT" is
            "best-on-SPLIT".
    """
    best, where = _BEST.fullmatch(policy), range(len(curve))
    if not best:
        check(policy)
        return where[-1]
    if best[1] and epoch:
        where = {math.ceil(curve[i]["step"] / epoch): i for i in where}.values()
    return max(where, key=lambda i: curve[i]["metrics"][best[2]][metric])

"""Verdicts without records: from differences by seed, through the real machinery."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mixutils.evidence import Evidence, Units, Verdict, frame
from mixutils.papers import Plan
from mixutils.papers.profiles import make_setting
from mixutils.runs.records import Records


def verdicts_of(claims: Mapping[str, Mapping[str, Any]], **options: Any) -> list[Verdict]:
    """What becomes of claims.

    Args:
        claims: key -> ``units`` (data set -> differences in points, one per seed), optionally ``reported`` (of every unit),
            and what ``Evidence.claim`` takes. options: of ``Evidence``.
    """
    e = Evidence(frame(Plan("ssmix", make_setting("desk"), (), ()), Records()), **options)
    for key, given in claims.items():
        given = {"text": "A > B", "kind": "pooled", "own": "2 of 2"} | dict(given)
        units, reported = given.pop("units"), given.pop("reported", math.nan)
        made = sum((values(e, name, numbers, reported) for name, numbers in units.items()), Units())
        e.claim(key, given.pop("text"), made, **given)
    return e.verdicts()


def values(e: Evidence, name: str, numbers: Sequence[float], reported: float = math.nan) -> Units:
    return e.values(name, dict(enumerate(numbers)), reported=reported)

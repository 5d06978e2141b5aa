"""Statistics of one cell over seeds (SPEC 1.6). What a claim says of many cells is in ``claims``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from .estimate import interval


class Summary(NamedTuple):
    """n, mean; sample standard deviation (n - 1), its square, standard error and 95 % t interval of the mean, NaN where n < 2."""

    n: int
    mean: float = math.nan
    sd: float = math.nan
    variance: float = math.nan
    se: float = math.nan
    low: float = math.nan
    high: float = math.nan


def summarize(values: Sequence[float]) -> Summary:
    """Mean, spreads and interval; the papers print different spreads under one sign, so all are kept (SPEC X12)."""
    x, n = np.asarray(values, dtype=float), len(values)
    if n < 2:
        return Summary(n, *x.tolist())
    mean, variance = float(x.mean()), float(x.var(ddof=1))
    se = math.sqrt(variance / n)
    equal = np.ptp(x) < 1e-6  # but for the last digits
    low, high = interval(mean, 0.0 if equal else se, n - 1)
    return Summary(n, mean, math.sqrt(variance), variance, se, float(low), float(high))


def paired(left: Mapping[int, float], right: Mapping[int, float]) -> Summary:
    """left - right over the seeds that both have."""
    return summarize([left[s] - right[s] for s in sorted(set(left) & set(right))])

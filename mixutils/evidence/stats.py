"""Statistics of one cell over seeds (SPEC 1.6): mean, spreads, t interval. What a claim says of many cells is in ``evidence``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Summary:
    """Values of one cell over seeds.

    Attributes:
        n: how many. mean. sd: sample standard deviation (n - 1). variance, se: its square, and that of the mean.
        low, high: 95 % t interval of the mean. All but n and mean are NaN where n < 2.
    """

    n: int
    mean: float
    sd: float
    variance: float
    se: float
    low: float
    high: float


def summarize(values: Sequence[float]) -> Summary:
    """Mean, spreads and interval; the papers print different spreads under one sign, so all are kept (SPEC X12)."""
    from scipy.stats import t

    x = np.asarray(values, dtype=float)
    n = len(x)
    mean = float(x.mean()) if n else math.nan
    variance = float(x.var(ddof=1)) if n > 1 else math.nan
    se = math.sqrt(variance / n) if n > 1 else math.nan
    half = float(t.ppf(0.975, n - 1)) * se if n > 1 else math.nan
    if n > 1 and np.ptp(x) < 1e-6:  # equal but for the last digits
        half = 0.0
    return Summary(n, mean, math.sqrt(variance), variance, se, mean - half, mean + half)


def paired(left: Mapping[int, float], right: Mapping[int, float]) -> Summary:
    """left - right over the seeds that both have."""
    return summarize([left[s] - right[s] for s in sorted(set(left) & set(right))])

"""Statistics over seeds (SPEC 1.6): spreads, bootstrap intervals, paired tests, verdicts. scipy and statsmodels compute.

Seeds are the unit of replication. A verdict never says more than its test: *confirmed* where the sign agrees and the
one-sided Wilcoxon test passes at 0.05, *contradicted* where the opposite sign passes, *undecided* otherwise. With fewer
than five seeds that test cannot pass (its smallest p is 2^-n), so every verdict is then undecided by construction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

ALPHA = 0.05
CONFIRMED, CONTRADICTED, UNDECIDED = "confirmed", "contradicted", "undecided"


@dataclass(frozen=True)
class Summary:
    """Values of one cell over seeds. ``sd`` is the sample standard deviation (n - 1); nan where n < 2."""

    n: int
    mean: float
    sd: float
    variance: float
    se: float
    low: float
    high: float


def bootstrap(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean, with a generator of its own; (nan, nan) below two values."""
    from scipy.stats import bootstrap as scipy_bootstrap

    x = np.asarray(values, dtype=float)
    if len(x) < 2:
        return math.nan, math.nan
    if np.ptp(x) == 0:
        return float(x[0]), float(x[0])
    result = scipy_bootstrap(
        (x,), np.mean, confidence_level=level, method="percentile", n_resamples=9999, rng=np.random.default_rng(0)
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def summarize(values: Sequence[float]) -> Summary:
    """Mean, spreads and interval; the papers print different spreads under one sign, so all are kept (SPEC X12)."""
    x = np.asarray(values, dtype=float)
    n = len(x)
    variance = float(x.var(ddof=1)) if n > 1 else math.nan
    low, high = bootstrap(x)
    return Summary(
        n,
        float(x.mean()) if n else math.nan,
        math.sqrt(variance),
        variance,
        math.sqrt(variance / n) if n else math.nan,
        low,
        high,
    )


@dataclass(frozen=True)
class Comparison:
    """left - right, paired by seed.

    Attributes:
        n: pairs. mean, low, high: mean difference and its 95 % bootstrap interval.
        p_greater, p_less: one-sided Wilcoxon signed-rank. p_welch: one-sided Welch test of left > right.
        p_holm: ``p_greater`` (or ``p_less``, for a negative difference) corrected over the family; nan until it is.
    """

    n: int
    mean: float
    low: float
    high: float
    p_greater: float
    p_less: float
    p_welch: float
    p_holm: float = math.nan

    @property
    def p(self) -> float:
        """The p value on the side of the observed difference."""
        return self.p_greater if self.mean >= 0 else self.p_less

    def verdict(self, sign: int = 1) -> str:
        """Of the claim that the difference has this sign (+1 or -1)."""
        agrees, opposes = (self.p_greater, self.p_less) if sign > 0 else (self.p_less, self.p_greater)
        if self.n and sign * self.mean > 0 and agrees < ALPHA:
            return CONFIRMED
        if self.n and sign * self.mean < 0 and opposes < ALPHA:
            return CONTRADICTED
        return UNDECIDED


def compare(left: Mapping[int, float], right: Mapping[int, float]) -> Comparison:
    """Compare two cells (seed -> value) over the seeds that both have."""
    seeds = sorted(set(left) & set(right))
    a, b = np.array([left[s] for s in seeds]), np.array([right[s] for s in seeds])
    d = a - b
    if len(d) == 0:
        return Comparison(0, *[math.nan] * 6)
    low, high = bootstrap(d)
    return Comparison(len(d), float(d.mean()), low, high, _wilcoxon(d, "greater"), _wilcoxon(d, "less"), _welch(a, b))


def _wilcoxon(d: np.ndarray, side: str) -> float:
    from scipy.stats import wilcoxon

    d = np.round(d, 9)  # differences of equal accuracies are equal, whatever their last bits
    if not np.any(d):
        return 1.0
    return float(wilcoxon(d, alternative=side, method="auto").pvalue)


def _welch(a: np.ndarray, b: np.ndarray) -> float:
    from scipy.stats import ttest_ind

    if len(a) < 2 or (np.ptp(a) == 0 and np.ptp(b) == 0):
        return math.nan
    return float(ttest_ind(a, b, equal_var=False, alternative="greater").pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm-corrected p values; nan stays nan and does not count."""
    from statsmodels.stats.multitest import multipletests

    p = np.asarray(p_values, dtype=float)
    out = np.full(len(p), math.nan)
    known = ~np.isnan(p)
    if known.any():
        out[known] = multipletests(p[known], method="holm")[1]
    return out.tolist()

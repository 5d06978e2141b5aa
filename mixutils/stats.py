"""Statistics over seeds (SPEC 1.6): spreads, bootstrap intervals, paired tests, verdicts. scipy and statsmodels compute.

Seeds are the unit of replication. A verdict never says more than its test: *confirmed* where the sign agrees and the
one-sided Wilcoxon test passes at 0.05, *contradicted* where the opposite sign passes, *undecided* otherwise. With fewer
than five seeds that test cannot pass (its smallest p is 2^-n), so every verdict is then undecided by construction.

Percentile intervals of so few values are too narrow: of five normal values they cover the mean in about 83 % of cases,
not 95 %. They show the spread; verdicts rest on the tests.
"""

from __future__ import annotations

import gc
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

ALPHA = 0.05
CONFIRMED, CONTRADICTED, UNDECIDED = "confirmed", "contradicted", "undecided"


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


def bootstrap(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean, with a generator of its own; (nan, nan) below two values."""
    from scipy.stats import bootstrap as scipy_bootstrap

    x = np.asarray(values, dtype=float)
    if len(x) < 2:
        return math.nan, math.nan
    if np.ptp(x) < 1e-6:
        return float(x.mean()), float(x.mean())
    result = scipy_bootstrap(
        (x,), np.mean, confidence_level=level, method="percentile", n_resamples=9999, rng=np.random.default_rng(0)
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


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


@dataclass(frozen=True)
class Comparison:
    """left - right, paired by seed.

    Attributes:
        n: pairs. mean, low, high: mean difference and its 95 % bootstrap interval.
        p_greater, p_less: one-sided Wilcoxon signed-rank. p_welch: one-sided Welch test on the side of the difference.
        p_holm: ``p`` corrected over a family, see ``corrected``; nan until it is.
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
    side = "greater" if d.mean() >= 0 else "less"
    return Comparison(
        len(d), float(d.mean()), low, high, _wilcoxon(d, "greater"), _wilcoxon(d, "less"), _welch(a, b, side)
    )


def _wilcoxon(d: np.ndarray, side: str) -> float:
    from scipy.stats import wilcoxon

    # Differences of equal accuracies are equal, whatever their last digits: records keep nine, one row of 40,430 is 0.0025.
    d = np.round(d, 4)
    if not np.any(d):
        return 1.0
    return float(wilcoxon(d, alternative=side, method="auto").pvalue)


def _welch(a: np.ndarray, b: np.ndarray, side: str) -> float:
    from scipy.stats import ttest_ind

    if len(a) < 2 or max(np.ptp(a), np.ptp(b)) < 1e-6:
        return math.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # one of the two may be constant
        return float(ttest_ind(a, b, equal_var=False, alternative=side).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm-corrected p values; nan stays nan and does not count."""
    from statsmodels.stats.multitest import multipletests

    p = np.asarray(p_values, dtype=float)
    out = np.full(len(p), math.nan)
    known = ~np.isnan(p)
    if known.any():
        # multipletests collects garbage on every call, 0.2 s in a program of this size; frozen objects are left out.
        gc.freeze()
        try:
            out[known] = multipletests(p[known], method="holm")[1]
        finally:
            gc.unfreeze()
    return out.tolist()


def corrected(comparisons: Sequence[Comparison]) -> list[float]:
    """``p`` of each comparison, Holm-corrected over all of them.

    The claims "left is larger" are one family and the claims "left is smaller" another. Correcting the smaller of the two
    p values would mix them, and would correct for fewer tests than were made.
    """
    greater, less = holm([c.p_greater for c in comparisons]), holm([c.p_less for c in comparisons])
    return [g if c.mean >= 0 else s for c, g, s in zip(comparisons, greater, less, strict=True)]

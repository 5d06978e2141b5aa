"""Intervals and tests of a mean whose standard error is estimated (SPEC 9.2), and pooling over data sets, in two ways that
answer two questions (SPEC 9.3). Functions broadcast over leading axes."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special
from scipy.stats import permutation_test

ALPHA, POWER = 0.05, 0.8
ENOUGH = 5  # data sets from which "tasks like these" can be spoken of


def interval(mean, se, df, level: float = 1 - ALPHA):
    """The t interval: (low, high)."""
    half = special.stdtrit(df, (1 + level) / 2) * se
    return mean - half, mean + half


def one_sided(mean, se, df, against: float = 0.0):
    """p values of the t test that the mean is above, and that it is below, ``against``."""
    t = ratio(mean - against, se)
    return special.stdtr(df, -t), special.stdtr(df, t)


def inside(mean, se, df, margin: float):
    """p of the two one-sided tests that the mean lies inside ±margin; below 0.05 where the 90 % interval does."""
    return np.maximum(one_sided(mean, se, df, -margin)[0], one_sided(mean, se, df, margin)[1])


def power(effect, se, df):
    """Probability that a two-sided t test at 0.05 finds a true effect, in its own direction; NaN for none that is above 0."""
    with np.errstate(divide="ignore"):
        found = 1 - special.nctdtr(_finite(df), np.abs(effect) / se, special.stdtrit(df, 1 - ALPHA / 2))
    return np.where(np.greater(effect, 0), found, math.nan)


def detectable(se, df):
    """The smallest effect that a two-sided t test at 0.05 finds with 80 % power (MDE)."""
    return se * special.nctdtrinc(_finite(df), 1 - POWER, special.stdtrit(df, 1 - ALPHA / 2))


def _finite(df):
    return np.minimum(df, 1e6)  # the noncentral t of scipy ends there; it is the normal distribution


def ratio(mean, se):
    """mean / se; with no noise at all 0 where the mean is 0, infinite elsewhere."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.equal(mean, 0) & np.equal(se, 0), 0.0, np.divide(mean, se))


@dataclass(frozen=True)
class Pooled:
    """A pooled difference: mean, its standard error and degrees of freedom, the 95 % interval."""

    estimate: float
    se: float
    df: float

    @property
    def low(self):
        return interval(self.estimate, self.se, self.df)[0]

    @property
    def high(self):
        return interval(self.estimate, self.se, self.df)[1]

    @property
    def triple(self) -> tuple[float, float, float]:
        """Estimate, low, high."""
        return float(self.estimate), float(self.low), float(self.high)


NOWHERE = Pooled(math.nan, math.nan, math.nan)


def mean_of(values: Sequence[float]) -> Pooled:
    """The mean of a cell over seeds, with its t interval (SPEC 1.6); that of one value has none, NaN."""
    x, n = np.asarray(values, dtype=float), len(values)
    if n < 2:
        return Pooled(float(x.sum()) if n else math.nan, math.nan, math.nan)
    equal = np.ptp(x) < 1e-6  # but for the last digits
    return Pooled(float(x.mean()), 0.0 if equal else float(x.std(ddof=1)) / math.sqrt(n), n - 1.0)


def these_tasks(means, variances, dfs, rows=0.0) -> Pooled:
    """For these data sets: the plain mean of their means, with Welch–Satterthwaite degrees of freedom.

    Args:
        means, variances, dfs: (..., k); variances are of the means (s² / n). rows: what other rows add to each variance.
    """
    means, variances, dfs, rows = np.broadcast_arrays(means, variances, dfs, rows)
    whole = variances.sum(-1) + rows.sum(-1)
    df = ratio(whole**2, (variances**2 / dfs).sum(-1))
    se = np.sqrt(whole) / means.shape[-1]
    return Pooled(means.mean(-1), se, np.where(np.isfinite(df), df, dfs.sum(-1)))


def like_these(means) -> Pooled:
    """For data sets like these: the t interval over the means of k data sets, (..., k), k at least ``ENOUGH``."""
    means = np.asarray(means, dtype=float)
    k = means.shape[-1]
    return Pooled(means.mean(-1), means.std(-1, ddof=1) / np.sqrt(k), np.full(means.shape[:-1], k - 1.0)[()])


def heterogeneity(means, variances):
    """Standard deviation of the data sets' means beyond their own noise, (..., k) -> (...); 0 where noise explains them."""
    return np.sqrt(np.maximum(np.var(means, axis=-1, ddof=1) - np.mean(variances, axis=-1), 0))


def without_one(means):
    """Least and largest mean when one data set is left out, (..., k) -> two of (...)."""
    means = np.asarray(means, dtype=float)
    left = (means.sum(-1, keepdims=True) - means) / (means.shape[-1] - 1)
    return left.min(-1), left.max(-1)


def resolution(rows: float) -> float:
    """The least variance of a difference of two accuracies over so many rows: they are rounded to multiples of 100 / rows.

    Without it three equal differences would be a mean without noise.
    """
    return (100 / rows) ** 2 / 6 if rows > 0 else 0.0


def rows_noise(differences: np.ndarray) -> float:
    """What other evaluated rows of the same kind add to the variance of the mean difference, beyond its variance over seeds.

    Args:
        differences: (n, R), seeds by rows, in points.

    Two-way random effects without replication: of the mean squares of rows and of the rest, (MSR − MSE) / nR. With the
    variance over seeds, MSS / nR, that is the variance of "multi-reader multi-case" analyses, and Satterthwaite's degrees of
    freedom are theirs: all of them come from the seeds (Hillis, "A comparison of denominator degrees of freedom methods
    for multiple observer ROC analysis", Statistics in Medicine 26, 2007). A bootstrap over seeds and rows together has it
    right only where there are many of both: it counts the rest, which is most of the noise here, up to three times, and its
    percentile interval of few seeds is too narrow.
    """
    n, rows = differences.shape
    if n < 2 or rows < 2:
        return math.nan
    of_seeds, of_rows = differences.mean(1, keepdims=True), differences.mean(0, keepdims=True)
    rest = differences - of_seeds - of_rows + differences.mean()
    mse = (rest**2).sum() / ((n - 1) * (rows - 1))
    return float(max(n * of_rows.var(ddof=1) - mse, 0) / (n * rows))


def sign_flip(differences: np.ndarray) -> tuple[float, float]:
    """Exact p values of the test that flips signs, up to 13 pairs (10,000 random flips beyond): (above 0, below 0)."""
    x = np.round(differences, 5)  # records keep nine digits; equal differences are equal
    if not np.any(x):
        return 1.0, 1.0
    how = {"permutation_type": "samples", "n_resamples": 9999, "vectorized": True, "rng": 0}
    run = functools.partial(permutation_test, (x,), np.mean, **how)
    return float(run(alternative="greater").pvalue), float(run(alternative="less").pvalue)

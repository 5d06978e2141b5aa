"""Pooling over data sets, in two ways that answer two questions (SPEC 9.3). Functions broadcast over leading axes."""

from __future__ import annotations

import numpy as np

from .estimate import Pooled, ratio

ENOUGH = 5  # data sets from which "tasks like these" can be spoken of


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

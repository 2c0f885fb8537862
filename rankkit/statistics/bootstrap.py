"""Percentile bootstrap of means over queries."""

import numpy as np
from numpy.typing import NDArray

VALUES_AT_ONCE = 4_000_000
"""Drawn queries held at one time: resamples are taken in chunks of about this size."""

MOST_UNITS = 20_000
"""Of more queries, as many random groups of equal size are drawn in place of single ones."""


def bootstrap_means(
    values: NDArray[np.float64],
    *,
    n_resamples: int = 1000,
    seed: int = 0,
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Means over queries drawn with replacement, as many as there are.

    All metrics share the draws, so differences between columns are paired.

    Of more than 20,000 queries, 20,000 groups are drawn instead, into which chance has dealt the queries: the mean over
    groups varies as much as that over queries, and the time no longer grows with their number. The standard deviation
    is that of single draws within about half a percent, less than 1,000 resamples can tell.

    Args:
        values: ``[query, metric]``; NaN is left out of the mean.
        n_resamples: How often to draw.
        seed: Of the draws.
        weights: ``[query]``, by which the queries of a resample count; None: all alike.

    Returns:
        ``[resample, metric]``; NaN where a resample has no value.
    """
    defined = (~np.isnan(values)).astype(np.float64)
    if weights is not None:
        defined *= weights[:, None]
    filled = np.where(np.isnan(values), 0.0, values) * defined
    generator = np.random.default_rng(seed)
    if len(values) > MOST_UNITS:
        group = generator.permutation(len(values)) % MOST_UNITS
        filled, defined = _sums_of(group, filled), _sums_of(group, defined)
    n_units = len(filled)
    sums, counts = [], []
    left, at_once = n_resamples, max(1, VALUES_AT_ONCE // n_units)
    while left:
        n_rows = min(left, at_once)
        drawn = generator.integers(n_units, size=(n_rows, n_units))
        drawn += np.arange(n_rows)[:, None] * n_units
        times = np.bincount(drawn.ravel(), minlength=n_rows * n_units).reshape(n_rows, n_units).astype(np.float64)
        sums.append(times @ filled)
        counts.append(times @ defined)
        left -= n_rows
    total, count = np.concatenate(sums), np.concatenate(counts)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _sums_of(group: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of each column over each group: ``[group, metric]``."""
    columns = [np.bincount(group, column, minlength=MOST_UNITS) for column in values.T]
    return np.stack(columns, axis=1)


def percentile_intervals(means: NDArray[np.float64], confidence: float = 0.95) -> NDArray[np.float64]:
    """The middle share ``confidence`` of the resampled means: ``[2, metric]``, low and high."""
    tail = (1 - confidence) / 2
    bounds = np.full((2, means.shape[1]), np.nan)
    for column in range(means.shape[1]):
        known = means[~np.isnan(means[:, column]), column]
        if len(known):
            bounds[:, column] = np.quantile(known, [tail, 1 - tail])
    return bounds

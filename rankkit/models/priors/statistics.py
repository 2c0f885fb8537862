r"""What is remembered of a key: a smoothed mean label, the same against the query, and how many documents there were.

Of a key k with the training documents d of weight w_d, labels y_d and the mean label of their query q(d):

.. math::
    \text{mean}_k = \frac{\sum_d w_d y_d + a \mu}{\sum_d w_d + a}, \quad
    \text{lift}_k = \frac{\sum_d w_d (y_d - \bar y_{q(d)})}{\sum_d w_d + a}, \quad
    \text{count}_k = \log(1 + \sum_d w_d)

with the smoothing a and the mean label mu of all documents. A key that was never seen has mu, 0 and 0. Weights are 1;
with a half-life h they are 2 ** (-age / h), the age being counted to the query of a training document, and of new data
to the last query of the training data. mu is weighted alike, for a training document that of those it may see.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rankkit.data.views import fold_of_queries

FORMS = ("mean", "lift", "count")
"""The numbers of a key, in their order."""
N_FOLDS = 10
_SEED = 0  # of the folds: the same for all scorers, so that a comparison compares no draws


def relative(labels: NDArray[np.float64], offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    """``[doc]``: labels less the mean label of their query.

    >>> relative(np.array([2.0, 0.0, 3.0]), np.array([0, 2, 3])).tolist()
    [1.0, -1.0, 0.0]
    """
    sizes = np.diff(offsets)
    queries = np.repeat(np.arange(len(sizes)), sizes)
    sums = np.bincount(queries, labels, minlength=len(sizes))
    return np.asarray(labels - (sums / np.maximum(sizes, 1))[queries])


def of_all(
    keys: NDArray[np.int64],
    n_keys: int,
    labels: NDArray[np.float64],
    lifts: NDArray[np.float64],
    weights: NDArray[np.float64],
    smoothing: float,
) -> NDArray[np.float32]:
    """``[key + 1, form]``: what all training documents say of each key, and last of one that was never seen.

    Args:
        keys: ``[doc]``; -1 for none.
        n_keys: How many there are.
        labels: ``[doc]``.
        lifts: ``[doc]``, as :func:`relative` gives them.
        weights: ``[doc]``.
        smoothing: Documents that the mean of all counts for.

    >>> of_all(np.array([0, 0, -1]), 1, np.array([2.0, 1.0, 0.0]), np.array([1.0, 0.0, -1.0]), np.ones(3), 1.0)
    array([[1.3333334 , 0.33333334, 1.0986123 ],
           [1.        , 0.        , 0.        ]], dtype=float32)
    """
    known = keys >= 0
    sums = [
        np.append(np.bincount(keys[known], (weights * values)[known], minlength=n_keys), 0.0)
        for values in (np.ones_like(labels), labels, lifts)
    ]
    return _smoothed(sums, float((weights * labels).sum() / weights.sum()), smoothing)


def out_of_fold(
    keys: NDArray[np.int64],
    n_keys: int,
    labels: NDArray[np.float64],
    lifts: NDArray[np.float64],
    offsets: NDArray[np.int64],
    smoothing: float,
) -> NDArray[np.float32]:
    """``[doc, form]``: of each training document what the queries outside of its own fold say of its key.

    Queries are dealt into :data:`N_FOLDS` folds, so that nothing of a query, nor of those beside it, is in its own
    numbers. The arguments are those of :func:`of_all`.
    """
    n_queries = len(offsets) - 1
    n_folds = min(N_FOLDS, n_queries)
    folds = np.repeat(fold_of_queries(n_queries, n_folds, _SEED), np.diff(offsets))
    places = np.where(keys < 0, n_keys, keys)
    sums = []
    for values in (np.ones_like(labels), labels, lifts):
        cells = np.bincount(places * n_folds + folds, values, minlength=(n_keys + 1) * n_folds).astype(np.float64)
        sums.append(_of_others(cells.reshape(n_keys + 1, n_folds)))
    counts, totals, _ = (one.sum(axis=0) for one in sums)
    means = (totals / np.maximum(counts, 1))[folds]
    taken = [np.where(keys < 0, 0.0, one[places, folds]) for one in sums]
    return _smoothed(taken, means, smoothing)


def earlier(
    keys: NDArray[np.int64],
    labels: NDArray[np.float64],
    lifts: NDArray[np.float64],
    times: NDArray[np.float64],
    smoothing: float,
    half_life: float,
) -> NDArray[np.float32]:
    """``[doc, form]``: of each training document what strictly earlier ones say of its key.

    Args:
        keys: ``[doc]``; -1 for none.
        labels: ``[doc]``.
        lifts: ``[doc]``, as :func:`relative` gives them.
        times: ``[doc]``, of the queries.
        smoothing: Documents that the mean of all earlier ones counts for; before the first there is none, and the mean
            of all training documents stands in.
        half_life: Time after which a document counts for half; infinite: it never does.
    """
    from rankkit.models.priors.kernels import earlier_sums

    by_key = np.lexsort((times, keys))
    sums = np.zeros((len(keys), 3))
    earlier_sums(keys[by_key], times[by_key], labels[by_key], lifts[by_key], half_life, by_key, sums)
    sums[keys < 0] = 0
    by_time = np.argsort(times, kind="stable")
    all_sums = np.zeros((len(keys), 3))
    same = np.zeros(len(keys), np.int64)
    earlier_sums(same, times[by_time], labels[by_time], lifts[by_time], half_life, by_time, all_sums)
    has_any = all_sums[:, 0] > 0
    means = np.where(has_any, all_sums[:, 1] / np.where(has_any, all_sums[:, 0], 1.0), labels.mean())
    return _smoothed(list(sums.T), means, smoothing)


def _smoothed(
    sums: Sequence[NDArray[np.float64]], mean: float | NDArray[np.float64], smoothing: float
) -> NDArray[np.float32]:
    """From how many documents there are, the sum of their labels and that of their lifts."""
    counts, labels, lifts = sums
    below = counts + smoothing
    found = np.stack(((labels + smoothing * mean) / below, lifts / below, np.log1p(counts)), axis=-1)
    return found.astype(np.float32)


def _of_others(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each fold the sum of the others; added up, and not subtracted, so that nothing of the fold itself is left."""
    before, after = np.zeros_like(cells), np.zeros_like(cells)
    for fold in range(1, cells.shape[1]):
        before[:, fold] = before[:, fold - 1] + cells[:, fold - 1]
        after[:, -fold - 1] = after[:, -fold] + cells[:, -fold]
    return before + after

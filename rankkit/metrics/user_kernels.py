"""The compiled loop of the user who stops; see :mod:`rankkit.metrics.kernels`."""

import numpy as np
from numpy.typing import NDArray

from rankkit.compilation import kernel, part
from rankkit.metrics.kernels import longest_of, run_end

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@part()
def _stops(label: float, max_label: float, table: Floats) -> float:
    """The chance that a document of this label satisfies; ``max_label`` 0: the label is the chance itself."""
    if len(table):
        return float(table[int(label)])
    return (np.exp2(label) - 1) / np.exp2(max_label) if max_label > 0 else label


@kernel()
def err_lists(
    offsets: Ints,
    first: int,
    last: int,
    labels: Floats,
    tied: Flags,
    k: int,
    max_label: float,
    table: Floats,
    out: Floats,
) -> None:
    """Expected reciprocal rank; a document satisfies the user with a chance R that its label gives.

    In a run, let ``E[m]`` be the mean over all m-subsets of the product of ``1 - R``. Place j satisfies the user
    with probability ``E[j - 1] - E[j]`` times that of getting to the run.
    """
    means = np.empty(longest_of(offsets, first, last) + 1)
    for query in range(first, last):
        top, start, stop = offsets[query], offsets[query], offsets[query + 1]
        total, going_on = 0.0, 1.0
        cut = min(stop, top + k)
        while start < cut:
            end = run_end(tied, start, stop)
            n_places = min(end, cut) - start
            means[0] = 1.0
            for j in range(1, n_places + 1):
                means[j] = 0.0
            for i in range(start, end):
                n = i - start + 1
                goes_on = 1 - _stops(labels[i], max_label, table)
                for m in range(min(n, n_places), 0, -1):
                    means[m] = ((n - m) * means[m] + m * goes_on * means[m - 1]) / n
            for j in range(1, n_places + 1):
                total += going_on * (means[j - 1] - means[j]) / (start - top + j)
            going_on *= means[n_places]
            start = end
        any_relevant = False
        for i in range(top, stop):
            any_relevant |= labels[i] > 0
        out[query] = total if any_relevant else np.nan

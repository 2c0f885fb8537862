"""The compiled loops of the metrics at R, over flat documents with offsets; see :mod:`rankkit.metrics.kernels`."""

import numpy as np
from numpy.typing import NDArray

from rankkit.compilation import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@kernel()
def at_r_lists(
    offsets: Ints,
    first: int,
    last: int,
    labels: Floats,
    tied: Flags,
    relevant_from: float,
    beside: Ints,
    precision: Floats,
    mean_precision: Floats,
) -> None:
    """R-precision and MAP@R of each list, NaN without a relevant document.

    In a run of n tied documents, m of them relevant, place j holds a relevant one with probability m / n; then
    ``(j - 1) (m - 1) / (n - 1)`` of those before it in the run are relevant on average. ``beside`` says how many
    relevant documents are not in the list; R counts them.
    """
    for query in range(first, last):
        top, stop = offsets[query], offsets[query + 1]
        n_relevant = beside[query]
        for i in range(top, stop):
            n_relevant += labels[i] >= relevant_from
        if n_relevant == 0:
            precision[query] = np.nan
            mean_precision[query] = np.nan
            continue
        start, cut = top, min(stop, top + n_relevant)
        hits, total, n_before = 0.0, 0.0, 0
        while start < cut:
            end = start + 1
            while end < stop and tied[end]:
                end += 1
            size, in_run = end - start, 0
            for i in range(start, end):
                in_run += labels[i] >= relevant_from
            n_places = min(end, cut) - start
            hits += in_run * n_places / size
            for j in range(n_places):
                before = n_before + (j * (in_run - 1) / (size - 1) if size > 1 else 0.0)
                total += in_run / size * (before + 1) / (start - top + j + 1)
            n_before += in_run
            start = end
        precision[query] = hits / n_relevant
        mean_precision[query] = total / n_relevant

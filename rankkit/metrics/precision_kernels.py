"""The compiled loops of average precision; see :mod:`rankkit.metrics.kernels`."""

import math

import numpy as np
from numpy.typing import NDArray

from rankkit.compilation import kernel, part
from rankkit.metrics.kernels import run_end

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@kernel()
def average_precision_lists(
    offsets: Ints,
    first: int,
    last: int,
    labels: Floats,
    tied: Flags,
    k: int,
    relevant_from: float,
    beside: Ints,
    out: Floats,
) -> None:
    """Sum of the precision at each relevant document among the first k, over the number of all relevant ones.

    ``beside`` says how many of these are not in the list.
    In a run of n documents, R of them relevant, place j holds a relevant one with probability R / n; then
    ``(j - 1) (R - 1) / (n - 1)`` of those before it in the run are relevant on average.
    """
    for query in range(first, last):
        top, start, stop = offsets[query], offsets[query], offsets[query + 1]
        total, n_before = 0.0, 0
        while start < stop:
            end = start + 1
            if end == stop or not tied[end]:
                if labels[start] >= relevant_from:
                    n_before += 1
                    if end - top <= k:
                        total += n_before / (end - top)
                start = end
                continue
            end = run_end(tied, start, stop)
            n_relevant, size = 0, end - start
            for i in range(start, end):
                n_relevant += labels[i] >= relevant_from
            for j in range(1, min(size, k - (start - top)) + 1):
                before = n_before + (j - 1) * (n_relevant - 1) / (size - 1)
                total += n_relevant / size * (before + 1) / (start - top + j)
            n_before += n_relevant
            start = end
        n_all = n_before + beside[query]
        out[query] = total / n_all if n_all else np.nan


@kernel()
def found_precision_lists(
    offsets: Ints,
    first: int,
    last: int,
    labels: Floats,
    tied: Flags,
    k: int,
    relevant_from: float,
    beside: Ints,
    out: Floats,
) -> None:
    """Sum of the precision at each relevant document among the first k, over the number of these.

    Only a run that the cut goes through leaves that number open. Of its n documents, R of them relevant, the first m
    hold h relevant ones with probability ``C(R, h) C(n - R, m - h) / C(n, m)``, at any of the m places alike.
    """
    for query in range(first, last):
        top, start, stop = offsets[query], offsets[query], offsets[query + 1]
        cut = min(stop, top + k)
        any_relevant = beside[query] > 0
        for i in range(top, stop):
            any_relevant |= labels[i] >= relevant_from
        total, n_before, value = 0.0, 0, 0.0
        while start < cut:
            end = run_end(tied, start, stop)
            n_relevant, size, n_places = 0, end - start, min(end, cut) - start
            for i in range(start, end):
                n_relevant += labels[i] >= relevant_from
            plain, growing = 0.0, 0.0
            for j in range(n_places):
                plain += 1 / (start - top + j + 1)
                growing += j / (start - top + j + 1)
            value = 0.0
            for h in range(max(0, n_places - size + n_relevant), min(n_relevant, n_places) + 1):
                if n_before + h == 0:
                    continue
                chance = (
                    1.0
                    if n_places == size
                    else np.exp(
                        _log_choose(n_relevant, h)
                        + _log_choose(size - n_relevant, n_places - h)
                        - _log_choose(size, n_places)
                    )
                )
                reached = h / n_places * ((n_before + 1) * plain + (h - 1) * growing / max(n_places - 1, 1))
                value += chance * (total + reached) / (n_before + h)
            if n_places == size:
                total = value * (n_before + n_relevant)
                n_before += n_relevant
            start = end
        out[query] = value if any_relevant else np.nan


@part()
def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)

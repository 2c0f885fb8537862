# Compiled by numba, whose types are not those of Python.
# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202
"""The pass over all pairs behind soft ranks on the CPU, compiled by numba: one call walks all lists of a batch.

Importing this module imports numba, so :mod:`rankkit.objectives.ranks.soft_ranks` imports it at the first use.

Lists come sorted by falling score, so each pair is met once: what the document ahead gains, the one behind loses. Every
column of a tile lies behind every row, so with a score c between them ``exp(lower - higher)`` is the product of
``exp(lower - c)`` and ``exp(c - higher)``: neither is above 1, and a tile takes one exponential a row and a column, not
one a pair. The same goes for the rows with one another, where they lie close enough. The inner loops are written as in
:mod:`rankkit.objectives.pairs.kernels`, for the reasons told there; a tile of 32 by 1,024 pairs is summed in the type
of the scores, tiles are summed in float64.
"""

import numpy as np

from rankkit.compilation import kernel, part
from rankkit.objectives.elementary_kernels import fast_exp

_TILE_ROWS = 32
_TILE_COLUMNS = 1024
# exp(80) still fits float32.
_NARROW = 80.0
# Sums may be reordered into lanes. NaN and infinity keep their meaning: fastmath=True would drop it.
_FAST = {"reassoc", "contract", "nsz", "arcp"}


@part(fastmath=_FAST, error_model="numpy")
def _exponentials(scores, steepness, middle, powers):
    for j in range(len(scores)):
        powers[j] = fast_exp(steepness * (scores[j] - middle))


@part(fastmath=_FAST, error_model="numpy")
def _chances(row_powers, powers, triangle, ahead, behind):
    """Pairs of every row with every column: the chance that the column is ahead, summed for both.

    In a triangle the columns are the rows, and a row has no pair with itself or with rows ahead of it: their powers
    become 0.
    """
    zero, one = powers.dtype.type(0), powers.dtype.type(1)
    for i in range(len(row_powers)):
        if triangle:
            powers[i] = zero
        power = row_powers[i]
        total = zero
        for j in range(len(powers)):
            e = power * powers[j]
            chance = e / (one + e)
            total += chance
            behind[j] += chance
        ahead[i] += np.float64(total)


@part(fastmath=_FAST, error_model="numpy")
def _slopes(row_powers, row_grads, powers, grads, triangle, ahead, behind):
    """The same for the slope of that chance times the difference of what the two ranks are worth."""
    zero, one = powers.dtype.type(0), powers.dtype.type(1)
    for i in range(len(row_powers)):
        if triangle:
            powers[i] = zero
        power, grad = row_powers[i], row_grads[i]
        total = zero
        for j in range(len(powers)):
            e = power * powers[j]
            inverse = one / (one + e)
            pull = e * inverse * inverse * (grads[j] - grad)
            total += pull
            behind[j] += pull
        ahead[i] += np.float64(total)


@part(error_model="numpy")
def _walk_tile(scores, grads, steepness, sums, work, top, bottom, left, right):
    """Documents ``top`` to ``bottom`` with those from ``left`` to ``right``: all of them behind, or the same ones."""
    triangle = left == top
    row_powers, powers, behind = work[0, : bottom - top], work[1, : right - left], work[2, : right - left]
    middle = scores[bottom - 1]
    _exponentials(scores[left:right], steepness, middle, powers)
    if triangle:
        for i in range(len(powers)):
            row_powers[i] = powers.dtype.type(1) / powers[i]
    else:
        _exponentials(scores[top:bottom], -steepness, middle, row_powers)
    # Loops in place of slice assignment, which doubles the time to compile.
    for j in range(len(behind)):
        behind[j] = 0
    ahead = sums[top:bottom]
    if len(grads) == 0:
        _chances(row_powers, powers, triangle, ahead, behind)
    else:
        _slopes(row_powers, grads[top:bottom], powers, grads[left:right], triangle, ahead, behind)
    found = sums[left:right]
    for j in range(len(behind)):
        found[j] -= behind[j]


@part(error_model="numpy")
def _walk_list(scores, grads, steepness, reach, sums):
    """One sorted list: adds to ``sums`` what a document gains from those behind less what it loses to those ahead."""
    n_docs = len(scores)
    work = np.empty((3, min(n_docs, _TILE_COLUMNS)), scores.dtype)
    for top in range(0, n_docs, _TILE_ROWS):
        bottom = min(top + _TILE_ROWS, n_docs)
        if steepness * (scores[top] - scores[bottom - 1]) < _NARROW:
            _walk_tile(scores, grads, steepness, sums, work, top, bottom, top, bottom)
        else:
            for i in range(top, bottom - 1):
                end = i + 1
                while end < bottom and scores[i] - scores[end] <= reach:
                    end += 1
                if end > i + 1:
                    _walk_tile(scores, grads, steepness, sums, work, i, i + 1, i + 1, end)
        end = bottom
        while end < n_docs and scores[bottom - 1] - scores[end] <= reach:
            end = min(end + _TILE_ROWS, n_docs)
        for left in range(bottom, end, _TILE_COLUMNS):
            _walk_tile(scores, grads, steepness, sums, work, top, bottom, left, min(left + _TILE_COLUMNS, end))


@kernel(error_model="numpy")
def walk_pairs(scores, sizes, grads, first, last, steepness, reach, sums):
    """Lists ``first`` to ``last`` of arrays ``[query, list]`` sorted by falling score: fill ``sums``.

    Without ``grads`` (an array with no column) a pair adds ``p = sigmoid(steepness * (lower - higher))`` to the sum of
    its higher document and takes it from the lower one's; with them it adds and takes
    ``p (1 - p) (lower grad - higher grad)``. Documents more than ``reach`` apart need add nothing.
    """
    for query in range(first, last):
        n_docs = sizes[query]
        found = np.zeros(n_docs, np.float64)
        _walk_list(scores[query, :n_docs], grads[query][:n_docs], steepness, reach, found)
        sums[query] = 0
        for i in range(n_docs):
            sums[query, i] = found[i]

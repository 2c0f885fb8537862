# Compiled by numba, whose types are not those of Python.
# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202
"""The pair core on the CPU, compiled by numba: one call walks all lists of a batch.

Importing this module imports numba, so :mod:`rankkit.objectives.pairs.sums` imports it at the first use.

A list is sorted by label, so that the pairs of document i are one run of memory: every document behind the last one
with the label of i. The inner loops over such a run are written so that LLVM vectorises them: they slice and count
from 0 (a variable start keeps numba's test for negative indices), stay in one float type, and use an exponential and a
logarithm of their own in float32, where the C library's would be a call a pair.

The type of its parameters tells the loss (:class:`Logistic`, :class:`Hinge`, ...), so that only losses that are used
are compiled. Pair weights are laid out in a row first, by a loop of their own, and enter the loop of the loss as one
array: there are as many loops to compile as losses plus weights, not losses times weights.

The exponential of a score difference is a product of two exponentials of scores as long as the scores of a list lie
close enough for that; else it is computed pair by pair.

Rounding does not grow with the list: a tile of 32 by 1,024 pairs is summed in the type of the scores, tiles are summed
in float64.
"""

import math

import numpy as np
from numba import types
from numba.extending import overload

from rankkit.compilation import PART, kernel, part
from rankkit.objectives.elementary_kernels import fast_exp, fast_log1p
from rankkit.objectives.pairs.losses import (
    ALL,
    MAX_EXPONENT,
    NEAREST,
    ORDERED,
    TIED,
    Exponential,
    Hinge,
    Logistic,
    SoftZeroOne,
    Square,
    TiedLogistic,
)
from rankkit.objectives.pairs.weight_kernels import pick, take, weigh, weights_of_row

_TILE_ROWS = 32
_TILE_COLUMNS = 1024
# Scores of a list within this many units of 1 / sigma: neither exponential of one, exp(40) at most, leaves float32.
_NARROW = 80.0
_COUNTED_LABELS = 32
# Sums may be reordered into lanes. NaN and infinity keep their meaning: fastmath=True would drop it.
_FAST = {"reassoc", "contract", "nsz", "arcp"}


def _cost(loss, d, e):
    """The loss of a pair, its slope and its curvature in d, given e = exp(-sigma |d|)."""
    raise NotImplementedError


@overload(_cost, jit_options={**PART, "fastmath": _FAST, "error_model": "numpy"})
def _compile_cost(loss, d, e):
    number = np.float32 if d == types.float32 else np.float64
    zero, half, one, two, most = number(0), number(0.5), number(1), number(2), number(MAX_EXPONENT)
    nearest = number(NEAREST)

    def logistic(loss, d, e):
        inverse = one / ((one + e) * (two + e))
        value = (loss.sigma * d if d > 0 else zero) + fast_log1p(e, (one + e) * inverse)
        chance = (two + e) * inverse
        return value, loss.sigma * ((one if d > 0 else e) * chance), loss.sigma * loss.sigma * (e * chance) * chance

    def tied_logistic(loss, d, e):
        inverse = one / ((one + e) * (two + e))
        value = half * loss.sigma * abs(d) + fast_log1p(e, (one + e) * inverse)
        chance = (two + e) * inverse
        slope = half * loss.sigma * ((one - e) * chance)
        return value, slope if d > 0 else -slope, loss.sigma * loss.sigma * (e * chance) * chance

    def soft_zero_one(loss, d, e):
        inverse = one / (one + e)
        slope = loss.sigma * (e * inverse) * inverse
        return (one if d > 0 else e) * inverse, slope, loss.sigma * slope * ((e if d > 0 else one) * inverse)

    def exponential(loss, d, e):
        x = loss.sigma * d
        beyond = x - most if x > most else zero
        power = fast_exp(x - beyond)
        return power * (one + beyond), loss.sigma * power, loss.sigma * loss.sigma * power

    def hinge(loss, d, e):
        gap = loss.margin + d
        far = abs(gap)
        return (gap if gap > 0 else zero), (one if gap > 0 else zero), half / (far if far > nearest else nearest)

    def square(loss, d, e):
        return loss.scale * (d * d), two * loss.scale * d, two * loss.scale

    return {
        Logistic: logistic,
        TiedLogistic: tied_logistic,
        SoftZeroOne: soft_zero_one,
        Exponential: exponential,
        Hinge: hinge,
        Square: square,
    }[loss.instance_class]


_POWERED = (Logistic, TiedLogistic, SoftZeroOne)


def _gap_power(loss, d):
    """exp(-sigma |d|), for the losses that ask for it."""
    raise NotImplementedError


@overload(_gap_power, jit_options={**PART, "fastmath": _FAST, "error_model": "numpy"})
def _compile_gap_power(loss, d):
    if loss.instance_class in _POWERED:
        return lambda loss, d: fast_exp(-loss.sigma * abs(d))
    return lambda loss, d: d


def _powers(loss, scores):
    """Whether the scores are narrow enough, and exp(sigma s) and exp(-sigma s), s counted from their middle."""
    raise NotImplementedError


@overload(_powers, jit_options=PART)
def _compile_powers(loss, scores):
    if loss.instance_class not in _POWERED:
        return lambda loss, scores: (False, scores, scores)

    def powers(loss, scores):
        low, high = np.inf, -np.inf
        for i in range(len(scores)):
            low, high = min(low, np.float64(scores[i])), max(high, np.float64(scores[i]))
        if not loss.sigma * (high - low) < _NARROW:
            return False, scores, scores
        up, down = np.empty_like(scores), np.empty_like(scores)
        for i in range(len(scores)):
            power = math.exp(loss.sigma * (scores[i] - (low + high) / 2))
            up[i], down[i] = power, 1 / power
        return True, up, down

    return powers


@part(fastmath=_FAST, error_model="numpy")
def _row(loss, score, up, down, weight, narrow, low, low_up, low_down, low_weights, low_slopes, low_bends):
    """One document with a run of lower ones: the sums of the loss, its slope and its curvature; adds to the run's."""
    total = pulls = bends = low.dtype.type(0)
    if narrow:
        for j in range(len(low)):
            rise, fall = low_up[j] * down, low_down[j] * up
            value, pull, bend = _cost(loss, low[j] - score, rise if rise < fall else fall)
            total += low_weights[j] * value
            pull *= low_weights[j]
            pulls += pull
            low_slopes[j] += weight * pull
            if low_bends is not None:
                bend *= low_weights[j]
                bends += bend
                low_bends[j] += weight * bend
    else:
        for j in range(len(low)):
            d = low[j] - score
            value, pull, bend = _cost(loss, d, _gap_power(loss, d))
            total += low_weights[j] * value
            pull *= low_weights[j]
            pulls += pull
            low_slopes[j] += weight * pull
            if low_bends is not None:
                bend *= low_weights[j]
                bends += bend
                low_bends[j] += weight * bend
    return total, pulls, bends


@part(error_model="numpy")
def _falling(labels):
    """The order of falling labels, equal ones as they stand."""
    counts = np.zeros(_COUNTED_LABELS, np.int64)
    for label in labels:
        if not (0 <= label < _COUNTED_LABELS and label == np.floor(label)):
            return _merge_falling(labels)
        counts[int(label)] += 1
    place = 0
    for label in range(_COUNTED_LABELS - 1, -1, -1):
        place, counts[label] = place + counts[label], place
    order = np.empty(len(labels), np.int64)
    for i in range(len(labels)):
        label = int(labels[i])
        order[counts[label]] = i
        counts[label] += 1
    return order


@part(error_model="numpy")
def _merge_falling(labels):
    """A merge sort, which compiles in a fraction of the time of np.argsort."""
    n_docs = len(labels)
    order, spare = np.arange(n_docs), np.empty(n_docs, np.int64)
    width = 1
    while width < n_docs:
        for start in range(0, n_docs, 2 * width):
            middle, stop = min(start + width, n_docs), min(start + 2 * width, n_docs)
            i, j = start, middle
            for place in range(start, stop):
                if j >= stop or (i < middle and labels[order[i]] >= labels[order[j]]):
                    spare[place] = order[i]
                    i += 1
                else:
                    spare[place] = order[j]
                    j += 1
        order, spare = spare, order
        width *= 2
    return order


@part(error_model="numpy")
def _real(mask):
    """The places of real documents."""
    places = np.empty(len(mask), np.int64)
    n_docs = 0
    for i in range(len(mask)):
        places[n_docs] = i
        n_docs += mask[i]
    return places[:n_docs]


@part(error_model="numpy")
def _sum_list(loss, pairs, factors, scores, labels, row_weights, weights, slopes, bends):
    """One list, by falling label: sum of the losses, of their slopes in d, number of pairs; adds to the slopes.

    Where ``bends`` is an array, not None, it adds to these too, the curvatures.
    """
    n_docs = len(scores)
    n_columns = min(n_docs, _TILE_COLUMNS)
    sums, bases = np.empty(n_columns, scores.dtype), np.empty(n_columns, scores.dtype)
    bend_sums = None if bends is None else np.empty(n_columns, scores.dtype)
    tile = np.empty((_TILE_ROWS, n_columns), scores.dtype)
    narrow, up, down = _powers(loss, scores)
    total, total_pull, n_pairs = 0.0, 0.0, 0
    top = end = 0
    while top < n_docs:
        if top == end and pairs != ALL:  # a new grade: its documents are top to end
            end += 1
            while end < n_docs and labels[end] == labels[top]:
                end += 1
        # Documents top to bottom meet documents begin to stop.
        if pairs == ORDERED:
            bottom, begin, stop = min(top + _TILE_ROWS, end), end, n_docs
        elif pairs == TIED:
            bottom, begin, stop = top + 1, top + 1, end
        else:
            bottom, begin, stop = min(top + _TILE_ROWS, n_docs), 0, n_docs
        n_pairs += (bottom - top) * (stop - begin)
        for left in range(begin, stop, _TILE_COLUMNS):
            right = min(left + _TILE_COLUMNS, stop)
            low, low_up, low_down = scores[left:right], up[left:right], down[left:right]
            low_weights = weights[left:right]
            low_slopes, low_bends = _begin(sums, right - left), _begin(bend_sums, right - left)
            weigh(factors, top, bottom, left, right, low, scores, low_weights, bases, tile)
            for i in range(top, bottom):
                weight = row_weights[i]
                pair_weights = weights_of_row(factors, i - top, tile, low_weights)
                value, pull, bend = _row(
                    loss,
                    scores[i],
                    up[i],
                    down[i],
                    weight,
                    narrow,
                    low,
                    low_up,
                    low_down,
                    pair_weights,
                    low_slopes,
                    low_bends,
                )
                total += np.float64(weight) * value
                total_pull += np.float64(weight) * pull
                slopes[i] -= np.float64(weight) * pull
                if bends is not None:
                    bends[i] += np.float64(weight) * bend
            _end(low_slopes, left, right, slopes)
            _end(low_bends, left, right, bends)
        top = bottom
    return total, total_pull, n_pairs


@part(error_model="numpy")
def _begin(sums, n_columns):
    """The first columns, set to 0; None for None."""
    if sums is None:
        return None
    part = sums[:n_columns]
    # Loops in place of slice assignment, which doubles the time to compile.
    for j in range(len(part)):
        part[j] = 0
    return part


@part(error_model="numpy")
def _end(part, left, right, totals):
    """Add to the totals of columns left to right; nothing for None."""
    if totals is not None:
        found = totals[left:right]
        for j in range(len(part)):
            found[j] += part[j]


@kernel(error_model="numpy")
def sum_pairs(
    loss, pairs, factors, scores, labels, mask, row_weights, weights, first, last, sums, pulls, counts, slopes, bends
):
    """Lists ``first`` to ``last`` of padded arrays ``[query, list]``: fill ``sums``, ``pulls``, ``counts``, ``slopes``.

    And ``bends``, the curvatures, unless it is None. A list with a score that is not finite gets NaN for its sum, and
    for the slopes and curvatures of its documents.
    """
    for query in range(first, last):
        docs = _real(mask[query])
        docs = pick(docs, _falling(pick(labels[query], docs)))
        found = np.zeros(len(docs), np.float64)
        bent = None if bends is None else np.zeros(len(docs), np.float64)
        listed = pick(scores[query], docs)
        sums[query], pulls[query], counts[query] = _sum_list(
            loss,
            pairs,
            take(factors, query, docs),
            listed,
            pick(labels[query], docs),
            pick(row_weights[query], docs),
            pick(weights[query], docs),
            found,
            bent,
        )
        broken = False
        for score in listed:
            broken |= not np.isfinite(score)
        sums[query] = np.nan if broken else sums[query]
        _lay_out(found, docs, broken, slopes, query)
        _lay_out(bent, docs, broken, bends, query)


@part(error_model="numpy")
def _lay_out(found, docs, broken, filled, query):
    """Fill a list with what was found of its documents, and 0 in padded places; nothing for None."""
    if filled is not None:
        filled_list = filled[query]
        for i in range(len(filled_list)):
            filled_list[i] = 0
        for i in range(len(docs)):
            filled_list[docs[i]] = np.nan if broken else found[i]

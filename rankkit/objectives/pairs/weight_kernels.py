# Compiled by numba, whose types are not those of Python.
# mypy: ignore-errors
# One loop a form: branches, not complexity.
# ruff: noqa: ANN001, ANN201, ANN202, C901
"""Lambda weights of pairs, compiled: a row of weights is laid out by a loop of its own, whatever the loss."""

import numpy as np
from numba import types
from numba.extending import overload

from rankkit.compilation import PART, part
from rankkit.objectives.pairs.factors import DISCOUNT, DISTANCE, FIRST_RELEVANT, GAIN, NEAREST, TRUNCATED, PairFactors

# Sums may be reordered into lanes. NaN and infinity keep their meaning: fastmath=True would drop it.
_FAST = {"reassoc", "contract", "nsz", "arcp"}


def with_arrays(factors):
    """The factors as compiled code takes them."""
    arrays = (tensor.contiguous().numpy() for tensor in factors[1:6])
    return PairFactors(factors.form, *arrays, factors.by_distance)


@part(fastmath=_FAST, error_model="numpy")
def _weigh_row(form, first, second, rank, bases, firsts, seconds, ranks, table, out):
    """The forms of :func:`rankkit.objectives.pairs.factors.weigh_pairs`, each a loop that vectorises."""
    n_docs = len(out)
    if form == GAIN:
        for j in range(n_docs):
            out[j] = bases[j]
    elif form == DISCOUNT:
        for j in range(n_docs):
            out[j] = bases[j] * abs(first - firsts[j])
    elif form == TRUNCATED:
        for j in range(n_docs):
            out[j] = bases[j] * (abs(first - firsts[j]) * _greater(second, seconds[j]))
    elif form == DISTANCE:
        for j in range(n_docs):  # apart from the rest, which vectorises without it
            out[j] = table[np.uint32(abs(rank - ranks[j]))]
        for j in range(n_docs):
            scale = seconds[j] if rank < ranks[j] else second
            out[j] = bases[j] * (abs(first - firsts[j]) + out[j] * scale)
    elif form == FIRST_RELEVANT:
        for j in range(n_docs):
            out[j] = bases[j] * abs(_greater(second, firsts[j]) - _greater(second, first))
    else:
        for j in range(n_docs):
            out[j] = bases[j] * abs(firsts[j] - first if ranks[j] < rank else seconds[j] - second)


@part(error_model="numpy")
def _greater(a, b):
    """max() would ask for NaN."""
    return a if a > b else b


def weigh(factors, top, bottom, left, right, low, scores, low_weights, bases, tile):
    """Fill the rows of a tile with the weights of pairs of documents top to bottom with left to right."""
    raise NotImplementedError


@overload(weigh, jit_options={**PART, "fastmath": _FAST, "error_model": "numpy"})
def _compile_weigh(factors, top, bottom, left, right, low, scores, low_weights, bases, tile):
    if factors == types.none:
        return lambda factors, top, bottom, left, right, low, scores, low_weights, bases, tile: None

    def fill(factors, top, bottom, left, right, low, scores, low_weights, bases, tile):
        # The rows of a tile have one label, hence one gain.
        gain, gains, nearest = factors.gains[top], factors.gains[left:right], low.dtype.type(NEAREST)
        firsts, seconds, ranks = factors.first[left:right], factors.second[left:right], factors.ranks[left:right]
        bases = bases[: right - left]
        for j in range(len(bases)):
            bases[j] = low_weights[j] * abs(gain - gains[j])
        for i in range(top, bottom):
            out = tile[i - top][: right - left]
            first, second, rank = factors.first[i], factors.second[i], factors.ranks[i]
            _weigh_row(factors.form, first, second, rank, bases, firsts, seconds, ranks, factors.table, out)
            if factors.by_distance:
                for j in range(len(out)):
                    out[j] /= nearest + abs(low[j] - scores[i])

    return fill


def weights_of_row(factors, row, tile, low_weights):
    """The weights of the pairs of one row of a tile."""
    raise NotImplementedError


@overload(weights_of_row, jit_options=PART)
def _compile_weights_of(factors, row, tile, low_weights):
    if factors == types.none:
        return lambda factors, row, tile, low_weights: low_weights
    return lambda factors, row, tile, low_weights: tile[row][: len(low_weights)]


@part(error_model="numpy")
def pick(values, places):
    """values[places], which would compile for longer."""
    picked = np.empty(len(places), values.dtype)
    for i in range(len(places)):
        picked[i] = values[places[i]]
    return picked


def take(factors, query, docs):
    """The factors of some documents of one list."""
    raise NotImplementedError


@overload(take, jit_options=PART)
def _compile_take(factors, query, docs):
    if factors == types.none:
        return lambda factors, query, docs: None

    def picked(factors, query, docs):
        return PairFactors(
            factors.form,
            pick(factors.gains[query], docs),
            pick(factors.first[query], docs),
            pick(factors.second[query], docs),
            pick(factors.ranks[query], docs),
            factors.table,
            factors.by_distance,
        )

    return picked

# Compiled by numba, whose types are not those of Python.
# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202
"""The pair core on the CPU, compiled by numba: one call walks all lists of a batch.

Importing this module imports numba, so :mod:`rankkit.objectives.pair_sums` imports it at the first use.

A list is sorted by label, so that the pairs of document i are one run of memory: every document behind the last one
with the label of i. The inner loops over such a run are written so that LLVM vectorises them: they slice and count
from 0 (a variable start keeps numba's test for negative indices), stay in one float type, and use an exponential and a
logarithm of their own in float32, where the C library's would be a call a pair. In float64 they call the C library.

Rounding does not grow with the list: a tile of 32 by 1,024 pairs is summed in the type of the scores, tiles are summed
in float64.
"""

import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, overload

_LOGISTIC, _HINGE = 0, 1
FORMS = {"logistic": _LOGISTIC, "hinge": _HINGE}

_TILE_ROWS = 32
_TILE_COLUMNS = 1024
# Sums may be reordered into lanes. NaN and infinity keep their meaning: fastmath=True would drop it.
_FAST = {"reassoc", "contract", "nsz", "arcp"}


@intrinsic
def _nearest_integer(typing_context, x):
    """The integer nearest to a float32, as a float32; np.rint would be a call."""

    def generate(context, builder, signature, arguments):
        rint = builder.module.declare_intrinsic("llvm.rint", [ir.FloatType()])
        return builder.call(rint, arguments)

    return types.float32(types.float32), generate


@intrinsic
def _power_of_two(typing_context, exponent):
    """2 to a whole float32 from -126 to 127: the exponent goes straight into the bits of the result."""

    def generate(context, builder, signature, arguments):
        int32 = ir.IntType(32)
        whole = builder.fptosi(arguments[0], int32)
        bits = builder.shl(builder.add(whole, ir.Constant(int32, 127)), ir.Constant(int32, 23))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(types.float32), generate


def _exp_of_negative(x):
    """exp(x) for x <= 0, relative error below 2e-7 in float32; below -87 it stays at exp(-87)."""
    raise NotImplementedError


def _log1p_of_fraction(x, reciprocal):
    """log(1 + x) for 0 <= x <= 1, given 1 / (2 + x); relative error below 2e-7 in float32."""
    raise NotImplementedError


_LOG2_E = np.float32(1 / math.log(2))
_LN_2 = np.float32(math.log(2))
_LOWEST = np.float32(-87)
# exp(r) on [-ln(2) / 2, ln(2) / 2], interpolated at Chebyshev nodes: relative error 3e-9.
_E0, _E1, _E2 = np.float32(1), np.float32(1), np.float32(0.5)
_E3, _E4 = np.float32(0.16666415333747864), np.float32(0.04166635125875473)
_E5, _E6 = np.float32(0.00837512593716383), np.float32(0.0013941108481958508)
# 2 atanh(z) / z in z^2 on [0, 1 / 9], the same way: relative error 4e-9.
_L0, _L1, _L2 = np.float32(2), np.float32(0.6666632294654846), np.float32(0.4002459645271301)
_L3, _L4 = np.float32(0.27965158224105835), np.float32(0.28157779574394226)


@overload(_exp_of_negative, jit_options={"fastmath": {"contract"}, "error_model": "numpy"})
def _compile_exp(x):
    if x != types.float32:
        return lambda x: math.exp(x)

    def exp(x):
        x = x if x > _LOWEST else _LOWEST
        whole = _nearest_integer(x * _LOG2_E)
        r = x - whole * _LN_2
        power = _E0 + r * (_E1 + r * (_E2 + r * (_E3 + r * (_E4 + r * (_E5 + r * _E6)))))
        return power * _power_of_two(whole)

    return exp


@overload(_log1p_of_fraction, jit_options={"fastmath": {"contract"}, "error_model": "numpy"})
def _compile_log1p(x, reciprocal):
    if x != types.float32:
        return lambda x, reciprocal: math.log1p(x)

    def log1p(x, reciprocal):
        z = x * reciprocal
        u = z * z
        return z * (_L0 + u * (_L1 + u * (_L2 + u * (_L3 + u * _L4))))

    return log1p


@njit(fastmath=_FAST, error_model="numpy")
def _logistic_tile(scores, weights, slopes, sigma, low, low_weights, low_slopes):
    """Pairs of every document with every lower one, d = scores[i] - low[j]: the sum of w softplus(-sigma d).

    Adds the slopes in ``scores`` and in ``low`` to ``slopes`` and ``low_slopes``.
    """
    zero, half, one, two = low.dtype.type(0), low.dtype.type(0.5), low.dtype.type(1), low.dtype.type(2)
    total = 0.0
    for i in range(len(scores)):
        score = scores[i]
        pull = weights[i] * sigma
        loss = zero
        chances = zero
        for j in range(len(low)):
            x = sigma * (low[j] - score)
            size = abs(x)
            e = _exp_of_negative(-size)
            inverse = one / ((one + e) * (two + e))
            loss += low_weights[j] * (half * (x + size) + _log1p_of_fraction(e, (one + e) * inverse))
            chance = low_weights[j] * ((one if x > 0 else e) * ((two + e) * inverse))
            chances += chance
            low_slopes[j] += pull * chance
        total += np.float64(weights[i]) * loss
        slopes[i] -= np.float64(pull) * chances
    return total


@njit(fastmath=_FAST, error_model="numpy")
def _hinge_tile(scores, weights, slopes, margin, low, low_weights, low_slopes):
    """The same for w max(0, margin - d), whose slope is 0 at d = margin."""
    zero = low.dtype.type(0)
    total = 0.0
    for i in range(len(scores)):
        score, weight = scores[i], weights[i]
        loss = zero
        pulls = zero
        for j in range(len(low)):
            x = margin - (score - low[j])
            loss += low_weights[j] * (x if x > 0 else zero)
            pull = low_weights[j] if x > 0 else zero
            pulls += pull
            low_slopes[j] += weight * pull
        total += np.float64(weight) * loss
        slopes[i] -= np.float64(weight) * pulls
    return total


@njit(error_model="numpy")
def _sum_list(scores, labels, weights, form, parameter, slopes):
    """One list, sorted by falling label: sum of the pair losses and number of pairs; adds the slopes of each score."""
    n_docs = len(scores)
    tile = np.empty(min(n_docs, _TILE_COLUMNS), scores.dtype)
    loss, n_pairs = 0.0, 0
    top = end = 0
    while top < n_docs:
        if top == end:  # a new grade: its documents are top to end
            end += 1
            while end < n_docs and labels[end] == labels[top]:
                end += 1
        bottom = min(top + _TILE_ROWS, end)
        n_pairs += (bottom - top) * (n_docs - end)
        rows, row_weights, row_slopes = scores[top:bottom], weights[top:bottom], slopes[top:bottom]
        for left in range(end, n_docs, _TILE_COLUMNS):
            right = min(left + _TILE_COLUMNS, n_docs)
            low, low_weights, low_slopes = scores[left:right], weights[left:right], tile[: right - left]
            low_slopes[:] = 0
            if form == _LOGISTIC:
                loss += _logistic_tile(rows, row_weights, row_slopes, parameter, low, low_weights, low_slopes)
            else:
                loss += _hinge_tile(rows, row_weights, row_slopes, parameter, low, low_weights, low_slopes)
            slopes[left:right] += low_slopes
        top = bottom
    return loss, n_pairs


@njit(cache=True, nogil=True, error_model="numpy")
def sum_pairs(scores, labels, mask, weights, first, last, form, parameter, losses, counts, slopes):
    """Lists ``first`` to ``last`` of padded arrays ``[query, list]``: fill ``losses``, ``counts`` and ``slopes``.

    A list with a score that is not finite gets NaN for its loss and for the slopes of its documents.
    """
    for query in range(first, last):
        docs = np.nonzero(mask[query])[0]
        docs = docs[np.argsort(-labels[query][docs])]
        sums = np.zeros(len(docs), np.float64)
        list_scores = scores[query][docs]
        losses[query], counts[query] = _sum_list(
            list_scores, labels[query][docs], weights[query][docs], form, parameter, sums
        )
        if not np.isfinite(list_scores).all():
            losses[query] = np.nan
            sums[:] = np.nan
        slopes[query] = 0
        for i in range(len(docs)):
            slopes[query, docs[i]] = sums[i]

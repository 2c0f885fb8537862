"""The arithmetic of a scorer in numpy: functions that an exported ``ranker.py`` takes over as they stand.

Each is written with numpy alone, in float32 as in the scorer, and calls no function outside this file.
"""
# mypy: disable-error-code="no-any-return"
# numpy gives many of these expressions no exact type, and the code is kept as plain as it is to be read.

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
LARGEST_LOG = np.float32(88.8)
LARGEST = np.finfo(np.float32).max
NEGLIGIBLE = 1e-6


def log1p(x: Rows) -> Rows:
    """sign(x) log(1 + |x|); an infinite value counts as the largest float32."""
    return np.sign(x) * np.minimum(np.log1p(np.abs(x)), LARGEST_LOG)


def standardize(x: Rows, mean: Rows, inverse_std: Rows) -> Rows:
    """(x - mean) / std, limited to 10 standard deviations."""
    return np.clip((x - mean) * inverse_std, np.float32(-10), np.float32(10))


def minmax(x: Rows, low: Rows, inverse_width: Rows) -> Rows:
    """(x - min) / (max - min), limited to 0..1."""
    return np.clip((x - low) * inverse_width, np.float32(0), np.float32(1))


def missing(x: Rows, was_missing: Rows) -> Rows:
    """1 where a value is missing, of features that were so in training."""
    return np.isnan(x).astype(np.float32) * was_missing


def quantile(x: Rows, knots: Rows, heights: Rows, slopes: Rows, high: Rows) -> Rows:
    """The share of training rows below x, linear between knots."""
    inside = np.minimum(np.maximum(x, knots[:, 0]), high)
    result = np.empty_like(inside)
    for feature in range(inside.shape[1]):
        values = inside[:, feature]
        left = np.clip(np.searchsorted(knots[feature], values, side="right") - 1, 0, knots.shape[1] - 1)
        result[:, feature] = heights[feature][left] + (values - knots[feature][left]) * slopes[feature][left]
    return result


def piecewise(x: Rows, low: Rows, inverse_width: Rows, high: Rows) -> Rows:
    """How far x has come through each bin, 0..1; a missing value has come through none."""
    inside = np.minimum(np.maximum(np.where(np.isnan(x), low[:, 0], x), low[:, 0]), high)
    bins = np.clip((inside[:, :, None] - low) * inverse_width, np.float32(0), np.float32(1))
    return bins.reshape(len(x), low.size)


def query_standardize(x: Rows, offsets: NDArray[np.int64]) -> Rows:
    """(x - mean) / std over the documents of each query; 0 without spread."""
    values = np.clip(x.astype(np.float64), -LARGEST, LARGEST)
    for start, stop in itertools.pairwise(offsets):
        rows = values[start:stop]
        present = ~np.isnan(rows)
        count = np.maximum(present.sum(axis=0), 1)
        mean = np.where(present, rows, 0).sum(axis=0) / count
        variance = np.where(present, rows - mean, 0)
        variance = (variance * variance).sum(axis=0) / count
        spread = variance > (NEGLIGIBLE * mean) ** 2
        values[start:stop] = (rows - mean) * np.where(spread, 1 / np.sqrt(np.where(spread, variance, 1)), 0)
    return values.astype(np.float32)


def query_minmax(x: Rows, offsets: NDArray[np.int64]) -> Rows:
    """(x - min) / (max - min) over the documents of each query; 0 without spread."""
    values = np.clip(x.astype(np.float64), -LARGEST, LARGEST)
    for start, stop in itertools.pairwise(offsets):
        rows = values[start:stop]
        low = np.where(np.isnan(rows), np.inf, rows).min(axis=0, initial=np.inf)
        high = np.where(np.isnan(rows), -np.inf, rows).max(axis=0, initial=-np.inf)
        width = high - low
        inverse = np.where(width > 0, 1 / np.where(width > 0, width, 1), 0)
        values[start:stop] = (rows - low) * np.minimum(inverse, LARGEST)
    return values.astype(np.float32)


def query_rank(x: Rows, offsets: NDArray[np.int64]) -> Rows:
    """The rank by value within each query, from 0 to 1, the mean for equal values; 0.5 without another to compare."""
    ranks = np.full(x.shape, np.nan, np.float32)
    for start, stop in itertools.pairwise(offsets):
        for column in range(x.shape[1]):
            known = np.flatnonzero(~np.isnan(x[start:stop, column]))
            values = np.clip(x[start + known, column], -LARGEST, LARGEST)
            rising = np.sort(values)
            sums = np.searchsorted(rising, values, "left") + np.searchsorted(rising, values, "right") - 1
            ranks[start + known, column] = sums / (2 * (len(known) - 1)) if len(known) > 1 else 0.5
    return ranks


def query_share(x: Rows, offsets: NDArray[np.int64]) -> Rows:
    """Each value by the largest |x| among the documents of its query; 0 where all are 0."""
    values = np.clip(x.astype(np.float64), -LARGEST, LARGEST)
    for start, stop in itertools.pairwise(offsets):
        rows = values[start:stop]
        largest = np.where(np.isnan(rows), 0, np.abs(rows)).max(axis=0, initial=0)
        values[start:stop] = rows / np.where(largest > 0, largest, 1)
    return values.astype(np.float32)


def query_gap(x: Rows, offsets: NDArray[np.int64]) -> Rows:
    """The next higher value less x, by the range within each query; 0 for the highest value."""
    gaps = np.full(x.shape, np.nan, np.float32)
    for start, stop in itertools.pairwise(offsets):
        for column in range(x.shape[1]):
            known = np.flatnonzero(~np.isnan(x[start:stop, column]))
            values = np.clip(x[start + known, column].astype(np.float64), -LARGEST, LARGEST)
            levels, level = np.unique(values, return_inverse=True)
            steps = np.append(np.diff(levels), 0)
            width = levels[-1] - levels[0] if len(levels) else 0
            gaps[start + known, column] = steps[level] * min(1 / width, LARGEST) if width > 0 else 0
    return gaps


def fill_missing(x: Rows, value: float) -> Rows:
    """The value in place of NaN; infinite values become the largest float32."""
    return np.nan_to_num(x, nan=value)


def taken(x: Rows, runs: list[tuple[int, int]]) -> Rows:
    """The columns from the first to before the last of each run."""
    return np.concatenate([x[:, first:last] for first, last in runs], axis=1)


def missing_ones(x: Rows, weight: Rows) -> Rows:
    """1 where a value is missing that was missing in training too."""
    return np.isnan(x).astype(np.float32) * weight


def code_rows(x: Rows, first: int, last: int, rows: Rows) -> Rows:
    """The row of each code, the mean of several; the last row but one is of unseen values, the last of missing ones."""
    codes = x[:, first:last]
    unseen = len(rows) - 2
    there = ~np.isnan(codes)
    whole = np.clip(np.where(there, codes, 0), -1, unseen).astype(np.int64)
    whole = np.where(whole < 0, unseen, whole)
    count = there.sum(axis=1, keepdims=True)
    total = (rows[whole] * there[:, :, None].astype(np.float32)).sum(axis=1, dtype=np.float32)
    return np.where(count == 0, rows[-1], total / np.maximum(count, 1).astype(np.float32))


def key_rows(x: Rows, columns: list[int], n_codes: list[int | None], found: list[NDArray[Any]], rows: Rows) -> Rows:
    """The row of each key, found by the values of its columns, then by pairs of these; the last one of other keys."""
    known = np.ones(len(x), np.bool_)
    places = np.zeros(len(x), np.int64)
    arrays = iter(found)
    for level, (column, most) in enumerate(zip(columns, n_codes, strict=True)):
        values, ordered = x[:, column], next(arrays)
        known &= ~np.isnan(values) if most is None else values < most
        numbers = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
        known &= ordered[numbers] == values
        if level:
            codes, pairs = places * len(ordered) + numbers, next(arrays)
            numbers = np.minimum(np.searchsorted(pairs, codes), len(pairs) - 1)
            known &= pairs[numbers] == codes
        places = numbers
    return rows[np.where(known, places, len(rows) - 1)]


def with_priors(x: Rows, hidden: list[int], priors: list[Rows]) -> Rows:
    """The features, 0 in columns that are none, with the rows of keys behind."""
    shown = np.where(np.isin(np.arange(x.shape[1]), hidden), np.float32(0), x)
    return np.concatenate([shown, *priors], axis=1)


def linear(x: Rows, weight: Rows, bias: Rows | None = None) -> Rows:
    """The sums of x by weights, plus bias."""
    products = x @ weight.T
    return products if bias is None else products + bias


def shared_linear(x: Rows, weight: Rows, of_inputs: Rows, of_outputs: Rows, bias: Rows) -> Rows:
    """A linear layer of several members, who have one matrix and factors of their own."""
    weights = weight * of_inputs[:, None, :] * of_outputs[:, :, None]
    return x @ weights.transpose(0, 2, 1) + bias[:, None, :]


def own_linear(x: Rows, weight: Rows, bias: Rows | None = None) -> Rows:
    """Linear layers side by side, each with its own matrix."""
    products = x @ weight.transpose(0, 2, 1)
    return products if bias is None else products + bias[:, None, :]


def by_column(x: Rows, places: NDArray[np.int64]) -> Rows:
    """The inputs of each column, filled up with zeros."""
    return np.concatenate([x, np.zeros((len(x), 1), np.float32)], axis=1)[:, places].transpose(1, 0, 2)


def batch_norm(x: Rows, weight: Rows, bias: Rows, mean: Rows, variance: Rows, eps: float) -> Rows:
    """Normalized by the running statistics of training."""
    return (x - mean) / np.sqrt(variance + np.float32(eps)) * weight + bias


def layer_norm(x: Rows, weight: Rows, bias: Rows, eps: float) -> Rows:
    """Normalized over the values of a document."""
    centred = x - x.mean(axis=1, keepdims=True)
    variance = (centred * centred).mean(axis=1, keepdims=True)
    return centred / np.sqrt(variance + np.float32(eps)) * weight + bias


def attention(
    query: Rows, key: Rows, value: Rows, of_rows: NDArray[np.int64], of_others: NDArray[np.int64], n_heads: int
) -> Rows:
    """What each row of a list takes from the others that the list has, in parts of the width."""
    found = np.zeros_like(query)
    heads = np.split(np.arange(query.shape[1]), n_heads)
    for (first, last), (start, stop) in zip(itertools.pairwise(of_rows), itertools.pairwise(of_others), strict=True):
        for head in heads if stop > start else ():
            weights = query[first:last, head] @ key[start:stop, head].T / np.float32(math.sqrt(len(head)))
            weights = np.exp(weights - weights.max(axis=1, keepdims=True))
            found[first:last, head] = weights / weights.sum(axis=1, keepdims=True) @ value[start:stop, head]
    return found


def relu(x: Rows) -> Rows:
    """max(x, 0)."""
    return np.maximum(x, np.float32(0))


def leaky_relu(x: Rows, slope: float) -> Rows:
    """The value above 0, slope * x below."""
    return np.where(x > 0, x, x * np.float32(slope))


def elu(x: Rows, alpha: float) -> Rows:
    """The value above 0, alpha (exp(x) - 1) below."""
    return np.where(x > 0, x, np.float32(alpha) * np.expm1(np.minimum(x, np.float32(0))))


def tanh(x: Rows) -> Rows:
    """Hyperbolic tangent."""
    return np.tanh(x)


def sigmoid(x: Rows) -> Rows:
    """1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def gelu(x: Rows) -> Rows:
    """The value times the normal distribution function."""
    erf: Any = np.frompyfunc(math.erf, 1, 1)  # numpy has none
    return np.asarray(0.5 * x * (1 + erf(x / math.sqrt(2)).astype(np.float64)), dtype=np.float32)


def silu(x: Rows) -> Rows:
    """The value times its sigmoid."""
    return x * sigmoid(x)


def expected_grade(x: Rows) -> Rows:
    """The mean grade under the softmax of one output a grade."""
    weights = np.exp(x - x.max(axis=1, keepdims=True))
    weights = weights / weights.sum(axis=1, keepdims=True)
    return weights @ np.arange(x.shape[1], dtype=np.float32)


def sum_of_sigmoids(x: Rows) -> Rows:
    """The mean grade where output k is the log odds of grade k or better."""
    return np.asarray(sigmoid(x).sum(axis=1), dtype=np.float32)


def first_output(x: Rows) -> Rows:
    """The first output."""
    return x[:, 0]

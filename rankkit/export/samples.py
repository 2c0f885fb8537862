"""What to compare on: seeded draws from where the training values lie, zeros, missing values, extremes.

Encoders know no training values: their inputs are drawn from [0, 1], as the numbers of pictures are.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rankkit.export.source import Source

Rows = tuple[NDArray[np.float32], NDArray[np.int64]]
LARGEST = np.float32(1e30)
NUMBERS_AT_ONCE = 2**22  # 16 MiB of inputs; layers take a few times that


def sample_rows(source: Source, *, missing: bool) -> Rows:
    """The few rows that a manifest keeps, as queries of one, three and all other documents.

    Their values have four digits; more where a feature needs them, such as a time in seconds since 1970.

    Args:
        source: The ranker; its ranges say where values lie.
        missing: Whether NaN may stand in them.

    Returns:
        Features float32 ``[doc, feature]`` and offsets ``[query + 1]``.
    """
    rng = np.random.default_rng(0)
    low, high = _ranges(source)
    width = high - low
    blocks = [_between(rng, low, high, 12), np.zeros((1, len(low))), low[None], high[None]]
    blocks += [(low - width)[None], (high + width)[None]]
    if missing:
        holes = _between(rng, low, high, 2)
        holes[rng.random(holes.shape) < 0.3] = np.nan
        blocks += [holes, np.full((1, len(low)), np.nan)]
    features = _few_digits(_whole(source, np.concatenate(blocks)), low, high)
    return features, np.array([0, 1, 4, len(features)])


def random_rows(source: Source, *, missing: bool, n_docs: int = 400) -> Rows:
    """More rows, in lists of 1 to 40, to measure parity on; some values zero, far outside, or missing."""
    rng = np.random.default_rng(1)
    low, high = _ranges(source)
    features = _between(rng, low, high, n_docs)
    kind = rng.random(features.shape)
    features[kind < 0.1] = 0
    features = np.where((kind > 0.1) & (kind < 0.15), low + 5 * (features - low), features)
    features = _whole(source, features)
    if missing:
        features[kind > 0.95] = np.nan
    ends = np.cumsum(rng.integers(1, 41, n_docs))
    offsets = np.concatenate([[0], ends[ends < n_docs], [n_docs]])
    return features.astype(np.float32), offsets


def join(*parts: Rows) -> Rows:
    """Rows after rows, each with its own queries.

    >>> join((np.zeros((2, 1)), np.array([0, 2])), (np.zeros((1, 1)), np.array([0, 1])))[1]
    array([0, 2, 3])
    """
    offsets, n_docs = [np.zeros(1, np.int64)], 0
    for features, own in parts:
        offsets.append(own[1:] + n_docs)
        n_docs += len(features)
    return np.concatenate([features for features, _ in parts]), np.concatenate(offsets)


def sample_inputs(input_shape: Sequence[int]) -> NDArray[np.float32]:
    """The few inputs that an encoder's manifest keeps: up to 8 drawn from [0, 1], with four digits, and one of zeros.

    >>> sample_inputs((2,)).shape
    (9, 2)
    """
    n_drawn = int(np.clip(2**17 // math.prod(input_shape), 1, 8))  # a manifest of about a megabyte
    drawn = np.random.default_rng(0).random((n_drawn, *input_shape)).round(4)
    return np.concatenate((drawn, np.zeros((1, *input_shape)))).astype(np.float32)


def random_inputs(input_shape: Sequence[int]) -> NDArray[np.float32]:
    """More inputs in [0, 1], to measure parity on: 256, or fewer where one is large."""
    n_inputs = block_size(input_shape)
    return np.random.default_rng(1).random((n_inputs, *input_shape), dtype=np.float32)


def block_size(input_shape: Sequence[int]) -> int:
    """How many inputs to embed at once: 256, or as many as memory is spent on."""
    return int(np.clip(NUMBERS_AT_ONCE // math.prod(input_shape), 1, 256))


def _ranges(source: Source) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low, high = (np.clip(bound, -LARGEST, LARGEST).astype(np.float64) for bound in (source.low, source.high))
    return low, np.maximum(low, high)


def _whole(source: Source, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of which codes are whole numbers: of the vocabulary, of unseen values, and some that stand for nothing."""
    values[:, source.coded] = np.floor(values[:, source.coded])
    return values


def _between(
    rng: np.random.Generator, low: NDArray[np.float64], high: NDArray[np.float64], n_docs: int
) -> NDArray[np.float64]:
    return low + (high - low) * rng.random((n_docs, len(low)))


def _few_digits(
    values: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Values with as many digits as tell some of them apart: four of the range that they lie in."""
    width, size = high - low, np.maximum(np.abs(low), np.abs(high))
    ratio = np.divide(size, width, out=np.ones_like(size), where=width > 0)
    digits = np.clip(4 + np.ceil(np.log10(np.maximum(ratio, 1))), 4, 9).astype(int)
    return np.array(
        [[float(f"{value:.{n}g}") for value, n in zip(row, digits, strict=True)] for row in values], np.float32
    )

"""Rows as people write them, to compare an ONNX file with ``--strings`` on."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.columns.kinds import Bag, Category, Text, Time, Vector
from rankkit.data.columns.schema import Schema

N_ROWS = 40
_SPREAD = 4e7  # seconds about the origin of a time: more than a year


def sample_table(schema: Schema, low: NDArray[np.float32], high: NDArray[np.float32]) -> list[dict[str, Any]]:
    """Seeded rows of every column of a table that a schema needs: values of it, never seen ones, missing ones.

    Args:
        schema: Of the ranker.
        low: float32 ``[feature]``: where most training values begin.
        high: And end.
    """
    rng = np.random.default_rng(2)
    texts = [f"{place} of {place % 7}" for place in range(N_ROWS)]
    columns: dict[str, list[Any]] = dict.fromkeys(schema.sources, texts)
    for column in schema.columns:
        if isinstance(column, Time) and column.reference is not None:
            columns[column.reference] = _times(rng, column)
    for column in schema.columns:
        span = schema.spans[column.name]
        columns[column.name] = _values(rng, column, low[span], high[span])
    rows: list[dict[str, Any]] = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    for row in rows[: N_ROWS // 2]:
        for name in row:
            if rng.random() < 0.2:
                row[name] = None
    rows[0] = dict.fromkeys(columns)
    return rows


def _values(rng: np.random.Generator, column: Any, low: NDArray[np.float32], high: NDArray[np.float32]) -> list[Any]:
    if isinstance(column, Category):
        return list(rng.choice(_words(rng, column), N_ROWS).tolist())
    if isinstance(column, Bag):
        words = _words(rng, column)
        return [rng.choice(words, rng.integers(0, int(column.places or 0) + 2)).tolist() for _ in range(N_ROWS)]
    if isinstance(column, Time):
        return _times(rng, column)
    if isinstance(column, Text):
        return [f"{place} of {place % 7}" for place in rng.integers(0, 30, N_ROWS).tolist()]
    drawn = low + (high - low) * rng.random((N_ROWS, len(low)))
    rounded = [[float(f"{value:.6g}") for value in row] for row in drawn.tolist()]
    if isinstance(column, Vector):
        return list(rounded)
    return [row[0] for row in rounded]


def _words(rng: np.random.Generator, column: Category | Bag) -> list[str]:
    """Some of the vocabulary, and words that are not in it."""
    known: tuple[str, ...] = column.vocabulary or tuple(f"word {place}" for place in range(50))
    kept = [known[place] for place in rng.permutation(len(known))[:50].tolist()]
    return [*kept, *(f"never seen {place} \u00f1" for place in range(3))]


def _times(rng: np.random.Generator, column: Time) -> list[float]:
    times = float(column.origin or 0) + np.round(rng.uniform(-_SPREAD, _SPREAD, N_ROWS), 3)
    return [float(time) for time in times]


def with_rows(
    schema: Schema, rows: Sequence[Mapping[str, Any]], features: NDArray[np.float32], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Sample rows with those of a table behind them, as one more query."""
    encoded = schema.encode(rows)
    return np.concatenate([features, encoded]), np.append(offsets, len(features) + len(rows))

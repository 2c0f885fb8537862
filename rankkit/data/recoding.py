"""recode(): one data set with the columns, vocabularies and origins of another's schema."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.columns.kinds import Bag, Category, Column, Number, Time
from rankkit.data.columns.schema import Schema, described
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import DataError, check_given
from rankkit.naming import named

_SHOWN = 12


def recode(data: RankingDataset, schema: Schema) -> RankingDataset:
    """Bring a data set to a schema: its columns in their order, codes of its vocabularies, times from its origins.

    What the vocabulary of the schema does not have gets the code of unseen values; columns that it does not have are
    left out.

    Args:
        data: Any data set.
        schema: As a rule that of the training data.

    Returns:
        The same object where its schema is this one.

    Raises:
        DataError: If a column is missing, or of another kind.

    Example:
        >>> import pandas as pd
        >>> from rankkit.data.columns.kinds import category
        >>> from rankkit.loaders.tables.tabular import from_pandas
        >>> frames = [pd.DataFrame({"qid": [1, 1], "brand": brands}) for brands in (["oak", "elm"], ["ash", "oak"])]
        >>> train, new = (from_pandas(frame, columns={"brand": category()}) for frame in frames)
        >>> new.features.ravel().tolist(), recode(new, train.schema).features.ravel().tolist()
        ([0.0, 1.0], [2.0, 1.0])
    """
    check_given("recode", "data", data, RankingDataset)
    if data.schema == schema:
        return data
    names = named(data.feature_names, data.n_features)
    own = Schema(tuple(Number(name) for name in names)) if data.schema is None else data.schema
    known = {column.name: column for column in own.columns}
    missing = [column.name for column in schema.columns if column.name not in known]
    if missing:
        raise DataError(missing_columns("recode", missing, list(known)))
    features = np.empty((data.n_docs, schema.width), np.float32)
    for column in schema.columns:
        features[:, schema.spans[column.name]] = _converted(
            data.features[:, own.spans[column.name]], known[column.name], column
        )
    chosen = None if schema.is_numbers else schema
    return replace(data, features=features, feature_names=schema.names, schema=chosen)


def missing_columns(where: str, missing: list[str], found: list[str]) -> str:
    """The message for columns of a schema that are not there.

    >>> missing_columns("here", ["brand"], ["Brand", "price"])
    "here: expected the columns of the schema; got none named 'brand' among Brand, price. Add what is missing."
    """
    names = ", ".join(repr(name) for name in missing[:_SHOWN]) + (", ..." if len(missing) > _SHOWN else "")
    there = ", ".join(found[:_SHOWN]) + (f", ... ({len(found)} in all)" if len(found) > _SHOWN else "")
    return f"{where}: expected the columns of the schema; got none named {names} among {there}. Add what is missing."


def _converted(values: NDArray[np.float32], own: Column, wanted: Column) -> NDArray[np.float32]:
    """The columns of one as those of another."""
    if isinstance(own, Category | Bag) and isinstance(wanted, Category | Bag) and own.kind == wanted.kind:
        if own.n_buckets != wanted.n_buckets:
            raise _other_kind(own, wanted)
        converted = values
        if own.vocabulary != wanted.vocabulary:
            converted = _codes(own, wanted)[_places(values, own.n_codes)].astype(np.float32)
            converted[np.isnan(values)] = np.nan
        return converted if isinstance(own, Category) else _of_width(converted, len(wanted.names))
    if isinstance(own, Time) and isinstance(wanted, Time) and own.parts == wanted.parts:
        shift = float(own.origin or 0) - float(wanted.origin or 0)
        by_part = {"seconds": shift, "days": shift / 86_400}
        moved: NDArray[np.float32] = values + np.array([by_part.get(part, 0.0) for part in own.parts])
        return moved.astype(np.float32)
    if replace(own, side=wanted.side) != wanted:
        raise _other_kind(own, wanted)
    return values


def _codes(own: Any, wanted: Any) -> NDArray[np.int64]:
    """By code of one vocabulary, that of another."""
    place_of = {word: place for place, word in enumerate(wanted.vocabulary)}
    return np.array([place_of.get(word, len(place_of)) for word in (*own.vocabulary, None)], np.int64)


def _places(values: NDArray[np.float32], n_codes: int) -> NDArray[np.int64]:
    whole = np.nan_to_num(values, nan=n_codes).astype(np.int64)
    return np.where((whole >= 0) & (whole < n_codes), whole, n_codes)


def _of_width(values: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """The first places of a bag, and as many empty ones as there are more."""
    filled = np.full((len(values), width), np.nan, np.float32)
    n = min(width, values.shape[1])
    filled[:, :n] = values[:, :n]
    return filled


def _other_kind(own: Column, wanted: Column) -> DataError:
    return DataError(
        f"recode: expected {wanted.name!r} as {described(wanted)}; got {described(own)}. "
        "Read the data with schema= of the training data."
    )

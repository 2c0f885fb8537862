"""Values of a table as the numbers of a schema, and back where nothing was lost: codes, parts of times, hashes."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rankkit.data.columns.kinds import Bag, Category, Column, Number, Text, Time, Vector
from rankkit.data.columns.row_encoder import time_parts
from rankkit.errors import DataError
from rankkit.loaders.tables.arrays import Source
from rankkit.loaders.tables.columns.kinds import is_list, is_number, laid_open, numbers

Arrays = Mapping[str, pa.Array]

UNSEEN = "<unseen>"
"""What is written for a value that is in no vocabulary: there is nothing else left of it."""

_LIKENESS_BUCKETS = 2**18  # so many that two n-grams of two texts seldom share one
_TEXTS_AT_A_TIME = 4096
_MOST_INDEXED = 20_000  # words of a vocabulary


def encode(column: Column, arrays: Arrays, source: Source, first_row: int) -> Sequence[NDArray[Any]]:
    """The columns of the matrix of one column of a schema.

    Args:
        column: Of the schema.
        arrays: The columns of the table that it is made of, some rows.
        source: For messages.
        first_row: The number of the first row, for messages.

    Raises:
        DataError: If a value is not of the kind.
    """
    function: Any = _ENCODE[type(column)]
    try:
        return function(column, {name: laid_open(arrays[name]) for name in column.sources}, source, first_row)  # type: ignore[no-any-return]
    except (pa.ArrowException, ValueError, OverflowError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{source.name}: expected values of a {column.kind} in column {column.name!r}; got {str(error)[:200]}. "
            "Convert the column, or name another kind in columns=."
        ) from error


def _encode_number(column: Number, arrays: Arrays, source: Source, first_row: int) -> list[NDArray[Any]]:
    values = arrays[column.name]
    if not is_number(values.type):
        raise other_kind(column, values.type, source)
    return [numbers(values)]


def _encode_category(column: Category, arrays: Arrays, source: Source, first_row: int) -> list[NDArray[Any]]:
    return [codes_of(column, as_texts(arrays[column.name], column, source))]


def _encode_bag(column: Bag, arrays: Arrays, source: Source, first_row: int) -> list[NDArray[Any]]:
    lists = _lists(column, arrays[column.name], source)
    codes = codes_of(column, as_texts(lists.flatten(), column, source))
    sizes = np.asarray(pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)).astype(np.int64)
    row = np.repeat(np.arange(len(sizes)), sizes)
    known = ~np.isnan(codes)  # a list may hold missing values, which are none
    row, codes = row[known], codes[known]
    counts = np.bincount(row, minlength=len(sizes))
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    width = column.places or 0
    matrix = np.full((len(sizes), width), np.nan, np.float32)
    inside = place < width
    matrix[row[inside], place[inside]] = codes[inside]
    return list(matrix.T)


def _encode_time(column: Time, arrays: Arrays, source: Source, first_row: int) -> list[NDArray[Any]]:
    at = as_times(arrays[column.name], column.name, source, first_row)
    missing = np.isnat(at)
    days_before = _age(column, arrays, at, source, first_row) if column.reference is not None else None
    found = time_parts(at.astype(np.int64), missing, column.parts, float(column.origin or 0), days_before)
    return [values.astype(np.float32) for values in found]


def _age(
    column: Time, arrays: Arrays, at: NDArray[np.datetime64], source: Source, first_row: int
) -> NDArray[np.float64]:
    reference = as_times(arrays[str(column.reference)], str(column.reference), source, first_row)
    days = (reference - at).astype(np.int64) / 8.64e10
    days[np.isnat(reference) | np.isnat(at)] = np.nan
    return np.asarray(days)


def _encode_vector(column: Vector, arrays: Arrays, source: Source, first_row: int) -> list[NDArray[Any]]:
    lists = _nothing(arrays[column.name])
    if not is_list(lists.type) and not pa.types.is_null(lists.type):
        raise other_kind(column, lists.type, source)
    size = column.size or 0
    matrix = np.full((len(lists), size), np.nan, np.float64)
    if pa.types.is_null(lists.type):
        return list(matrix.T)
    there = np.asarray(lists.is_valid())
    sizes = np.asarray(pc.list_value_length(lists).drop_null().to_numpy(zero_copy_only=False))
    wrong = sizes != size
    if wrong.any():
        row = first_row + int(np.flatnonzero(there)[int(wrong.argmax())])
        raise DataError(
            f"{source.at(row, column.name)}: expected a list of {size} numbers, as in the first row or the schema; "
            f"got {int(sizes[int(wrong.argmax())])}. Give every document a list of that length, or none."
        )
    matrix[there] = numbers(lists.drop_null().flatten()).reshape(-1, size)
    return list(matrix.T)


def _encode_text(column: Text, arrays: Arrays, source: Source, first_row: int) -> list[NDArray[Any]]:
    texts = as_texts(arrays[column.name], column, source)
    if column.size:
        distinct = texts.dictionary_encode()
        rows = np.asarray(pc.fill_null(distinct.indices, len(distinct.dictionary)).to_numpy(zero_copy_only=False))
        hashed = np.full((len(distinct.dictionary) + 1, column.size), np.nan, np.float32)
        words = distinct.dictionary.to_pylist()
        for start in range(0, len(words), _TEXTS_AT_A_TIME):
            some = words[start : start + _TEXTS_AT_A_TIME]
            hashed[start : start + len(some)] = (
                _vectorizer(column.size, column.analyzer, column.n).transform(some).toarray()
            )
        found = list(hashed[rows].T)
    else:
        found = []
    if column.against is not None:
        found.append(_likeness(column, texts, as_texts(arrays[column.against], column, source)))
    return found


def _likeness(column: Text, texts: pa.Array, others: pa.Array) -> NDArray[np.float32]:
    """The cosine between the n-grams of two texts a row; NaN where one of them is missing."""
    vectorizer = _vectorizer(_LIKENESS_BUCKETS, column.analyzer, column.n)
    one, other = texts.dictionary_encode(), others.dictionary_encode()
    there = np.asarray(pc.and_(texts.is_valid(), others.is_valid()))
    found = np.full(len(texts), np.nan, np.float32)
    if there.any():
        hashed = [vectorizer.transform(side.dictionary.to_pylist()) for side in (one, other)]
        rows = [
            np.asarray(side.indices.to_numpy(zero_copy_only=False))[there].astype(np.int64) for side in (one, other)
        ]
        places = np.flatnonzero(there)
        for start in range(0, len(places), _TEXTS_AT_A_TIME):
            some = slice(start, start + _TEXTS_AT_A_TIME)
            product = hashed[0][rows[0][some]].multiply(hashed[1][rows[1][some]])
            found[places[some]] = np.asarray(product.sum(axis=1)).ravel()
    return found


@lru_cache(maxsize=32)
def _vectorizer(size: int, analyzer: str, n: tuple[int, int]) -> Any:
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        n_features=size, analyzer="char_wb" if analyzer == "characters" else "word", ngram_range=n, dtype=np.float32
    )


def codes_of(column: Category | Bag, texts: pa.Array) -> NDArray[np.float32]:
    """The codes of texts; NaN where one is missing."""
    if column.n_buckets is not None:
        return _hashes(texts, column.n_buckets)
    words = column.vocabulary or ()
    if len(words) > _MOST_INDEXED:  # Arrow would make its table of them anew for each batch
        places = _index(words).get_indexer(texts.to_numpy(zero_copy_only=False))
        coded = np.where(places < 0, len(words), places).astype(np.float32)
        coded[np.asarray(texts.is_null())] = np.nan
        return coded
    codes = pc.index_in(texts, value_set=_vocabulary(words))
    found = np.asarray(pc.fill_null(codes, column.n_codes).to_numpy(zero_copy_only=False)).astype(np.float32)
    found[np.asarray(texts.is_null())] = np.nan
    return found


@lru_cache(maxsize=8)
def _index(words: tuple[str, ...]) -> Any:
    import pandas as pd

    return pd.Index(np.array(words, object))


@lru_cache(maxsize=64)
def _vocabulary(words: tuple[str, ...]) -> pa.Array:
    return pa.array(words, pa.large_string())


def _hashes(texts: pa.Array, n_buckets: int) -> NDArray[np.float32]:
    from sklearn.utils import murmurhash3_32

    distinct = texts.dictionary_encode()
    codes = np.array([murmurhash3_32(word, positive=True) % n_buckets for word in distinct.dictionary.to_pylist()])
    rows = pc.fill_null(distinct.indices, len(codes)).to_numpy(zero_copy_only=False)
    return np.asarray(np.append(codes.astype(np.float32), np.float32(np.nan))[rows])


def as_texts(values: pa.Array, column: Column, source: Source) -> pa.Array:
    """Values that tell things apart as text, missing where they are missing or empty.

    Whole numbers are their digits whatever their type, so that a column that pandas made floating of a missing value
    stays what it was.

    Raises:
        DataError: If they are lists, or something else without a text of its own.
    """
    values = laid_open(values)
    kind = values.type
    if pa.types.is_null(kind):
        return pa.nulls(len(values), pa.large_string())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        raw = numbers(values)
        distinct, rows = np.unique(raw, return_inverse=True)
        words = pa.array([_digits(float(number)) for number in distinct], pa.large_string())
        values = words.take(pa.array(rows.reshape(-1)))
    elif is_number(kind) or pa.types.is_temporal(kind) or _is_text(kind):
        try:
            values = values.cast(pa.large_string())
        except pa.ArrowException as error:
            raise other_kind(column, kind, source) from error
    else:
        raise other_kind(column, kind, source)
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.large_string()), values)


def _digits(number: float) -> str | None:
    if np.isnan(number):
        return None
    return str(int(number)) if number.is_integer() else repr(number)


def as_times(values: pa.Array, name: str, source: Source, first_row: int) -> NDArray[np.datetime64]:
    """Dates and times in microseconds; numbers are seconds from 1970, text is ISO 8601; zones become UTC.

    Raises:
        DataError: If one is none.
    """
    values = laid_open(values)
    kind = values.type
    if pa.types.is_null(kind):
        return np.full(len(values), "NaT", "datetime64[us]")
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        instants = values.cast(
            pa.timestamp("us", tz=kind.tz) if pa.types.is_timestamp(kind) else pa.timestamp("us"), safe=False
        )
        return np.asarray(instants.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False)).astype("datetime64[us]")
    if is_number(kind) and not pa.types.is_boolean(kind):
        seconds = numbers(values).astype(np.float64)
        if (np.abs(seconds) >= 1e11).any():
            row = first_row + int((np.abs(seconds) >= 1e11).argmax())
            raise DataError(
                f"{source.at(row, name)}: expected a time in seconds from 1970; got {seconds[row - first_row]:g}. "
                "Convert the column to dates, or divide it."
            )
        micros = np.round(np.nan_to_num(seconds) * 1e6).astype(np.int64).astype("datetime64[us]")
        micros[np.isnan(seconds)] = np.datetime64("NaT")
        return micros
    if not _is_text(kind):
        raise DataError(f"{source.name}: expected dates or times in column {name!r}; got {kind}. Convert the column.")
    import pandas as pd

    texts = pc.if_else(
        pc.equal(values.cast(pa.large_string()), ""), pa.scalar(None, pa.large_string()), values.cast(pa.large_string())
    )
    found = pd.to_datetime(pd.Series(texts.to_pandas()), format="ISO8601", errors="coerce", utc=True)
    wrong = np.asarray(found.isna()) & np.asarray(texts.is_valid())
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"{source.at(first_row + row, name)}: expected a date such as 2026-03-01T12:00; got "
            f"{texts[row].as_py()[:60]!r}. Mend the value, or convert the column."
        )
    return np.asarray(found.dt.tz_localize(None)).astype("datetime64[us]")


def decode(column: Category | Bag, values: NDArray[np.float32]) -> pa.Array:
    """The texts of codes ``[doc, place]``: of a category one a document, of a bag a list.

    >>> decode(Category("brand", vocabulary=("elm", "oak")), np.float32([[1], [2], [np.nan]])).to_pylist()
    ['oak', '<unseen>', None]
    """
    words = pa.array([*(column.vocabulary or ()), _unseen(column)], pa.large_string())
    known = ~np.isnan(values)
    places = np.clip(np.nan_to_num(values, nan=0.0), 0, column.n_codes).astype(np.int64)
    if isinstance(column, Category):
        return words.take(pa.array(places[:, 0], mask=~known[:, 0]))
    counts = known.sum(axis=1)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    lists = pa.LargeListArray.from_arrays(pa.array(offsets), words.take(pa.array(places[known])))
    return pc.if_else(pa.array(counts > 0), lists, pa.scalar(None, lists.type)) if len(lists) else lists


def _unseen(column: Category | Bag) -> str:
    """A word that the vocabulary does not have, so that it is read as unseen again."""
    word = UNSEEN
    while word in (column.vocabulary or ()):
        word += "?"
    return word


def other_kind(column: Column, kind: pa.DataType, source: Source) -> DataError:
    """The error for a column of another type than its kind can have."""
    return DataError(
        f"{source.name}: expected {_EXPECTED[column.kind]} in column {column.name!r}, a {column.kind}; got {kind}. "
        "Convert the column, or name another kind in columns=."
    )


def _lists(column: Bag, values: pa.Array, source: Source) -> pa.Array:
    values = _nothing(values)
    kind = values.type
    if pa.types.is_null(kind):
        return values.cast(pa.large_list(pa.large_string()))
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        raise other_kind(column, kind, source)
    if pa.types.is_fixed_size_list(kind):  # whose missing lists have values all the same
        return values.cast(pa.large_list(kind.value_type))
    return values


def _nothing(values: pa.Array) -> pa.Array:
    """Values without a type where pandas, which makes NaN of what is missing, gave a column without any value one."""
    if pa.types.is_floating(values.type) and np.isnan(numbers(values)).all():
        return pa.nulls(len(values))
    return values


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


_EXPECTED = {
    "number": "numbers",
    "category": "text or numbers",
    "bag": "lists of text or numbers",
    "time": "dates or times",
    "vector": "lists of numbers",
    "text": "text",
}
_ENCODE: Mapping[type, Any] = {
    Number: _encode_number,
    Category: _encode_category,
    Bag: _encode_bag,
    Time: _encode_time,
    Vector: _encode_vector,
    Text: _encode_text,
}

"""RowEncoder: rows as people write them, to the float32 matrix of a schema, with numpy and the standard library alone.

This file stands on its own, so that it can be put beside an exported ranker and used where rankkit is not:

    encoder = RowEncoder(json.loads(Path("schema.json").read_text()))
    matrix = encoder.encode([{"brand": "Acme", "day": "2026-03-01T12:00", "price": 3.5}])

A row has every column of the schema by name, in any order; what else it has is left out, and None is a missing value.
"""

import math
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]

_DAY = 86_400.0
_MICROS_OF_DAY = 86_400_000_000
_LARGEST_SECONDS = 1e11
_LIKENESS_BUCKETS = 2**18  # so many that two n-grams of two texts seldom share one
_MASK = 0xFFFFFFFF
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTH = re.compile(r"\d{4}(-\d{2})?")
_WORD = re.compile(r"\b\w\w+\b")


class RowError(ValueError):
    """A value is not of the kind of its column.

    Args:
        row: The number of the row, from 0.
        column: Its column.
        expected: What can stand there.
        got: What stands there, in a few words.
    """

    def __init__(self, row: int, column: str, expected: str, got: str) -> None:
        self.row, self.column, self.expected, self.got = row, column, expected, got
        super().__init__(f"row {row} (from 0), {column!r}: expected {expected}; got {got}. Mend the value.")


def murmurhash(text: str) -> int:
    """The 32 bits of MurmurHash3 of text in UTF-8, as a number without sign.

    >>> murmurhash("oak"), murmurhash("")
    (1099823778, 0)
    """
    data = text.encode()
    found = 0
    n_blocks = len(data) // 4
    for block in struct.unpack_from(f"<{n_blocks}I", data):
        found ^= _scrambled(block)
        found = ((found << 13 | found >> 19) * 5 + 0xE6546B64) & _MASK
    if len(data) % 4:
        found ^= _scrambled(int.from_bytes(data[4 * n_blocks :], "little"))
    found ^= len(data)
    found = (found ^ found >> 16) * 0x85EBCA6B & _MASK
    found = (found ^ found >> 13) * 0xC2B2AE35 & _MASK
    return found ^ found >> 16


def _scrambled(block: int) -> int:
    block = block * 0xCC9E2D51 & _MASK
    return (block << 15 | block >> 17) * 0x1B873593 & _MASK


class RowEncoder:
    """Turns rows into the matrix of a schema.

    Args:
        schema: As ``Schema.to_dict`` writes it: ``{"version": 1, "columns": [{"kind": "number", ...}, ...]}``.
        hash_of: The hash of text, for what is hashed; a faster one that gives the same.

    Attributes:
        sources: The names that a row has to have.
        width: Columns of the matrix.

    Raises:
        ValueError: If the schema is of another version.

    >>> brand = {"kind": "category", "name": "brand", "vocabulary": ["elm", "oak"]}
    >>> encoder = RowEncoder({"version": 1, "columns": [brand, {"kind": "number", "name": "price"}]})
    >>> encoder.encode([{"price": 3.5, "brand": "oak"}, {"price": None, "brand": "yew"}])
    array([[1. , 3.5],
           [2. , nan]], dtype=float32)
    """

    def __init__(self, schema: Mapping[str, Any], hash_of: Callable[[str], int] = murmurhash) -> None:
        if schema["version"] != 1:
            raise ValueError(f"schema: expected version 1; got {schema['version']!r}. Take a newer encoder.")
        self.schema = schema
        self.hash_of = hash_of
        self._columns = [(column, _ENCODE[column["kind"]](column, hash_of)) for column in schema["columns"]]
        sources = [name for column in schema["columns"] for name in _sources(column)]
        self.sources = tuple(dict.fromkeys(sources))
        self.width = sum(width for _, (width, _) in self._columns)

    def encode(self, rows: Sequence[Mapping[str, Any]]) -> NDArray[np.float32]:
        """The matrix of rows: float32 ``[row, width]``.

        Raises:
            RowError: If a column is not there, or a value is not of its kind.
        """
        for place, row in enumerate(rows):
            for name in self.sources:
                if name not in row:
                    raise RowError(place, name, "every column of the schema", "none of this name")
        found = np.empty((len(rows), self.width), np.float32)
        at = 0
        for column, (width, function) in self._columns:
            parts = [[row[name] for row in rows] for name in _sources(column)]
            with np.errstate(over="ignore"):
                values = np.asarray(function(*parts), np.float64)
                found[:, at : at + width] = values.reshape(len(rows), width)
            wrong = np.isinf(found[:, at : at + width]).any(axis=1)
            if wrong.any():
                raise RowError(int(wrong.argmax()), column["name"], "numbers that float32 can hold", "a larger one")
            at += width
        return found


def _sources(column: Mapping[str, Any]) -> list[str]:
    others = (column.get("reference"), column.get("against"))
    return [column["name"], *(name for name in others if name is not None)]


def kind_of(value: Any) -> str:
    """What a value is, in a word; never the value itself, which may be of any length.

    >>> kind_of("oak"), kind_of(None), kind_of([1])
    ('text', 'null', 'a list')
    """
    if value is None:
        return "null"
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool | np.bool_):
        return "true or false"
    if isinstance(value, int | float | np.number):
        return "a number"
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list | tuple | np.ndarray) else type(value).__name__


def _is_missing(value: Any) -> bool:
    if isinstance(value, str | list | tuple | np.ndarray | Mapping):
        return False
    return value is None or type(value).__name__ == "NAType" or bool(value != value)  # pandas has values of its own


def _number(row: int, column: str, value: Any) -> float:
    if not isinstance(value, int | float | np.number | np.bool_):
        raise RowError(row, column, "a number or null", kind_of(value))
    try:
        return float(value)
    except OverflowError:
        raise RowError(row, column, "numbers that float32 can hold", "a larger one") from None


def list_of(row: int, column: str, value: Any, of: str) -> list[Any] | None:
    """The values of a list; None for a missing one."""
    if isinstance(value, list | tuple | np.ndarray):
        return list(value)
    if _is_missing(value):
        return None
    raise RowError(row, column, f"a list of {of} or null", kind_of(value))


def text_of(row: int, column: str, value: Any) -> str | None:
    """What tells a value apart; None where it is missing or empty."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, list | tuple | np.ndarray | Mapping):
        raise RowError(row, column, "text, a number or null", kind_of(value))
    if _is_missing(value):
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    raise RowError(row, column, "text, a number or null", kind_of(value))


def micros_of(row: int, column: str, value: Any) -> int | None:
    """Microseconds from 1970; text is ISO 8601, numbers are seconds, and what has no zone is of UTC."""
    expected = "a date such as '2026-03-01T12:00', seconds from 1970, or null"
    if isinstance(value, str):
        if not value:
            return None
        try:
            value = datetime.fromisoformat(f"{value}-01-01"[:10] if _MONTH.fullmatch(value) else value)
        except ValueError:
            raise RowError(row, column, expected, "other text") from None
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else int(value.astype("datetime64[us]").astype(np.int64))
    if _is_missing(value):
        return None
    if isinstance(value, datetime):
        known = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        try:
            since = known.astimezone(UTC) - _EPOCH
        except OverflowError:
            raise RowError(row, column, expected, "one beyond the calendar") from None
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if isinstance(value, date):
        return (value - _EPOCH.date()).days * _MICROS_OF_DAY
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        raise RowError(row, column, expected, kind_of(value))
    seconds = _number(row, column, value)
    if not abs(seconds) < _LARGEST_SECONDS:
        raise RowError(row, column, expected, "a larger number")
    return int(np.round(seconds * 1e6))


def time_parts(
    micros: NDArray[np.int64],
    missing: NDArray[np.bool_],
    parts: Sequence[str],
    origin: float,
    days_before: NDArray[np.float64] | None,
) -> list[Numbers]:
    """The parts of times, one array each.

    Args:
        micros: Microseconds from 1970.
        missing: Where there is no time.
        parts: Of a column of times.
        origin: What seconds and days count from, in seconds from 1970.
        days_before: Days before the reference, for the age.
    """
    day, within = np.divmod(micros, _MICROS_OF_DAY)
    since = micros * 1e-6 - origin
    found: list[Numbers] = []
    values: Numbers
    for part in parts:
        if part == "seconds":
            values = since.copy()
        elif part == "days":
            values = since / _DAY
        elif part == "weekday":
            values = ((day + 3) % 7).astype(np.float64)  # 1970 began with a Thursday
        elif part == "hour":
            values = within / 3.6e9
        elif part == "yearday":
            years = micros.astype("datetime64[us]").astype("datetime64[Y]").astype("datetime64[us]")
            values = (micros - years.astype(np.int64)) / 8.64e10
        else:
            values = np.array(days_before, np.float64)
        values[missing] = np.nan
        found.append(values)
    return found


Encoding = tuple[int, Callable[..., Any]]


def _encode_number(column: Mapping[str, Any], hash_of: Callable[[str], int]) -> Encoding:
    name = column["name"]
    return 1, lambda values: [
        math.nan if _is_missing(value) else _number(row, name, value) for row, value in enumerate(values)
    ]


def _codes(column: Mapping[str, Any], hash_of: Callable[[str], int]) -> Callable[[str], int]:
    n_buckets = column.get("n_buckets")
    if n_buckets is not None:
        return lambda word: hash_of(word) % n_buckets
    code_of = {word: code for code, word in enumerate(column["vocabulary"])}
    return lambda word: code_of.get(word, len(code_of))


def _encode_category(column: Mapping[str, Any], hash_of: Callable[[str], int]) -> Encoding:
    name, code_of = column["name"], _codes(column, hash_of)

    def codes(values: Sequence[Any]) -> list[float]:
        words = (text_of(row, name, value) for row, value in enumerate(values))
        return [math.nan if word is None else code_of(word) for word in words]

    return 1, codes


def _encode_bag(column: Mapping[str, Any], hash_of: Callable[[str], int]) -> Encoding:
    name, code_of, places = column["name"], _codes(column, hash_of), int(column["places"])

    def codes(values: Sequence[Any]) -> Numbers:
        found = np.full((len(values), places), np.nan)
        for row, value in enumerate(values):
            listed = list_of(row, name, value, "text") or []
            words = [word for word in (text_of(row, name, one) for one in listed) if word is not None][:places]
            found[row, : len(words)] = [code_of(word) for word in words]
        return found

    return places, codes


def _encode_vector(column: Mapping[str, Any], hash_of: Callable[[str], int]) -> Encoding:
    name, size = column["name"], int(column["size"])

    def rows_of(values: Sequence[Any]) -> Numbers:
        found = np.full((len(values), size), np.nan)
        for row, value in enumerate(values):
            listed = list_of(row, name, value, f"{size} numbers")
            if listed is None:
                continue
            if len(listed) != size:
                raise RowError(row, name, f"a list of {size} numbers or null", f"{len(listed)} of them")
            found[row] = [math.nan if _is_missing(one) else _number(row, name, one) for one in listed]
        return found

    return size, rows_of


def _encode_time(column: Mapping[str, Any], hash_of: Callable[[str], int]) -> Encoding:
    name, parts, origin = column["name"], column.get("parts", ["days", "weekday", "hour"]), float(column["origin"])

    def parts_of(values: Sequence[Any], references: Sequence[Any] = ()) -> Numbers:
        at = [micros_of(row, name, value) for row, value in enumerate(values)]
        missing = np.array([one is None for one in at], np.bool_)
        micros = np.array([0 if one is None else one for one in at], np.int64)
        days = None
        if column.get("reference") is not None:
            until = [micros_of(row, column["reference"], value) for row, value in enumerate(references)]
            days = np.array(
                [math.nan if a is None or b is None else (b - a) / 8.64e10 for a, b in zip(at, until, strict=True)]
            )
        return np.stack(time_parts(micros, missing, parts, origin, days), axis=1)

    return len(parts), parts_of


def _encode_text(column: Mapping[str, Any], hash_of: Callable[[str], int]) -> Encoding:
    name, size, against = column["name"], int(column.get("size", 64)), column.get("against")
    analyzer, n = column.get("analyzer", "characters"), column.get("n", (3, 4))

    def hashed(values: Sequence[Any], others: Sequence[Any] = ()) -> Numbers:
        found = np.full((len(values), size + (against is not None)), np.nan)
        texts = [text_of(row, name, value) for row, value in enumerate(values)]
        for row, text in enumerate(texts):
            if text is not None and size:
                found[row, :size] = 0
                for place, weight in _hashed(text, analyzer, n, size, hash_of).items():
                    found[row, place] = weight
        if against is not None:
            for row, (text, value) in enumerate(zip(texts, others, strict=True)):
                other = text_of(row, against, value)
                if text is not None and other is not None:
                    one, two = (_hashed(side, analyzer, n, _LIKENESS_BUCKETS, hash_of) for side in (text, other))
                    found[row, size] = sum(weight * two.get(place, 0.0) for place, weight in one.items())
        return found

    return size + (against is not None), hashed


def _hashed(text: str, analyzer: str, n: Sequence[int], size: int, hash_of: Callable[[str], int]) -> dict[int, float]:
    """The n-grams of a text, hashed into so many numbers, as long as 1 in all; those that are not 0."""
    sums: dict[int, float] = {}
    for gram in _grams(text.lower(), analyzer, n):
        signed = hash_of(gram)
        signed -= (signed >> 31) << 32
        place = abs(signed) % size
        sums[place] = sums.get(place, 0.0) + (1.0 if signed >= 0 else -1.0)
    length = math.sqrt(sum(value * value for value in sums.values()))
    return {place: value / length for place, value in sums.items()} if length else sums


def _grams(text: str, analyzer: str, n: Sequence[int]) -> list[str]:
    shortest, longest = n
    if analyzer == "words":
        words = _WORD.findall(text)
        sizes = range(shortest, min(longest, len(words)) + 1)
        return [" ".join(words[at : at + size]) for size in sizes for at in range(len(words) - size + 1)]
    found = []
    for word in text.split():
        padded = f" {word} "
        for size in range(shortest, longest + 1):
            found += [padded[at : at + size] for at in range(max(1, len(padded) - size + 1))]
            if len(padded) <= size:  # a short word counts once
                break
    return found


_ENCODE: Mapping[str, Callable[[Mapping[str, Any], Callable[[str], int]], Encoding]] = {
    "number": _encode_number,
    "category": _encode_category,
    "bag": _encode_bag,
    "time": _encode_time,
    "vector": _encode_vector,
    "text": _encode_text,
}

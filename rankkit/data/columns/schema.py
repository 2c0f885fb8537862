"""Schema: which columns of the float32 matrix belong together, and what their numbers stand for."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.columns.kinds import KINDS, MOST_BUCKETS, Bag, Category, Column, Number, Side
from rankkit.data.columns.row_encoder import RowEncoder, RowError
from rankkit.errors import ConfigError, DataError

_VERSION = 1
_FARTHEST = 1e15  # seconds from 1970 of an origin in a file
_TYPES: Mapping[str, type] = {
    **dict.fromkeys(("name", "analyzer", "reference", "against", "vocabulary", "parts", "side"), str),
    **dict.fromkeys(("min_count", "max_size", "n_buckets", "places", "size", "n"), int),
    "ordered": bool,
    "key": bool,
    "origin": float,
}
_LISTS = frozenset({"vocabulary", "parts", "n"})


@dataclass(frozen=True, repr=False)
class Schema:
    """The columns of documents, in the order in which they stand in the matrix.

    A schema that was learnt from training rows reads others alike: ``rankkit.from_pandas(new, schema=train.schema)``.

    Args:
        columns: In order, of :mod:`rankkit.data.columns.kinds`, with all that is learnt.

    Raises:
        DataError: If two have the same name, or nothing was learnt yet of one.

    Example:
        >>> from rankkit.data.columns.kinds import Category, Number, Vector
        >>> schema = Schema((Number("price"), Category("brand", vocabulary=("elm", "oak")), Vector("image", size=2)))
        >>> schema
        Schema(price: number, brand: category of 2, image: vector of 2)
        >>> schema.names, schema.spans["image"]
        (('price', 'brand', 'image[0]', 'image[1]'), slice(2, 4, None))
        >>> Schema.from_dict(schema.to_dict()) == schema
        True
    """

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        for column in self.columns:
            if not column.name or not column.names or not _is_learnt(column):
                raise DataError(
                    f"Schema: expected columns of which all is known; got {column!r}. "
                    "Read training rows with columns= instead, and take the schema of that data set."
                )
        for names in (tuple(column.name for column in self.columns), self.names):
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                raise DataError(f"Schema: expected columns that differ; got {twice[0]!r} twice. Rename one of them.")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """One a column of the matrix."""
        return tuple(name for column in self.columns for name in column.names)

    @property
    def width(self) -> int:
        """How many columns the matrix has."""
        return len(self.names)

    @cached_property
    def spans(self) -> dict[str, slice]:
        """By the name of a column, its columns of the matrix."""
        found, start = {}, 0
        for column in self.columns:
            found[column.name] = slice(start, start + len(column.names))
            start += len(column.names)
        return found

    @property
    def sources(self) -> tuple[str, ...]:
        """Every column of a table that has to be read."""
        return tuple(dict.fromkeys(source for column in self.columns for source in column.sources))

    @property
    def is_numbers(self) -> bool:
        """Whether there are numbers of documents alone, so that names say all there is to say."""
        return all(isinstance(column, Number) and column.side == "document" for column in self.columns)

    def on_side(self, side: Side) -> tuple[Column, ...]:
        """The columns of the query, which all of its documents share, or those of the documents themselves.

        >>> Schema((Number("price"), Number("age", side="query"))).on_side("query")
        (Number(name='age', side='query'),)
        """
        return tuple(column for column in self.columns if column.side == side)

    @property
    def summary(self) -> str:
        """How many columns there are of each kind, in one short line.

        >>> from rankkit.data.columns.kinds import Category, Number
        >>> Schema((Number("price"), Number("age"), Category("brand", n_buckets=9))).summary
        '2 numbers, 1 category'
        """
        counts = Counter(
            "key" if isinstance(column, Category) and column.key else column.kind for column in self.columns
        )
        many = {"category": "categories"}
        return ", ".join(
            f"{count:,} {kind if count == 1 else many.get(kind, f'{kind}s')}" for kind, count in counts.items()
        )

    def select(self, places: Sequence[int]) -> "Schema | None":
        """The schema of some columns of the matrix; None where it has numbers alone.

        A column that goes along whole stays what it is. Of a column that is taken apart each part is a number from then
        on, but a place of a bag, whose codes would stand for nothing, is refused.

        Raises:
            ConfigError: If a bag is taken apart.
        """
        chosen: list[Column] = []
        places = list(places)
        starts = {span.start: column for column, span in zip(self.columns, self.spans.values(), strict=True)}
        at = 0
        while at < len(places):
            column = starts.get(places[at])
            size = 0 if column is None else len(column.names)
            if column is not None and places[at : at + size] == list(range(places[at], places[at] + size)):
                chosen.append(column)
                at += size
                continue
            owner = next(c for c, span in zip(self.columns, self.spans.values(), strict=True) if places[at] < span.stop)
            if isinstance(owner, Bag):
                raise ConfigError(
                    f"select_features: expected all places of {owner.name!r} or none; got {self.names[places[at]]!r}. "
                    f"Name {owner.name!r}, which stands for all."
                )
            chosen.append(Number(self.names[places[at]]))
            at += 1
        found = Schema(tuple(chosen))
        return None if found.is_numbers else found

    def without(self, dropped: Iterable[str]) -> "Schema":
        """The schema without the columns of those names."""
        gone = set(dropped)
        return Schema(tuple(column for column in self.columns if column.name not in gone))

    def __getstate__(self) -> dict[str, Any]:
        return {"columns": self.columns}  # what is kept of it is made again, and holds functions

    @cached_property
    def encoder(self) -> RowEncoder:
        """What makes the matrix of rows; :meth:`encode` calls it."""
        from sklearn.utils import murmurhash3_32

        return RowEncoder(self.to_dict(), lambda text: int(murmurhash3_32(text, positive=True)))

    def encode(self, rows: Sequence[Mapping[str, Any]]) -> NDArray[np.float32]:
        """The matrix of rows as people write them: float32 ``[row, width]``.

        :mod:`rankkit.data.columns.row_encoder` does the same with numpy alone, where rankkit is not installed.

        Args:
            rows: By column its value: numbers, text, dates or text in their place, lists; None for a missing value.

        Raises:
            DataError: If a column is not there, or a value is not of its kind.

        >>> from rankkit.data.columns.kinds import Category, Number
        >>> schema = Schema((Number("price"), Category("brand", vocabulary=("elm", "oak"))))
        >>> schema.encode([{"brand": "oak", "price": 3.5}, {"brand": "never seen", "price": None}])
        array([[3.5, 1. ],
               [nan, 2. ]], dtype=float32)
        """
        try:
            return self.encoder.encode(rows)
        except RowError as error:
            raise DataError(f"encode: {error}") from None

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold: the kind of each column, and what is not as by default."""
        return {"version": _VERSION, "columns": [_column_to_dict(column) for column in self.columns]}

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> "Schema":
        """A schema as :meth:`to_dict` wrote it; it may come from anywhere.

        Raises:
            DataError: If it is not as it should be.
        """
        try:
            version, columns = written["version"], written["columns"]
            if version != _VERSION:
                raise ValueError(f"version {version!r}")
            schema = cls(tuple(_column_from_dict(column) for column in columns))
            if schema.width > MOST_BUCKETS:
                raise ValueError(f"{schema.width:,} columns")
        except DataError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"Schema.from_dict: expected what Schema.to_dict gives, of version {_VERSION}; got "
                f"{type(error).__name__}: {str(error)[:200]}. Write it again."
            ) from error
        return schema

    def __repr__(self) -> str:
        return f"Schema({', '.join(f'{column.name}: {described(column)}' for column in self.columns)})"


def described(column: Column) -> str:
    """The kind of a column in words.

    >>> described(Category("brand", n_buckets=1000)), described(Number("age", side="query"))
    ('category hashed into 1,000', 'number of the query')
    """
    return _kind_in_words(column) + (" of the query" if column.side == "query" else "")


def _kind_in_words(column: Column) -> str:
    if isinstance(column, Category | Bag):
        many = f"hashed into {column.n_buckets:,}" if column.n_buckets else f"of {column.n_codes:,}"
        places = f", up to {column.places} at a time" if isinstance(column, Bag) else ""
        word = "ordered category" if isinstance(column, Category) and column.ordered else column.kind
        return f"{'key' if isinstance(column, Category) and column.key else word} {many}{places}"
    if column.kind == "time":
        return f"time ({', '.join(column.parts)})"  # type: ignore[union-attr]
    if column.kind in ("vector", "text"):
        return f"{column.kind} of {len(column.names):,}"
    return column.kind


def _is_learnt(column: Column) -> bool:
    if isinstance(column, Category | Bag):
        return column.n_buckets is not None or column.vocabulary is not None
    return column.kind != "time" or column.origin is not None  # type: ignore[union-attr]


def _column_to_dict(column: Column) -> dict[str, Any]:
    written: dict[str, Any] = {"kind": column.kind, "name": column.name}
    for field in fields(column):
        value = getattr(column, field.name)
        if field.name != "name" and value != field.default:
            written[field.name] = list(value) if isinstance(value, tuple) else value
    return written


def _column_from_dict(written: Mapping[str, Any]) -> Column:
    made = KINDS[written["kind"]]
    known = {field.name for field in fields(made)}
    values = {name: _checked(name, value) for name, value in written.items() if name != "kind"}
    unknown = sorted(values.keys() - known)
    if unknown:
        raise ValueError(f"{unknown[0]!r} of a {made.kind}")
    return made(**values)


def _checked(name: str, value: Any) -> Any:
    """A value of a file in the type that the field of that name has.

    Raises:
        TypeError: If it has another.
    """
    kind = _TYPES[name]
    if isinstance(value, list) and name in _LISTS:
        good = all(type(one) is kind for one in value)
        value = tuple(value)
        if good and name == "vocabulary":
            good = all(value) and len(set(value)) == len(value)
    else:
        good = name not in _LISTS and type(value) in ((int, float) if kind is float else (kind,))
    if not good or (kind is float and not abs(value) < _FARTHEST):
        raise TypeError(f"{name}={str(value)[:60]!r}")
    return value

"""Which column of a table is what: label, query id, document id, weights, features, or left out, with the reason.

One rule for every door (pandas, polars, Arrow, Parquet, CSV, the estimator):

=======================================  ==================  =================  ==================
type of the column                       as a feature        as label, weight   as qid, doc id
=======================================  ==================  =================  ==================
integers, float16 to float64             its values          its values         whole numbers
booleans                                 0 and 1             0 and 1            refused
decimals                                 its values          its values         whole numbers
objects of numbers, None, NaN, pd.NA     its values          its values         as they are
only missing values                      missing             refused            refused
other categories, runs, extensions       as their values     as their values    as their values
lists of numbers of one length           their numbers       refused            refused
categories of text                       their codes         refused            their text
text of few values                       their codes, said   refused            its text
other text                               left out            refused            its text
dates, times of a day                    day, weekday, hour  refused            refused
lists of text of few values              their codes, said   refused            refused
durations, bytes, structs, other lists   left out            refused            refused
complex numbers, mixed objects           left out            refused            refused, their text
row labels that pandas wrote             left out            if named           if named
unnamed column of row numbers            left out            if named           if named
=======================================  ==================  =================  ==================

What a kind other than a number becomes: :mod:`rankkit.data.columns.kinds`. ``columns=`` names another kind for a
column, and takes text that is left out else; ``schema=`` says all kinds, as training rows had them. Text has few
values where each stands for two rows on average, or for two queries where all rows of a query have one, and where
there are no more than 10,000 of them. Missing values of features are NaN; a label, an id or a weight that is missing
is an error. Columns that are named in ``features`` are taken or refused, never left out; those in ``drop`` count as
not there. Columns called "label", "qid", "doc_id", "doc_weight" and "query_weight" are no features unless they are
named in ``features``.
"""

import difflib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.columns.asking import as_column
from rankkit.data.columns.kinds import Column as Kind
from rankkit.data.columns.schema import Schema
from rankkit.errors import ConfigError, DataError
from rankkit.loaders.tables.arrays import Source
from rankkit.loaders.tables.columns.kinds import LIST, NUMBER, Column
from rankkit.naming import not_utf8, numbered

LABEL, QID, DOC_ID, DOC_WEIGHT, QUERY_WEIGHT = "label", "qid", "doc_id", "doc_weight", "query_weight"
BESIDE = ("position", "propensity", "time", "session", "split")
# These are never taken for features unless they are asked for by name: a label among the features would be a leak.
RESERVED = frozenset({LABEL, QID, DOC_ID, DOC_WEIGHT, QUERY_WEIGHT})


@dataclass(frozen=True)
class Wanted:
    """Column names as the user gave them; None for what the table does not have."""

    label: str | None = LABEL
    qid: str = QID
    features: Sequence[str] | str | None = None
    doc_id: str | None = DOC_ID
    weight: str | None = DOC_WEIGHT
    query_weight: str | None = QUERY_WEIGHT
    drop: Sequence[str] | str | None = None
    columns: Mapping[str, Any] | None = None
    schema: Schema | None = None
    position: str | None = None
    propensity: str | None = None
    time: str | None = None
    session: str | None = None
    split: str | None = None

    def __post_init__(self) -> None:
        for option, kind in (("columns", Mapping), ("schema", Schema)):
            if not isinstance(getattr(self, option), kind | None):
                raise ConfigError(
                    f"{option}: expected {'names and kinds of columns' if option == 'columns' else 'a Schema'}; got "
                    f"{getattr(self, option)!r}. Pass "
                    f"{'a dict such as ' + repr({'brand': 'category'}) if option == 'columns' else 'train.schema'}."
                )
        if self.schema is not None and (self.columns is not None or self.features is not None):
            raise ConfigError(
                "schema: expected a schema without features and columns, which it says already; got both. "
                "Leave one of them out."
            )
        for option in ("features", "drop"):
            names = getattr(self, option)
            if names is not None and not isinstance(names, str):
                object.__setattr__(self, option, tuple(_listed(names)))

    @property
    def dropped(self) -> set[str]:
        """The columns that count as not there."""
        return set() if self.drop is None else set(_listed(self.drop))

    @property
    def unwanted(self) -> set[str]:
        """Columns with the name of a role that was said not to be there."""
        defaults = (QID, LABEL, DOC_ID, DOC_WEIGHT, QUERY_WEIGHT)
        return {name for name, role in zip(defaults, self.roles, strict=True) if role is None}

    @property
    def roles(self) -> tuple[str | None, ...]:
        """The columns that are no features: qid, label, doc_id, weight, query_weight."""
        return self.qid, self.label, self.doc_id, self.weight, self.query_weight

    @property
    def kinds(self) -> dict[str, Kind]:
        """The columns whose kind is named."""
        return {str(name): as_column(str(name), kind) for name, kind in (self.columns or {}).items()}

    @property
    def beside(self) -> dict[str, str]:
        """By role the columns of what is known beside features, labels, ids and weights."""
        given = {role: getattr(self, role) for role in BESIDE}
        return {role: str(name) for role, name in given.items() if name is not None}

    @property
    def listed(self) -> set[str]:
        """The columns that are named as features, or that features are made of."""
        kinds = self.kinds.values()
        named = {source for column in kinds for source in column.sources}
        return named if self.features is None else named | set(_listed(self.features))

    @property
    def named(self) -> set[str]:
        """Every column that the user or a default names."""
        known = () if self.schema is None else self.schema.sources
        return self.listed | {str(name) for name in self.roles if name is not None} | {*self.beside.values(), *known}

    @property
    def required(self) -> set[str]:
        """Every column that has to be there: the query ids, the features, and what is named other than by a default."""
        known = set() if self.schema is None else set(self.schema.sources)
        return (self.named - RESERVED - known) | self.listed | {str(self.qid), *self.beside.values()}


_SHOWN = 20  # columns that one line names

First = Callable[[str], NDArray[Any]]
"""The first values of a column of numbers."""


@dataclass(frozen=True)
class Columns:
    """The columns that a table does have; ``vector`` is set where one list column holds all features.

    ``schema`` is what the features are made of where some are no numbers; those of its columns that are ``flat`` stand
    in the table as numbers. ``beside`` are the columns of roles such as the position, ``learnt`` what there is to
    say of vocabularies. ``left_out`` are those that are no features and nothing else, unasked, each with the reason;
    ``merged`` the places of features whose different values are the same in float32, where they are read as that.
    Features that were named are no guess, and nothing is suspicious about them.
    """

    qid: str | None
    label: str | None
    doc_id: str | None
    weight: str | None
    query_weight: str | None
    features: tuple[str, ...]
    vector: str | None
    left_out: tuple[tuple[str, str], ...] = ()
    merged: tuple[int, ...] = ()
    is_guess: bool = True
    schema: Schema | None = None
    flat: frozenset[str] = frozenset()
    beside: Mapping[str, str] = field(default_factory=dict)
    learnt: tuple[str, ...] = ()

    @property
    def used(self) -> list[str]:
        """Every column to read."""
        return list(dict.fromkeys((*self.roles, *self.of_features)))

    @property
    def of_features(self) -> tuple[str, ...]:
        """The columns that features are made of."""
        if self.schema is None:
            return self.features if self.vector is None else (self.vector,)
        columns = self.schema.columns
        return tuple(
            dict.fromkeys(name for one in columns for name in (one.names if one.name in self.flat else one.sources))
        )

    @property
    def roles(self) -> tuple[str, ...]:
        """The columns that have a role: they are no features unless they are named as such too."""
        roles = (self.qid, self.label, self.doc_id, self.weight, self.query_weight, *self.beside.values())
        return tuple(dict.fromkeys(name for name in roles if name is not None))

    @property
    def ids(self) -> tuple[str, ...]:
        """The columns of ids."""
        ids = (self.qid, self.doc_id, self.beside.get("session"), self.beside.get("split"))
        return tuple(dict.fromkeys(name for name in ids if name is not None))

    @property
    def time(self) -> str | None:
        """The column of times that documents have beside features."""
        return self.beside.get("time")

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the features; None for a list column, and for columns "1", "2", ... without names."""
        if self.schema is not None:
            return self.schema.names
        if self.vector is not None or self.features == numbered(len(self.features)):
            return None
        return self.features

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was left out, in one line; and what was learnt, in others."""
        return (() if not self.left_out else (left_out_line(self.left_out),)) + self.learnt


def left_out_line(left_out: Iterable[tuple[str, str]]) -> str:
    """The names of columns that became nothing, each with the reason.

    >>> left_out_line([("brand", "text"), ("day", "date")])
    'left out: brand (text), day (date)'
    """
    named = [f"{name or repr(name)} ({reason})" for name, reason in left_out]
    more = f", ... ({len(named)} in all)" if len(named) > _SHOWN else ""
    return "left out: " + ", ".join(named[:_SHOWN]) + more


def choose_columns(found: Sequence[Column], wanted: Wanted, source: Source, first: First) -> Columns:
    """Say what each column of a table is.

    Args:
        found: The columns of the table.
        wanted: What the user asked for.
        source: For messages.
        first: Looks at the values of a column whose name says nothing.

    Raises:
        DataError: If a column is missing, twice there, or of a type that cannot serve.
    """
    check_names([column.name for column in found], wanted, source)
    dropped = wanted.dropped
    there = {column.name: column for column in found if column.name not in dropped}
    qid, label, doc_id, weight, query_weight = (
        str(name) if name is not None and str(name) in there else None for name in wanted.roles
    )
    if weight is not None and query_weight is not None:
        raise DataError(
            f"{source.name}: expected weights of documents or of queries; got the columns {weight!r} and "
            f"{query_weight!r}. Pass weight=None or query_weight=None."
        )
    if label is not None and label == qid:
        raise DataError(
            f"{source.name}: expected labels and query ids in columns of their own; got {label!r} as both. "
            "Pass label= and qid= with different columns, or label=None."
        )
    for name in (label, weight, query_weight):
        if name is not None and there[name].kind != NUMBER:
            raise not_numeric(there[name], source)
    roles = {name for name in (qid, label, doc_id, weight, query_weight, *wanted.beside.values()) if name is not None}
    if label is not None and label in wanted.listed:
        raise DataError(
            f"{source.name}: expected features without the label; got {label!r} as both. "
            "Leave it out of features, or pass label=None."
        )
    whose = (str(qid), label, doc_id, weight, query_weight)
    if wanted.features is None:
        others = (roles | wanted.unwanted) - set(wanted.kinds)
        features, left_out = _suitable(there, others, first)
        return Columns(*whose, features, None, left_out, beside=wanted.beside)
    features, vector = _as_named(there, wanted.features, source)
    return Columns(*whose, features, vector, is_guess=False, beside=wanted.beside)


def choose_features(found: Sequence[Column], source: Source, first: First, *, needs_numbers: bool = True) -> Columns:
    """Say which columns of a table are features, where nothing else is wanted of it.

    Args:
        found: The columns of the table.
        source: For messages.
        first: A look at the first values of one.
        needs_numbers: Refuse a table without numbers.

    Raises:
        DataError: If a name is there twice, or nothing is a number.
    """
    check_once([column.name for column in found], source)
    there = {column.name: column for column in found}
    features, left_out = _suitable(there, set(), first)
    if not features and needs_numbers:
        raise no_features(there.values(), (), source)
    return Columns(None, None, None, None, None, features, None, left_out)


def check_names(names: Sequence[str], wanted: Wanted, source: Source) -> None:
    """Check that every column that has to be there is there, once.

    Raises:
        DataError: If one is not, with the name that comes closest.
    """
    check_once(names, source)
    missing = (wanted.required | wanted.dropped) - set(names)
    if missing:
        name = min(missing)
        close = difflib.get_close_matches(name, names, n=1)
        listed = ", ".join(names[:20]) + (f", ... ({len(names)} columns)" if len(names) > 20 else "")
        meant = f" Did you mean {close[0]!r}?" if close else ""
        action = "Name the column of query ids with qid=." if name == wanted.qid else "Name a column that is there."
        raise DataError(f"{source.name}: expected a column {name!r}; got {listed or 'no column'}.{meant} {action}")
    both = sorted(wanted.dropped & wanted.required)
    if both:
        raise DataError(
            f"{source.name}: expected drop to name columns that are not used; got {both[0]!r}. Leave it out of drop."
        )


def check_once(names: Sequence[str], source: Source) -> None:
    """Check that names differ, and can be written.

    Raises:
        DataError: If one is there twice, or has no UTF-8 form.
    """
    fault = not_utf8(names)
    if fault is not None:
        raise DataError(f"{source.name}: expected column names that have a UTF-8 form; got {fault!r}. Rename it.")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(
            f"{source.name}: expected column names that differ; got {twice[0]!r} more than once. Rename one of them."
        )


def _listed(names: Any) -> list[str]:
    """Names as text, of one or several, in whatever they come."""
    several = isinstance(names, Iterable) and not isinstance(names, str)
    return [str(name) for name in names] if several else [str(names)]


def _suitable(
    there: dict[str, Column], roles: set[str], first: First
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The columns of numbers that can be features, and the others with the reason."""
    others = {column.name: _reason(column, first) for column in there.values() if column.name not in roles}
    features = tuple(name for name, reason in others.items() if reason is None)
    return features, tuple((name, reason) for name, reason in others.items() if reason is not None)


def no_features(found: Iterable[Column], roles: Iterable[str], source: Source) -> DataError:
    """The error for a table of which no column can be a feature."""
    shown = {column.name: f"{column.name} ({column.shown})" for column in found}
    known = sorted(set(roles) & shown.keys())
    beside = f" beside {known}" if known else ""
    return DataError(
        f"{source.name}: expected columns of numbers{beside}; got {', '.join(shown.values()) or 'no column'}. "
        "Name the features with features=[...]."
    )


def _reason(column: Column, first: First) -> str | None:
    """Why a column that is nothing else is no feature; None if it is one."""
    if column.name in RESERVED:
        return "reserved name"
    if column.is_row_index:
        return "row index of pandas"
    if column.kind != NUMBER:
        return column.kind
    is_unnamed = not column.name.strip() or column.name.startswith("Unnamed: ")
    return "row numbers" if is_unnamed and _tells_rows_apart(first(column.name)) else None


def _tells_rows_apart(values: NDArray[Any]) -> bool:
    """Whether values are whole numbers of which none comes twice, as the labels of rows are."""
    whole = np.isfinite(values) & (values == np.floor(values)) if values.dtype.kind == "f" else np.True_
    return bool(np.all(whole)) and len(np.unique(values)) == len(values)


def _as_named(
    there: dict[str, Column], wanted: Sequence[str] | str, source: Source
) -> tuple[tuple[str, ...], str | None]:
    if isinstance(wanted, str) and there[wanted].kind == LIST:
        return (), wanted
    features = tuple(_listed(wanted))
    twice = next((name for name, count in Counter(features).items() if count > 1), None)
    if twice is not None:
        raise DataError(f"{source.name}: expected each feature once; got {twice!r} twice. Name it once.")
    if not features:
        raise DataError(f"{source.name}: expected at least one feature; got none. Name one, or leave features out.")
    return features, None


def not_numeric(column: Column, source: Source) -> DataError:
    """The error for a column that should hold numbers."""
    return DataError(
        f"{source.name}: expected numbers in column {column.name!r}; got {column.shown}. "
        "Convert the column to numbers, or name another."
    )

"""Which column of an Arrow table is what: label, query id, document id, weights, features."""

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from rankkit.errors import DataError
from rankkit.loaders.arrays import Source
from rankkit.naming import numbered

LABEL, QID, DOC_ID, DOC_WEIGHT, QUERY_WEIGHT = "label", "qid", "doc_id", "doc_weight", "query_weight"
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

    @property
    def roles(self) -> tuple[str | None, ...]:
        """The columns that are no features: qid, label, doc_id, weight, query_weight."""
        return self.qid, self.label, self.doc_id, self.weight, self.query_weight

    @property
    def listed(self) -> set[str]:
        """The columns that are named as features."""
        return {self.features} if isinstance(self.features, str) else {str(name) for name in self.features or ()}

    @property
    def named(self) -> set[str]:
        """Every column that the user or a default names."""
        return self.listed | {str(name) for name in self.roles if name is not None}

    @property
    def required(self) -> set[str]:
        """Every column that has to be there: the query ids, the features, and what is named other than by a default."""
        return (self.named - RESERVED) | self.listed | {str(self.qid)}


@dataclass(frozen=True)
class Columns:
    """The columns that a table does have; ``vector`` is set where one list column holds all features."""

    qid: str
    label: str | None
    doc_id: str | None
    weight: str | None
    query_weight: str | None
    features: tuple[str, ...]
    vector: str | None

    @property
    def used(self) -> list[str]:
        """Every column to read."""
        vector = () if self.vector is None else (self.vector,)
        return list(dict.fromkeys((*self.roles, *vector, *self.features)))

    @property
    def roles(self) -> tuple[str, ...]:
        """The columns that are no features."""
        roles = (self.qid, self.label, self.doc_id, self.weight, self.query_weight)
        return tuple(name for name in roles if name is not None)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the features; None for a list column, and for columns "1", "2", ... without names."""
        if self.vector is not None or self.features == numbered(len(self.features)):
            return None
        return self.features


def choose_columns(schema: pa.Schema, wanted: Wanted, source: Source) -> Columns:
    """Find the wanted columns in a table.

    Raises:
        DataError: If one is missing, twice there, or of a type that cannot serve.
    """
    check_names(schema.names, wanted, source)
    qid, label, doc_id, weight, query_weight = (
        str(name) if name is not None and str(name) in schema.names else None for name in wanted.roles
    )
    if weight is not None and query_weight is not None:
        raise DataError(
            f"{source.name}: expected weights of documents or of queries; got the columns {weight!r} and "
            f"{query_weight!r}. Pass weight=None or query_weight=None."
        )
    for name in (label, weight, query_weight):
        if name is not None and not is_number(schema.field(name).type):
            raise _not_numeric(schema, name, source)
    roles = {name for name in (qid, label, doc_id, weight, query_weight) if name is not None}
    features, vector = _choose_features(schema, wanted.features, roles, source)
    if label is not None and label in features:
        raise DataError(
            f"{source.name}: expected features without the label; got {label!r} as both. "
            "Leave it out of features, or pass label=None."
        )
    return Columns(str(wanted.qid), label, doc_id, weight, query_weight, features, vector)


def check_names(names: Sequence[str], wanted: Wanted, source: Source) -> None:
    """Check that every column that has to be there is there, once.

    Raises:
        DataError: If one is not, with the name that comes closest.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(
            f"{source.name}: expected column names that differ; got {twice[0]!r} more than once. Rename one of them."
        )
    for name in sorted(wanted.required - set(names)):
        close = difflib.get_close_matches(name, names, n=1)
        listed = ", ".join(names[:20]) + (f", ... ({len(names)} columns)" if len(names) > 20 else "")
        meant = f" Did you mean {close[0]!r}?" if close else ""
        action = "Name the column of query ids with qid=." if name == wanted.qid else "Name a column that is there."
        raise DataError(f"{source.name}: expected a column {name!r}; got {listed or 'no column'}.{meant} {action}")


def is_number(kind: pa.DataType) -> bool:
    """True for the types that become a float32; a column without any value counts as one of missing numbers."""
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_null(kind)
    )


def is_list(kind: pa.DataType) -> bool:
    """True for a column of lists of numbers."""
    listed = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return bool(listed and is_number(kind.value_type))


def _choose_features(
    schema: pa.Schema, wanted: Sequence[str] | str | None, roles: set[str], source: Source
) -> tuple[tuple[str, ...], str | None]:
    if wanted is None:
        taken = RESERVED | roles
        features = tuple(field.name for field in schema if is_number(field.type) and field.name not in taken)
        if not features:
            found = ", ".join(f"{field.name} ({field.type})" for field in schema)
            raise DataError(
                f"{source.name}: expected columns of numbers beside {sorted(roles)}; got {found}. "
                "Name the features with features=[...]."
            )
        return features, None
    if isinstance(wanted, str):
        if wanted in schema.names and is_list(schema.field(wanted).type):
            return (), wanted
        wanted = [wanted]
    features = tuple(str(name) for name in wanted)
    for name in features:
        if not is_number(schema.field(name).type):
            raise _not_numeric(schema, name, source)
    return features, None


def _not_numeric(schema: pa.Schema, name: str, source: Source) -> DataError:
    return DataError(
        f"{source.name}: expected numbers in column {name!r}; got {schema.field(name).type}. "
        "Convert the column to numbers, or name another."
    )

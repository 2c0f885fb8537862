"""Documents for a scorer that knows a schema: codes of its vocabularies, whatever stands where."""

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

from rankkit.data.columns.kinds import Number
from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset, Roles
from rankkit.data.recoding import missing_columns, recode
from rankkit.errors import DataError
from rankkit.loaders.tables.columns.assignment import left_out_line
from rankkit.remarks import say

DEFAULTS = Roles("label", "qid", "doc_id", "doc_weight", "query_weight")


def with_schema(where: str, scorer: object, data: RankingDataset) -> RankingDataset:
    """The documents with the codes of the schema that a scorer, or a data set, knows.

    Raises:
        DataError: If a column is missing or of another kind, or numbers have the name of something else.
    """
    schema: Schema | None = getattr(scorer, "schema", None)
    if schema is None or data.schema == schema or (data.schema is None and data.feature_names is None):
        return data
    if data.schema is None:
        other = next((column.name for column in schema.columns if not isinstance(column, Number)), None)
        if other is not None and data.feature_names != schema.names:
            raise DataError(
                f"{where}: expected columns as the ranker was trained on, {schema!r}; got numbers alone. "
                "Read the data with schema=scorer.schema."
            )
        return data
    known = {column.name for column in schema.columns}
    say_left_out(where, sorted(known), [column.name for column in data.schema.columns])
    try:
        return recode(data, schema)
    except DataError as error:
        raise DataError(str(error).replace("recode:", f"{where}:", 1)) from None


def columns_by_schema(
    where: str, schema: Schema, found: Sequence[str], given: Roles, remembered: Roles, with_labels: bool
) -> dict[str, Any]:
    """Which columns of a table to read, as keywords of the readers, which find those of the schema themselves.

    Raises:
        DataError: If one of the schema is missing.
    """
    there = set(found)

    def column(role: str) -> str | None:
        known = (getattr(given, role), getattr(remembered, role), getattr(DEFAULTS, role))
        return next((name for name in known if name is not None and name in there), None)

    missing = [name for one in schema.columns for name in one.sources if name not in there]
    flat = {name for one in schema.columns if set(one.names) <= there for name in one.sources}
    if set(missing) - flat:
        raise DataError(missing_columns(where, sorted(set(missing) - flat), list(found)))
    qid = given.qid or column("qid") or remembered.qid or "qid"
    doc_id = column("doc_id")
    label = (given.label or column("label")) if with_labels else given.label
    # Columns that had a role in training are no surprise here.
    others = {*astuple(remembered), *astuple(DEFAULTS)} - {label, qid, doc_id, *schema.sources, *schema.names}
    return {
        "label": label,
        "qid": qid,
        "doc_id": doc_id,
        "schema": schema,
        "drop": [name for name in found if name in others],
        "weight": None,
        "query_weight": None,
    }


def say_left_out(where: str, wanted: Sequence[str], found: Sequence[str]) -> None:
    """Warn of the names that are there and not wanted."""
    known = set(wanted)
    others = [name for name in found if name not in known]
    if others:
        say(f"{where}: {left_out_line((name, 'no feature of the ranker') for name in others)}")

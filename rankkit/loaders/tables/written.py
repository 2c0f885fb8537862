"""What rankkit writes beside the columns of a Parquet or Arrow file: the schema of the features, and the roles."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pyarrow as pa

from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import DataError
from rankkit.loaders.tables.arrays import Source
from rankkit.loaders.tables.columns.assignment import BESIDE, RESERVED, Wanted
from rankkit.naming import named

KEY = b"rankkit"
"""In the metadata of an Arrow schema."""


def metadata_of(data: RankingDataset) -> dict[bytes, bytes] | None:
    """What to write; None where columns of numbers say all there is to say."""
    if data.schema is None and not data.beside:
        return None
    written = {
        "schema": None if data.schema is None else data.schema.to_dict(),
        "features": list(named(data.feature_names, data.n_features)) if data.schema is None else [],
        "beside": beside_names(data),
    }
    return {KEY: json.dumps(written).encode()}


def beside_names(data: RankingDataset) -> dict[str, str]:
    """By role, what the column of what is known beside the features is called."""
    given: Mapping[str, Any] = {} if data.roles is None else vars(data.roles)
    return {role: given.get(role) or role for role in data.beside}


def as_written(types: pa.Schema, wanted: Wanted, source: Source) -> tuple[Wanted, str | None]:
    """What is wanted of a file that rankkit wrote, if its columns are still those, and a remark if they are not.

    Kinds and roles that the user names come first.

    Raises:
        DataError: If what stands there makes no sense.
    """
    text = (types.metadata or {}).get(KEY)
    if text is None or wanted.schema is not None or wanted.columns is not None or wanted.features is not None:
        return wanted, None
    try:
        written = json.loads(text)
        schema = None if written["schema"] is None else Schema.from_dict(written["schema"])
        features = {str(name) for name in written["features"]}
        beside = {str(role): str(name) for role, name in written["beside"].items() if role in BESIDE}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"{source.name}: expected the schema that rankkit wrote; got {str(error)[:200]}. Write the file again, or "
            "name the kinds with columns=."
        ) from error
    known = set(beside.values()) | RESERVED | features
    for one in () if schema is None else schema.columns:
        known |= set(one.names) if set(one.names) <= set(types.names) else {one.name}
    if known - RESERVED != set(types.names) - RESERVED:
        return wanted, "its columns are other than rankkit wrote: what they are is learnt anew."
    given = {field.name: getattr(wanted, field.name) for field in fields(wanted) if field.name in BESIDE}
    roles: dict[str, Any] = {
        role: name for role, name in beside.items() if given[role] is None and name not in wanted.dropped
    }
    return replace(wanted, schema=schema, **roles), None

"""Data frames and whatever else has columns, as an Arrow table."""

import sys
from typing import Any

import pyarrow as pa

from rankkit.errors import DataError
from rankkit.loaders.tables.arrays import Source
from rankkit.loaders.tables.tabular import is_frame


def as_table(given: Any, source: Source) -> pa.Table:
    """An Arrow table of a pandas or polars frame, an Arrow table or stream, a Hugging Face data set.

    Raises:
        DataError: If Arrow has no such columns.
    """
    try:
        if isinstance(given, pa.Table):
            return given
        if is_frame(given):
            pandas: Any = sys.modules["pandas"]
            named = given.reset_index() if any(name is not None for name in given.index.names) else given
            columns = {str(name): named[name] for name in named.columns}
            if len(columns) < named.shape[1]:
                raise DataError(f"{source.name}: expected columns of different names; got some twice. Rename them.")
            return pa.table({name: pa.Array.from_pandas(pandas.Series(column)) for name, column in columns.items()})
        if hasattr(given, "with_format"):
            return given.with_format("arrow")[:]
        return pa.table(given)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
        raise DataError(
            f"{source.name}: expected columns that Arrow can hold; got '{str(error)[:200]}'. Convert them, or pass "
            "only the columns of users, items, times and values."
        ) from error

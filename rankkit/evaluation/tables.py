"""Writing a table of values a query, with what it is about in its metadata."""

import os
from typing import TYPE_CHECKING

from rankkit.files.atomic import replacing

if TYPE_CHECKING:
    import pandas as pd


def write_parquet(frame: "pd.DataFrame", about: str, path: str | os.PathLike[str]) -> None:
    """Write a table to a Parquet file, as a whole or not at all; ``about`` stands in its metadata as ``rankkit``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), "rankkit": about})
    with replacing(path) as temporary:
        pq.write_table(table, temporary)

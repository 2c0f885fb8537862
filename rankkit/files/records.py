"""JSON and tables of a comparison, each file whole or not at all."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankkit.files.atomic import replacing, write_text

if TYPE_CHECKING:
    import pandas as pd


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, keys in the order given; NaN is refused."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """What :func:`write_json` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_parquet(path: Path, frame: "pd.DataFrame") -> None:
    """Write a frame without its index."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with replacing(path) as temporary:
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), temporary)

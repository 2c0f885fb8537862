"""read_blocks(): the rows of a file of any format, some at a time."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

from rankkit.loaders.files import check_options, indices_of
from rankkit.loaders.formats import Kind, kind_of
from rankkit.loaders.row_blocks import RowBlock, ScatteredError
from rankkit.loaders.sources import format_line
from rankkit.remarks import say

_OF_LETOR = ("n_features", "group_file", "zero_based", "labels", "on_bad_line")


def read_blocks(path: Path, **options: Any) -> Generator[RowBlock, None, None]:
    """The rows that :func:`rankkit.read` reads, in the order of the file; what is to be said is said in the end.

    Args:
        path: A file or folder, as :func:`rankkit.loaders.sources.as_file` gives it.
        **options: Of :func:`rankkit.read`, but for ``cache``, and of tables for ``n_features``.

    Raises:
        ConfigError: If options are of another kind of data.
        DataError: As :func:`rankkit.read`.
        ScatteredError: If the rows are read at once all the same: a cache is mapped into memory, rows that are to be
            regrouped may be anywhere.
    """
    kind = kind_of(path)
    check_options(path, kind, options)
    if kind == "cache" or options.get("regroup"):
        raise ScatteredError
    if kind == "letor":
        from rankkit.loaders.letor.streaming import read_letor_blocks

        chosen = {name: options[name] for name in _OF_LETOR if name in options}
        for name in ("features", "drop"):
            if options.get(name) is not None:
                chosen[name] = tuple(indices_of(path, name, options[name]))
        yield from read_letor_blocks(path, **chosen)
    else:
        yield from _of_table(path, kind, {name: value for name, value in options.items() if name not in _OF_LETOR})
    guessed = format_line(path)
    if guessed is not None:
        say(f"{path}: {guessed}")


def _of_table(path: Path, kind: Kind, options: dict[str, Any]) -> Generator[RowBlock, None, None]:
    from rankkit.loaders.tables.arrow_files import ARROW, PARQUET, read_file_blocks
    from rankkit.loaders.tables.columns.assignment import Wanted
    from rankkit.loaders.tables.record_batches import read_blocks as read_batch_blocks
    from rankkit.loaders.tables.tabular import open_table

    options.pop("regroup", None)
    wanted = Wanted(**options)
    if kind == "csv":
        return read_batch_blocks(*open_table(path, wanted))
    return read_file_blocks(path, wanted, PARQUET if kind == "parquet" else ARROW)

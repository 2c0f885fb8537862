"""``rankkit convert``: the same ranking data in another format."""

from pathlib import Path
from typing import Annotated

import typer


def convert(
    source: Annotated[
        Path,
        typer.Argument(help="LETOR text, Parquet, Arrow, CSV or a cache; text also compressed.", show_default=False),
    ],
    target: Annotated[
        Path, typer.Argument(help="The extension says the format; .rkcache is a cache.", show_default=False)
    ],
    label: Annotated[str, typer.Option(help="Label column of a table.")] = "label",
    qid: Annotated[str, typer.Option(help="Query id column of a table.")] = "qid",
    group_file: Annotated[
        Path | None, typer.Option(help="Rows of each query, for LETOR text without qid (.query, .group).")
    ] = None,
    on_bad_line: Annotated[
        str, typer.Option(help="Rows of LETOR text that cannot be read: error, or skip to leave them out.")
    ] = "error",
) -> None:
    """Convert between LETOR text, Parquet, Arrow, CSV and the cache, without loss; LETOR text holds no feature names.

    Text of any size goes into a cache (train.rkcache) in constant memory; a cache opens in an instant, memory-mapped.
    """
    from rankkit.loaders.files import convert

    data = convert(source, target, label=label, qid=qid, group_file=group_file, on_bad_line=on_bad_line)
    typer.echo(f"{target}: {data.n_docs:,} rows of {data.n_queries:,} queries, {data.n_features} features")

"""``rankkit convert``: the same ranking data in another format."""

from pathlib import Path
from typing import Annotated

import typer

from rankkit.cli.absent import refuse_absent
from rankkit.cli.data.options import Reading, reads_data
from rankkit.cli.next_step import suggest
from rankkit.numbers import how_many


@reads_data()
def convert(
    source: Annotated[
        Path,
        typer.Argument(help="LETOR text, Parquet, Arrow, CSV or a cache; text also compressed.", show_default=False),
    ],
    target: Annotated[
        Path, typer.Argument(help="The extension says the format; .rkcache is a cache.", show_default=False)
    ],
    *,
    reading: Reading,
) -> None:
    """Convert between LETOR text, Parquet, Arrow, CSV and the cache, without loss; LETOR text holds no feature names.

    Text of any size goes into a cache (train.rkcache) in constant memory; a cache opens in an instant, memory-mapped.
    """
    refuse_absent(source)
    from rankkit.loaders.files import convert

    data = convert(source, target, **reading)
    rows, queries = how_many(data.n_docs, "row"), how_many(data.n_queries, "query")
    typer.echo(f"{target}: {rows} of {queries}, {how_many(data.n_features, 'feature')}", err=str(target) == "-")
    if str(target) != "-":
        suggest("rankkit", "inspect", target)

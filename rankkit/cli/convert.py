"""``rankkit convert``: the same ranking data in another format."""

from pathlib import Path
from typing import Annotated

import typer


def convert(
    source: Annotated[Path, typer.Argument(help="LETOR text (.txt, .gz), Parquet or CSV.", show_default=False)],
    target: Annotated[Path, typer.Argument(help="The extension says the format.", show_default=False)],
    label: Annotated[str, typer.Option(help="Label column of a Parquet or CSV source.")] = "label",
    qid: Annotated[str, typer.Option(help="Query id column of a Parquet or CSV source.")] = "qid",
) -> None:
    """Convert between LETOR text, Parquet and CSV without loss; LETOR text holds no feature names."""
    from rankkit.loaders.files import read, write

    data = read(source, label=label, qid=qid)
    write(data, target)
    typer.echo(f"{target}: {data.n_docs:,} rows of {data.n_queries:,} queries, {data.n_features} features")

"""``rankkit inspect``: what a file of ranking data holds, and what looks wrong with it."""

from pathlib import Path
from typing import Annotated

import typer


def inspect(
    path: Annotated[Path, typer.Argument(help="LETOR text (.txt, .gz), Parquet or CSV.", show_default=False)],
    label: Annotated[str, typer.Option(help="Label column of a Parquet or CSV file.")] = "label",
    qid: Annotated[str, typer.Option(help="Query id column of a Parquet or CSV file.")] = "qid",
) -> None:
    """Show rows, queries, labels, list sizes, constant features and warnings of a file."""
    from rankkit.loaders.files import read
    from rankkit.loaders.summary import summarize

    data = read(path, label=label, qid=qid)
    typer.echo(f"{path}\n{summarize(data)}")

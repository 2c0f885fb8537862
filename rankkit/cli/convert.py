"""``rankkit convert``: the same ranking data in another format."""

from pathlib import Path
from typing import Annotated

import typer

from rankkit.cli.data_options import GroupFile, Label, Labels, OnBadLine, Qid, Regroup
from rankkit.cli.next_step import suggest


def convert(
    source: Annotated[
        Path,
        typer.Argument(help="LETOR text, Parquet, Arrow, CSV or a cache; text also compressed.", show_default=False),
    ],
    target: Annotated[
        Path, typer.Argument(help="The extension says the format; .rkcache is a cache.", show_default=False)
    ],
    label: Label = "label",
    qid: Qid = "qid",
    group_file: GroupFile = None,
    regroup: Regroup = False,
    labels: Labels = "grades",
    on_bad_line: OnBadLine = "error",
) -> None:
    """Convert between LETOR text, Parquet, Arrow, CSV and the cache, without loss; LETOR text holds no feature names.

    Text of any size goes into a cache (train.rkcache) in constant memory; a cache opens in an instant, memory-mapped.
    """
    from rankkit.loaders.files import convert

    data = convert(
        source,
        target,
        label=label,
        qid=qid,
        group_file=group_file,
        regroup=regroup,
        labels=labels,
        on_bad_line=on_bad_line,
    )
    typer.echo(f"{target}: {data.n_docs:,} rows of {data.n_queries:,} queries, {data.n_features} features")
    suggest("rankkit", "inspect", target)

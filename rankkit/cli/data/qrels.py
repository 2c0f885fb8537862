"""``rankkit qrels``: the labels of ranking data as TREC relevance judgments."""

from pathlib import Path
from typing import Annotated

import typer

from rankkit.cli.absent import refuse_absent
from rankkit.cli.data.options import Reading, reads_data
from rankkit.cli.next_step import suggest
from rankkit.numbers import how_many


@reads_data()
def qrels(
    data: Annotated[Path, typer.Argument(help="Labelled data with document ids, of any format.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Where to write the judgments; compressed for .gz.", show_default=False)],
    *,
    reading: Reading,
) -> None:
    """Write the labels as TREC qrels, which rankkit evaluate --qrels, trec_eval and ir_measures read."""
    refuse_absent(data)
    from rankkit.errors import ConfigError
    from rankkit.files.places import check_place
    from rankkit.loaders.files import read
    from rankkit.loaders.trec import write_qrels

    check_place(out)

    if str(out) != "-" and out.resolve() == data.resolve():
        raise ConfigError(
            f"--out: expected another file than the data; got {str(out)!r} for both. Choose another name."
        )
    documents = read(data, **reading)
    write_qrels(documents, out)
    typer.echo(
        f"{out}: {how_many(documents.n_docs, 'judgment')} of {how_many(documents.n_queries, 'query')}",
        err=str(out) == "-",
    )
    if str(out) != "-":
        suggest("rankkit", "evaluate", "--qrels", out, "--run", "FILE.run")

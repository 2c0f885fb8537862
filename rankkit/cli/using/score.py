"""``rankkit score``: the scores of new data, in the order of its rows."""

from pathlib import Path
from typing import Annotated

import typer

from rankkit.cli.absent import refuse_absent
from rankkit.cli.data.options import BESIDE, Reading, reads_data
from rankkit.cli.next_step import suggest
from rankkit.numbers import how_many


@reads_data(known_to="as in training", without={"n_features", *BESIDE})
def score(
    run: Annotated[Path, typer.Argument(help="Folder of a saved ranker, or file of trees.", show_default=False)],
    data: Annotated[
        Path, typer.Argument(help="Data with or without labels: LETOR text, Parquet or CSV.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="Where to write: .parquet or .csv (qid, doc_id, score), .txt (one a line), .run or .trec (TREC run).",
            show_default=False,
        ),
    ],
    *,
    reading: Reading,
) -> None:
    """Score data with a saved ranker; row order is kept.

    Files of any length are scored block by block: memory holds a block, not the file.
    """
    refuse_absent(data, model=run, out=out)
    from rankkit import bundle
    from rankkit.errors import ConfigError
    from rankkit.evaluation.streaming import score_file
    from rankkit.loaders.scores import check_scores_target

    if str(out) != "-" and out.resolve() == data.resolve():
        raise ConfigError(
            f"--out: expected another file than the data; got {str(out)!r} for both. Choose another name."
        )
    check_scores_target(out)
    scorer = bundle.load_scorer(run)
    n_scores, n_queries = score_file(scorer, data, out, tag=run.name, reading=reading)
    typer.echo(
        f"{out}: {how_many(n_scores, 'score')} of {how_many(n_queries, 'query')}, in row order", err=str(out) == "-"
    )
    if str(out) != "-":
        suggest("rankkit", "export", run, "--to", "onnx", "--out", "ranker.onnx")

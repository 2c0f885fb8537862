"""``rankkit score``: the scores of new data, in the order of its rows."""

from pathlib import Path
from typing import Annotated

import typer

from rankkit.cli.data.options import BESIDE, Reading, reads_data
from rankkit.cli.next_step import suggest


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
    """Score data with a saved ranker; row order is kept."""
    from rankkit import bundle, evaluation
    from rankkit.errors import ConfigError
    from rankkit.evaluation.matching import read_documents
    from rankkit.loaders.scores import check_scores_target, write_scores

    if str(out) != "-" and out.resolve() == data.resolve():
        raise ConfigError(
            f"--out: expected another file than the data; got {str(out)!r} for both. Choose another name."
        )
    check_scores_target(out)
    scorer = bundle.load_scorer(run)
    documents = read_documents(data, scorer, with_labels=False, **reading)
    scores = evaluation.predict(scorer, documents)
    write_scores(documents, scores, out, tag=run.name)
    typer.echo(f"{out}: {len(scores):,} scores of {documents.n_queries:,} queries, in row order", err=str(out) == "-")
    if str(out) != "-":
        suggest("rankkit", "export", run, "--to", "onnx", "--out", "ranker.onnx")

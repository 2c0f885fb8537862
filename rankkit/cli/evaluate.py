"""``rankkit evaluate``: how well a saved ranker orders labelled data."""

import json
from pathlib import Path
from typing import Annotated

import typer

from rankkit.cli.data_options import GroupFile, Label, Labels, Qid, Regroup


def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of a saved ranker.", show_default=False)],
    data: Annotated[Path, typer.Argument(help="Labelled data: LETOR text, Parquet or CSV.", show_default=False)],
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Repeat for several, as ndcg@10, mrr@10, map.", show_default="ndcg@10, mrr@10"),
    ] = None,
    empty: Annotated[
        str, typer.Option(help="What a query without a relevant document counts: zero, skip, one, error.")
    ] = "zero",
    ties: Annotated[
        str, typer.Option(help="Order of tied scores: pessimistic, expected, stable, trec.")
    ] = "pessimistic",
    per_query: Annotated[Path | None, typer.Option(help="Write each query's values to this Parquet file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    label: Label = "label",
    qid: Qid = "qid",
    group_file: GroupFile = None,
    regroup: Regroup = False,
    labels: Labels = "grades",
) -> None:
    """Evaluate a saved ranker; prints the convention with the numbers."""
    from rankkit import bundle, evaluation
    from rankkit.errors import ConfigError
    from rankkit.loaders.files import read

    if per_query is not None and per_query.suffix != ".parquet":
        raise ConfigError(f"--per-query: expected a name that ends in .parquet; got {str(per_query)!r}. Rename it.")

    scorer = bundle.load(run)
    report = evaluation.evaluate(
        scorer,
        read(
            data,
            n_features=scorer.n_features,
            label=label,
            qid=qid,
            group_file=group_file,
            regroup=regroup,
            labels=labels,
        ),
        metric or ["ndcg@10", "mrr@10"],
        empty=empty,
        ties=ties,
    )
    if per_query is not None:
        report.to_parquet(per_query)
    typer.echo(json.dumps(report.to_dict(), indent=2) if as_json else str(report))

"""``rankkit evaluate``: a saved ranker on labelled data, a saved encoder on unseen classes, a TREC run on judgments."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rankkit.cli.data.options import BESIDE, Reading, reads_data, refuse_reading
from rankkit.cli.next_step import suggest
from rankkit.cli.using.evaluate_encoder import evaluate_saved_encoder

if TYPE_CHECKING:
    from rankkit.evaluation import Evaluation, ProtocolTable, RunEvaluation
    from rankkit.similarity import SimilarityReport


@reads_data(known_to="as in training", without={"n_features", *BESIDE})
def evaluate(
    run: Annotated[
        Path | None,
        typer.Argument(help="Folder of a saved ranker or encoder, or file of trees.", show_default=False),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Argument(
            help="Labelled data: LETOR text, Parquet or CSV; of an encoder images, .npz, Parquet, digits or glyphs.",
            show_default=False,
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            "-m",
            help="Repeat for several, as ndcg@10, mrr@10, map; with --qrels as nDCG@10, RR, AP.",
            show_default="ndcg@10, mrr@10; of an encoder map_at_r, hit_rate@1, mrr; with --qrels nDCG@10, RR, AP",
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            help="Whose conventions: rankkit, trec, letor3, letor4, mslr, lightgbm, xgboost, catboost, ranklib, "
            "allrank, sklearn, ranx, tf-ranking.",
            show_default="rankkit",
        ),
    ] = None,
    all_protocols: Annotated[
        bool, typer.Option("--all-protocols", help="One table with the number that each of these tools would print.")
    ] = False,
    empty: Annotated[
        str | None,
        typer.Option(
            help="What a query without a relevant document counts: zero, skip, one, error.",
            show_default="the protocol's; zero",
        ),
    ] = None,
    ties: Annotated[
        str | None,
        typer.Option(
            help="Order of tied scores: pessimistic, expected, stable, trec.",
            show_default="the protocol's; pessimistic",
        ),
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option(help="TREC judgments, in place of RUN and DATA.", show_default=False)
    ] = None,
    trec_run: Annotated[
        Path | None, typer.Option("--run", help="TREC run to judge by --qrels, with trec_eval.", show_default=False)
    ] = None,
    ways: Annotated[
        list[int] | None,
        typer.Option(help="Of an encoder: classes of an episode. Repeatable.", show_default="5, 20"),
    ] = None,
    shots: Annotated[
        int, typer.Option(min=1, metavar="COUNT", help="Of an encoder: labelled examples of each class of an episode.")
    ] = 1,
    n_episodes: Annotated[
        int, typer.Option("--episodes", min=2, metavar="COUNT", help="Of an encoder: how many episodes are drawn.")
    ] = 600,
    all_classes: Annotated[
        bool, typer.Option("--all-classes", help="Of an encoder: classes it was trained on, too.")
    ] = False,
    per_query: Annotated[Path | None, typer.Option(help="Write each query's values to this Parquet file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    *,
    reading: Reading,
) -> None:
    """Evaluate a saved ranker or encoder, or a TREC run by --qrels and --run; prints its convention."""
    from rankkit import bundle, evaluation
    from rankkit.errors import ConfigError
    from rankkit.files.places import check_place

    if per_query is not None and per_query.suffix != ".parquet":
        raise ConfigError(f"--per-query: expected a name that ends in .parquet; got {str(per_query)!r}. Rename it.")
    if per_query is not None:
        check_place(per_query)
    rules = {"--protocol": protocol, "--empty": empty, "--ties": ties}
    report: Evaluation | ProtocolTable | RunEvaluation | SimilarityReport
    about: Mapping[str, Any] = {}
    if qrels is not None or trec_run is not None:
        _refuse("--qrels", {"RUN": run, **rules, "--all-protocols": all_protocols or None})
        refuse_reading("--qrels", reading)
        report = _evaluate_files(qrels, trec_run, metric)
    else:
        if run is None or data is None:
            raise ConfigError(
                "rankkit evaluate: expected RUN and DATA, or --qrels and --run; got "
                f"{'nothing' if run is None else 'RUN alone'}. Name the folder of a saved ranker and labelled data."
            )
        if all_protocols:
            _refuse("--all-protocols", {**rules, "--per-query": per_query})
        for name in metric or ():
            evaluation.parse_metric(name)
        evaluation.resolve_protocol(protocol or "rankkit", empty, ties)
        model, about = bundle.read(run)
        if "encoder" in about:
            _refuse(f"{run}, an encoder", {**rules, "--all-protocols": all_protocols or None, "--per-query": per_query})
            refuse_reading(f"{run}, an encoder", reading, "label")
            report = evaluate_saved_encoder(
                model,
                run,
                data,
                metric,
                ways,
                shots=shots,
                n_episodes=n_episodes,
                all_classes=all_classes,
                label=reading.get("label", "label"),
            )
        elif all_protocols:
            report = _evaluate_ranker(model, data, reading, metric, {}, every=True)
        else:
            options: dict[str, Any] = {"protocol": protocol or "rankkit", "empty": empty, "ties": ties}
            report = _evaluate_ranker(model, data, reading, metric, options, every=False)
    if per_query is not None:
        report.to_parquet(per_query)  # type: ignore[union-attr]
    typer.echo(json.dumps(report.to_dict(), indent=2) if as_json else str(report))
    if run is not None and data is not None:  # of TREC files there is nothing more to say
        suggest("rankkit", "neighbours" if "encoder" in about else "explain", run, data)


def _refuse(option: str, others: dict[str, Any]) -> None:
    from rankkit.errors import ConfigError

    given = [name for name, value in others.items() if value is not None]
    if given:
        raise ConfigError(f"{option}: expected it without {', '.join(given)}, which it leaves no room for. Drop one.")


def _evaluate_files(qrels: Path | None, run: Path | None, metric: list[str] | None) -> "RunEvaluation":
    from rankkit import evaluation
    from rankkit.errors import ConfigError

    if qrels is None or run is None:
        lacking = "--qrels" if qrels is None else "--run"
        raise ConfigError(f"rankkit evaluate: expected both --qrels and --run; got one. Add {lacking}.")
    return evaluation.evaluate_run(qrels, run, metric or ["nDCG@10", "RR", "AP"])


def _evaluate_ranker(
    scorer: Any,
    data: Path,
    reading: dict[str, Any],
    metric: list[str] | None,
    options: dict[str, Any],
    *,
    every: bool,
) -> "Evaluation | ProtocolTable":
    from rankkit import evaluation
    from rankkit.errors import DataError
    from rankkit.evaluation.matching import read_documents

    documents = read_documents(data, scorer, **reading)
    if documents.labels is None:
        column = getattr(getattr(scorer, "roles", None), "label", None) or "label"
        raise DataError(
            f"{data}: expected a column {column!r}, or rows with labels; got none. Name the column of labels with "
            "label=, or use rankkit.predict()."
        )
    metrics = metric or ["ndcg@10", "mrr@10"]
    if every:
        return evaluation.evaluate_protocols(scorer, documents, metrics)
    return evaluation.evaluate(scorer, documents, metrics, **options)

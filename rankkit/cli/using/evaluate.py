"""``rankkit evaluate``: a saved ranker on labelled data, a saved encoder on unseen classes, a TREC run on judgments."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rankkit.cli.absent import refuse_absent
from rankkit.cli.data.options import BESIDE, Reading, reads_data, refuse_reading
from rankkit.cli.next_step import suggest

if TYPE_CHECKING:
    from rankkit.evaluation import RunEvaluation


@reads_data(known_to="as in training", without={"n_features", *BESIDE})
def evaluate(
    run: Annotated[
        Path | None,
        typer.Argument(help="Folder of a saved ranker, encoder or recommender, or file of trees.", show_default=False),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Argument(
            help="Labelled data: LETOR text, Parquet or CSV; of an encoder images, .npz, Parquet, digits or glyphs; "
            "of a recommender its log.",
            show_default=False,
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            "-m",
            help="Repeat for several, as ndcg@10, mrr@10, map; of a recommender also coverage@10, gini@10, novelty@10; "
            "with --qrels as nDCG@10, RR, AP.",
            show_default="ndcg@10, mrr@10; of an encoder map_at_r, hit_rate@1, mrr; of a recommender ndcg@10, "
            "recall@10; with --qrels nDCG@10, RR, AP",
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            help="Whose conventions: rankkit, trec, letor3, letor4, mslr, lightgbm, xgboost, catboost, ranklib, "
            "allrank, sklearn, ranx, tf-ranking; of a recommender also recbole, rectools, cornac, irspack, implicit, "
            "recommenders.",
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
        int | None,
        typer.Option(
            min=1,
            metavar="COUNT",
            help="Of an encoder: labelled examples of each class of an episode.",
            show_default="1",
        ),
    ] = None,
    n_episodes: Annotated[
        int | None,
        typer.Option(
            "--episodes",
            min=2,
            metavar="COUNT",
            help="Of an encoder: how many episodes are drawn.",
            show_default="600",
        ),
    ] = None,
    all_classes: Annotated[
        bool, typer.Option("--all-classes", help="Of an encoder: classes it was trained on, too.")
    ] = False,
    sampled: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="COUNT",
            help="Of a recommender: besides, each held-out item among so many drawn ones, and corrected.",
            show_default=False,
        ),
    ] = None,
    per_query: Annotated[Path | None, typer.Option(help="Write each query's values to this Parquet file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    *,
    reading: Reading,
) -> None:
    """Evaluate a saved ranker, encoder or recommender, or a TREC run by --qrels and --run; prints its convention."""
    if qrels is None and trec_run is None and data is not None and not (all_protocols or empty or ties or protocol):
        refuse_absent(data, model=run, out=per_query)
    from rankkit import bundle, evaluation
    from rankkit.cli.kinds.commands import Asked, commands_of
    from rankkit.errors import ConfigError
    from rankkit.evaluation.beyond import is_beyond
    from rankkit.evaluation.catalogue import RECOMMENDER_PROTOCOLS
    from rankkit.files.places import check_place
    from rankkit.tasks.known import task_of_model

    if per_query is not None and per_query.suffix != ".parquet":
        raise ConfigError(f"--per-query: expected a name that ends in .parquet; got {str(per_query)!r}. Rename it.")
    if per_query is not None:
        check_place(per_query)
    rules = {"--protocol": protocol, "--empty": empty, "--ties": ties}
    report: Any
    advice: tuple[str | Path, ...] = ()
    if qrels is not None or trec_run is not None:
        _refuse("--qrels", {"RUN": run, **rules, "--all-protocols": all_protocols or None, "--sampled": sampled})
        refuse_reading("--qrels", reading)
        report = _evaluate_files(qrels, trec_run, metric)
    else:
        if run is None or data is None:
            raise ConfigError(
                "rankkit evaluate: expected RUN and DATA, or --qrels and --run; got "
                f"{'nothing' if run is None else 'RUN alone'}. Name the folder of a saved ranker and labelled data."
            )
        if all_protocols:
            _refuse("--all-protocols", {**rules, "--per-query": per_query, "--sampled": sampled})
        for name in metric or ():
            if not is_beyond(name):
                evaluation.parse_metric(name)
        evaluation.resolve_protocol(protocol or "rankkit", empty, ties, presets=RECOMMENDER_PROTOCOLS)
        model, about = bundle.read(run)
        commands = commands_of(task_of_model(bundle.kind_of(about)))
        own = {"--ways": ways, "--shots": shots, "--episodes": n_episodes, "--all-classes": all_classes or None}
        own["--sampled"] = sampled
        given = {**rules, "--all-protocols": all_protocols or None, "--per-query": per_query, **own}
        asked = {name: value for name, value in given.items() if value is not None}
        report = commands.evaluate(Asked(run, model, data, metric, asked, reading))
        advice = commands.evaluated(run, data)
    if per_query is not None:
        report.to_parquet(per_query)
    typer.echo(json.dumps(report.to_dict(), indent=2) if as_json else str(report))
    if advice:
        suggest(*advice)


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

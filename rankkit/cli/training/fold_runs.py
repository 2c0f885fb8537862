"""``rankkit train --folds``: one run a fold, each in a folder of its own, and one table of them all."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import typer

from rankkit.cli.experiments.config import save_experiment
from rankkit.cli.kinds.commands import load_experiment
from rankkit.cli.kinds.ranking.training_file import Experiment
from rankkit.cli.training.beginning import FirstStep
from rankkit.cli.training.run import run
from rankkit.cli.training.run_folder import EXPERIMENT_FILE, refuse_run, trained
from rankkit.data.text_ids import id_texts, join_ids
from rankkit.errors import ConfigError
from rankkit.evaluation import Evaluation, Protocol
from rankkit.loaders.folds import FoldFiles, find_folds
from rankkit.training import TrainingInterrupted

RESULT = "evaluation.parquet"
"""The values of each query, written when a fold is finished."""


def run_folds(experiment: Experiment, *, resume: bool, track: Sequence[str] = ()) -> None:
    """Train and evaluate on each fold; with ``resume``, those that are finished are not run again."""
    folds = find_folds(Path(str(experiment.data.folds)))
    runs = {files.name: _experiment_of(experiment, files) for files in folds}
    for fold in runs.values():
        if not resume:
            refuse_run(fold.out)
        elif (fold.out / RESULT).is_file():
            _check_same(fold)
    part = next((role for role in ("test", "valid") if all(getattr(files, role) for files in folds)), None)
    begun = FirstStep(lambda: save_experiment(experiment, experiment.out / EXPERIMENT_FILE))
    results = {}
    for name, fold in runs.items():
        if resume and (fold.out / RESULT).is_file():
            typer.echo(f"=== {name}: finished before\n")
            results[name] = _load(fold.out / RESULT)
            continue
        typer.echo(f"=== {name}")
        try:
            reports = run(fold, resume=resume, track=track, callbacks=[begun])
        except TrainingInterrupted:
            typer.echo(f"Go on with this and the other folds: rankkit train --out {experiment.out} --resume", err=True)
            raise
        typer.echo()
        if part is not None:
            with trained(experiment.out):
                reports[part].to_parquet(fold.out / RESULT)
            results[name] = reports[part]
    if results:
        n_folds = f"{len(results)} fold{'s' if len(results) > 1 else ''}"
        typer.echo(f"{part} data of {n_folds}\n{table(results)}\n\nAll folds\n{pool(results)}")


def _experiment_of(experiment: Experiment, files: FoldFiles) -> Experiment:
    """The run of one fold, as a person would write it."""
    parts = {"train": files.train, "valid": files.valid, "test": files.test, "folds": None}
    if files.valid is not None:
        parts["valid_fraction"] = None
    data = experiment.data.model_copy(update=parts)
    return experiment.model_copy(update={"data": data, "out": experiment.out / files.name})


def _check_same(fold: Experiment) -> None:
    """Raise ConfigError unless a finished run had every option that is asked for; its file also has the defaults."""
    before = load_experiment(fold.out / EXPERIMENT_FILE, {}, [])
    objectives = (before.objective, fold.objective)
    asked = {
        "scorer": before.model.model_copy(update=fold.scorer.model_dump()),
        "objective": objectives[1] and objectives[0] and objectives[0].model_copy(update=objectives[1].model_dump()),
        "training": {**before.training, **fold.training},
    }
    if before != fold.model_copy(update=asked):
        raise ConfigError(
            f"{fold.out}: expected the finished run of the same experiment; it is that of another. "
            "Choose another --out, or leave out what differs."
        )


def _load(path: Path) -> Evaluation:
    """What :meth:`Evaluation.to_parquet` wrote."""
    import pyarrow.parquet as pq

    columns = pq.read_table(path)
    about = json.loads(columns.schema.metadata[b"rankkit"])
    return Evaluation(
        {name: columns[name].to_numpy() for name in columns.column_names if name != "qid"},
        np.array(columns["qid"].to_pylist()),
        Protocol(**about["protocol"]),
        n_tied=about["n_tied"],
        n_single=about["n_single"],
    )


def pool(results: Mapping[str, Evaluation]) -> Evaluation:
    """The queries of all folds as one evaluation, whose means are means over queries."""
    first, *others = results.values()
    protocol = first.protocol
    if any(other.protocol != protocol for other in others):
        # The greatest label of the data stands in a protocol, and folds may differ in that, and in nothing else.
        protocol = replace(protocol, max_label=None)
    return Evaluation(
        {name: np.concatenate([result.per_query[name] for result in results.values()]) for name in first.per_query},
        join_ids([id_texts(result.qids) for result in results.values()]),
        protocol,
        n_tied=sum(result.n_tied for result in results.values()),
        n_single=sum(result.n_single for result in results.values()),
    )


def table(results: Mapping[str, Evaluation]) -> str:
    """One line a fold with its means, and one with the means over the queries of all folds."""
    rows = {**results, "all": pool(results)}
    metrics = list(next(iter(results.values())).per_query)
    width = max(len(name) for name in ("fold", *rows))
    widths = [max(len(metric), 6) for metric in metrics]
    head = "  ".join(f"{metric:>{size}}" for metric, size in zip(metrics, widths, strict=True))
    lines = [f"{'fold':<{width}}  queries  {head}"]
    for name, result in rows.items():
        means = "  ".join(f"{result.means[metric]:>{size}.4f}" for metric, size in zip(metrics, widths, strict=True))
        lines.append(f"{name:<{width}}  {result.n_queries:>7,}  {means}")
    return "\n".join(lines)

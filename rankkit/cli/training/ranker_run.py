"""One training run of a ranker, whole: read, build, train, save, evaluate, with what a person wants to see."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from rankkit.cli.training.beginning import FirstStep
from rankkit.cli.training.run_folder import EXPERIMENT_FILE, is_begun, trained

if TYPE_CHECKING:
    from rankkit.cli.experiments.config import Experiment
    from rankkit.data.ranking_dataset import RankingDataset
    from rankkit.evaluation import Evaluation
    from rankkit.training import Callback


def run(
    experiment: "Experiment",
    *,
    resume: bool = False,
    track: Sequence[str] = (),
    callbacks: "Sequence[Callback]" = (),
) -> "dict[str, Evaluation]":
    """Do what the experiment says, printing what a person wants to see; gives how well each part is ranked.

    Args:
        experiment: What to run.
        resume: Go on with what the folder holds.
        track: Names of trackers to which the run is mirrored; MLflow's experiment is named after the folder around it.
        callbacks: More observers.
    """
    from rankkit.cli.experiments.config import resolve, save_experiment
    from rankkit.cli.training.tracked import open_trackers, tracked
    from rankkit.models.scorers.scorer import describe
    from rankkit.tasks.objectives import build_objective
    from rankkit.tasks.ranking.build import build_scorer
    from rankkit.training import fit

    trackers = open_trackers(track, experiment.out)
    data = _read_all(experiment)
    asked, name = experiment.scorer, experiment.objective.name
    scorer = build_scorer(asked.name, asked.options, name, data["train"], seed=experiment.seed)
    experiment = resolve(experiment, scorer, data["train"].n_queries)
    observers = [*callbacks]
    if not (resume and is_begun(experiment.out)):  # a resume that is refused must leave the run as it was
        observers.append(FirstStep(lambda: save_experiment(experiment, experiment.out / EXPERIMENT_FILE)))
    typer.echo(f"{experiment.objective.name} trains {describe(scorer, scorer.options)}\n")
    with tracked(trackers, experiment.out, experiment.model_dump(mode="json"), resume=resume) as mirrored:
        history = fit(
            scorer,
            build_objective(name, experiment.objective.options),
            data["train"],
            data.get("valid"),
            seed=experiment.seed,
            out=experiment.out,
            resume=resume,
            callbacks=[*observers, *mirrored],
            **experiment.training,
        )
        typer.echo(str(history))
        reports = _finish(experiment, scorer, data)
        for tracking in mirrored:
            for part, report in reports.items():
                tracking.results |= {f"{part}/{name}": mean for name, mean in report.means.items()}
    typer.echo(f"\nSaved in {experiment.out}")
    return reports


def _finish(experiment: "Experiment", scorer: Any, data: "dict[str, RankingDataset]") -> "dict[str, Evaluation]":
    """Save the ranker, then evaluate it on what there is besides training data."""
    from rankkit import bundle, evaluation

    rules = experiment.evaluation
    with trained(experiment.out):
        bundle.save(
            scorer,
            experiment.out,
            feature_names=data["train"].feature_names,
            objective=experiment.objective.model_dump(),
            metrics=rules.metrics,
            data_fingerprint=data["train"].fingerprint,
        )
    reports: dict[str, Evaluation] = {}
    for name in ("valid", "test"):
        if name in data:
            report = evaluation.evaluate(scorer, data[name], rules.metrics, empty=rules.empty, ties=rules.ties)
            source = getattr(experiment.data, name) or f"{experiment.data.valid_fraction:.0%} of the training queries"
            typer.echo(f"\n{name} {source}\n{report}")
            reports[name] = report
    return reports


def _read_all(experiment: "Experiment") -> "dict[str, RankingDataset]":
    from rankkit.data.views import split
    from rankkit.loaders.parts import read_parts

    files = experiment.data
    data = read_parts({"train": files.train, "valid": files.valid, "test": files.test}, files.reading)
    if "valid" not in data and files.valid_fraction is not None:
        shares = (1 - files.valid_fraction, files.valid_fraction)
        train, valid = split(data["train"], shares, seed=files.split_seed)
        data = {"train": train, "valid": valid, **{name: data[name] for name in data if name != "train"}}
    for name, part in data.items():
        typer.echo(f"{name:<6} {part!r}")
    if "valid" not in data:
        typer.echo(
            "no validation data: the last epoch is kept; --valid-fraction .1 holds out 10% of the queries", err=True
        )
    return data

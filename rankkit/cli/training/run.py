"""One training run, whole, of any task: read, build, train, save, measure, with what a person wants to see."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from rankkit.cli.training.beginning import FirstStep
from rankkit.cli.training.run_folder import EXPERIMENT_FILE, is_begun, trained
from rankkit.cli.training.started import begun_with

if TYPE_CHECKING:
    from rankkit.cli.experiments.config import AnyExperiment
    from rankkit.training import Callback


def run(
    experiment: "AnyExperiment",
    *,
    resume: bool = False,
    track: Sequence[str] = (),
    callbacks: "Sequence[Callback]" = (),
    profiled: bool = False,
) -> dict[str, Any]:
    """Do what the experiment says, printing what a person wants to see; gives what was measured on each part.

    Args:
        experiment: What to run.
        resume: Go on with what the folder holds.
        track: Names of trackers to which the run is mirrored; MLflow's experiment is named after the folder around it.
        callbacks: More observers.
        profiled: Print where the time went, and leave a trace of some steps in the folder.

    Raises:
        ConfigError: If a run is to be profiled that has no steps.
    """
    if not profiled:
        return _run(experiment, resume=resume, track=track, callbacks=callbacks)
    _check_steps(experiment)
    from rankkit.training.gradient.profiling import TRACE_FILE, Profile

    profile = Profile(experiment.out)
    with profile.watching():
        reports = _run(experiment, resume=resume, track=track, callbacks=[*callbacks, profile])
    typer.echo(f"\n{profile}")
    if (experiment.out / TRACE_FILE).exists():
        typer.echo(f"A trace of some steps, for Perfetto: {experiment.out / TRACE_FILE}")
    return reports


def _check_steps(experiment: "AnyExperiment") -> None:
    """Raise ConfigError for a model that is not trained step by step."""
    from rankkit.errors import ConfigError
    from rankkit.models.model import boosts
    from rankkit.registry import find

    name, asked = experiment.said_objective[0], experiment.model
    kind = experiment.task.model
    if not name or boosts(find(kind, asked.name)):
        how = "learns in one go" if not name else "grows trees"
        raise ConfigError(
            f"--profile: expected a model that is trained in steps; got the {kind} {asked.name!r}, which {how}. "
            "Leave it out."
        )


def _run(
    experiment: "AnyExperiment", *, resume: bool, track: Sequence[str], callbacks: "Sequence[Callback]"
) -> dict[str, Any]:
    from rankkit import bundle
    from rankkit.cli.experiments.config import save_experiment
    from rankkit.cli.kinds.commands import commands_of
    from rankkit.cli.training.tracked import open_trackers, tracked
    from rankkit.compilation import announced
    from rankkit.models.building import shown
    from rankkit.phases import phase
    from rankkit.tasks.gradient.objectives import build_objective
    from rankkit.training.fitting import epochs_of, fit_of

    trackers = open_trackers(track, experiment.out)
    task = experiment.task
    commands = commands_of(task)
    with phase("read", whole=True):
        data = commands.read(experiment)
    train, asked = data["train"], experiment.model
    name, options = experiment.said_objective
    built = task.build(asked.name, asked.options, name, options, train, seed=experiment.seed)
    start = getattr(experiment, "start", None)
    if start is not None:
        built = begun_with(built, start)
        began_at = None if data.get("valid") is None else _value(experiment, built.model, data["valid"])
    training = task.as_objects(experiment.trained_with)
    epochs = epochs_of(task, built.model, built.objective, train, data.get("valid"), **training)
    experiment = experiment.resolved(built, epochs)
    objective = None
    if name:  # every option is its identity
        objective = build_objective(name, experiment.said_objective[1], kind=task.objective)
    observers = [*callbacks]
    if not (resume and is_begun(experiment.out)):  # a resume that is refused must leave the run as it was
        observers.append(FirstStep(lambda: save_experiment(experiment, experiment.out / EXPERIMENT_FILE)))
    typer.echo(f"{name} trains {shown(built.model)}\n" if name else f"{shown(built.model)} learns\n")
    with (
        tracked(trackers, experiment.out, experiment.model_dump(mode="json"), resume=resume) as mirrored,
        announced("the loops of training and measuring", "rankkit"),
    ):
        history = fit_of(
            task,
            built.model,
            objective,
            train,
            data.get("valid"),
            **task.as_objects(experiment.trained_with),
            seed=experiment.seed,
            out=experiment.out,
            resume=resume,
            callbacks=[*observers, *mirrored],
        )
        typer.echo(str(history))
        if start is not None and began_at is not None and (history.best_value or 0.0) <= began_at:
            typer.echo(f"It began with {history.metric} {began_at:.4f}, which is not less: {start} may serve as well.")
        with trained(experiment.out):
            bundle.save(
                built.model,
                experiment.out,
                objective=None if experiment.objective is None else experiment.objective.model_dump(),
                metrics=experiment.evaluation.metrics,
                data_fingerprint=train.fingerprint,
                **task.noted(train, experiment.noted),
            )
        with phase("measure", whole=True):
            reports = commands.measure(experiment, built.model, data)
        for tracking in mirrored:
            for part, report in reports.items():
                tracking.results |= {f"{part}/{metric}": mean for metric, mean in report.means.items()}
    typer.echo(f"\nSaved in {experiment.out}")
    return reports


def _value(experiment: Any, model: Any, valid: Any) -> float:
    """Of a model as it stands, by the metric that chooses epochs."""
    metric = experiment.training.get("metric") or experiment.task.metric
    return float(experiment.task.evaluate(model, valid, [metric]).means[metric])

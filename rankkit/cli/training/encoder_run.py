"""``rankkit train`` of an encoder: learn an embedding from labelled examples, save it, measure it on unseen classes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from rankkit.cli.experiments.config import Named, save_experiment
from rankkit.cli.experiments.encoder_file import EncoderExperiment, ExampleData, resolve_encoder
from rankkit.cli.next_step import suggest
from rankkit.cli.training.beginning import FirstStep
from rankkit.cli.training.run_folder import EXPERIMENT_FILE, is_begun, trained

if TYPE_CHECKING:
    from rankkit.data.labelled_examples import LabelledExamples
    from rankkit.similarity import SimilarityReport
    from rankkit.training import Callback


def run_encoder(
    experiment: EncoderExperiment, *, resume: bool = False, track: Sequence[str] = ()
) -> "SimilarityReport | None":
    """Do what the experiment says, printing what a person wants to see; gives how well unseen classes are told apart.

    Args:
        experiment: What to run.
        resume: Go on with what the folder holds.
        track: Names of trackers to which the run is mirrored; MLflow's experiment is named after the folder around it.
    """
    from rankkit.cli.training.tracked import open_trackers, tracked
    from rankkit.registry import find
    from rankkit.tasks.objectives import build_objective
    from rankkit.tasks.similarity.build import build_encoder, with_margin
    from rankkit.tasks.similarity.job import default_epochs_of

    trackers = open_trackers(track, experiment.out)
    data = read_parts(experiment)
    asked, name = experiment.encoder, experiment.objective.name
    encoder = build_encoder(asked.name, asked.options, name, data["train"], seed=experiment.seed)
    epochs = default_epochs_of(data["train"], find("embedding objective", name), experiment.training)
    options = with_margin(name, experiment.objective.options, encoder, data["train"])
    experiment.objective = Named(name=name, **options)
    experiment = resolve_encoder(experiment, encoder, epochs)
    objective = build_objective(name, experiment.objective.options, kind="embedding objective")
    observers: list[Callback] = []
    if not (resume and is_begun(experiment.out)):  # a resume that is refused must leave the run as it was
        observers.append(FirstStep(lambda: save_experiment(experiment, experiment.out / EXPERIMENT_FILE)))
    typer.echo(f"{name} trains {encoder!r}\n")
    config = experiment.model_dump(mode="json")
    with tracked(trackers, experiment.out, config, resume=resume) as mirrored:
        report = _fit_and_evaluate(experiment, encoder, objective, data, [*observers, *mirrored], resume=resume)
        for tracking in mirrored:
            if report is not None:
                tracking.results |= {f"test/{measure}": mean for measure, mean in report.means.items()}
    typer.echo(f"\nSaved in {experiment.out}")
    suggest("rankkit", "neighbours", experiment.out, "GALLERY")
    return report


def _fit_and_evaluate(
    experiment: EncoderExperiment,
    encoder: Any,
    objective: Any,
    data: "dict[str, LabelledExamples]",
    callbacks: "Sequence[Callback]",
    *,
    resume: bool,
) -> "SimilarityReport | None":
    from rankkit import bundle
    from rankkit.models.encoders import RandomAffine
    from rankkit.similarity import evaluate_encoder
    from rankkit.training import fit_encoder

    history = fit_encoder(
        encoder,
        objective,
        data["train"],
        data.get("valid"),
        augment=None if experiment.augment is None else RandomAffine(**experiment.augment),
        seed=experiment.seed,
        out=experiment.out,
        resume=resume,
        callbacks=callbacks,
        **experiment.training,
    )
    typer.echo(str(history))
    rules = experiment.evaluation
    with trained(experiment.out):
        bundle.save(
            encoder,
            experiment.out,
            objective=experiment.objective.model_dump(),
            metrics=rules.metrics,
            data_fingerprint=data["train"].fingerprint,
            classes=list(data["train"].class_names),
            ink=experiment.data.ink,
        )
    report = None
    if "test" in data:
        report = evaluate_encoder(
            encoder,
            data["test"],
            valid=data.get("valid"),
            metrics=rules.metrics,
            ways=rules.ways,
            shots=rules.shots,
            n_episodes=rules.n_episodes,
        )
        typer.echo(f"\ntest: {data['test']!r}\n{report}")
    return report


def read_parts(experiment: EncoderExperiment) -> "dict[str, LabelledExamples]":
    """The parts of the data; test and validation data that are not named are classes held out of the training data."""
    asked = experiment.data
    paths = {"train": asked.train, "valid": asked.valid, "test": asked.test}
    data = read_named(asked)
    for name, share in (("test", asked.held_out), ("valid", asked.valid_held_out)):
        if name not in data and share:
            data["train"], data[name] = data["train"].split_classes(share, seed=asked.split_seed, by=asked.held_out_by)
    for name in ("train", "valid", "test"):
        if name in data:
            held_out = " (classes held out of the training data)" if paths[name] is None else ""
            typer.echo(f"{name:<6} {data[name]!r}{held_out}")
    _refuse_one_class(data)
    return data


def read_named(asked: ExampleData) -> "dict[str, LabelledExamples]":
    """The parts for which a file is named, images in the form that is asked for."""
    from rankkit.loaders.examples.files import check_form, read_in_form

    named = {"train": asked.train, "valid": asked.valid, "test": asked.test}
    paths = {name: path for name, path in named.items() if path is not None}
    check_form(list(paths.values()), colour=asked.colour, ink=asked.ink)
    return {
        name: read_in_form(path, size=asked.size, colour=asked.colour, ink=asked.ink, label=asked.label)
        for name, path in paths.items()
    }


def _refuse_one_class(data: "dict[str, LabelledExamples]") -> None:
    """Raise ConfigError, before anything is trained, if a part has no two classes to tell apart."""
    from rankkit.errors import ConfigError

    keys = {"test": "data.held_out", "valid": "data.valid_held_out"}
    for name, key in keys.items():
        if name in data and data[name].n_classes < 2:
            raise ConfigError(
                f"{name} examples: expected at least 2 classes, to be told apart; got {data[name].n_classes}, with "
                f"{data['train'].n_classes} to train on. Pass --set {key}=0.5 for more of them, {key}=0 for none, or "
                f"--{name} DATA."
            )

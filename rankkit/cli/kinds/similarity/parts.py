"""The parts of labelled examples that a run trains on, and how an encoder is measured on them."""

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rankkit.cli.kinds.similarity.training_file import EncoderExperiment, ExampleData
    from rankkit.data.labelled_examples import LabelledExamples
    from rankkit.similarity import SimilarityReport


def read(experiment: "EncoderExperiment") -> "dict[str, LabelledExamples]":
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


def read_named(asked: "ExampleData") -> "dict[str, LabelledExamples]":
    """The parts for which a file is named, images in the form that is asked for."""
    from rankkit.loaders.examples.files import check_form, read_in_form

    named = {"train": asked.train, "valid": asked.valid, "test": asked.test}
    paths = {name: path for name, path in named.items() if path is not None}
    check_form(list(paths.values()), colour=asked.colour, ink=asked.ink)
    return {
        name: read_in_form(path, size=asked.size, colour=asked.colour, ink=asked.ink, label=asked.label)
        for name, path in paths.items()
    }


def measure(
    experiment: "EncoderExperiment", encoder: Any, data: "dict[str, LabelledExamples]"
) -> "dict[str, SimilarityReport]":
    """Measure an encoder on the test examples, if there are any."""
    from rankkit.similarity import evaluate_encoder

    if "test" not in data:
        return {}
    rules = experiment.evaluation
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
    return {"test": report}


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

"""The parts of ranking data that a run trains on, and how a ranker is measured on them."""

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rankkit.cli.kinds.ranking.training_file import Experiment
    from rankkit.data.ranking_dataset import RankingDataset
    from rankkit.evaluation import Evaluation


def read(experiment: "Experiment") -> "dict[str, RankingDataset]":
    """Each part that is named, or held out."""
    from rankkit.data.views import split
    from rankkit.export.fitting import only_numbers
    from rankkit.loaders.parts import read_parts

    files = experiment.data
    data = read_parts({"train": files.train, "valid": files.valid, "test": files.test}, files.reading)
    if "valid" not in data and files.valid_fraction is not None:
        shares = (1 - files.valid_fraction, files.valid_fraction)
        train, valid = split(data["train"], shares, seed=files.split_seed)
        data = {"train": train, "valid": valid, **{name: data[name] for name in data if name != "train"}}
    if experiment.target is not None:
        data, line = only_numbers(experiment.target, data, files.features or ())
        if line:
            typer.echo(line)
    for name, part in data.items():
        typer.echo(f"{name:<6} {part!r}")
    if "valid" not in data:
        typer.echo(
            "no validation data: the last epoch is kept; --valid-fraction .1 holds out 10% of the queries", err=True
        )
    return data


def measure(experiment: "Experiment", scorer: Any, data: "dict[str, RankingDataset]") -> "dict[str, Evaluation]":
    """Evaluate a ranker on what there is besides training data."""
    from rankkit import evaluation

    rules = experiment.evaluation
    reports: dict[str, Evaluation] = {}
    for name in ("valid", "test"):
        if name in data:
            report = evaluation.evaluate(scorer, data[name], rules.metrics, empty=rules.empty, ties=rules.ties)
            source = getattr(experiment.data, name) or f"{experiment.data.valid_fraction:.0%} of the training queries"
            typer.echo(f"\n{name} {source}\n{report}")
            reports[name] = report
    return reports

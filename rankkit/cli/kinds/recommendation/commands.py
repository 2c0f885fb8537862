"""RecommendationCommands: recommenders at the command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError

from rankkit.cli.data.options import refuse_reading
from rankkit.cli.kinds.commands import Asked
from rankkit.cli.kinds.recommendation.comparison_file import RecommenderComparisonFile
from rankkit.cli.kinds.recommendation.training_file import LogData, RecommenderExperiment
from rankkit.errors import BundleError, ConfigError, DataError
from rankkit.numbers import how_many
from rankkit.tasks.task import Task


class RecommendationCommands:
    """What the command line does for recommenders; :class:`rankkit.cli.kinds.commands.Commands` describes the methods.

    Args:
        task: Recommendation.
    """

    training = RecommenderExperiment
    comparison = RecommenderComparisonFile
    defaults: Mapping[str, Any] = {"recommender": "ease"}

    def __init__(self, task: Task) -> None:
        self.task = task

    def check(self, experiment: RecommenderExperiment) -> None:
        """Refuse a log that is not there."""
        self.task.check_files(experiment.data.source())

    def read(self, experiment: RecommenderExperiment) -> dict[str, Any]:
        """The parts of the split, said in a line each, with its rule."""
        from rankkit.tasks.recommendation.splits import read_and_split

        splits, source = read_and_split(experiment.data.source())
        experiment.data = LogData(**vars(source))  # the run notes how it was split, not what was left open
        typer.echo(f"split  {splits.rule}")
        for remark in splits.remarks:
            typer.echo(f"       {remark}")
        typer.echo(f"train  {splits.train!r}")
        held_out = {"valid": splits.valid, "test": splits.test}
        for name, part in held_out.items():
            if part is not None:
                events, users = how_many(part.targets.n_events, "event"), how_many(len(part.users), "user")
                typer.echo(f"{name:<6} {events} of {users}, to be found")
        return {"train": splits.train, **{name: part for name, part in held_out.items() if part is not None}}

    def measure(self, experiment: RecommenderExperiment, model: Any, data: Mapping[str, Any]) -> dict[str, Any]:
        """What a recommender is worth on the test part."""
        if experiment.training.get("refit"):
            typer.echo(
                f"Learnt again from training and validation data together: {how_many(model.log.n_events, 'event')}."
            )
        report = self.task.evaluate(model, data["test"], experiment.evaluation.metrics)
        typer.echo(f"\ntest\n{report}")
        return {"test": report}

    def evaluate(self, asked: Asked) -> Any:
        """What ``rankkit evaluate`` prints: the test part of the log, split as in training.

        Raises:
            DataError: If the recommender learnt from other events than the training part of that split.
        """
        from rankkit.bundle.model_json import read_model_json
        from rankkit.evaluation.catalogue import evaluate_recommender_protocols
        from rankkit.tasks.recommendation.splits import splits_of

        rules = asked.only("--protocol", "--empty", "--ties", "--per-query", "--all-protocols", "--sampled")
        refuse_reading(f"{asked.run}, a recommender", dict(asked.reading), "features")
        about = read_model_json(asked.run)
        noted = dict((about.get("about") or {}).get("split") or {})
        noted.pop("refit", None)  # the test part is as unknown to it
        try:
            how = LogData.model_validate({**noted, "log": str(asked.data)})
        except (ValidationError, TypeError) as error:
            raise BundleError(
                f"{asked.run}: expected how the log was split, as training noted it; got {noted!r:.99}. Train anew."
            ) from error
        splits = splits_of(how.source())
        if splits.train.fingerprint != about.get("data_fingerprint"):
            raise DataError(
                f"{asked.data}: expected the log and the split that {asked.run} learnt from; got another "
                f"({splits.rule}), of whose test part it may know the answers. Name that log, or train on this one."
            )
        typer.echo(f"split: {splits.rule}", err=True)
        if "--all-protocols" in rules:
            if asked.metrics is None:
                return evaluate_recommender_protocols(asked.model, splits.test)
            return evaluate_recommender_protocols(asked.model, splits.test, asked.metrics)
        given = {
            "protocol": rules.get("--protocol", "rankkit"),
            "empty": rules.get("--empty"),
            "ties": rules.get("--ties"),
            "sampled": rules.get("--sampled"),
            "features": asked.reading.get("features"),
        }
        return self.task.evaluate(asked.model, splits.test, asked.metrics, **given)

    def rows(self, run: Path, model: Any, data: Path, reading: Mapping[str, Any]) -> Any:
        """Nothing: recommenders are exported nowhere.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(f"{run}: expected a model that can be exported; got a recommender. Serve it: rankkit serve.")

    def trained(self, experiment: RecommenderExperiment) -> tuple[str | Path, ...]:
        """List items for everybody."""
        return ("rankkit", "recommend", experiment.out, "--k", "10", "--out", "lists.parquet")

    def evaluated(self, run: Path, data: Path) -> tuple[str | Path, ...]:
        """List items for everybody."""
        return ("rankkit", "recommend", run, "--k", "10", "--out", "lists.parquet")

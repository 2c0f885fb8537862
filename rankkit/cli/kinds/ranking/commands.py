"""RankingCommands: scorers at the command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from rankkit.cli.kinds.commands import Asked
from rankkit.cli.kinds.ranking import parts
from rankkit.cli.kinds.ranking.comparison_file import ComparisonFile
from rankkit.cli.kinds.ranking.training_file import Experiment
from rankkit.tasks.task import Task


class RankingCommands:
    """What the command line does for rankers; :class:`rankkit.cli.kinds.commands.Commands` describes the methods.

    Args:
        task: Ranking.
    """

    training = Experiment
    comparison = ComparisonFile
    defaults: Mapping[str, Any] = {"scorer": "mlp", "objective": "ranknet"}

    def __init__(self, task: Task) -> None:
        self.task = task

    def check(self, experiment: Experiment) -> None:
        """Refuse a library or files that are not there, or of no known format; say what was set for the target."""
        from rankkit import registry
        from rankkit.loaders.parts import check_part
        from rankkit.models.model import check_installed

        check_installed(registry.find("scorer", experiment.scorer.name))

        for line in experiment.for_target:
            typer.echo(line)
        for part in (experiment.data.train, experiment.data.valid, experiment.data.test):
            if part is not None:
                check_part(part)

    def read(self, experiment: Experiment) -> dict[str, Any]:
        """The parts of the data of a training."""
        return {**parts.read(experiment)}

    def measure(self, experiment: Experiment, model: Any, data: Mapping[str, Any]) -> dict[str, Any]:
        """What a ranker is worth on validation and test data."""
        return {**parts.measure(experiment, model, dict(data))}

    def evaluate(self, asked: Asked) -> Any:
        """What ``rankkit evaluate`` prints: means by the conventions of a protocol, or of all."""
        from rankkit import evaluation
        from rankkit.errors import DataError
        from rankkit.evaluation.matching import read_documents

        rules = asked.only("--protocol", "--empty", "--ties", "--all-protocols", "--per-query")
        protocol = rules.get("--protocol", "rankkit")
        evaluation.resolve_protocol(protocol)  # one of recommenders is refused before anything is read
        documents = read_documents(asked.data, asked.model, **asked.reading)
        if documents.labels is None:
            column = getattr(getattr(asked.model, "roles", None), "label", None) or "label"
            raise DataError(
                f"{asked.data}: expected a column {column!r}, or rows with labels; got none. Name the column of labels "
                "with label=, or use rankkit.predict()."
            )
        metrics = asked.metrics or ["ndcg@10", "mrr@10"]
        if "--all-protocols" in rules:
            return evaluation.evaluate_protocols(asked.model, documents, metrics)
        return evaluation.evaluate(
            asked.model, documents, metrics, protocol=protocol, empty=rules.get("--empty"), ties=rules.get("--ties")
        )

    def rows(self, run: Path, model: Any, data: Path, reading: Mapping[str, Any]) -> Any:
        """Documents of queries."""
        from rankkit.evaluation.matching import read_documents

        return read_documents(data, model, **reading)

    def trained(self, experiment: Experiment) -> tuple[str | Path, ...]:
        """Look into the ranker, or measure it."""
        tested = experiment.data.test
        return ("rankkit", "explain" if tested else "evaluate", experiment.out, tested or "TEST-DATA")

    def evaluated(self, run: Path, data: Path) -> tuple[str | Path, ...]:
        """Look into the ranker."""
        return ("rankkit", "explain", run, data)

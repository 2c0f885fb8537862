"""SimilarityCommands: encoders at the command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rankkit.cli.data.options import refuse_reading
from rankkit.cli.kinds.commands import Asked
from rankkit.cli.kinds.similarity import parts
from rankkit.cli.kinds.similarity.comparison_file import EncoderComparisonFile
from rankkit.cli.kinds.similarity.training_file import EncoderExperiment
from rankkit.tasks.task import Task


class SimilarityCommands:
    """What the command line does for encoders; :class:`rankkit.cli.kinds.commands.Commands` describes the methods.

    Args:
        task: Similarity.
    """

    training = EncoderExperiment
    comparison = EncoderComparisonFile
    defaults: Mapping[str, Any] = {"encoder": "mlp", "objective": "supcon"}

    def __init__(self, task: Task) -> None:
        self.task = task

    def check(self, experiment: EncoderExperiment) -> None:
        """Nothing: reading refuses files that are not there before any other is read."""

    def read(self, experiment: EncoderExperiment) -> dict[str, Any]:
        """The parts of the data of a training."""
        return {**parts.read(experiment)}

    def measure(self, experiment: EncoderExperiment, model: Any, data: Mapping[str, Any]) -> dict[str, Any]:
        """What an encoder is worth on the test examples."""
        return {**parts.measure(experiment, model, dict(data))}

    def evaluate(self, asked: Asked) -> Any:
        """What ``rankkit evaluate`` prints: retrieval, few-shot classification and verification on unseen classes."""
        from rankkit.cli.kinds.similarity.evaluating import evaluate_saved_encoder

        rules = asked.only("--ways", "--shots", "--episodes", "--all-classes")
        refuse_reading(f"{asked.run}, an encoder", dict(asked.reading), "label")
        return evaluate_saved_encoder(
            asked.model,
            asked.run,
            asked.data,
            asked.metrics,
            rules.get("--ways"),
            shots=rules.get("--shots", 1),
            n_episodes=rules.get("--episodes", 600),
            all_classes=rules.get("--all-classes", False),
            label=asked.reading.get("label") or "label",
        )

    def rows(self, run: Path, model: Any, data: Path, reading: Mapping[str, Any]) -> Any:
        """Labelled examples."""
        from rankkit.cli.kinds.similarity.reading import read_examples_for

        refuse_reading(f"{run}, an encoder", dict(reading))
        return read_examples_for(model, run, data)

    def trained(self, experiment: EncoderExperiment) -> tuple[str | Path, ...]:
        """Find neighbours with the encoder."""
        return ("rankkit", "neighbours", experiment.out, "GALLERY")

    def evaluated(self, run: Path, data: Path) -> tuple[str | Path, ...]:
        """Find neighbours with the encoder."""
        return ("rankkit", "neighbours", run, data)

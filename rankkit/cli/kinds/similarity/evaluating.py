"""``rankkit evaluate`` of an encoder: retrieval, few-shot classification and verification on unseen classes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from rankkit.cli.kinds.similarity.reading import read_examples_for

if TYPE_CHECKING:
    from rankkit.data.labelled_examples import LabelledExamples
    from rankkit.similarity import SimilarityReport


def evaluate_saved_encoder(
    encoder: Any,
    run: Path,
    data: Path,
    metric: list[str] | None,
    ways: list[int] | None,
    *,
    shots: int,
    n_episodes: int,
    all_classes: bool,
    label: str,
) -> "SimilarityReport":
    """Measure the encoder of a run on the classes of the data that it was not trained on, or on all of them."""
    from rankkit.similarity import evaluate_encoder

    examples = read_examples_for(encoder, run, data, label=label)
    if not all_classes:
        examples = unseen_classes(run, examples)
    return evaluate_encoder(
        encoder,
        examples,
        metrics=metric or ["map_at_r", "hit_rate@1", "mrr"],
        ways=ways or [5, 20],
        shots=shots,
        n_episodes=n_episodes,
    )


def unseen_classes(run: Path, examples: "LabelledExamples") -> "LabelledExamples":
    """The examples of classes that the saved encoder was not trained on, saying which were left out.

    Raises:
        DataError: If there is none.
    """
    from rankkit.bundle.model_json import read_model_json
    from rankkit.errors import DataError

    seen = set((read_model_json(run).get("about") or {}).get("classes") or [])
    if not seen:
        typer.echo(
            f"{run} does not say which classes it was trained on: all {examples.n_classes:,} are measured, seen ones "
            "too (rankkit.save(..., classes=train.class_names) notes them)\n",
            err=True,
        )
    unseen = [name for name in examples.class_names if name not in seen]
    if not unseen:
        raise DataError(
            f"rankkit evaluate: expected classes that {run} was not trained on; got none among "
            f"{examples.n_classes:,}. Pass other data, or --all-classes to measure on what it has seen."
        )
    if len(unseen) < examples.n_classes:
        typer.echo(
            f"{examples.n_classes - len(unseen):,} of {examples.n_classes:,} classes were seen in training and are "
            "left out (--all-classes takes them in)\n",
            err=True,
        )
        examples = examples.of_classes(unseen)
    return examples

"""Similarity: encoders put examples of one class near each other."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.labelled_examples import LabelledExamples
from rankkit.errors import ConfigError, DataError
from rankkit.models.encoders import embed
from rankkit.models.encoders.affine import RandomAffine
from rankkit.similarity import SimilarityReport, evaluate_encoder, evaluate_retrieval
from rankkit.tasks.gradient.objectives import build_objective
from rankkit.tasks.similarity.build import build_encoder, with_margin
from rankkit.tasks.similarity.job import SimilarityJob
from rankkit.tasks.similarity.splits import (
    ExampleSource,
    anchor_ids,
    check_example_files,
    example_split_names,
    load_example_split,
    write_example_split,
)
from rankkit.tasks.splitting import Split
from rankkit.tasks.task import Built, Measured, Predicting, Route, Task, milliseconds
from rankkit.tasks.words import Words

N_EXAMPLES = 100
"""Examples whose embedding is timed."""
_WARM_UP, _TIMED = 5, 50  # a convolution takes a hundred times as long as scoring
_N_CLASSES, _PER_CLASS = 4, 4


def build(
    name: str,
    options: Mapping[str, Any],
    objective: str,
    objective_options: Mapping[str, Any],
    train: LabelledExamples,
    *,
    seed: int,
) -> Built:
    """An encoder and an objective by their names; the margin follows from the encoder's distance."""
    encoder = build_encoder(name, options, objective, train, seed=seed)
    if not objective:
        return Built(encoder, None, {})
    known = with_margin(objective, objective_options, encoder, train)
    return Built(encoder, build_objective(objective, known, kind="embedding objective"), known)


def as_objects(training: Mapping[str, Any]) -> dict[str, Any]:
    """Training options with ``augment``, the options of :class:`rankkit.RandomAffine`, made one."""
    affine = training.get("augment")
    return {**training, "augment": RandomAffine(**affine)} if isinstance(affine, Mapping) else dict(training)


def few_examples(
    data: LabelledExamples, objective: Callable[..., Any] | None, training: Mapping[str, Any]
) -> LabelledExamples:
    """A few examples of each of as many classes as a batch has, to train on, or of a few."""
    n_classes = _N_CLASSES if objective is None else training.get("batch_classes", _N_CLASSES)
    chosen = np.unique(data.labels)[:n_classes]
    return data.take(np.concatenate([np.flatnonzero(data.labels == label)[:_PER_CLASS] for label in chosen]))


def measure_embeddings(fitted: Predicting, split: Split[LabelledExamples], rules: Any) -> Measured:
    """Of an encoder: each test example is an anchor, the others are ranked by their distance to it."""
    if fitted.distance is None:
        raise ConfigError("compare: expected an encoder to know its distance; got none. Give it one.")
    evaluation = evaluate_retrieval(
        fitted.predict(split.test),
        split.test.labels,
        rules.metrics,
        distance=fitted.distance,
        ids=anchor_ids(split.test),
        protocol=rules.protocol,
        empty=rules.empty,
        ties=rules.ties,
    )
    return Measured(evaluation)


def embedding_milliseconds(embedded: Callable[[LabelledExamples], object], data: LabelledExamples) -> dict[str, float]:
    """How long it takes to embed 100 examples: median and 99th percentile of 50 calls, warm.

    Args:
        embedded: Of a fitted system.
        data: Whose first examples are taken, over and over if it has fewer than 100.
    """
    examples = data.take(np.resize(np.arange(data.n_examples), N_EXAMPLES))
    return milliseconds(lambda: embedded(examples), _WARM_UP, _TIMED)


def evaluate_examples(
    model: Any, data: LabelledExamples, metrics: Sequence[Any] | None = None, **rules: Any
) -> SimilarityReport:
    """As :func:`rankkit.evaluate_encoder`, with its metrics where none are named."""
    named: dict[str, Any] = {} if metrics is None else {"metrics": metrics}
    return evaluate_encoder(model, data, **named, **rules)


def embed_body(model: Any, body: Any) -> dict[str, Any]:
    """``{"inputs": [[...], ...]}``, each of the shape of an input, to ``{"embeddings": [[...], ...]}``.

    Raises:
        DataError: If the body is anything else.
    """
    shape = tuple(model.input_shape)
    wanted = f"an object with inputs: a list of inputs of shape {list(shape)}, all numbers"
    if not isinstance(body, dict) or set(body) != {"inputs"} or not isinstance(body["inputs"], list):
        raise DataError(f"body: expected {wanted}; got something else. See /docs.")
    try:
        inputs = np.asarray(body["inputs"] or np.empty((0, *shape)), np.float32)
    except (TypeError, ValueError):
        raise DataError(f"body.inputs: expected {wanted}; got values that are none. Send numbers.") from None
    if inputs.shape[1:] != shape or not np.isfinite(inputs).all():
        got = f"shape {list(inputs.shape[1:])}" if inputs.shape[1:] != shape else "numbers that are not finite"
        raise DataError(f"body.inputs: expected {wanted}; got {got}. Bring them into the shape of training.")
    return {"embeddings": embed(model, inputs).tolist()}


def example_body(model: Any) -> dict[str, Any]:
    """Two inputs."""
    return {"inputs": np.stack([np.full(model.input_shape, value) for value in (0.0, 0.5)]).tolist()}


def predict(model: Any, data: LabelledExamples) -> NDArray[np.floating[Any]]:
    """The embeddings of the examples."""
    return embed(model, data.inputs)


SIMILARITY = Task(
    name="similarity",
    systems="encoders",
    model="encoder",
    objective="embedding objective",
    data="labelled examples",
    data_type=LabelledExamples,
    metric=SimilarityJob.default_metric,
    words=Words(
        query="anchor",
        queries="anchors",
        a_query="an anchor",
        answered="every test anchor has another example of its class",
        unanswered="test anchors without another example of their class",
        documents="examples",
        same="number for number",
        group="other examples of its class",
        rate="examples_per_second",
        rate_head="examples/s",
        timed="embedding_100_examples",
        timing="embedding 100 examples",
        fastest="embeds fastest",
        counts={"n_classes": "classes", "n_examples": "examples"},
        caution="Anchors of one class have much in common: intervals and p values are about these classes, and too "
        "sure about others.",
    ),
    job=SimilarityJob,
    build=build,
    as_objects=as_objects,
    few=few_examples,
    noted=lambda train, reading: {"classes": list(train.class_names), "ink": reading.get("ink", "light")},
    predict=predict,
    evaluate=evaluate_examples,
    source=ExampleSource,
    check_files=check_example_files,
    split_names=example_split_names,
    load=load_example_split,
    write=write_example_split,
    measure=measure_embeddings,
    time=embedding_milliseconds,
    commands="rankkit.cli.kinds.similarity.commands:SimilarityCommands",
    export="rankkit.export.encoders.leaving:EncoderExport",
    routes={"embed": Route(embed_body, "Embed inputs", example_body)},
)

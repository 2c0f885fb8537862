"""An encoder of the catalogue trained with an objective of the catalogue, and the inputs as they are."""

from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from torch import nn

from rankkit import bundle, registry
from rankkit.comparison.example_splits import ExampleSplit
from rankkit.comparison.plan import RunSpec
from rankkit.comparison.systems.epochs import EpochReporter, course, plain_defaults
from rankkit.comparison.systems.fitted import Fitted, Report
from rankkit.comparison.systems.neural import NOT_TRAINING
from rankkit.comparison.systems.warming import few_examples, warm_up
from rankkit.data.labelled_examples import LabelledExamples
from rankkit.errors import ConfigError
from rankkit.models.encoders import embed
from rankkit.models.encoders.affine import RandomAffine
from rankkit.similarity import evaluate_retrieval
from rankkit.training import fit_encoder
from rankkit.training.build import build_encoder, build_objective, with_margin
from rankkit.training.encoding import default_epochs_of
from rankkit.training.settings import default_learning_rate

_N_CLASSES = 4
"""Of the examples with which a process warms up."""


def train_encoder(spec: RunSpec, split: ExampleSplit, folder: Path, report: Report) -> Fitted:
    """Train, going on from the checkpoint of a run that was cut off; the folder holds the encoder afterwards."""
    part, objective_part = spec.system.encoder, spec.system.objective
    if part is None or objective_part is None:
        raise ConfigError(
            f"{spec.system.name}: expected an encoder and an objective; got an external system. Use its function."
        )
    name, options = objective_part.name, objective_part.options
    encoder = build_encoder(part.name, part.options, name, split.train, seed=spec.seed)
    options = with_margin(name, options, encoder, split.train)
    objective = build_objective(name, options, kind="embedding objective")
    training = dict(spec.system.training)
    affine = training.pop("augment", None)
    augment = None if affine is None else RandomAffine(**affine)
    warm_up(
        spec,
        lambda: fit_encoder(
            build_encoder(part.name, part.options, name, split.train, seed=spec.seed),
            build_objective(name, options, kind="embedding objective"),
            few_examples(split.train, training.get("batch_classes", _N_CLASSES)),
            few_examples(split.valid, _N_CLASSES),
            metric=spec.metric,
            augment=augment,
            progress=False,
            **{**training, "epochs": 1},
        ),
    )
    history = fit_encoder(
        encoder,
        objective,
        split.train,
        split.valid,
        metric=spec.metric,
        augment=augment,
        seed=spec.seed,
        out=folder,
        resume=True,
        progress=False,
        callbacks=[EpochReporter(report)],
        **training,
    )
    bundle.save(
        encoder,
        folder,
        objective={"name": name, "options": options},
        metrics=list(spec.rules.metrics),
        data_fingerprint=split.train.fingerprint,
        classes=list(split.train.class_names),
        ink=spec.source.reading.get("ink", "light"),
    )
    (folder / "checkpoint.pt").unlink(missing_ok=True)
    defaults = plain_defaults(registry.find("embedding objective", name))
    defaults.pop("distance", None)  # that of the encoder counts
    epochs = default_epochs_of(split.train, objective, training)
    return Fitted(
        predict=lambda data: embed(encoder, data.inputs),
        distance=encoder.distance,
        n_parameters=sum(parameter.numel() for parameter in encoder.parameters()),
        config={
            "encoder": {"name": part.name, **encoder.options},
            "objective": {"name": name, **defaults, **options},
            "training": _training(encoder, epochs, spec),
        },
        **course(history),
    )


def _training(encoder: nn.Module, epochs: int, spec: RunSpec) -> dict[str, Any]:
    """The options of fit_encoder with its defaults, those that depend on the data included."""
    options = {**plain_defaults(fit_encoder), **spec.system.training, "metric": spec.metric, "seed": spec.seed}
    options.setdefault("learning_rate", default_learning_rate(encoder))
    options.setdefault("epochs", epochs)
    return {name: value for name, value in options.items() if name not in NOT_TRAINING}


def raw_inputs(spec: RunSpec, split: ExampleSplit, folder: Path, report: Report) -> Fitted:
    """The numbers of an input as its embedding, compared by Euclidean distance: what an encoder has to beat."""
    flat, valid = _flat(split.valid), split.valid
    means = evaluate_retrieval(flat, valid.labels, [spec.metric], distance="euclidean").means
    return Fitted(_flat, means[spec.metric], n_parameters=0, distance="euclidean", config={"distance": "euclidean"})


def _flat(examples: LabelledExamples) -> NDArray[np.float32]:
    return cast("NDArray[np.float32]", examples.inputs.reshape(examples.n_examples, -1))

"""What is refused before any data is read: options of a run that cannot work.

What an option may be stands where it is taken: here the same checks are made, by the same code, without data. Those of
an objective are in :mod:`rankkit.tasks.gradient.trial`.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from inspect import Parameter, signature
from typing import Any

from rankkit.tasks.gradient.devices import resolve_device
from rankkit.tasks.gradient.settings import Settings, check_counts, check_from_0
from rankkit.tasks.ranking.batches import ListBatches
from rankkit.tasks.ranking.unlabelled.job import check_method
from rankkit.tasks.similarity.batches import ExampleBatches
from rankkit.tasks.similarity.checks import check_batches, examples_per_class
from rankkit.training.fitting import fit, fit_encoder
from rankkit.training.pretraining import pretrain


def check_training(options: Mapping[str, Any]) -> None:
    """Raise ConfigError if options of :func:`rankkit.fit` cannot work, whatever the data.

    Args:
        options: Those that are given, by name.
    """
    given = _with_defaults(fit, options)
    ListBatches(**{field.name: given[field.name] for field in fields(ListBatches) if field.name in given})
    _check_run(given)


def check_encoder_training(options: Mapping[str, Any], objective: Callable[..., Any], augment: object) -> None:
    """Raise ConfigError if options of :func:`rankkit.fit_encoder` cannot work, whatever the data.

    Args:
        options: Those that are given, by name.
        objective: A function of the catalogue.
        augment: What changes inputs, or None.
    """
    given = _with_defaults(fit_encoder, options)
    per_class = given["per_class"]
    n_per_class = examples_per_class(getattr(objective, "takes", "lists")) if per_class is None else per_class
    ExampleBatches(given["batch_classes"], n_per_class)
    if given["chunk_size"] is not None:
        check_counts({"chunk_size": given["chunk_size"]})
    check_batches(objective, options, augment)
    _check_run(given)


def check_pretraining(options: Mapping[str, Any]) -> None:
    """Raise ConfigError if options of :func:`rankkit.pretrain` cannot work, whatever the data.

    Args:
        options: Those that are given, by name.
    """
    given = _with_defaults(pretrain, options)
    check_method(*(given[name] for name in ("method", "corruption", "temperature", "n_dims")))
    ListBatches(**{field.name: given[field.name] for field in fields(ListBatches) if field.name in given})
    _check_run({**_with_defaults(fit, {}), **given})


def _with_defaults(function: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    parameters = signature(function).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not Parameter.empty}
    return {**defaults, **options}


def _check_run(given: Mapping[str, Any]) -> None:
    values = {field.name: given[field.name] for field in fields(Settings) if field.name in given}
    # None follows from the data, from the model, and from the task.
    for name, any_that_works in (("epochs", 1), ("learning_rate", 1), ("metric", "ndcg")):
        values[name] = any_that_works if values[name] is None else values[name]
    if values["precision"] == "auto":  # which one it is follows from model and batches
        values["precision"] = "fp32"
    Settings(**values)
    check_from_0("checkpoint_every", given["checkpoint_every"])
    resolve_device(given["device"])

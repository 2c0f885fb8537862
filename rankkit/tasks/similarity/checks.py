"""What an encoder, an objective and examples must be to go together, checked before any work."""

from collections.abc import Callable, Mapping
from functools import partial
from inspect import Parameter, signature
from typing import Any

import numpy as np
from torch import Tensor, nn

from rankkit.data.labelled_examples import LabelledExamples
from rankkit.distances import Distance
from rankkit.errors import ConfigError, DataError, check_given
from rankkit.models.encoders import Encoder
from rankkit.numbers import check_whole
from rankkit.objectives import DualLearning, Objective
from rankkit.sampling import PAIR_RULES, TRIPLET_RULES
from rankkit.tasks.gradient.objectives import build_objective, check_takes_lists, objective_name, readout_of
from rankkit.tasks.gradient.settings import check_name
from rankkit.tasks.similarity.steps import TAKES


def check_encoder(encoder: nn.Module) -> None:
    """Raise ConfigError unless the encoder has weights to train and a distance."""
    if not hasattr(encoder, "distance"):
        raise ConfigError(
            f"fit_encoder: expected an encoder, which has a distance; got {type(encoder).__name__}. "
            "Wrap your module: rankkit.WrappedEncoder(module, n_dims=..., distance=...)."
        )
    if not any(parameter.requires_grad for parameter in encoder.parameters()):
        raise ConfigError(
            "fit_encoder: expected an encoder with weights to train; got none. Set requires_grad on some."
        )


def with_options(objective: str | Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The objective of a name, and a ``functools.partial`` of one, as an :class:`Objective`; all others as they are.

    Only so is it known what the objective takes, and a temperature among its options trained along.

    Raises:
        ConfigError: If there is no such name, arguments are bound by position, or an option is unknown.
    """
    if isinstance(objective, str):
        return build_objective(objective, {}, "embedding objective")
    if not callable(objective):
        raise ConfigError(
            f"fit_encoder: expected an objective such as rankkit.supcon_loss; got {objective!r}. Pass the function."
        )
    if readout_of(objective) is not None or isinstance(objective, DualLearning):
        raise ConfigError(
            f"fit_encoder: expected an objective that reads one score a pair; got {objective_name(objective)}, which "
            "reads grades or shown positions. Train with softmax_loss, or an objective on embeddings."
        )
    function: Any = objective
    options: dict[str, Any] = {}
    n_partial = 0
    while isinstance(function, partial | Objective):
        if isinstance(function, Objective):
            function, options = function.function, {**function.options, **options}
        elif function.args:
            raise ConfigError(
                f"fit_encoder: expected options bound by name; got {len(function.args)} bound by position. "
                "Pass Objective(function, option=...)."
            )
        else:
            function, options, n_partial = function.func, {**function.keywords, **options}, n_partial + 1
    takes = getattr(function, "takes", "lists")
    check_name("fit_encoder: takes of the objective", takes, tuple(TAKES))
    if takes == "lists":
        action = 'Name what else it takes by its attribute: takes = "classes" for (embeddings, *, classes).'
        check_takes_lists(function, action)
    return Objective(function, **options) if n_partial else objective


def check_batches(objective: Callable[..., Tensor], training: Mapping[str, Any], augment: object) -> None:
    """Raise ConfigError where options of :func:`rankkit.fit_encoder` do not go with an objective, before data is read.

    Args:
        objective: A function of the catalogue.
        training: Those of the options that are given.
        augment: What changes inputs, or None.
    """
    takes = str(getattr(objective, "takes", "lists"))
    per_class = training.get("per_class") or examples_per_class(takes)
    check_views(takes, training.get("views", "classes"), training.get("batch_classes", 16), per_class, augment)
    mining_rule(takes, training.get("mining"), margin_of(objective))
    check_memory(objective, takes, training.get("memory", 0))


def examples_per_class(takes: str) -> int:
    """Examples of a class in a batch, unless told: two views are two examples."""
    return 2 if takes == "views" else 4


def check_views(takes: str, views: str, batch_classes: int, per_class: int, augment: object) -> None:
    """Raise ConfigError unless a batch gives the views, or the examples of a class, that the objective takes."""
    if batch_classes < 2:
        raise ConfigError(
            f"fit_encoder: expected batch_classes of at least 2; got {batch_classes}. One class has no negatives."
        )
    if views == "augmented" and (takes != "views" or augment is None):
        raise ConfigError(
            "fit_encoder: expected an objective that takes two views, and augment, with views='augmented'; got "
            f"{'no augment' if augment is None else f'one that takes {takes}'}. "
            "Train nt_xent with augment=rankkit.RandomAffine()."
        )
    if takes == "views" and per_class != 2:
        raise ConfigError(f"fit_encoder: expected per_class=2 for an objective of two views; got {per_class}. Drop it.")
    if takes != "views" and per_class < 2:
        raise ConfigError(f"fit_encoder: expected per_class of at least 2; got {per_class}. One example has no like.")


def check_memory(objective: Callable[..., Tensor], takes: str, memory: int) -> None:
    """Raise ConfigError unless the objective can be compared with embeddings of earlier batches."""
    check_whole("memory", memory)
    function = getattr(objective, "function", objective)
    if (
        memory
        and takes not in ("pairs", "lists")
        and not {"negatives", "reference"} & set(signature(function).parameters)
    ):
        raise ConfigError(
            "fit_encoder: expected an objective of pairs or rankings, multi_similarity or info_nce, with memory; got "
            f"{objective_name(objective)}, which takes {takes}. Leave memory out."
        )


def check_examples(
    encoder: Encoder, train: LabelledExamples, valid: LabelledExamples | None, *, labels_count: bool
) -> None:
    """Raise DataError unless the encoder takes the inputs and there are classes to learn and to measure on.

    Args:
        encoder: That is trained.
        train: Needs two classes with two examples.
        valid: Needs one.
        labels_count: False where each example is its own class.
    """
    for name, data in {"train": train, **({} if valid is None else {"valid": valid})}.items():
        check_given("fit_encoder", name, data, LabelledExamples)
        if encoder.input_shape is not None and tuple(data.input_shape) != tuple(encoder.input_shape):
            raise DataError(
                f"fit_encoder: expected inputs of shape {tuple(encoder.input_shape)} in {name}; got "
                f"{tuple(data.input_shape)}. Build the encoder with input_shape=train.input_shape."
            )
        n_usable = int((np.bincount(data.labels, minlength=1) >= 2).sum())
        wanted = 1 if name == "valid" else 2
        if n_usable < wanted and (labels_count or name == "valid"):
            raise DataError(
                f"fit_encoder: expected at least {wanted} classes with two examples in {name}; got {n_usable}. "
                "Pass more examples, or views='augmented' for examples without classes."
            )


def mining_rule(takes: str, mining: str | None, margin: float | None) -> str:
    """The rule by which pairs or triplets are chosen: semi-hard needs a margin, others see all triplets."""
    rules = {"pairs": PAIR_RULES, "logits": PAIR_RULES, "triplets": TRIPLET_RULES}.get(takes)
    if rules is not None:
        default = "balanced" if takes != "triplets" else "all" if margin is None else "semi_hard"
        chosen = default if mining is None else mining
        check_name("mining", chosen, rules)
        return chosen
    if mining is not None:
        raise ConfigError(
            f"fit_encoder: expected mining with an objective of pairs or triplets only; got {mining!r} with one that "
            f"takes {takes}. Leave it out."
        )
    return "none"


def options_of_the_call(takes: str, objective: Callable[..., Tensor], distance: Distance) -> dict[str, Any]:
    """The encoder's distance, where the objective takes one.

    Raises:
        ConfigError: If the objective has one too, or does without the encoder's where that has weights to learn.
    """
    function = getattr(objective, "function", objective)
    if "distance" not in signature(function).parameters:
        learned = isinstance(distance, nn.Module) and any(weight.requires_grad for weight in distance.parameters())
        if learned and takes not in ("logits", "lists"):
            raise ConfigError(
                f"fit_encoder: expected an encoder with a distance that {objective_name(objective)} can train; got "
                f"{distance!r}, which it never sees. Build the encoder with "
                f"distance={getattr(function, 'distance', 'cosine')!r}."
            )
        return {}
    bound = getattr(objective, "options", {}).get("distance")
    if bound is not None:
        raise ConfigError(
            f"fit_encoder: expected the objective without a distance, as the encoder has one ({distance!r}); got "
            f"distance={bound!r}. Build the encoder with that distance."
        )
    return {"distance": distance}


def margin_of(objective: Callable[..., Tensor]) -> float | None:
    """The margin that the objective works with; None where it has none.

    Raises:
        ConfigError: If it has one without a default, and none was given.
    """
    options = getattr(objective, "options", {})
    if "margin" in options:
        return None if options["margin"] is None else float(options["margin"])
    parameter = signature(getattr(objective, "function", objective)).parameters.get("margin")
    if parameter is not None and parameter.default is Parameter.empty:
        raise ConfigError(
            f"fit_encoder: expected a margin for {objective_name(objective)}, which has no default; got none. "
            "Pass Objective(function, margin=...)."
        )
    return None if parameter is None or parameter.default is None else float(parameter.default)

"""Objectives as a run trains with them: by name with their options, what they are called, what learns along."""

from collections.abc import Callable, Mapping
from functools import partial
from inspect import Parameter, signature
from typing import Any

from torch import Tensor, nn

from rankkit import registry
from rankkit.errors import ConfigError
from rankkit.objectives import Objective
from rankkit.objectives.embedding import LearnedTemperature

CALL = "(scores, labels, mask) -> loss"


def build_objective(name: str, options: Mapping[str, Any], kind: str = "objective") -> Callable[..., Tensor]:
    """The objective of that name with its options; one with weights of its own is built anew.

    Args:
        name: Of the objective.
        options: Its options. ``temperature="learned"`` is a :class:`rankkit.LearnedTemperature`.
        kind: In the catalogue: ``"objective"``, or ``"embedding objective"`` for one that trains an encoder.

    >>> build_objective("ranknet", {"sigma": 2.0})
    Objective(ranknet_loss, sigma=2.0)
    """
    function = registry.find(kind, name)
    if options.get("temperature") == "learned":
        options = {**options, "temperature": LearnedTemperature(signature(function).parameters["temperature"].default)}
    return function(**options) if isinstance(function, type) else Objective(function, **options)


def _innermost(objective: Callable[..., Any]) -> Callable[..., Any]:
    while isinstance(objective, partial):
        objective = objective.func
    return objective


def module_of(objective: Callable[..., Any]) -> nn.Module | None:
    """The module behind an objective, whose weights are trained with those of the scorer; None for functions."""
    inner = _innermost(objective)
    return inner if isinstance(inner, nn.Module) else None


def readout_of(objective: Callable[..., Any]) -> str | None:
    """How the objective turns several outputs into the ranking score; None for single-output objectives."""
    readout: str | None = getattr(_innermost(objective), "readout", None)
    return readout


def objective_name(objective: Callable[..., Any]) -> str:
    """What the objective is called, for messages and checkpoints."""
    inner = _innermost(objective)
    return str(getattr(inner, "__name__", None) or getattr(inner, "name", None) or type(inner).__name__)


def objective_options(objective: Callable[..., Any]) -> dict[str, str]:
    """The options bound to an objective, as text that is the same in every process."""
    bound: dict[str, Any] = dict(getattr(_innermost(objective), "options", {}))
    while isinstance(objective, partial):
        bound = {**objective.keywords, **bound}
        objective = objective.func
    return {name: str(getattr(value, "__name__", None) or value) for name, value in sorted(bound.items())}


def objective_identity(objective: Callable[..., Any] | None) -> dict[str, Any]:
    """What tells the objective of a run from another: nothing where there is none."""
    if objective is None:
        return {}
    options = {f"objective.{name}": value for name, value in objective_options(objective).items()}
    return {"objective": objective_name(objective), **options}


def takes_weights(objective: Callable[..., Any]) -> bool:
    """Whether an objective has the argument ``weights``."""
    inner = getattr(objective, "function", objective.forward if isinstance(objective, nn.Module) else objective)
    try:
        parameters = signature(inner).parameters
    except (TypeError, ValueError):
        return True
    return "weights" in parameters or any(p.kind is Parameter.VAR_KEYWORD for p in parameters.values())


def check_takes_lists(
    objective: Callable[..., Tensor], action: str = "Take the mask too: it is True where a document is real."
) -> None:
    """Raise ConfigError, with what to do, if an objective over lists cannot be called so as its signature tells."""
    called = objective.forward if isinstance(objective, nn.Module) else objective
    try:
        taken = signature(called)
    except (TypeError, ValueError):  # of compiled code: the first step will show
        return
    try:
        taken.bind(None, None, None, **({"weights": None} if "weights" in taken.parameters else {}))
    except TypeError:
        name = getattr(objective, "__name__", type(objective).__name__)
        raise ConfigError(f"objective: expected a function {CALL}; got {name}{taken}. {action}") from None


def refuse_objective(where: str, model: object, objective: object) -> None:
    """Raise ConfigError if a model that learns in one go was given an objective."""
    if objective is not None:
        got = objective if isinstance(objective, str) else getattr(objective, "__name__", type(objective).__name__)
        raise ConfigError(
            f"{where}: expected no objective for {type(model).__name__}, which learns in one go; got {got}. "
            "Leave it out: fit(model, train, valid)."
        )


def checked_loss(loss: Any, source: str = "scores", mean: str = "lists") -> Tensor:
    """What an objective gave, if training can learn from it: asked at each step, before any weight changes.

    Args:
        loss: Of a batch.
        source: What the objective was called with, for the message.
        mean: What a loss is the mean of, for the message.

    Raises:
        ConfigError: If it is not one number with a gradient.
    """
    if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.requires_grad:
        got = type(loss).__name__ if not isinstance(loss, Tensor) else f"a tensor {list(loss.shape)}"
        why = " without gradient" if isinstance(loss, Tensor) and loss.numel() == 1 else ""
        raise ConfigError(
            f"objective: expected one number, computed from the {source} by functions of torch; got {got}{why}. "
            f"Return the mean over the {mean}."
        )
    return loss

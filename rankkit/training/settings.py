"""The options of a training run, checked before any work."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import Parameter, signature
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import nn

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, DataError, did_you_mean
from rankkit.evaluation.matching import check_count, matched
from rankkit.evaluation.names import parse_metric
from rankkit.models.scorers import n_features_of
from rankkit.models.scorers.readout import n_outputs_for
from rankkit.numbers import check_whole, is_finite, is_whole
from rankkit.training.methods import Method, check_method, told

ScheduleName = Literal["one_cycle", "cosine", "linear", "constant"]
Schedule = ScheduleName | Callable[[float], float]
"""A name, or a function of the part of the run that is done to what the learning rate is multiplied by."""
Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Settings:
    """What decides the weights that come out of a run, besides its batches; :func:`rankkit.fit` describes each."""

    metric: str
    epochs: int
    optimizer: Method
    learning_rate: float
    weight_decay: float
    momentum: float
    schedule: Schedule
    warmup: float
    clip_norm: float | None
    patience: int | None
    precision: Precision
    seed: int
    optimizer_options: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, np.generic):  # neither torch nor JSON takes numbers of numpy
                object.__setattr__(self, name, value.item())
        parse_metric(self.metric)
        check_method(self.optimizer, self.optimizer_options or {})
        if not callable(self.schedule):
            check_name("schedule", self.schedule, get_args(ScheduleName))
        check_name("precision", self.precision, get_args(Precision))
        check_counts({"epochs": self.epochs, **({} if self.patience is None else {"patience": self.patience})})
        check_whole("seed", self.seed)
        for name in ("learning_rate", "clip_norm"):
            value = getattr(self, name)
            if not (name == "clip_norm" and value is None):
                _check_number(name, value, is_finite(value) and value > 0, "a finite number above 0")
        check_from_0("weight_decay", self.weight_decay)
        for name in ("warmup", "momentum"):
            value = getattr(self, name)
            _check_number(name, value, is_finite(value) and 0 <= value < 1, "a number from 0 to below 1")

    def identity(self) -> dict[str, Any]:
        """What tells this run from another, as values that JSON can hold."""
        values = {**vars(self), "optimizer": told(self.optimizer), "schedule": told(self.schedule)}
        options = values.pop("optimizer_options")
        return {**values, "optimizer_options": dict(options)} if options else values


def check_counts(values: Mapping[str, int]) -> None:
    """Raise ConfigError unless each is a whole number of at least 1."""
    for name, value in values.items():
        _check_number(name, value, is_whole(value) and value >= 1, "a whole number of at least 1")


def check_from_0(option: str, value: float) -> None:
    """Raise ConfigError unless a value is a finite number from 0 on."""
    _check_number(option, value, is_finite(value) and value >= 0, "a finite number from 0")


def check_name(option: str, value: str, known: tuple[str, ...]) -> None:
    """Raise ConfigError unless the value is one of those known."""
    if value not in known:
        raise ConfigError(
            f"{option}: expected one of {', '.join(known)}; got {value!r}. {did_you_mean(str(value), known)}"
        )


def _check_number(option: str, value: float | None, good: bool, expected: str) -> None:
    if not good:
        raise ConfigError(f"{option}: expected {expected}; got {value!r}. Choose such a number.")


def default_epochs(n_queries: int, batch_queries: int) -> int:
    """15 epochs, or as many as make 120 steps: fewer than that leave a network half trained, whatever the data.

    >>> default_epochs(20_000, 64), default_epochs(120, 64)
    (15, 60)
    """
    return max(15, math.ceil(120 / max(1, math.ceil(n_queries / max(1, batch_queries)))))


def default_learning_rate(scorer: nn.Module) -> float:
    """What the scorer's class suggests, or 0.002.

    >>> from rankkit.models.scorers import LinearScorer, MLPScorer
    >>> default_learning_rate(LinearScorer(3)), default_learning_rate(MLPScorer(3))
    (0.05, 0.002)
    """
    return float(getattr(scorer, "learning_rate", 2e-3))


def resolve_device(device: str) -> torch.device:
    """``"auto"`` is torch's current CUDA device, the first unless a program chose another, or without one the CPU."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        place = torch.device(device)
    except RuntimeError:
        raise ConfigError(f"device: expected 'auto', 'cpu' or 'cuda'; got {device!r}. Pass one of these.") from None
    if place.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            f"device: expected a device that is here; got {device!r}, but this torch sees no CUDA. Pass 'auto'."
        )
    return torch.device("cuda", torch.cuda.current_device()) if device == "cuda" else place


def check_data(
    scorer: nn.Module, train: RankingDataset, valid: RankingDataset | None
) -> tuple[RankingDataset, RankingDataset | None]:
    """Check that there is something to learn from and that the scorer takes it.

    Returns:
        Both parts with their features in one order, matched by name where names are known.

    Raises:
        DataError: If a part is empty, has no labels, labels that are not finite, or features that do not fit.
    """
    for name, data in (("train", train), ("valid", valid)):
        if data is None:
            continue
        if data.n_docs == 0:
            raise DataError(f"fit: expected documents in {name}; got {data!r}. Pass data with at least one query.")
        if data.labels is None:
            raise DataError(
                f"fit: expected labels in {name}; got {data!r}. Name its label column with label=, or add one."
            )
        if not np.isfinite(data.labels).all():
            doc = int(np.flatnonzero(~np.isfinite(data.labels))[0])
            qid = data.qids[np.searchsorted(data.offsets, doc, side="right") - 1]
            raise DataError(
                f"fit: expected finite labels in {name}; got {data.labels[doc]} in query {qid!s}. "
                "Drop or mend that document."
            )
    if getattr(scorer, "feature_names", None) is not None:  # it goes on from an earlier training, or was told
        train = matched("fit: train", scorer, train)
    check_count("fit: train", n_features_of(scorer, train.n_features), train)
    return train, None if valid is None else matched("fit: valid", train, valid)


def check_objective(scorer: nn.Module, objective: Callable[..., Any], train: RankingDataset) -> None:
    """Check that the scorer gives the outputs that the objective takes, and the objective the weights of the data.

    Raises:
        ConfigError: If they do not fit, or nothing in the scorer can be trained.
    """
    if not any(parameter.requires_grad for parameter in scorer.parameters()):
        action = "Set requires_grad on some." if list(scorer.parameters()) else "Pass another, such as MLPScorer."
        raise ConfigError(f"fit: expected a scorer with weights to train; got {type(scorer).__name__}. {action}")
    name = objective_name(objective)
    wanted, given = readout_of(objective), getattr(scorer, "readout", None)
    n_outputs = getattr(scorer, "n_outputs", 1)
    if wanted is not None and (n_outputs < 2 or given != wanted):
        best = 0 if train.labels is None else int(train.labels.max(initial=0))
        raise ConfigError(
            f"fit: expected a scorer with several outputs, read as {wanted!r}, for {name}; got {n_outputs} output(s), "
            f"read as {given!r}. Build the scorer with n_outputs={max(2, n_outputs_for(wanted, best + 1))}, "
            f"readout={wanted!r} for labels 0..{best}."
        )
    if wanted is None and n_outputs != 1:
        raise ConfigError(
            f"fit: expected a scorer with one output for {name}; got n_outputs={n_outputs}. "
            "Leave n_outputs out, or train with an objective over grades."
        )
    if train.weights is not None and not _takes_weights(objective):
        raise ConfigError(
            f"fit: expected an objective that takes weights=, since train has weights; got {name}. "
            "Add the argument, or drop the weights from the data."
        )


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


def _takes_weights(objective: Callable[..., Any]) -> bool:
    inner = getattr(objective, "function", objective.forward if isinstance(objective, nn.Module) else objective)
    try:
        parameters = signature(inner).parameters
    except (TypeError, ValueError):
        return True
    return "weights" in parameters or any(p.kind is Parameter.VAR_KEYWORD for p in parameters.values())

"""Model: what every kind of model is to the rest of rankkit: options that it is built from, and named arrays."""

from collections.abc import Mapping
from typing import Any, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.errors import ConfigError

State = Mapping[str, NDArray[Any]]
"""What a model has learnt: arrays by name."""


class Model(Protocol):
    """A model that can be saved and built again: a torch module, boosted trees, a matrix.

    A torch module needs ``options`` alone: its parameters and buffers are its state, unless it has ``state()`` and
    ``set_state()``, as any other class must. One that is not trained by gradients has ``learn()``:
    see :class:`Learner`.

    Attributes:
        options: Plain values by name, which building it again takes.
    """

    options: Mapping[str, Any]

    def state(self) -> State:
        """What it has learnt."""
        ...

    def set_state(self, state: State) -> None:
        """Take what :meth:`state` gave.

        Raises:
            ValueError: If it is not the state of a model with these options.
        """
        ...


class Learner(Protocol):
    """A model in closed form: it learns in one go, without gradients, epochs or an objective."""

    def learn(self, train: Any, choosing: Any, value: Any, *, seed: int) -> Mapping[str, Any]:
        """Learn from training data.

        Args:
            train: Training data of its task.
            choosing: Data to choose options on: the validation data, or the training data where there is none.
            value: Called without arguments: the metric of the model as it stands on ``choosing``, the higher the
                better.
            seed: Of whatever it draws.

        Returns:
            What was chosen, as plain values.
        """
        ...


def learns_in_one_go(model: object) -> bool:
    """Whether a model has :meth:`Learner.learn`, in place of weights that gradients train."""
    return callable(getattr(model, "learn", None))


def boosts(model: object) -> bool:
    """Whether a model grows trees on slopes and curvatures, as :class:`rankkit.LightGBM` does."""
    return callable(getattr(model, "begin", None)) and callable(getattr(model, "keep", None))


def check_installed(made: object) -> None:
    """Raise ConfigError if what trains the instances of a class, which has ``check_installed()``, is not installed."""
    check = getattr(made, "check_installed", None)
    if check is not None:
        check()


def check_model(where: str, made: type) -> None:
    """Raise ConfigError if the instances of a class would be no models."""
    if issubclass(made, nn.Module) or all(callable(getattr(made, name, None)) for name in ("state", "set_state")):
        return
    raise ConfigError(
        f"{where}: expected a class of torch modules, or one with state() and set_state(); got {made.__name__}. "
        "Add the two."
    )


def _is_module_alone(model: object) -> bool:
    return isinstance(model, nn.Module) and not hasattr(model, "set_state")


def tensors_of(model: Any) -> dict[str, Tensor]:
    """What a model has learnt as tensors by name; those of a module are its own, not copies."""
    if _is_module_alone(model):
        return dict(model.state_dict())
    return {name: torch.from_numpy(np.array(values)) for name, values in model.state().items()}


def expected_of(model: Any) -> dict[str, Tensor] | None:
    """The tensors that a model with these options has, known before it has learnt; None where they follow from data."""
    return dict(model.state_dict()) if _is_module_alone(model) else None


def fill(model: Any, tensors: Mapping[str, Tensor]) -> None:
    """Give a model what it has learnt.

    Raises:
        ValueError: If it is not the state of such a model.
    """
    if _is_module_alone(model):
        model.load_state_dict(dict(tensors), assign=True)
    else:
        model.set_state({name: values.numpy() for name, values in tensors.items()})


def n_numbers(model: Any) -> int:
    """How many numbers a model has learnt: leaves of trees, parameters of a module, entries of any other's arrays."""
    if hasattr(model, "n_leaves"):
        return int(model.n_leaves)
    if isinstance(model, nn.Module):
        return sum(parameter.numel() for parameter in model.parameters())
    return sum(int(cast("NDArray[Any]", values).size) for values in model.state().values())

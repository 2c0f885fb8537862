"""build(): a model by name, place or class, which every other part of rankkit can use."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from rankkit.errors import ConfigError
from rankkit.models.model import check_model
from rankkit.models.scorers.scorer import describe
from rankkit.registry import find

# What the rest of rankkit reads of a scorer, which one of the user's own need not set.
_OF_A_SCORER = {"n_outputs": 1, "readout": None, "feature_names": None}


def build(kind: str, made: str | Callable[..., Any], *args: Any, **options: Any) -> Any:
    """A scorer, an encoder, or a model of another registered kind, with fresh weights.

    One of your own gets what it does not have itself: ``options``, the arguments that it was built with, from which a
    saved model is built again; of a scorer ``n_features``, ``n_outputs``, ``readout`` and ``feature_names``. Where its
    constructor takes no ``seed``, its weights are drawn from torch's global generator under that seed, which is left as
    it was.

    Args:
        kind: ``"scorer"``, ``"encoder"``, or what a registered task calls its models.
        made: Its name, its place as ``"package.module:Class"`` of a plugin that was loaded, or its class.
        *args: The number of features of a scorer, the shape of an input of an encoder; what its task passes.
        **options: By keyword.

    Raises:
        ConfigError: If there is no such name, or its constructor has no such option.

    Example:
        >>> from torch import nn
        >>> class Sum(nn.Module):
        ...     def __init__(self, n_features: int, *, scale: float = 1.0) -> None:
        ...         super().__init__()
        ...         self.scale = nn.Parameter(torch.tensor(scale))
        ...     def forward(self, features):
        ...         return features.sum(dim=1) * self.scale
        >>> build("scorer", Sum, 3, scale=2.0, seed=0).options
        {'n_features': 3, 'scale': 2.0}
    """
    found: Any = find(kind, made) if isinstance(made, str) else made
    return _completed(kind, found, args, options)


def shown(model: Any) -> str:
    """A model in one line: the class with the options that it was built with."""
    words = repr(model)
    return describe(model, model.options) if "\n" in words else words  # torch's take a line a layer


def _completed(kind: str, made: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    if not isinstance(made, type):
        raise ConfigError(f"{kind}: expected a class of models; got {made!r}. Pass the class itself.")
    check_model(kind, made)
    signature = inspect.signature(made)
    seed = None
    if "seed" in options and not _takes(signature, "seed"):
        seed = options.pop("seed")
    _refuse_unknown(kind, made, signature, options)
    try:
        bound = signature.bind(*args, **options)
    except TypeError as error:
        raise ConfigError(f"{made.__name__}: expected what its constructor takes; got {error}. Mend it.") from None
    with _drawing(seed):
        model: Any = made(*args, **options)
    if not hasattr(model, "options"):
        bound.apply_defaults()
        model.options = _by_keyword(bound)
    if kind == "scorer":
        for name, value in {"n_features": bound.args[0] if bound.args else None, **_OF_A_SCORER}.items():
            if not hasattr(model, name):
                setattr(model, name, value)
    return model


def _takes(signature: inspect.Signature, name: str) -> bool:
    return name in signature.parameters or any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in signature.parameters.values()
    )


def _refuse_unknown(kind: str, made: type, signature: inspect.Signature, options: dict[str, Any]) -> None:
    for name in options:
        if _takes(signature, name):
            continue
        if name in ("n_outputs", "readout"):
            raise ConfigError(
                f"{made.__name__}: expected a scorer of several outputs for this objective; got one without the "
                f"option {name!r}. Choose one that has it, such as mlp, or another objective; one of your own takes "
                "n_outputs and readout in its constructor."
            )
        raise ConfigError(f"{made.__name__}: expected an option of this {kind}; got {name!r}. Leave it out.")


def _by_keyword(bound: inspect.BoundArguments) -> dict[str, Any]:
    """Every argument by its name, those of ``**options`` among them."""
    found: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        if bound.signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            found |= value
        else:
            found[name] = list(value) if isinstance(value, tuple) else value
    return found


@contextmanager
def _drawing(seed: int | None) -> Iterator[None]:
    """Weights are drawn under a seed; without one, from torch's global generator as it stands."""
    if seed is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield

"""The optimizer that a name, a class of torch or a function of one's own stands for, and how a run tells them apart."""

import functools
import hashlib
import re
import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

import torch
from torch import nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer

from rankkit.errors import ConfigError, did_you_mean

OptimizerName = Literal["adamw", "adam", "sgd", "adagrad"]
Groups = list[dict[str, Any]]
Method = str | Callable[[Groups], Optimizer]
"""A name, or a function that makes an optimizer for groups of weights."""

_UNLIKE = {
    "LBFGS": "which computes the loss several times a step",
    "SparseAdam": "which takes sparse gradients alone",
}


def make_optimizer(
    method: Method, options: Mapping[str, Any], groups: Groups, *, rate: float, momentum: float, device: torch.device
) -> Optimizer:
    """The optimizer of groups of weights, in its fused form where rankkit names it and torch has one for the device.

    Args:
        method: One of rankkit's four names, the name of a class of ``torch.optim``, or a function of the groups.
        options: Keywords of that class.
        groups: As torch has them, each with its ``weight_decay``.
        rate: The learning rate.
        momentum: Of ``"sgd"``.
        device: Where the weights are.

    Raises:
        ConfigError: If there is no such class, or it refuses the options or the weights.
    """
    if not isinstance(method, str):
        made = method(groups)
        if not isinstance(made, Optimizer):
            raise ConfigError(
                f"optimizer: expected a function that gives an optimizer of torch; got {type(made).__name__} from it. "
                "Return for example torch.optim.RMSprop(params)."
            )
        return made
    for name in options:
        if name in ("lr", "weight_decay", "params"):
            keyword = {"lr": "learning_rate"}.get(name, name)
            raise ConfigError(
                f"optimizer_options: expected options of the optimizer alone; got {name!r}. "
                f"{'Leave it out.' if name == 'params' else f'Pass {keyword}.'}"
            )
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
    fused = device.type in ("cpu", "cuda") or None
    own: dict[str, tuple[type[Optimizer], dict[str, Any]]] = {
        "adamw": (AdamW, {"fused": fused}),
        "adam": (Adam, {"fused": fused}),
        "adagrad": (Adagrad, {"fused": True if device.type == "cpu" else None}),
        "sgd": (SGD, {"momentum": momentum, "fused": fused}),
    }
    kind, keywords = own[method] if method in own else (_class_of(method), {})
    try:
        return kind(groups, **{"lr": rate, **keywords, **given})
    except (TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"optimizer_options: expected what {kind.__name__} takes, and weights that it can train; got {error}. "
            "Change them, or choose another optimizer."
        ) from None


def check_method(method: Any, options: Mapping[str, Any]) -> None:
    """Raise ConfigError if there is no such optimizer, or it has no such options."""
    if callable(method):
        if options:
            raise ConfigError(
                f"optimizer_options: expected none with a function as optimizer; got {', '.join(options)}. "
                "Set them in the function."
            )
        return
    if not isinstance(method, str):
        raise ConfigError(f"optimizer: expected a name, or a function of the weights; got {method!r}. Pass one.")
    groups: Groups = [{"params": [nn.Parameter(torch.zeros(2, 2))], "weight_decay": 0.0}]
    make_optimizer(method, options, groups, rate=1e-3, momentum=0.9, device=torch.device("cpu"))


def _class_of(name: str) -> type[Optimizer]:
    found = {name: kind for name, kind in vars(torch.optim).items() if _is_optimizer(kind)}
    if name in _UNLIKE:
        raise ConfigError(
            f"optimizer: expected one that steps once on the gradient of a batch; got {name!r}, {_UNLIKE[name]}. "
            "Choose another."
        )
    if name not in found:
        known = [*get_args(OptimizerName), *(name for name in found if name not in _UNLIKE)]
        cased = {known_as.lower(): known_as for known_as in reversed(known)}  # torch's are in capitals
        exact = cased.get(name.lower())
        raise ConfigError(
            f"optimizer: expected one of {', '.join(get_args(OptimizerName))} or a class of torch.optim; got {name!r}. "
            f"{did_you_mean(name, known) if exact is None else f'Did you mean {exact!r}?'}"
        )
    kind: type[Optimizer] = found[name]
    return kind


def _is_optimizer(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Optimizer) and kind is not Optimizer


def told(given: object) -> object:
    """What a name or a function is in the identity of a run: of a function its name and a digest of what it computes.

    >>> told("adamw"), told(lambda p: p) == told(lambda p: p), told(lambda p: p) == told(lambda p: 1 - p)
    ('adamw', True, False)
    """
    if not callable(given):
        return given
    name = getattr(given, "__qualname__", type(given).__qualname__)
    return f"{name} {hashlib.sha256(_content(given).encode()).hexdigest()[:16]}"


def _content(thing: object, above: tuple[int, ...] = ()) -> str:
    """Code and what is bound to it, as text that is the same in every process; of globals that it reads their names."""
    if id(thing) in above:  # a function that calls itself
        return "itself"

    def within(part: object) -> str:
        return _content(part, (*above, id(thing)))

    if isinstance(thing, functools.partial):
        return f"partial {within([thing.func, thing.args, thing.keywords])}"
    if isinstance(thing, types.FunctionType):
        cells = [cell.cell_contents for cell in thing.__closure__ or ()]
        return within([thing.__code__, thing.__defaults__, thing.__kwdefaults__, cells])
    if isinstance(thing, types.CodeType):
        return f"{thing.co_code.hex()} {thing.co_names} {within(thing.co_consts)}"
    if isinstance(thing, tuple | list):
        return f"[{', '.join(map(within, thing))}]"
    if isinstance(thing, dict):
        return f"{{{', '.join(f'{name}: {within(value)}' for name, value in thing.items())}}}"
    if isinstance(thing, type | types.BuiltinFunctionType):
        return f"{getattr(thing, '__module__', '')}.{thing.__qualname__}"
    if isinstance(thing, types.MethodType):
        return within([thing.__func__, thing.__self__])
    if hasattr(thing, "__dict__") and type(thing).__repr__ is object.__repr__:
        return within([type(thing), vars(thing)])
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(thing))

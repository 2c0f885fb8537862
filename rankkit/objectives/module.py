"""Objective: any objective function with its options, as one nn.Module."""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor, nn

from rankkit.errors import ConfigError, did_you_mean
from rankkit.options import options_of


class Objective(nn.Module):
    """An objective function with its options fixed, called as the function is: ``(scores, labels, mask)``.

    Objectives on embeddings are called with what they take: ``(x, y, same=...)``, ``(embeddings, classes=...)``, ...

    Args:
        function: An objective such as :func:`rankkit.ranknet_loss` or :func:`rankkit.supcon_loss`.
        **options: Keyword options of that function, other than those that go with a call, such as ``weights``, ``same``
            and ``reduction``, and ``generator``: under ``fit(seed=...)`` the generator of the run draws. An option that
            is a module, as a learned temperature, is trained along.

    Example:
        >>> from rankkit.objectives import pairwise_hinge_loss
        >>> objective = Objective(pairwise_hinge_loss, margin=2.0)
        >>> objective
        Objective(pairwise_hinge_loss, margin=2.0)
        >>> objective(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]))
        tensor(2.)
    """

    def __init__(self, function: Callable[..., Tensor], **options: Any) -> None:
        super().__init__()
        self.function = function
        self.options = options
        self.name = getattr(function, "__name__", type(function).__name__)
        known = option_names(function)
        for name in options:
            if name not in known:
                raise ConfigError(f"{self.name}: expected one of its options; got {name!r}. {_advice(name, known)}")
        if hasattr(function, "readout"):
            self.readout: str = function.readout
        self.takes: str = getattr(function, "takes", "lists")
        self._modules_of_options = nn.ModuleDict(
            {name: value for name, value in options.items() if isinstance(value, nn.Module)}
        )

    def forward(self, *inputs: Tensor | None, **of_the_call: Any) -> Tensor:
        """The loss; see the function for what it computes. A mean, and weights that are None, need not be asked for."""
        # A function of one's own need not take what is not asked for.
        asked = {
            name: value
            for name, value in of_the_call.items()
            if value is not None and (name, value) != ("reduction", "mean")
        }
        return self.function(*inputs, **asked, **self.options)

    def __repr__(self) -> str:
        return f"Objective({', '.join([self.name, *(f'{name}={value!r}' for name, value in self.options.items())])})"


def taken_apart(objective: Callable[..., Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The function behind an objective, and the options that are bound to it.

    >>> from functools import partial
    >>> from rankkit.objectives import softmax_loss
    >>> function, options = taken_apart(partial(Objective(softmax_loss, temperature=2.0), normalize=False))
    >>> function is softmax_loss, options
    (True, {'temperature': 2.0, 'normalize': False})
    """
    function: Any = objective
    options: dict[str, Any] = {}
    while True:
        if isinstance(function, partial):
            function, options = function.func, {**function.keywords, **options}
        elif isinstance(function, nn.Module) and hasattr(function, "function"):
            function, options = function.function, {**getattr(function, "options", {}), **options}
        else:
            return function, options


def option_names(function: Callable[..., Any]) -> list[str]:
    """The keyword options of an objective, other than ``weights``, ``reduction`` and ``generator``.

    >>> from rankkit.objectives import softmax_loss
    >>> option_names(softmax_loss)
    ['normalize', 'temperature']
    """
    return list(options_of("objective", function))


def _advice(name: str, known: list[str]) -> str:
    if name in ("weights", "reduction"):
        return f"Pass {name}= in the call."
    if name == "generator":
        return "Seed the run instead: fit(seed=...)."
    return did_you_mean(name, known) if known else "It has none."

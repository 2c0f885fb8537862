"""Whether what a run calls is known to draw from the generators of the run alone."""

from functools import partial

from torch import nn

# Layers that draw nothing. Others of torch (dropout, RReLU, attention, recurrent ones) draw from its global generators.
_DRAWLESS = frozenset(
    f"torch.nn.modules.{name}"
    for name in (
        "activation",
        "batchnorm",
        "container",
        "conv",
        "flatten",
        "linear",
        "loss",
        "normalization",
        "pooling",
    )
)
_DRAWING = (nn.RReLU, nn.MultiheadAttention)


def draws_only_from_the_run(*parts: object) -> bool:
    """Whether all of these are of rankkit, or layers of torch that draw nothing, as are their options.

    Args:
        *parts: Model, objective and whatever else a step calls.

    >>> from rankkit.objectives import softmax_loss
    >>> draws_only_from_the_run(nn.Linear(2, 1), partial(softmax_loss, temperature=2.0))
    True
    >>> draws_only_from_the_run(nn.Dropout(0.1)), draws_only_from_the_run(nn.functional.dropout)
    (False, False)
    """
    return all(_is_known(part) for part in parts)


def _is_known(part: object) -> bool:
    if isinstance(part, partial):
        return all(map(_is_known, (part.func, *part.args, *part.keywords.values())))
    if isinstance(part, nn.Module):
        return all(map(_is_known_module, part.modules()))
    return not callable(part) or (_is_of_rankkit(part) and _is_known(getattr(part, "function", None)))


def _is_known_module(module: nn.Module) -> bool:
    kind = type(module)
    if not (_is_of_rankkit(module) or (kind.__module__ in _DRAWLESS and not isinstance(module, _DRAWING))):
        return False
    hooked = module._forward_hooks or module._forward_pre_hooks
    options = getattr(module, "options", {})
    return not hooked and all(map(_is_known, (getattr(module, "function", None), *options.values())))


def _is_of_rankkit(part: object) -> bool:
    return str(getattr(part, "__module__", "")).startswith("rankkit.")

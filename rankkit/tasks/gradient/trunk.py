"""The two parts of a network: the last layer, which scores, and the trunk before it, which can learn without labels."""

from torch import nn

from rankkit.errors import ConfigError


def head_weights(model: nn.Module) -> set[int]:
    """The ids of the weights of the last layer, ``output``; none of a model that has no such layer."""
    output = getattr(model, "output", None)
    return {id(weight) for weight in output.parameters()} if isinstance(output, nn.Module) else set()


def check_has_trunk(where: str, model: nn.Module) -> None:
    """Raise ConfigError unless a model has a last layer, and others before it that learn.

    Args:
        where: The option or function that needs them.
        model: The scorer.
    """
    head = head_weights(model)
    if not head or all(id(weight) in head for weight in model.parameters()):
        raise ConfigError(
            f"{where}: expected a network with layers that learn before its last one, output; got "
            f"{type(model).__name__}. Choose one such as MLPScorer."
        )

"""Where a ranker can go: name -> target, imported when asked for."""

from typing import cast

from rankkit.errors import ConfigError, did_you_mean
from rankkit.export.target import Target
from rankkit.registry import TARGETS as TARGETS


def find_target(name: str, *, where: str = "--to") -> Target:
    """The target of that name.

    Args:
        name: A key of :data:`TARGETS`.
        where: What asked for it, for the message.

    Raises:
        ConfigError: If there is none; the message names the nearest.
    """
    if name not in TARGETS:
        raise ConfigError(f"{where}: expected the name of a target; got {name!r}. {did_you_mean(name, TARGETS)}")
    return cast(Target, TARGETS[name]())

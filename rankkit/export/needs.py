"""Libraries of an extra, imported where they are used."""

import importlib
from typing import Any

from rankkit.errors import ConfigError


def need(module: str, extra: str) -> Any:
    """Import a module that an extra of rankkit brings.

    Args:
        module: Name to import.
        extra: Name of the extra, for the message.

    Raises:
        ConfigError: If it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"{module}: expected it to be installed; got {error}. Run pip install 'rankkit-torch[{extra}]'."
        ) from error

"""``--plugin``: packages whose code a command may use; nothing else makes a command import any."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer

from rankkit.errors import ConfigError

Plugins = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        metavar="PACKAGE",
        help="Import this package, whose scorers, encoders, objectives, metrics or transforms are used. Repeatable.",
    ),
]


def with_plugins(command: Callable[..., None]) -> Callable[..., None]:
    """The command with ``--plugin``; the packages are loaded before it begins."""

    @functools.wraps(command)
    def run(*args: Any, plugin: list[str] | None = None, **options: Any) -> None:
        load_plugins(plugin or ())
        command(*args, **options)

    own = list(inspect.signature(command).parameters.values())
    added = inspect.Parameter("plugin", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Plugins)
    run.__signature__ = inspect.Signature([*own, added])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, added)}
    return run


def load_plugins(packages: Iterable[str]) -> None:
    """Load each package.

    Raises:
        ConfigError: If one cannot be imported, or a name of it is taken.
    """
    from rankkit.registry import load_plugin

    for package in packages:
        load_plugin(package)


def load_plugins_of(where: str, values: dict[str, Any]) -> None:
    """Load the packages that an experiment file names, and note there all that are loaded, so that it is whole.

    Args:
        where: The file, for messages.
        values: What it says.

    Raises:
        ConfigError: If ``plugins`` is no list of names, or one cannot be loaded.
    """
    from rankkit.registry import loaded_plugins

    named = values.get("plugins", [])
    if not isinstance(named, list) or not all(isinstance(package, str) for package in named):
        raise ConfigError(f'{where}: plugins: expected a list of packages; got {named!r}. Write ["mypackage"].')
    load_plugins(named)
    if loaded_plugins():
        values["plugins"] = loaded_plugins()

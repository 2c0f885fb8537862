"""Entries: the names of one kind and the objects behind them, imported when somebody asks."""

import importlib
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

from rankkit.errors import ConfigError, RankkitError

OWN = "rankkit"
"""The package of what needs no plugin."""


class Entries(Mapping[str, Any]):
    """The entries of one kind: names of rankkit's own, imported at first use, and names that were registered.

    Args:
        module: Where rankkit's own lie, unless an entry says ``"module:name"``.
        built_in: Name of the entry to the name of the object.
    """

    def __init__(self, module: str, built_in: Mapping[str, str]) -> None:
        self._places = {name: at if ":" in at else f"{module}:{at}" for name, at in built_in.items()}
        self._objects: dict[str, Any] = {}
        self._packages: dict[str, str] = {}
        self.built_in = tuple(self._places)

    def __getitem__(self, name: str) -> Any:
        if name not in self._objects:
            self._objects[name] = import_from(self._places[name])
        return self._objects[name]

    def place(self, name: str) -> str | None:
        """Where one of rankkit's own lies, as ``"module:name"``; None of one that was registered."""
        return None if name in self._packages else self._places.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self._places or name in self._objects

    def __iter__(self) -> Iterator[str]:
        yield from self._places
        yield from (name for name in self._objects if name not in self._places)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def add(self, name: str, thing: Any, package: str) -> None:
        """Put in what a package has registered."""
        self._objects[name], self._packages[name] = thing, package

    def registered(self) -> list[tuple[str, Any, str]]:
        """Name, object and package of all that was put in."""
        return [(name, self._objects[name], package) for name, package in self._packages.items()]

    def forget(self, name: str) -> None:
        """Take out what was registered."""
        if self._packages.pop(name, None) is not None:
            del self._objects[name]


def import_from(place: str) -> Any:
    """The object at ``"module:name"``.

    Raises:
        ConfigError: If there is none.
    """
    module, _, name = place.partition(":")
    try:
        return getattr(import_module(module), name)
    except AttributeError:
        raise ConfigError(
            f"plugin: expected {name!r} in {module}; got a module without it. Check the spelling."
        ) from None


def import_module(name: str) -> Any:
    """A module; one of another package that is not there, or fails while it is imported, is refused.

    Raises:
        ConfigError: If it cannot be found or imported; of a failure with its place.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if name.partition(".")[0] == OWN:  # a library that an extra of rankkit brings
            raise
        what = f"no module {error.name!r}" if error.name == name else f"{name}, which needs {error.name!r}"
        raise ConfigError(
            f"plugin: expected a package that can be imported; got {what}. Install it, or put its folder on PYTHONPATH."
        ) from error
    except RankkitError:
        raise
    except Exception as error:
        if name.partition(".")[0] == OWN:
            raise
        said = next(iter(str(getattr(error, "msg", error)).splitlines()), "")
        raise ConfigError(
            f"plugin: expected a package that can be imported; got {type(error).__name__} ({said}) at "
            f"{_place_of_failure(error)}. Mend it there."
        ) from error


def _place_of_failure(error: Exception) -> str:
    """File and line of an error: of code that could not be read, or else where it was raised."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename}:{last.lineno}"

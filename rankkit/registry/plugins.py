"""load_plugin(): packages that extend rankkit, imported because somebody named them."""

import sys
from collections.abc import Mapping
from contextlib import suppress

from rankkit.errors import ConfigError
from rankkit.registry.entries import Entries, import_from, import_module
from rankkit.registry.finding import LOADED, PACKAGE, loading, module_of, register
from rankkit.registry.tables import KINDS

# What a package says it has, in the entry points of its metadata.
ENTRY_POINTS: Mapping[str, str] = {
    "rankkit.scorers": "scorer",
    "rankkit.encoders": "encoder",
    "rankkit.objectives": "objective",
    "rankkit.metrics": "metric",
    "rankkit.transforms": "transform",
    "rankkit.tasks": "task",
}


def package_of(thing: object) -> str:
    """The package that has to be loaded for an object: ``"rankkit"`` for what needs no plugin.

    >>> from rankkit.registry.finding import find
    >>> package_of(find("scorer", "linear"))
    'rankkit'
    """
    known = (package for entries in _tables() for _, found, package in entries.registered() if found is thing)
    return next(known, module_of(thing).partition(".")[0])


def is_there(package: str) -> bool:
    """Whether code of a package may be used: it was loaded as a plugin, or has registered something."""
    own = {registrant for entries in _tables() for _, _, registrant in entries.registered()}
    return package in own | {loaded.partition(".")[0] for loaded in LOADED}


def _tables() -> list[Entries]:
    return [entries for tables in KINDS.values() for entries in tables]


def version_of(package: str) -> str | None:
    """The version of an installed package, or what its ``__version__`` says, or None."""
    from importlib import metadata

    for name in metadata.packages_distributions().get(package, []):
        with suppress(metadata.PackageNotFoundError):
            return metadata.version(name)
    said = getattr(sys.modules.get(package), "__version__", None)
    return None if said is None else str(said)


def loaded_plugins() -> list[str]:
    """The packages that :func:`load_plugin` has loaded, in that order."""
    return [*LOADED]


def load_plugin(package: str) -> None:
    """Import a package that extends rankkit, and register what it says it has.

    A package says so by calling :func:`register` when it is imported, or by entry points of the groups
    ``rankkit.scorers``, ``rankkit.encoders``, ``rankkit.objectives``, ``rankkit.metrics``, ``rankkit.transforms`` and
    ``rankkit.tasks``. From then on ``"package.module:Object"`` names whatever else it holds.

    Args:
        package: As one imports it. It is code, which runs.

    Raises:
        ConfigError: If it cannot be imported, or a name of it is taken.
    """
    if package in LOADED:
        return
    if not isinstance(package, str) or not PACKAGE.fullmatch(package):
        raise ConfigError(f"plugin: expected the name of a package, as one imports it; got {package!r}. Mend it.")
    from importlib.metadata import entry_points

    loading.append(package.partition(".")[0])
    try:
        import_module(package)
        for group, kind in ENTRY_POINTS.items():
            for point in entry_points(group=group):
                if point.module == package or point.module.startswith(f"{package}."):
                    thing = import_from(f"{point.module}:{point.attr}")
                    on_embeddings = kind == "objective" and getattr(thing, "takes", "lists") != "lists"
                    register("embedding objective" if on_embeddings else kind, point.name, thing)
    finally:
        loading.pop()
    LOADED.append(package)

"""Where names become objects: one table a kind, :func:`register`, :func:`find`, and packages that add to them.

An entry says where its object lies and is imported when somebody asks for it, so nothing here imports the rooms above.

Code of others is imported by :func:`load_plugin` alone: that is what ``--plugin PACKAGE``, ``plugins = ["PACKAGE"]`` in
an experiment file and ``rankkit.load(path, plugins=["PACKAGE"])`` call. No name in a file or a bundle does.
"""

from rankkit.registry.entries import OWN, Entries
from rankkit.registry.finding import advice, find, name_of, names, place_of, register, unregister
from rankkit.registry.plugins import ENTRY_POINTS, is_there, load_plugin, loaded_plugins, package_of, version_of
from rankkit.registry.tables import (
    BOOSTED_SCORERS,
    CLICK_OBJECTIVES,
    EMBEDDING_OBJECTIVES,
    ENCODERS,
    FIXED_ENCODERS,
    FIXED_SCORERS,
    KINDS,
    METRICS,
    MODELS,
    OBJECTIVES,
    RECOMMENDERS,
    SCORERS,
    TARGETS,
    TASKS,
    TRANSFORMS,
)

__all__ = [
    "BOOSTED_SCORERS",
    "CLICK_OBJECTIVES",
    "EMBEDDING_OBJECTIVES",
    "ENCODERS",
    "ENTRY_POINTS",
    "FIXED_ENCODERS",
    "FIXED_SCORERS",
    "KINDS",
    "METRICS",
    "MODELS",
    "OBJECTIVES",
    "OWN",
    "RECOMMENDERS",
    "SCORERS",
    "TARGETS",
    "TASKS",
    "TRANSFORMS",
    "Entries",
    "advice",
    "find",
    "is_there",
    "load_plugin",
    "loaded_plugins",
    "name_of",
    "names",
    "package_of",
    "place_of",
    "register",
    "unregister",
    "version_of",
]

"""register() and find(): names of one's own beside rankkit's."""

import inspect
import re
import sys
from collections.abc import Callable
from typing import Any, TypeVar, overload

from rankkit.errors import ConfigError, did_you_mean
from rankkit.registry.entries import import_from
from rankkit.registry.tables import (
    CLICK_OBJECTIVES,
    EMBEDDING_OBJECTIVES,
    MODELS,
    OBJECTIVES,
    add_models,
    remove_models,
    tables_of,
)

Thing = TypeVar("Thing", bound=Callable[..., Any])

LOADED: list[str] = []
"""The packages that were loaded as plugins, whose objects may be named by their place."""

loading: list[str] = []
"""The package that is being loaded: what is registered meanwhile is its own, wherever it was defined."""

_OBJECTIVES = (OBJECTIVES, CLICK_OBJECTIVES, EMBEDDING_OBJECTIVES)
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
PACKAGE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_PLACE = re.compile(rf"{PACKAGE.pattern}:[A-Za-z_]\w*")


def find(kind: str, name: str) -> Any:
    """The scorer or encoder class, objective (a function, or a class), metric, transform or export target of that name.

    Args:
        kind: ``"scorer"``, ``"encoder"``, ``"objective"``, ``"embedding objective"`` (what trains an encoder: those on
            embeddings, and those on rankings that read one score a document), ``"metric"``, ``"transform"``,
            ``"target"``, ``"task"``, or what a registered task calls its models.
        name: A name of that kind, or ``"package.module:Object"`` of a package that was loaded as a plugin.

    Raises:
        ConfigError: If there is none; the message names the nearest.
    """
    for entries in tables_of(kind):
        if name in entries:
            return entries[name]
    if kind == "embedding objective" and name in OBJECTIVES and _is_for_encoders(OBJECTIVES[name]):
        return OBJECTIVES[name]
    if isinstance(name, str) and ":" in name:
        return _by_place(kind, name)
    raise ConfigError(f"{kind}: expected the name of one; got {name!r}. {advice(kind, str(name))}")


def advice(kind: str, name: str) -> str:
    """What to do about a name that is not known: the nearest, or where else it may come from."""
    nearest = did_you_mean(name, names(kind))
    if kind == "target" or nearest.startswith("Did you mean"):
        return nearest
    return f"{nearest} One of another package needs --plugin PACKAGE, or rankkit.load_plugin('PACKAGE')."


def names(kind: str) -> list[str]:
    """The names of a kind, rankkit's own first.

    >>> names("scorer")[:2]
    ['linear', 'mlp']
    """
    found = [name for entries in tables_of(kind) for name in entries]
    if kind == "embedding objective":
        found += [name for name in OBJECTIVES if _is_for_encoders(OBJECTIVES[name])]
    return found


@overload
def register(kind: str, name: str, thing: Thing) -> Thing: ...
@overload
def register(kind: str, name: str) -> Callable[[Thing], Thing]: ...
def register(kind: str, name: str, thing: Thing | None = None) -> Thing | Callable[[Thing], Thing]:
    """Give an object of one's own a name, so that it is taken wherever rankkit takes its own by name.

    Args:
        kind: As :func:`find` has them.
        name: Words in lower case, joined by ``_``, that nothing else of the kind has.
        thing: A scorer, encoder or transform: a class. An objective: a function ``(scores, labels, mask, ...)``, a
            class of modules that are called so, or one on embeddings with the attribute ``takes``. A metric: a function
            ``(scores, labels, mask, *, k) -> [query]``. A target: what makes one. A task: a
            :class:`rankkit.tasks.task.Task`; what it calls its models is from then on a kind. None: ``register`` is a
            decorator.

    Returns:
        The object.

    Raises:
        ConfigError: If the kind or the name cannot be, another object has the name, or it cannot be built by keywords.

    Example:
        >>> import torch
        >>> @register("objective", "doc_example")
        ... def squares(scores, labels, mask=None):
        ...     return ((scores - labels) ** 2).mean()
        >>> find("objective", "doc_example") is squares
        True
        >>> unregister("objective", "doc_example")
    """
    if thing is None:
        return lambda decorated: register(kind, name, decorated)
    tables = tables_of(kind)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(
            f"register: expected a name of lower-case words, as 'my_scorer'; got {name!r}. Choose another name."
        )
    _check(kind, name, thing)
    for entries in {"objective": _OBJECTIVES, "embedding objective": _OBJECTIVES}.get(kind, tables):
        if name in entries and not (entries is tables[0] and _is_same(entries[name], thing, name in entries.built_in)):
            raise ConfigError(
                f"register: expected a name that no other {kind} has; got {name!r}, which is {_said(entries[name])}. "
                "Choose another name."
            )
    if name not in tables[0].built_in:
        known: Any = thing
        code = known.job if kind == "task" else thing  # a task is a value: its functions know whose it is
        tables[0].add(name, thing, loading[-1] if loading else module_of(code).partition(".")[0])
        if kind == "task":
            add_models(known.model)
    return thing


def unregister(kind: str, name: str) -> None:
    """Take back what :func:`register` did; rankkit's own entries stay.

    Args:
        kind: As :func:`find` has them.
        name: A name that was registered; one that was not changes nothing.
    """
    for entries in tables_of(kind):
        if kind == "task" and name in entries:
            remove_models(entries[name].model)
        entries.forget(name)


def name_of(kind: str, thing: object) -> str | None:
    """The name that an object is registered under, None where it is not.

    >>> from rankkit.models.scorers import MLPScorer
    >>> name_of("scorer", MLPScorer)
    'mlp'
    """
    return next((name for entries in tables_of(kind) for name in entries if entries[name] is thing), None)


def place_of(thing: object) -> str | None:
    """Where an object can be imported from, as ``"package.module:Object"``.

    None where it cannot be: code of a script, or a class inside a function.
    """
    module, name = module_of(thing), str(getattr(thing, "__qualname__", "."))
    if module in ("", "__main__") or getattr(sys.modules.get(module), name, None) is not thing:
        return None
    return f"{module}:{name}"


def module_of(thing: object) -> str:
    """The module in which something was defined, or an empty text."""
    return str(getattr(thing, "__module__", ""))


def _is_for_encoders(objective: object) -> bool:
    """Whether an objective over lists reads one score a document, as an encoder gives them."""
    return not hasattr(objective, "readout")


def _is_same(known: object, thing: object, built_in: bool) -> bool:
    """Whether it is the same object, or its definition run again, as a cell of a notebook is."""
    if known is thing:
        return True
    places = [(getattr(one, "__module__", None), getattr(one, "__qualname__", None)) for one in (known, thing)]
    return not built_in and places[0] == places[1] and places[0][0] == "__main__"


def _said(thing: object) -> str:
    return f"{getattr(thing, '__module__', '?')}.{getattr(thing, '__qualname__', type(thing).__name__)}"


def _check(kind: str, name: str, thing: Any) -> None:
    """Refuse what could not be built or called.

    Raises:
        ConfigError: If it is no class where one is needed, or its constructor has no keywords.
    """
    if kind == "task":
        if getattr(thing, "name", None) != name or not isinstance(getattr(thing, "model", None), str):
            raise ConfigError(f"register: expected a Task whose name is {name!r}; got {thing!r:.120}. Pass the task.")
        return
    if kind not in (*MODELS, "transform"):
        if not callable(thing):
            raise ConfigError(
                f"register: expected a function or a class as {kind} {name!r}; got {thing!r}. Pass what is called."
            )
        return
    if not isinstance(thing, type):
        raise ConfigError(f"register: expected a class as {kind} {name!r}; got {_said(thing)}. Pass the class itself.")
    for parameter in inspect.signature(thing).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise ConfigError(
                f"register: expected a constructor whose arguments have names, by which a saved model is built again; "
                f"got {parameter} in {_said(thing)}. Name them."
            )


def _by_place(kind: str, place: str) -> Any:
    if not _PLACE.fullmatch(place):
        raise ConfigError(
            f"{kind}: expected a name, or a place such as 'package.module:Object'; got {place[:120]!r}. Mend it."
        )
    module, _, _ = place.partition(":")
    if not any(module == package or module.startswith(f"{package}.") for package in LOADED):
        package = module.partition(".")[0]
        raise ConfigError(
            f"{kind}: expected code of a package that was loaded; got {place!r}. Load it: --plugin {package}, "
            f'plugins = ["{package}"] in the experiment file, or rankkit.load_plugin({package!r}).'
        )
    thing = import_from(place)
    _check(kind, place, thing)
    return thing

"""Options of a Ranker by address: ``objective__sigma``, ``scorer__hidden``, ``training__epochs``, or ``epochs`` alone.

They are read off the signatures of the functions that take them, so an option exists in one place only.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from rankkit import registry
from rankkit.errors import ConfigError, did_you_mean
from rankkit.options import options_of
from rankkit.training import fit

_KINDS = {"objective": "objective", "scorer": "scorer", "training": "estimator training"}


def address_of(name: str) -> str:
    """The full address of an option: ``epochs`` is ``training__epochs``; what no part or more than one has, stays.

    >>> address_of("epochs"), address_of("hidden"), address_of("scorer__hidden"), address_of("epocs")
    ('training__epochs', 'scorer__hidden', 'scorer__hidden', 'epocs')
    """
    owners = [part for part, names in names_of_options().items() if name in names]
    return f"{owners[0]}__{name}" if len(owners) == 1 else name


def options_by_part(options: Mapping[str, Any], *, objective: Any, scorer: Any) -> dict[str, dict[str, Any]]:
    """The options of the objective, the scorer and the training, checked by name; numbers of numpy become Python's.

    Args:
        options: By address.
        objective: Name of the objective.
        scorer: Name of the scorer, or its class.

    Raises:
        ConfigError: If there is no such objective, scorer or option.
    """
    known = {"training": _names("training", fit)}
    for part, name in (("objective", objective), ("scorer", scorer)):
        if not isinstance(name, str | type):
            raise ConfigError(
                f"Ranker: expected {part} by its name; got {name!r}. Pass for example {part}='{_LIKE[part]}'."
            )
        known[part] = _names(part, registry.find(part, name) if isinstance(name, str) else name)
    if isinstance(objective, type):
        raise ConfigError(f"Ranker: expected objective by its name; got {objective!r}. Register it: rankkit.register.")
    found: dict[str, dict[str, Any]] = {"objective": {}, "scorer": {}, "training": {}}
    for address, value in options.items():
        part, _, option = address.partition("__")
        if option not in known.get(part, ()):
            raise ConfigError(
                _unknown(address, known, {**_called(objective=objective, scorer=scorer), "training": "fit"})
            )
        found[part][option] = _plain(value)
    return found


_LIKE = {"objective": "lambdarank", "scorer": "mlp"}
# What other libraries call it.
_ELSEWHERE = {
    "seed": "random_state",
    "n_estimators": "epochs",
    "max_iter": "epochs",
    "early_stopping_rounds": "patience",
    "eval_metric": "metric",
    "hidden_layer_sizes": "hidden",
    "batch_size": "batch_queries",
}


def _called(**parts: Any) -> dict[str, str]:
    return {part: name.__name__ if isinstance(name, type) else name for part, name in parts.items()}


def _unknown(address: str, known: Mapping[str, frozenset[str]], names: Mapping[str, str]) -> str:
    part, _, option = address.partition("__")
    where = f"Ranker: expected options of {names['objective']}, {names['scorer']} and {names['training']}"
    if part in known and option:
        where = f"Ranker: expected an option of {names[part]} behind '{part}__'"
        advice = did_you_mean(option, known[part]) if known[part] else "It has none."
    elif address in _ELSEWHERE:
        advice = f"Here it is {_ELSEWHERE[address]}."
    else:
        own = {option for options in known.values() for option in options}
        advice = did_you_mean(address, own | {"objective", "scorer", "metric", "random_state", "verbose"})
    return f"{where}; got {address!r}. {advice}"


def _names(part: str, function: Any) -> frozenset[str]:
    return frozenset(options_of(_KINDS[part], function))


@cache
def names_of_options() -> dict[str, frozenset[str]]:
    """What any entry of the catalogue takes."""
    scorers = {**registry.SCORERS, **registry.BOOSTED_SCORERS}
    parts = {"objective": registry.OBJECTIVES, "scorer": scorers, "training": {"fit": fit}}
    return {
        part: frozenset().union(*(_names(part, function) for function in functions.values()))
        for part, functions in parts.items()
    }


def _plain(value: Any) -> Any:
    """Grids are often made by numpy: its scalars and arrays as numbers and lists of Python."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        return type(value)(_plain(one) for one in value)
    return value

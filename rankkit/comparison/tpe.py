"""Option sets proposed by Optuna's tree-structured Parzen estimator from the validation metric of earlier ones."""

import importlib.util
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rankkit.comparison.plan import Range
from rankkit.errors import ConfigError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


def check_installed() -> None:
    """Raise ConfigError if Optuna is not installed; the message says how to get it."""
    if importlib.util.find_spec("optuna") is None:
        raise ConfigError(
            "search: expected optuna to be installed for sampler 'tpe'; it is not. "
            "Run pip install 'rankkit-torch[search]', or leave sampler out."
        )


def propose(
    options: Mapping[str, Range | list[Any]],
    sets: Sequence[Mapping[str, Any]],
    values: Sequence[float],
    *,
    n_trials: int,
    seed: int,
) -> dict[str, Any]:
    """The next option set. The same arguments give the same set, so that a search can be taken up again.

    A third of the sets are drawn at random, for the estimator to begin with.

    Args:
        options: What may be drawn.
        sets: The option sets so far; the first sets nothing, so the estimator does not see it.
        values: The validation metric of each, higher is better; NaN where there is none.
        n_trials: How many sets there will be.
        seed: Of the search.
    """
    import optuna

    distributions = {address: _distribution(choice) for address, choice in options.items()}
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        # Of each number of sets its own draws: a sampler that is made anew would draw the first ones again.
        sampler = optuna.samplers.TPESampler(seed=(seed + len(sets)) % 2**32, n_startup_trials=max(1, n_trials // 3))
        study = optuna.create_study(direction="maximize", sampler=sampler)
        for drawn, value in zip(sets[1:], values[1:], strict=True):
            if not math.isnan(value):
                places = {address: _place(options[address], drawn[address]) for address in options}
                trial = optuna.trial.create_trial(params=places, distributions=distributions, value=value)
                study.add_trial(trial)
        places = study.ask(distributions).params
    finally:
        optuna.logging.set_verbosity(verbosity)
    return {address: _value(options[address], place) for address, place in places.items()}


def _distribution(choice: Range | list[Any]) -> "BaseDistribution":
    from optuna import distributions

    if isinstance(choice, list):
        return distributions.CategoricalDistribution(range(len(choice)))
    if choice.whole:
        return distributions.IntDistribution(int(choice.low), int(choice.high))
    return distributions.FloatDistribution(choice.low, choice.high, log=choice.log)


def _place(choice: Range | list[Any], value: Any) -> Any:
    """A value as the estimator knows it: one of a list by its place, since it may be a list itself."""
    return choice.index(value) if isinstance(choice, list) else value


def _value(choice: Range | list[Any], place: Any) -> Any:
    return choice[place] if isinstance(choice, list) else place

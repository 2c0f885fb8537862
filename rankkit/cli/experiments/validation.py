"""Options against what takes them: the names and types of a signature, then the checks of the function itself."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ConfigDict, ValidationError, create_model

from rankkit.errors import ConfigError
from rankkit.options import REQUIRED, options_of
from rankkit.schemas import explain


def check_options(kind: str, function: Callable[..., Any], options: dict[str, Any]) -> dict[str, Any]:
    """Check names and types of options against the signature of the function that will take them; give them typed.

    Raises:
        ValueError: If one is unknown or of another type.
    """
    fields: dict[str, Any] = {
        option.name: (option.annotation, ... if option.default is REQUIRED else option.default)
        for option in options_of(kind, function).values()
    }
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    model = create_model(f"{kind} options", __config__=config, **fields)
    try:
        typed: dict[str, Any] = model.model_validate(options).model_dump(exclude_unset=True)
        return typed
    except ValidationError as error:
        raise ValueError(explain(error, kind, model)) from None


def check_run(check: Callable[..., None], *arguments: Any, table: str = "training") -> None:
    """Make a check of :mod:`rankkit.training.beforehand`; what it refuses is named as a key of that table.

    Raises:
        ConfigError: As the check says.
    """
    try:
        check(*arguments)
    except ConfigError as error:
        option = str(error).partition(": ")[0]
        raise ConfigError(f"{table}.{error}" if option in arguments[0] else str(error)) from None


def check_objective(name: str, options: Mapping[str, Any], kind: str = "objective") -> None:
    """Build an objective and try it, so that options that it cannot work with are refused.

    Raises:
        ConfigError: As the objective says, under its name in the catalogue.
    """
    from rankkit.tasks.gradient.objectives import build_objective
    from rankkit.tasks.gradient.trial import try_objective

    try:
        try_objective(build_objective(name, options, kind=kind))
    except ConfigError as error:
        _, _, what = str(error).partition(": ")
        raise ConfigError(f"objective {name}: {what}") from None


def untrained_scorer(name: str, options: Mapping[str, Any], objective: str, n_features: int | None) -> Any:
    """A scorer with these options, for as many features and grades as are known before data is read.

    Raises:
        ConfigError: If it cannot be built.
    """
    from rankkit import registry
    from rankkit.models.building import build
    from rankkit.models.priors import asked_prior

    chosen = dict(options)
    readout = getattr(registry.find("objective", objective), "readout", None) if objective else None
    if chosen.get("prior") is not None:  # whose keys are columns of data that is not read yet
        asked = asked_prior(name, chosen["prior"])
        chosen["prior"] = {**asked, "keys": [[0]], "sizes": None}
    if readout is not None:
        chosen = {"n_outputs": 3, **chosen, "readout": readout}
    return build("scorer", name, n_features or 2, **chosen, seed=0)

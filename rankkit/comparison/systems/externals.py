"""Systems that rankkit does not train itself, by name."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rankkit.comparison.plan import Part
from rankkit.comparison.systems.fitted import Fitted
from rankkit.comparison.systems.trained import fit_in_one_go, use_saved
from rankkit.comparison.systems.trees import check_options, fit_catboost, fit_lightgbm, fit_xgboost
from rankkit.errors import ConfigError, did_you_mean
from rankkit.tasks.splitting import expand


@dataclass(frozen=True)
class External:
    """How an external system is fitted.

    Args:
        fit: ``(spec, split, folder, report) -> Fitted``.
        is_seeded: Whether a seed changes anything.
        module: The library it needs, or None.
        extra: Of rankkit, that installs it.
        options: Names of its options where it needs no library.
        required: Those without which it cannot be.
        kind: What it can be compared with; None: whatever it is.
    """

    fit: Callable[..., Fitted]
    is_seeded: bool
    module: str | None = None
    extra: str | None = None
    options: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    kind: str | None = "rankers"


EXTERNALS: dict[str, External] = {
    "random": External(partial(fit_in_one_go, model="random"), is_seeded=True),
    "feature": External(
        partial(fit_in_one_go, model="one_feature"),
        is_seeded=False,
        options=frozenset({"feature", "descending"}),
        required=frozenset({"feature"}),
    ),
    "best-feature": External(partial(fit_in_one_go, model="one_feature"), is_seeded=False),
    "lightgbm-lambdarank": External(partial(fit_lightgbm, objective="lambdarank"), True, "lightgbm", "trees"),
    "lightgbm-xendcg": External(partial(fit_lightgbm, objective="rank_xendcg"), True, "lightgbm", "trees"),
    "xgboost-ndcg": External(fit_xgboost, True, "xgboost", "compare"),
    "catboost-yetirank": External(fit_catboost, True, "catboost", "compare"),
    "raw-inputs": External(partial(fit_in_one_go, model="raw"), is_seeded=False, kind="encoders"),
    "saved": External(use_saved, is_seeded=False, options=frozenset({"path"}), required=frozenset({"path"}), kind=None),
}


def find_external(name: str) -> External:
    """The external system of that name.

    Raises:
        ConfigError: If there is none.
    """
    if name not in EXTERNALS:
        raise ConfigError(f"external: expected the name of one; got {name!r}. {did_you_mean(name, EXTERNALS)}")
    return EXTERNALS[name]


def check_external(part: Part, kind: str = "rankers") -> None:
    """Raise ConfigError if an external system is unknown or lacks a needed option, or one of its options is unknown.

    Options of a library are checked where it is installed.

    Args:
        part: The system.
        kind: What it is compared with.
    """
    external = find_external(part.name)
    if external.kind not in (None, kind):
        fitting = " or ".join(name for name, other in EXTERNALS.items() if other.kind == kind)
        raise ConfigError(
            f"external: expected a system to compare with {kind}; got {part.name!r}, one for {external.kind}. "
            f"Name {fitting}."
        )
    if external.module is not None:
        if importlib.util.find_spec(external.module) is not None:
            check_options(part.name, external.module, part.options)
        return
    for name in part.options:
        if name not in external.options:
            advice = did_you_mean(name, external.options) if external.options else "It has none."
            raise ConfigError(f"{part.name}: unknown option {name!r}. {advice}")
    for name in external.required:
        if name not in part.options:
            raise ConfigError(f"{part.name}: expected a value for '{name}'; got none. Add it.")


def check_installed(part: Part) -> None:
    """Raise ConfigError if the library of an external system is not installed; the message says how to get it."""
    external = find_external(part.name)
    if external.module is not None and importlib.util.find_spec(external.module) is None:
        raise ConfigError(
            f"{part.name}: expected {external.module} to be installed; it is not. "
            f"Run pip install 'rankkit-torch[{external.extra}]', or leave it out."
        )


def check_is_there(part: Part) -> None:
    """Raise ConfigError if a saved model, which an external system is, does not exist."""
    path = part.options.get("path")
    if "path" in find_external(part.name).required and not Path(expand(str(path))).exists():
        raise ConfigError(
            f"{part.name}: expected a saved model or a file of trees as path; got nothing at {path!r}. Check the path."
        )

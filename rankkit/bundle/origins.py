"""Whose code a model is: its name and kind in the registry, and the plugins that loading it needs."""

from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from rankkit.errors import BundleError, ConfigError
from rankkit.registry import (
    MODELS,
    OWN,
    TRANSFORMS,
    is_there,
    load_plugin,
    name_of,
    names,
    package_of,
    place_of,
    version_of,
)
from rankkit.remarks import say


def name_for(kind: str, model: object) -> str | None:
    """What a model is built from again: the name its class is registered under, or the place of the class.

    None where it is of the other kind, is a module of rankkit that wraps others, or does not say its options.
    """
    made = type(model)
    name = name_of(kind, made)
    if name is not None:
        return name
    if any(name_of(other, made) is not None for other in MODELS):
        return None
    of_kind = "encoder" if hasattr(model, "input_shape") else "scorer"
    if of_kind != kind or package_of(made) == OWN or not isinstance(getattr(model, "options", None), Mapping):
        return None
    return place_of(made)


def find_out(model: object) -> tuple[str, str]:
    """Kind and name of a model that can be saved.

    Raises:
        ConfigError: If nothing could build it again.
    """
    for kind in MODELS:
        name = name_for(kind, model)
        if name is not None:
            _check_options(kind, name, model)
            return kind, name
    known = ", ".join(f"{kind}: {', '.join(names(kind))}" for kind in MODELS)
    raise ConfigError(
        f"save: expected a model of rankkit's catalogue ({known}), or of a class of your own that is registered "
        f"(rankkit.register) and was built by rankkit.build; got {type(model).__name__}. "
        "Save your own module with torch.save(model.state_dict(), ...)."
    )


def _check_options(kind: str, name: str, model: object) -> None:
    if not isinstance(getattr(model, "options", None), Mapping):
        raise ConfigError(
            f"save: expected the options of the {kind} {name!r}, from which it is built again; got none. "
            f"Build it with rankkit.build({kind!r}, {name!r}, ...), or give it an attribute options."
        )


def plugins_of(model: object) -> list[dict[str, str | None]]:
    """The packages that building a model again needs, besides rankkit, with their versions."""
    inside = model.modules() if isinstance(model, nn.Module) else ()
    steps = {type(module) for module in inside} & {thing for _, thing, _ in TRANSFORMS.registered()}
    packages = sorted({package_of(made) for made in (type(model), *steps)} - {OWN})
    return [{"package": package, "version": version_of(package)} for package in packages]


def load_plugins(plugins: Iterable[str]) -> None:
    """Load each, as somebody has asked for it by name."""
    for package in plugins:
        load_plugin(package)


def check_plugins(where: str, model: Mapping[str, Any]) -> None:
    """Raise BundleError unless the code that a bundle needs is there; say where its version is another.

    Args:
        where: The folder, for messages.
        model: What ``model.json`` says.
    """
    for needed in model.get("plugins") or ():
        package, version = needed["package"], needed.get("version")
        if not is_there(package):
            action = (
                "Register the class first, as the script did that saved it."
                if package == "__main__"
                else f"Name it: --plugin {package}, or rankkit.load(path, plugins=[{package!r}])."
            )
            raise BundleError(
                f"{where}: expected the plugin {package!r}{f' {version}' if version else ''}, whose code this model "
                f"is made of, to be loaded; got a bundle alone, which runs no code. {action}"
            )
        now = version_of(package)
        if version is not None and now != version:
            say(f"{where}: saved with {package} {version}, loaded with {now}. Compare its scores, or install {version}")


def check_origin(found: object, model: Mapping[str, Any]) -> None:
    """Raise ValueError unless a class is rankkit's, or of a plugin that the bundle names."""
    allowed = {OWN, *(needed["package"] for needed in model.get("plugins") or ())}
    if package_of(found) not in allowed:
        raise ValueError(f"a class of {package_of(found)!r}, which the bundle does not name as a plugin")

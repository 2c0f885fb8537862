"""What ``model.json`` of a bundle may hold: names, types and limits, checked before anything is built from it."""

from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from rankkit.registry import MODELS
from rankkit.schemas import MOST_FEATURES, Entry, Name, Text, explain

FORMAT_VERSION = 1


class _Built(Entry):
    """What a model is built from, or what it was trained with."""

    name: Name
    options: dict[Name, Any] = Field(default_factory=dict)


class _Plugin(Entry):
    """A package whose code the model is made of."""

    package: Name
    version: Name | None = None


class ModelFile(Entry):
    """``model.json`` as a whole, with what it is built from as ``model``, which stands there under its kind."""

    format_version: Literal[1]
    model: _Built
    kind: str
    plugins: list[_Plugin] = Field(default_factory=list, max_length=100)
    n_features: int | None = Field(default=None, ge=1, le=MOST_FEATURES)
    feature_names: list[Text] | None = None
    columns: dict[Name, Text | None] | None = None
    objective: _Built | None = None
    metrics: list[Name] | None = None
    data_fingerprint: Name | None = None
    versions: dict[Name, Name] = Field(default_factory=dict)
    weights_file: Name | None = None
    weights_sha256: Name
    about: dict[Text, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _one_model(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "format_version" not in values:
            return values
        if wrong := next((name for name in ("kind", "model") if name in values and name not in MODELS), None):
            raise ValueError(f"unknown key {wrong!r}")
        found = [kind for kind in MODELS if values.get(kind) is not None]
        unknown = values.keys() - cls.model_fields.keys() - set(MODELS)
        if not found and values.get("plugins") and len(unknown) == 1:
            found = [*unknown]  # of a task that a plugin brings, which may not be loaded yet
        if len(found) != 1:
            got = " and ".join(found) or "neither"
            raise ValueError(f"expected one of {', '.join(MODELS)}; got {got}")
        rest = {name: value for name, value in values.items() if name not in {*MODELS, found[0]}}
        return {**rest, "kind": found[0], "model": values[found[0]]}

    @model_validator(mode="after")
    def _as_many_names(self) -> "ModelFile":
        names = self.feature_names
        if names is not None and self.n_features not in (None, len(names)):
            raise ValueError(f"expected {self.n_features} feature names; got {len(names)}")
        return self


def fault_in(content: Any) -> str | None:
    """What is wrong with the values of a ``model.json``, in our words; None where nothing is."""
    try:
        ModelFile.model_validate(content)
    except ValidationError as error:
        return explain(error, "model.json", ModelFile).removeprefix("model.json: ")
    except RecursionError:
        return "values that are nested too deeply"
    return None

"""What ``model.json`` of a bundle may hold: names, types and limits, checked before anything is built from it."""

from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

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
    """``model.json`` as a whole."""

    format_version: Literal[1]
    scorer: _Built | None = None
    encoder: _Built | None = None
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

    @model_validator(mode="after")
    def _one_model(self) -> "ModelFile":
        if (self.scorer is None) == (self.encoder is None):
            raise ValueError(f"expected one of scorer and encoder; got {'both' if self.scorer else 'neither'}")
        names = self.feature_names
        if self.scorer is not None and names is not None and self.n_features not in (None, len(names)):
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

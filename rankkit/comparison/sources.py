"""Where the data of a comparison lies and how it becomes splits, as plain values that JSON can hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rankkit.errors import ConfigError

Kind = Literal["rankers", "encoders"]
"""What a comparison trains: it follows from its data."""


@dataclass(frozen=True)
class Source:
    """Where the data lies and how it becomes splits of training, validation and test data.

    Args:
        train: Training data; ``$NAME`` in a path stands for an environment variable.
        valid: Validation data, on which everything is chosen.
        test: Test data, on which nothing is chosen.
        folds: In place of these three: a folder of folds.
        cross_validation: Deal the queries of all files together out into that many parts; each is the test data of a
            split, the next one its validation data, the others its training data.
        valid_fraction: The share of the training queries that becomes the validation data where there is no file.
        split_seed: Of the two.
        reading: Options of :func:`rankkit.read`.
    """

    train: str | None = None
    valid: str | None = None
    test: str | None = None
    folds: str | None = None
    cross_validation: int | None = None
    valid_fraction: float | None = None
    split_seed: int = 0
    reading: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ExampleSource:
    """Where labelled examples lie and how they become training, validation and test data: encoders are compared.

    Args:
        train: What :func:`rankkit.read_labelled` reads: a path, in which ``$NAME`` stands for an environment variable,
            or one of its names.
        valid: Validation examples, on which everything is chosen.
        test: Test examples, on which nothing is chosen.
        held_out: The share of the training classes that becomes the test data where there is none.
        valid_held_out: The share of those that are left that becomes the validation data where there is none.
        held_out_by: ``"class"``, or ``"group"``: groups of classes stay together.
        split_seed: Of both.
        reading: Options of :func:`rankkit.read_labelled`; size, colour and ink count for image files alone.
    """

    train: str
    valid: str | None = None
    test: str | None = None
    held_out: float | None = None
    valid_held_out: float | None = None
    held_out_by: Literal["class", "group"] = "class"
    split_seed: int = 0
    reading: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part, path, share in (
            ("test", self.test, "held_out"),
            ("valid", self.valid, "valid_held_out"),
        ):
            fraction = getattr(self, share)
            if (path is None) == (fraction is None):
                got = "none" if path is None else "both"
                raise ConfigError(
                    f"data: expected {part} = PATH or {share} = a share of the classes; got {got}. Give one of them."
                )
            if fraction is not None and not 0 < fraction < 1:
                raise ConfigError(f"data: expected {share} between 0 and 1; got {fraction}. Write {share} = 0.2.")


def kind_of(source: Source | ExampleSource) -> Kind:
    """What is compared on such data."""
    return "encoders" if isinstance(source, ExampleSource) else "rankers"


def source_from_dict(values: Mapping[str, Any]) -> Source | ExampleSource:
    """A source from its JSON values; the two differ in their fields."""
    return ExampleSource(**values) if "held_out" in values else Source(**values)

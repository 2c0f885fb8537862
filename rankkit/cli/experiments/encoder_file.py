"""The experiment file of an encoder: what ``rankkit train --encoder`` runs, validated before any data is read."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from rankkit.cli.experiments.config import MetricNames, Named, Section, load_as, read_toml
from rankkit.cli.experiments.validation import check_objective, check_options, check_run
from rankkit.cli.plugins import load_plugins_of
from rankkit.options import PASSED, defaults_of
from rankkit.schemas import Finite, Whole

DEFAULTS = {"encoder": "mlp", "objective": "supcon"}


class ExampleData(Section):
    """Where labelled examples lie: a folder or archive of images, .npz, Parquet, idx, or ``digits`` or ``glyphs``.

    Without test data, a share of the classes (or groups of classes) is held out as such, before that of the validation
    data. ``size``, ``colour`` and ``ink`` are of image files.
    """

    train: str = "digits"
    valid: str | None = None
    test: str | None = None
    held_out: Finite = Field(default=0.3, ge=0, lt=1)
    held_out_by: Literal["class", "group"] = "class"
    valid_held_out: Finite = Field(default=0.0, ge=0, lt=1)
    split_seed: Whole = Field(default=0, ge=0)
    size: Whole | tuple[Whole, Whole] = 28
    colour: bool = False
    ink: Literal["light", "dark"] = "light"
    label: str = "label"


class SimilaritySection(Section):
    """What is measured on the test examples at the end."""

    metrics: MetricNames = Field(default_factory=lambda: ["map_at_r", "hit_rate@1", "mrr"])
    ways: list[Annotated[Whole, Field(ge=2)]] = Field(default_factory=lambda: [5, 20])
    shots: Whole = Field(default=1, ge=1)
    n_episodes: Whole = Field(default=600, ge=2)


class EncoderExperiment(Section):
    """One training run of an encoder, whole."""

    data: ExampleData = ExampleData()
    out: Path
    encoder: Named
    objective: Named
    augment: dict[str, Any] | None = None
    training: dict[str, Any] = Field(default_factory=dict)
    evaluation: SimilaritySection = SimilaritySection()
    seed: Whole = Field(default=0, ge=0)
    plugins: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _options_fit_their_functions(self) -> "EncoderExperiment":
        from rankkit import registry
        from rankkit.distances import find_distance
        from rankkit.models.building import build
        from rankkit.models.encoders.affine import RandomAffine
        from rankkit.training import fit_encoder
        from rankkit.training.beforehand import check_encoder_training

        encoder = registry.find("encoder", self.encoder.name)
        self.encoder = Named(name=self.encoder.name, **check_options("encoder", encoder, self.encoder.options))
        objective = registry.find("embedding objective", self.objective.name)
        options = self.objective.options
        learned = {"temperature": options.pop("temperature")} if options.get("temperature") == "learned" else {}
        options = check_options(self.objective_kind, objective, options) | learned
        self.objective = Named(name=self.objective.name, **options)
        self.training = check_options("encoder training", fit_encoder, self.training)
        find_distance(self.encoder.options.get("distance", "euclidean"), n_dims=1)
        check_run(check_encoder_training, {**self.training, "seed": self.seed}, objective, self.augment)
        check_objective(self.objective.name, options, kind="embedding objective")
        size = (self.data.size, self.data.size) if isinstance(self.data.size, int) else self.data.size
        # Of arrays the shape is not known yet; what their encoder cannot be whatever the shape is found all the same.
        build("encoder", encoder, (3 if self.data.colour else 1, *size), **self.encoder.options, seed=0)
        if self.augment is not None:
            self.augment = check_options("augment", RandomAffine, self.augment)
            RandomAffine(**self.augment)  # refuses numbers out of range
        return self

    @property
    def objective_kind(self) -> str:
        """Whether the objective is one on embeddings, or of rankings, which train encoders too."""
        from rankkit import registry

        return "embedding objective" if self.objective.name in registry.EMBEDDING_OBJECTIVES else "objective"


def load_encoder_experiment(
    config: Path | None, overrides: dict[str, Any], settings: Iterable[str]
) -> EncoderExperiment:
    """As :func:`rankkit.cli.experiments.config.load_experiment`, of an encoder."""
    return load_as(EncoderExperiment, DEFAULTS, config, overrides, settings)


def is_of_encoder(config: Path | None, encoder: str | None, objective: str | None, settings: Iterable[str]) -> bool:
    """Whether an encoder is to be trained: one is named, or an objective that only encoders have."""
    from rankkit import registry

    named = read_toml(config) if config else {}
    load_plugins_of(str(config), named)
    asked: Any = objective or named.get("objective")
    name = asked.get("name") if isinstance(asked, dict) else asked
    return (
        encoder is not None
        or "encoder" in named
        or any(setting.partition("=")[0].strip().partition(".")[0] == "encoder" for setting in settings)
        or (name in registry.EMBEDDING_OBJECTIVES and "scorer" not in named)
    )


def resolve_encoder(experiment: EncoderExperiment, encoder: Any, epochs: int) -> EncoderExperiment:
    """The experiment with every option written out, so that it means the same when defaults change.

    Args:
        experiment: What was asked for.
        encoder: The encoder that was built for it.
        epochs: Where it named none.
    """
    from rankkit import registry
    from rankkit.training import fit_encoder

    options = {name: value for name, value in encoder.options.items() if name not in PASSED["encoder"]}
    training = {**defaults_of("encoder training", fit_encoder), "epochs": epochs, **experiment.training}
    training.setdefault("learning_rate", encoder.learning_rate)
    function = registry.find("embedding objective", experiment.objective.name)
    objective = {**defaults_of(experiment.objective_kind, function), **experiment.objective.options}
    return experiment.model_copy(
        update={
            "encoder": Named(name=experiment.encoder.name, **options),
            "objective": Named(name=experiment.objective.name, **objective),
            "training": training,
        }
    )

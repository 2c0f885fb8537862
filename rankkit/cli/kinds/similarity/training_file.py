"""The experiment file of an encoder: what ``rankkit train --encoder`` runs, validated before any data is read."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from rankkit.cli.experiments.config import AnyExperiment, MetricNames, Named, Section
from rankkit.cli.experiments.validation import check_objective, check_options, check_run
from rankkit.schemas import Finite, Whole


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


class EncoderExperiment(AnyExperiment):
    """One training run of an encoder, whole."""

    task_name = "similarity"
    training_kind = "encoder training"

    data: ExampleData = ExampleData()
    encoder: Named
    augment: dict[str, Any] | None = None
    evaluation: SimilaritySection = SimilaritySection()

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
        name, options = self.said_objective
        objective = None if self.objective is None else registry.find("embedding objective", name)
        learned = {"temperature": options.pop("temperature")} if options.get("temperature") == "learned" else {}
        if objective is not None:
            options = check_options(self.objective_kind, objective, options) | learned
            self.objective = Named(name=name, **options)
        self.training = check_options("encoder training", fit_encoder, self.training)
        find_distance(self.encoder.options.get("distance", "euclidean"), n_dims=1)
        if objective is not None:
            check_run(check_encoder_training, {**self.training, "seed": self.seed}, objective, self.augment)
            check_objective(name, options, kind="embedding objective")
        size = (self.data.size, self.data.size) if isinstance(self.data.size, int) else self.data.size
        # Of arrays the shape is not known yet; what their encoder cannot be whatever the shape is found all the same.
        shape = (3 if self.data.colour else 1, *size)
        build("encoder", encoder, shape, **self.encoder.options, seed=0)
        if self.augment is not None:
            self.augment = check_options("augment", RandomAffine, self.augment)
            RandomAffine(**self.augment)  # refuses numbers out of range
        return self

    @property
    def objective_kind(self) -> str:
        """Whether the objective is one on embeddings, or of rankings, which train encoders too."""
        from rankkit import registry

        return "embedding objective" if self.said_objective[0] in registry.EMBEDDING_OBJECTIVES else "objective"

    @property
    def trained_with(self) -> dict[str, Any]:
        """Options of the training, as plain values, those of ``augment`` among them."""
        return self.training if self.augment is None else {**self.training, "augment": self.augment}

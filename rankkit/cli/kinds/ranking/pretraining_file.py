"""What ``rankkit pretrain`` is asked, validated as a whole before any data is read."""

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from rankkit.cli.experiments.config import Named, Section
from rankkit.cli.experiments.validation import check_options, check_run, untrained_scorer
from rankkit.cli.kinds.ranking.training_file import Data
from rankkit.schemas import Whole

_CHOOSING = ("valid", "test", "folds", "valid_fraction")


class Pretraining(Section):
    """A scorer, documents without labels, and how the one learns from the other."""

    data: Data
    scorer: Named
    pretraining: dict[str, Any] = Field(default_factory=dict)
    out: Path
    seed: Whole = Field(default=0, ge=0)
    plugins: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _documents_alone(self) -> "Pretraining":
        for name in _CHOOSING:
            if getattr(self.data, name) is not None:
                raise ValueError(
                    f"data.{name}: expected no data with labels, by which rankkit train chooses; got "
                    f"{str(getattr(self.data, name))!r}. Leave it out"
                )
        return self

    @model_validator(mode="after")
    def _options_work(self) -> "Pretraining":
        from rankkit import registry
        from rankkit.tasks.ranking.unlabelled.job import check_pretrainable
        from rankkit.training import pretrain
        from rankkit.training.beforehand import check_pretraining

        options = check_options("scorer", registry.find("scorer", self.scorer.name), self.scorer.options)
        self.scorer = Named(name=self.scorer.name, **options)
        self.pretraining = check_options("pretraining", pretrain, self.pretraining)
        check_run(check_pretraining, {**self.pretraining, "seed": self.seed}, table="pretraining")
        check_pretrainable(untrained_scorer(self.scorer.name, options, "", self.data.n_features))
        return self

"""What a run trains is a scorer, on lists of documents."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.evaluation import evaluate
from rankkit.models.scorers import Scorer
from rankkit.tasks.drawing import draws_only_from_the_run
from rankkit.tasks.objectives import module_of, objective_name, objective_options
from rankkit.tasks.ranking.batches import ListBatches, default_epochs
from rankkit.tasks.ranking.checks import check_data, check_is_dataset, check_objective, check_scorer, objective_of
from rankkit.tasks.ranking.device_batches import Feed
from rankkit.tasks.ranking.informative import check_informative
from rankkit.tasks.ranking.nonfinite import ListBlame
from rankkit.tasks.ranking.steps import ranking_step
from rankkit.tasks.settings import Settings
from rankkit.tasks.work import Work


class RankingJob:
    """A scorer, an objective over lists, and lists; :func:`rankkit.fit` describes the arguments."""

    where = "fit"
    default_metric = "ndcg@10"

    def __init__(
        self,
        scorer: nn.Module,
        objective: str | Callable[..., Tensor],
        train: RankingDataset,
        valid: RankingDataset | None = None,
        *,
        batch_queries: int = 64,
        batch_docs: int = 16384,
        length_window: int = 8,
    ) -> None:
        self.objective = objective_of(objective)
        check_scorer(self.where, scorer)
        for part, data in {"train": train, **({} if valid is None else {"valid": valid})}.items():
            check_is_dataset(self.where, part, data)
        self.model, self.train, self.valid = scorer, train, valid
        self.batches = ListBatches(batch_queries, batch_docs, length_window)

    @property
    def default_epochs(self) -> int:
        """15, or as many as make 120 steps."""
        return default_epochs(self.train.n_queries, self.batches.batch_queries)

    @property
    def has_valid(self) -> bool:
        """Whether there is validation data."""
        return self.valid is not None

    def check(self) -> None:
        """Check that they go together; features of both parts come into the scorer's order."""
        self.train, self.valid = check_data(self.model, self.train, self.valid)
        check_objective(self.model, self.objective, self.train)
        check_informative(self.where, objective_name(self.objective), self.objective, self.train, self.valid)

    def identity(self) -> dict[str, Any]:
        """What a run is, besides its settings."""
        return {
            "training data": self.train.fingerprint,
            "validation data": None if self.valid is None else self.valid.fingerprint,
            "scorer": type(self.model).__name__,
            **{f"scorer.{name}": value for name, value in getattr(self.model, "options", {}).items()},
            "objective": objective_name(self.objective),
            **{f"objective.{name}": value for name, value in objective_options(self.objective).items()},
            **vars(self.batches),
        }

    def work(self, settings: Settings, place: torch.device) -> Work:
        """Fit the transform of the scorer if it is not fitted yet, and give what is to be done."""
        scorer, train, valid = cast(Any, self.model), self.train, self.valid
        transform = getattr(scorer, "transform", None)
        if transform is not None and not transform.fitted:
            transform.fit(train.features, train.offsets)
        if getattr(scorer, "feature_names", None) is None:
            scorer.feature_names = train.feature_names
        if train.roles is not None:
            scorer.roles = train.roles
        feed = Feed(train, place)
        metric = settings.metric
        return Work(
            model=scorer,
            objective=module_of(self.objective),
            plan=lambda epoch: self.batches.plan(train.list_sizes, np.random.default_rng([settings.seed, epoch])),
            take=feed.take,
            step=ranking_step(self.objective, settings.precision),
            validate=None if valid is None else lambda: evaluate(cast(Scorer, scorer), valid, [metric]).means[metric],
            explain=ListBlame(scorer, feed, settings.learning_rate),
            n_docs=train.n_docs,
            draws_globally=not draws_only_from_the_run(scorer, self.objective),
        )

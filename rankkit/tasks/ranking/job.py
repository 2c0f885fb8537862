"""What a run trains is a scorer, on lists of documents."""

import hashlib
from collections.abc import Callable
from dataclasses import fields, replace
from inspect import signature
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import check_given
from rankkit.evaluation import evaluate, evaluate_scores
from rankkit.evaluation.scoring import resident_features, score_documents
from rankkit.models.model import boosts, learns_in_one_go
from rankkit.models.scorers import Scorer
from rankkit.tasks.gradient.devices import fits_on
from rankkit.tasks.gradient.drawing import draws_only_from_the_run
from rankkit.tasks.gradient.objectives import module_of, objective_identity, objective_name, refuse_objective
from rankkit.tasks.gradient.settings import Settings
from rankkit.tasks.gradient.work import Work
from rankkit.tasks.ranking.batches import ListBatches, default_epochs
from rankkit.tasks.ranking.block_feed import BlockFeed
from rankkit.tasks.ranking.blocks import Blocks, Pool, chosen_block_docs
from rankkit.tasks.ranking.checks import check_data, check_objective, check_scorer, objective_of
from rankkit.tasks.ranking.device_batches import Feed
from rankkit.tasks.ranking.informative import NEEDS_GRADES, check_informative
from rankkit.tasks.ranking.nonfinite import ListBlame
from rankkit.tasks.ranking.splits import labels_of
from rankkit.tasks.ranking.steps import ranking_step


class RankingJob:
    """A scorer, an objective over lists, and lists; :func:`rankkit.fit` describes the arguments."""

    where = "fit"
    default_metric = "ndcg@10"

    def __init__(
        self,
        scorer: nn.Module,
        objective: str | Callable[..., Tensor] | None,
        train: RankingDataset,
        valid: RankingDataset | None = None,
        *,
        batch_queries: int = 64,
        batch_docs: int = 16384,
        length_window: int = 8,
        block_docs: int | None = None,
    ) -> None:
        check_scorer(self.where, scorer)
        self.objective: Callable[..., Tensor] | None = None
        if learns_in_one_go(scorer):
            refuse_objective(self.where, scorer, objective)
        else:
            self.objective = objective_of(objective)
        for part, data in {"train": train, **({} if valid is None else {"valid": valid})}.items():
            check_given(self.where, part, data, RankingDataset)
        self.model, self.train, self.valid = scorer, train, valid
        self.batches = ListBatches(batch_queries, batch_docs, length_window, block_docs)

    @property
    def default_batches(self) -> dict[str, Any]:
        """The options of the batches where none are given."""
        known = signature(type(self)).parameters
        return {field.name: known[field.name].default for field in fields(ListBatches)}

    @property
    def default_epochs(self) -> int:
        """15, or as many as make 120 steps; of trees 1,000, or 100 where no validation data says when to stop."""
        if boosts(self.model):
            return 100 if self.valid is None else 1000
        return default_epochs(self.train.n_queries, self.batches.batch_queries)

    @property
    def docs_a_step(self) -> float | None:
        """Documents of a batch, about."""
        n_queries = min(self.train.n_queries, self.batches.batch_queries)
        return min(self.batches.batch_docs, self.train.n_docs / self.train.n_queries * n_queries)

    @property
    def has_valid(self) -> bool:
        """Whether there is validation data."""
        return self.valid is not None

    def check(self) -> None:
        """Check that they go together; features of both parts come into the scorer's order."""
        self.train, self.valid = check_data(self.model, self.train, self.valid)
        if self.objective is None or boosts(self.model):
            note_columns(self.model, self.train)
        if self.objective is None:
            check_informative(self.where, type(self.model).__name__, NEEDS_GRADES, self.train, self.valid)
            return
        check_objective(self.model, self.objective, self.train)
        check_informative(self.where, objective_name(self.objective), self.objective, self.train, self.valid)
        if self.batches.block_docs is None and not boosts(self.model):
            self.batches = replace(self.batches, block_docs=chosen_block_docs(self.where, self.train))

    def identity(self) -> dict[str, Any]:
        """What a run is, besides its settings."""
        return {
            "training data": self.train.fingerprint,
            "validation data": None if self.valid is None else self.valid.fingerprint,
            "scorer": type(self.model).__name__,
            **{f"scorer.{name}": value for name, value in self._options().items()},
            **objective_identity(self.objective),
            **self.batches.told(),
        }

    def _options(self) -> dict[str, Any]:
        """Of the scorer, as far as they do not follow from its training; with the times that priors learn from."""
        options = dict(getattr(self.model, "options", {}))
        prior, times = options.get("prior"), self.train.beside.get("time")
        if isinstance(prior, dict):
            options["prior"] = {name: value for name, value in prior.items() if name != "sizes"}
            if times is not None:
                options["prior"]["times"] = hashlib.sha256(np.ascontiguousarray(times).tobytes()).hexdigest()
        return options

    @staticmethod
    def value(model: Scorer, data: RankingDataset, metric: str) -> float:
        """The metric of a scorer, as it stands, on data."""
        return evaluate(model, data, [metric]).means[metric]

    @staticmethod
    def value_of_scores(scores: NDArray[np.float32], data: RankingDataset, metric: str) -> float:
        """The metric of scores ``[doc]``; it is :meth:`value` of a scorer that gives these."""
        queries = np.repeat(np.arange(data.n_queries), data.list_sizes)
        found = evaluate_scores(scores, labels_of(data), qids=queries, doc_ids=data.doc_ids, metrics=[metric])
        return found.means[metric]

    def work(self, settings: Settings, place: torch.device) -> Work:
        """Fit the transform of the scorer if it is not fitted yet, and give what is to be done."""
        scorer, train, valid = cast(Any, self.model), self.train, self.valid
        objective = cast("Callable[..., Tensor]", self.objective)
        transform = getattr(scorer, "transform", None)
        priors = getattr(transform, "before", None)
        if priors is not None:  # each document of training with what other queries say of its keys
            train = priors.learn(self.where, train)
            if valid is not None:
                priors.tell_of(self.where, valid)
        if transform is not None and not transform.fitted:
            transform.fit(train.features, train.offsets)
        note_columns(scorer, self.train)
        feed, plan = self._feed(train, settings, place)
        metric = settings.metric
        return Work(
            model=scorer,
            objective=module_of(objective),
            plan=plan,
            take=feed.take,
            step=ranking_step(objective, settings.precision),
            validate=None if valid is None else self._validating(scorer, valid, metric, place),
            explain=ListBlame(scorer, feed, settings.learning_rate),
            n_docs=train.n_docs,
            draws_globally=not draws_only_from_the_run(scorer, objective),
        )

    def _validating(
        self, scorer: Scorer, valid: RankingDataset, metric: str, place: torch.device
    ) -> Callable[[], float]:
        """What measures the scorer on validation data, which stay on a device if they fit there beside the rest."""
        if place.type == "cpu" or not fits_on(place, valid.features.nbytes):
            return lambda: self.value(scorer, valid, metric)
        features = resident_features(self.where, scorer, valid, place)
        return lambda: self.value_of_scores(
            score_documents(self.where, scorer, valid, resident=features), valid, metric
        )

    def _feed(
        self, train: RankingDataset, settings: Settings, place: torch.device
    ) -> tuple[Feed | BlockFeed, Callable[[int], list[NDArray[np.int64]]]]:
        """What gives batches, and the plan of each epoch: drawn anew from the seed and the number of the epoch."""
        batches, seed = self.batches, settings.seed
        sizes = train.list_sizes
        if batches.block_docs is None:
            return Feed(train, place), lambda epoch: batches.plan(sizes, np.random.default_rng([seed, epoch]))
        blocks = Blocks(train.offsets, batches.block_docs)

        def pools_of(epoch: int) -> list[Pool]:
            return blocks.pools(batches, np.random.default_rng([seed, epoch]))

        feed = BlockFeed(train, place, blocks, pools_of, settings.epochs)
        if place.type == "cuda" and fits_on(place, train.features.nbytes):
            return Feed(train, place), feed.plan  # the same batches, from the memory of the device
        return feed, feed.plan


def note_columns(scorer: Any, train: RankingDataset) -> None:
    """Let a scorer know what its features are called, and which columns were none."""
    if getattr(scorer, "feature_names", None) is None:
        scorer.feature_names = train.feature_names
    if train.roles is not None:
        scorer.roles = train.roles

"""What a run trains is the trunk of a scorer, on lists of documents without labels."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal, cast, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from rankkit.data.batch import QueryBatch
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, DataError, check_given
from rankkit.models.scorers.layers import weights_from
from rankkit.numbers import is_finite
from rankkit.sampling import CollapseWatch
from rankkit.tasks.gradient.drawing import draws_only_from_the_run
from rankkit.tasks.gradient.settings import Precision, Settings, check_counts, check_name
from rankkit.tasks.gradient.trunk import check_has_trunk
from rankkit.tasks.gradient.work import Work
from rankkit.tasks.ranking.batches import ListBatches, default_epochs
from rankkit.tasks.ranking.checks import check_columns, check_scorer
from rankkit.tasks.ranking.device_batches import Feed
from rankkit.tasks.ranking.job import RankingJob, note_columns
from rankkit.tasks.ranking.nonfinite import ListBlame
from rankkit.tasks.ranking.unlabelled.corruption import Corruption, check_share
from rankkit.tasks.ranking.unlabelled.heads import HEADS

Method = Literal["simclr_rank", "simsiam"]
EPOCHS = 3
WHERE = "pretrain"


class PretrainingJob:
    """A scorer and lists without labels; :func:`rankkit.pretrain` describes the arguments."""

    where = WHERE
    valid = None
    has_valid = False

    def __init__(
        self,
        scorer: nn.Module,
        unlabelled: RankingDataset,
        *,
        method: Method = "simclr_rank",
        corruption: float = 0.4,
        temperature: float = 0.1,
        n_dims: int = 64,
        batch_queries: int = 64,
        batch_docs: int = 16384,
        length_window: int = 8,
    ) -> None:
        check_scorer(self.where, scorer)
        check_pretrainable(scorer)
        check_method(method, corruption, temperature, n_dims)
        check_given(self.where, "unlabelled", unlabelled, RankingDataset)
        self.model = scorer
        self.train = replace(unlabelled, labels=None, weights=None)
        self.method, self.corruption, self.temperature, self.n_dims = method, corruption, temperature, n_dims
        self.batches = ListBatches(batch_queries, batch_docs, length_window)
        self.objective: Callable[..., Tensor] | None = HEADS[method].objective

    @property
    def docs_a_step(self) -> float | None:
        """None: bfloat16 was compared with float32 for rankers alone."""
        return None

    @property
    def default_epochs(self) -> int:
        """3, or as many as make 120 steps."""
        return default_epochs(self.train.n_queries, self.batches.batch_queries, EPOCHS)

    def check(self) -> None:
        """Check that they go together; features come into the scorer's order."""
        if not self.train.n_docs:
            raise DataError(f"{self.where}: expected documents; got {self.train!r}. Pass data with at least one query.")
        self.train = check_columns(self.where, self.model, self.train)
        if int(self.train.list_sizes.max()) < 2:
            raise DataError(
                f"{self.where}: expected queries of several documents, which are told apart; got one each. "
                "Check the query ids."
            )

    def identity(self) -> dict[str, Any]:
        """What a run is, besides its settings."""
        return {
            "training data": self.train.fingerprint,
            "scorer": type(self.model).__name__,
            **{f"scorer.{name}": value for name, value in getattr(self.model, "options", {}).items()},
            "method": self.method,
            "corruption": self.corruption,
            "temperature": self.temperature,
            "n_dims": self.n_dims,
            **vars(self.batches),
        }

    @staticmethod
    def value(model: Any, data: RankingDataset, metric: str) -> float:
        """The metric of a scorer, as it stands, on data with labels."""
        return RankingJob.value(model, data, metric)

    def work(self, settings: Settings, place: torch.device) -> Work:
        """Fit the transform of the scorer if it is not fitted yet, and give what is to be done."""
        scorer, train = cast(Any, self.model), self.train
        transform = getattr(scorer, "transform", None)
        if transform is not None and not transform.fitted:
            transform.fit(train.features, train.offsets)
        note_columns(scorer, train)
        feed = Feed(train, place)
        head = HEADS[self.method](
            _width(scorer.to(place), feed),
            n_dims=self.n_dims,
            temperature=self.temperature,
            generator=weights_from(self.where, settings.seed),
        )
        corrupt = Corruption(train, self.corruption, place, seed=settings.seed)
        step = ViewsStep(head, corrupt, settings.precision)
        return Work(
            model=scorer,
            objective=head,
            plan=lambda epoch: self.batches.plan(train.list_sizes, np.random.default_rng([settings.seed, epoch])),
            take=feed.take,
            step=step,
            validate=None,
            explain=ListBlame(scorer, feed, settings.learning_rate),
            n_docs=train.n_docs,
            draws_globally=not draws_only_from_the_run(scorer),
            facts=lambda: step.facts,
        )


class ViewsStep:
    """The loss of two corrupted views of a batch; ``facts`` tells how far apart the projections of the last one were.

    Args:
        head: On the trunk.
        corrupt: Makes a view of features.
        precision: ``"bf16"`` runs the trunk under autocast.
    """

    def __init__(self, head: nn.Module, corrupt: Callable[[Tensor], Tensor], precision: Precision) -> None:
        self._head, self._corrupt, self._precision = head, corrupt, precision
        self._collapse = CollapseWatch(action="Lower the learning rate, or pretrain with method='simclr_rank'.")
        self.facts: Mapping[str, float] = {}

    def __call__(self, scorer: Any, batch: QueryBatch) -> Tensor:
        """Of a scorer with members the mean of their losses."""
        views = torch.cat([self._corrupt(batch.features), self._corrupt(batch.features)])
        n_docs = batch.n_docs
        offsets = torch.cat([batch.offsets, batch.offsets[1:] + n_docs])
        with torch.autocast(views.device.type, torch.bfloat16, enabled=self._precision == "bf16"):
            hidden = scorer.hidden_values(views, offsets)
        members = hidden.float().reshape(-1, *hidden.shape[-2:]).unbind(dim=0)
        judged = [self._head(values[:n_docs], values[n_docs:], batch.offsets) for values in members]
        loss: Tensor = torch.stack([one.loss for one in judged]).mean()
        directions = functional.normalize(torch.cat([one.embeddings for one in judged]), dim=1)
        self._collapse.see(loss, directions)
        self.facts = {"spread": self._collapse.spread}
        return loss


def check_pretrainable(scorer: Any) -> None:
    """Raise ConfigError unless a scorer has a trunk that can learn without labels."""
    if not callable(getattr(scorer, "hidden_values", None)):
        raise ConfigError(
            f"{WHERE}: expected a network with hidden_values(features, offsets), what its last layer scores; got "
            f"{type(scorer).__name__}. Choose one of mlp, dcn, attention, tabm."
        )
    check_has_trunk(WHERE, scorer)
    priors = getattr(getattr(scorer, "transform", None), "before", None)
    if priors is not None and priors.keys:  # without, it leaves columns out that are keys alone
        raise ConfigError(
            f"{WHERE}: expected a scorer without prior, which is learnt from labels; got one of "
            f"{type(scorer).__name__}. Leave prior out."
        )


def check_method(method: str, corruption: float, temperature: float, n_dims: int) -> None:
    """Raise ConfigError if an option cannot work."""
    check_name("method", method, get_args(Method))
    check_share(corruption)
    if not (is_finite(temperature) and temperature > 0):
        raise ConfigError(f"temperature: expected a finite number above 0; got {temperature!r}. Choose such a number.")
    check_counts({"n_dims": n_dims})


@torch.no_grad()
def _width(scorer: Any, feed: Feed) -> int:
    """The width of hidden values, as the first query shows."""
    batch = feed.take(np.zeros(1, np.int64))
    was_training = scorer.training
    width: int = scorer.eval().hidden_values(batch.features, batch.offsets).shape[-1]
    scorer.train(was_training)
    return width

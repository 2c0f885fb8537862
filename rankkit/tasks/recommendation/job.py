"""What a run learns from is a log; it learns in one go, and chooses on a part that is held out."""

from collections.abc import Sequence
from typing import Any, NoReturn

import torch

from rankkit.data.interactions import Interactions, Split
from rankkit.data.interactions.joining import on_shared_ids
from rankkit.data.interactions.log import same_ids
from rankkit.errors import ConfigError, DataError
from rankkit.evaluation.catalogue import CatalogueEvaluation, evaluate_recommender
from rankkit.models.model import learns_in_one_go
from rankkit.tasks.gradient.objectives import refuse_objective
from rankkit.tasks.gradient.settings import Settings

METRICS = ("ndcg@10", "recall@10")
"""What is measured where nothing is named; the first is what options are chosen by."""
_RULES = (
    "exclude_seen", "within", "features", "protocol", "empty", "ties", "sampled", "sampled_seed", "block_rows",
)  # fmt: skip


class RecommendationJob:
    """A recommender, a log to learn from, and what is held out to choose by.

    Args:
        model: A recommender.
        objective: None: there is none.
        train: Events to learn from.
        valid: What is held out, or None: then options that were left open are taken as they are by default.
        refit: Learn again, when options are chosen, from what is held out too: for serving, as what is latest counts
            most, and for a test of later events. What the validation data says is of what was learnt before.
    """

    where = "fit"
    objective = None

    def __init__(
        self, model: Any, objective: Any, train: Interactions, valid: Split | None = None, *, refit: bool = False
    ) -> None:
        if not learns_in_one_go(model) or not hasattr(model, "lists_of"):
            raise ConfigError(
                f"fit: expected a recommender, to learn from a log; got {type(model).__name__}. Pass one, such as "
                "rankkit.EASE()."
            )
        refuse_objective(self.where, model, objective)
        if not isinstance(refit, bool):
            raise ConfigError(f"fit: expected refit as True or False; got {refit!r}. Pass one of them.")
        if refit and valid is None:
            raise ConfigError("fit: expected validation data with refit, to learn from it too; got none. Pass valid.")
        self.model, self.train, self.valid, self.refit = model, train, valid, refit

    @property
    def has_valid(self) -> bool:
        """Whether anything is held out to choose by."""
        return self.valid is not None

    @property
    def docs_a_step(self) -> float | None:
        """None: bfloat16 was compared with float32 for rankers alone."""
        return None

    @property
    def default_epochs(self) -> int:
        """One: it learns in one go."""
        return 1

    def check(self) -> None:
        """Check that the parts are of one log."""
        if not isinstance(self.train, Interactions):
            raise DataError(
                f"fit: expected Interactions to learn from; got {type(self.train).__name__}. Pass train of "
                "rankkit.split_interactions."
            )
        if self.valid is None:
            return
        if not isinstance(self.valid, Split):
            raise DataError(
                f"fit: expected a Split as validation data, with histories and what is to be found; got "
                f"{type(self.valid).__name__}. Pass valid of rankkit.split_interactions."
            )
        if not same_ids(self.train.item_ids, self.valid.history.item_ids):
            raise DataError(
                "fit: expected training and validation data with the same items; got others. Split one log with "
                "rankkit.split_interactions."
            )

    def identity(self) -> dict[str, Any]:
        """What a run is, besides its settings."""
        return {
            "training data": self.train.fingerprint,
            "validation data": None if self.valid is None else self.valid.fingerprint,
            "recommender": type(self.model).__name__,
            **({"refit": True} if self.refit else {}),
            **{f"recommender.{name}": value for name, value in self.model.options.items()},
        }

    def finish(self, seed: int) -> None:
        """Learn once more where that was asked for, with the options that were chosen."""
        if self.refit and self.valid is not None:
            whole, _ = on_shared_ids([self.valid.history, self.valid.targets])
            self.model.learn_again(whole, seed=seed)

    @staticmethod
    def value(model: Any, data: Split, metric: str) -> float:
        """The metric of a recommender, as it stands, on what is held out."""
        return evaluate_recommender(model, data, [metric]).means[metric]

    def work(self, settings: Settings, place: torch.device) -> NoReturn:
        """There are no steps."""
        raise ConfigError(f"fit: expected a recommender that learns in one go; got {type(self.model).__name__}.")


def evaluate(model: Any, data: Any, metrics: Sequence[Any] | None = None, **rules: Any) -> CatalogueEvaluation:
    """As :func:`rankkit.evaluate_recommender`, with ndcg@10 and recall@10 where nothing is named.

    Raises:
        DataError: If the data is no split.
        ConfigError: If a rule is of other data.
    """
    if not isinstance(data, Split):
        raise DataError(
            f"evaluate: expected a Split, with histories and what is to be found; got {type(data).__name__}. Pass test "
            "of rankkit.split_interactions."
        )
    unknown = next((name for name in rules if name not in _RULES), None)
    if unknown is not None:
        raise ConfigError(
            f"evaluate: expected one of {', '.join(_RULES)} for a recommender; got {unknown!r}. Leave it out."
        )
    return evaluate_recommender(model, data, METRICS if metrics is None else metrics, **rules)

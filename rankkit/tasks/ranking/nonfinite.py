"""Why a loss or a gradient is not finite: weights, features, scores or the objective, with what to do."""

import math

import torch
from torch import Tensor, nn

from rankkit.data.views import feature_names_of
from rankkit.errors import RankkitError
from rankkit.models.scorers import outputs_of
from rankkit.tasks.gradient.nonfinite import blame_weights
from rankkit.tasks.gradient.work import BadStep
from rankkit.tasks.ranking.block_feed import BlockFeed
from rankkit.tasks.ranking.device_batches import Feed

_SHOWN = 8


class ListBlame:
    """Examines a scorer and a batch of lists after a step that is not finite.

    Args:
        scorer: That was trained.
        feed: Gives the documents of the batch again.
        learning_rate: Of the settings, for the message.
    """

    def __init__(self, scorer: nn.Module, feed: Feed | BlockFeed, learning_rate: float) -> None:
        self._scorer, self._feed, self._learning_rate = scorer, feed, learning_rate

    def __call__(self, bad: BadStep) -> str:
        """The message."""
        qids = [str(qid) for qid in self._feed.data.qids[bad.rows[:_SHOWN]]]
        more = len(bad.rows) - len(qids)
        return f"{bad} (qids {', '.join(qids)}{f' and {more} more' if more else ''}). {self._cause(bad)}"

    @torch.no_grad()
    def _cause(self, bad: BadStep) -> str:
        overflow = blame_weights(self._scorer, bad, self._learning_rate)
        if overflow is not None:
            return overflow
        batch = self._feed.take(bad.rows)
        transform = getattr(self._scorer, "transform", None)
        inputs = batch.features if transform is None else transform(batch.features, batch.offsets)
        if not bool(inputs.isfinite().all()):
            return _blame_features(batch.features, inputs, feature_names_of(self._feed.data), transform is not None)
        if batch.weights is not None and not bool(batch.weights.isfinite().all()):
            return "The weights of the data are not finite. Mend them."
        try:
            scores = outputs_of(self._scorer, batch.features, batch.offsets)
        except RankkitError as error:
            return str(error)
        if not bool(scores.isfinite().all()):
            return (
                "The features are finite, yet the scores are not: they overflow inside the scorer. "
                f"Lower learning_rate={self._learning_rate:g}, or limit the features with transform='standardize'."
            )
        largest = float(scores.abs().max())
        which = "objective" if not math.isfinite(bad.loss) else "gradient of the objective"
        return (
            f"Features, labels and scores (largest {largest:.3g}) are finite: the {which} is not finite for them. "
            f"Lower learning_rate={self._learning_rate:g}, set clip_norm=1, or look into the objective."
        )


def _blame_features(features: Tensor, inputs: Tensor, names: tuple[str, ...], transformed: bool) -> str:
    bad = (~features.isfinite()).any(dim=0).nonzero().flatten().tolist()
    if not bad:
        return (
            f"The features are finite, but {int((~inputs.isfinite()).sum())} values are not after the scorer's "
            "transform. Choose another transform."
        )
    shown = ", ".join(names[column] for column in bad[:_SHOWN])
    after = " and the scorer's transform lets that through" if transformed else ""
    return f"The features {shown} hold NaN or infinity{after}. Mend them, or choose a transform."

"""pseudo_labels(): a data set whose labels are the scores of a teacher, for distillation."""

from dataclasses import replace
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, DataError, check_given
from rankkit.evaluation.scoring import score_documents
from rankkit.models.scorers import Scorer


class Predictor(Protocol):
    """Anything with ``predict(features [doc, feature]) -> [doc]``: a LightGBM Booster, a scikit-learn regressor."""

    def predict(self, features: Any) -> ArrayLike:
        """One number a document, higher is better."""
        ...


def pseudo_labels(teacher: Scorer | Predictor, data: RankingDataset) -> RankingDataset:
    """The same documents with the scores of a teacher as labels, for :func:`rankkit.kl_distillation_loss` and the like.

    Args:
        teacher: A scorer (a bundle that :func:`rankkit.load` gave), or anything with ``predict(features)``. Of a model
            that predicts on another scale than it ranks by, pass the one that suits: its numbers are taken as they are.
        data: Documents with or without labels; they stay as they are.

    Returns:
        A data set that shares everything but the labels with ``data``.

    Raises:
        DataError: If the documents have other features than the teacher was built for, or it gives anything but one
            finite number a document.
        ConfigError: If the teacher can do neither.

    Example:
        >>> import numpy as np
        >>> from rankkit.data.synthetic import make_ranking
        >>> class FirstFeature:
        ...     def predict(self, features):
        ...         return features[:, 0]
        >>> data = make_ranking(3, n_features=2, seed=0)
        >>> taught = pseudo_labels(FirstFeature(), data)
        >>> bool((taught.labels == data.features[:, 0]).all()), taught.features is data.features
        (True, True)
    """
    check_given("pseudo_labels", "data", data, RankingDataset)
    if hasattr(teacher, "predict"):
        scores = np.asarray(cast(Predictor, teacher).predict(data.features))
    elif callable(teacher):
        scores = score_documents("pseudo_labels", teacher, data)
    else:
        raise ConfigError(
            f"pseudo_labels: expected a scorer, or a model with predict(features); got {type(teacher).__name__}. "
            "Load a bundle with rankkit.load()."
        )
    return replace(data, labels=_checked(scores, data.n_docs))


def _checked(scores: NDArray[Any], n_docs: int) -> NDArray[np.float32]:
    if scores.shape != (n_docs,):
        raise DataError(
            f"pseudo_labels: expected {n_docs} scores, one a document; got an array of shape {scores.shape}. "
            "Pass a teacher that predicts one number a row."
        )
    with np.errstate(over="ignore"):  # what does not fit becomes infinite and is refused below
        labels = scores.astype(np.float32)
    if not np.isfinite(labels).all():
        doc = int(np.flatnonzero(~np.isfinite(labels))[0])
        raise DataError(
            f"pseudo_labels: expected finite scores; got {scores[doc]} for document {doc}. "
            "Look at what the teacher was trained on."
        )
    return labels

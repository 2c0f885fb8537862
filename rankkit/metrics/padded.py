"""Metrics of padded lists: drop the padding, rank, measure."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from rankkit.data.batch import unpad
from rankkit.errors import DataError, ShapeError
from rankkit.metrics.engine import JudgedDocuments, Measure, rank_documents
from rankkit.ranking import check_lists, list_sizes


def on_padded_lists(
    where: str,
    measure: Measure,
    scores: Tensor,
    labels: Tensor,
    mask: Tensor | None,
    ties: str,
    *,
    n_relevant: Tensor | None = None,
    judged: tuple[Tensor, Tensor | None] | None = None,
    weights: Tensor | None = None,
    **options: Any,
) -> Float[Tensor, " query"]:
    """Drop the padding, rank, measure; float64 on the device of the scores.

    Args:
        where: The public function that was called, for messages.
        measure: What reads the ranking.
        scores: ``[query, list]``.
        labels: ``[query, list]``.
        mask: ``[query, list]``, or None.
        ties: Of :func:`rank_documents`.
        n_relevant: ``[query]``, or None.
        judged: Labels ``[query, judged]`` of all that was judged and a mask of the same shape or None; or None.
        weights: ``[query, list]``, or None.
        **options: Of the measure.
    """
    mask = check_lists(where, scores, labels, mask)
    offsets = _offsets_of(mask)
    known: dict[str, Any] = {}
    if n_relevant is not None:
        known["n_relevant"] = _checked_counts(where, n_relevant, len(mask))
    if judged is not None:
        known["judged"] = _judged_documents(where, *judged, len(mask))
    if weights is not None:
        known["weights"] = _checked_weights(where, weights, mask)
    wide = scores.detach().to(torch.float64 if scores.dtype == torch.float64 else torch.float32)
    flat_scores, flat_labels = unpad(wide, mask).cpu().numpy(), unpad(labels.detach(), mask).double().cpu().numpy()
    ranking = rank_documents(where, flat_scores, flat_labels, offsets, ties, **known)
    return torch.from_numpy(measure(ranking, **options)).to(scores.device)


def _offsets_of(mask: Tensor) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(list_sizes(mask).cpu().numpy())])


def _checked_counts(where: str, n_relevant: Tensor, n_queries: int) -> NDArray[np.int64]:
    counts: NDArray[Any] = n_relevant.detach().cpu().numpy()
    if counts.shape != (n_queries,):
        raise ShapeError(
            f"{where}: expected n_relevant [{n_queries}], one a query; got {list(counts.shape)}. Count for each query."
        )
    if not (counts == np.floor(counts)).all() or (counts < 0).any():
        raise DataError(
            f"{where}: expected whole numbers of 0 or more as n_relevant; got {counts.min():g} to {counts.max():g}. "
            "Count the relevant documents of each query."
        )
    return counts.astype(np.int64)


def _judged_documents(where: str, labels: Tensor, mask: Tensor | None, n_queries: int) -> JudgedDocuments:
    mask = check_lists(f"{where}, judged", labels, labels, mask)
    if len(mask) != n_queries:
        raise ShapeError(
            f"{where}: expected judged labels [{n_queries}, judged], a row for each query; got {list(labels.shape)}. "
            "Pad them with rankkit.pad()."
        )
    return JudgedDocuments(unpad(labels.detach(), mask).double().cpu().numpy(), _offsets_of(mask))


def _checked_weights(where: str, weights: Tensor, mask: Tensor) -> NDArray[np.float64]:
    if weights.shape != mask.shape:
        raise ShapeError(
            f"{where}: expected weights {list(mask.shape)}, one a document; got {list(weights.shape)}. "
            "Weigh queries where values are averaged."
        )
    values: NDArray[np.float64] = unpad(weights.detach(), mask).double().cpu().numpy()
    if not ((values >= 0) & (values < np.inf)).all():
        raise DataError(
            f"{where}: expected finite weights of 0 or more; got {values.min():g} to {values.max():g}. "
            "Use 0 for what must not count."
        )
    return values

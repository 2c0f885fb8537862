"""Metrics whose cutoff is R, the query's own number of relevant documents: what similarity learning is measured by.

Both are 1 exactly where every relevant document stands before every other one, whatever the number of them.
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Real
from numpy.typing import NDArray
from torch import Tensor

from rankkit.metrics.engine import Ranking, Ties, measured_by, on_lists
from rankkit.metrics.padded import on_padded_lists


def r_precision_of(ranking: Ranking, *, k: int | None = None, relevant_from: float | int = 1) -> NDArray[np.float64]:
    """:func:`r_precision` of a ranking; ``k``, which only a protocol's ``default_k`` brings here, plays no part."""
    return _read("r_precision", ranking, relevant_from)[0]


def map_at_r_of(ranking: Ranking, *, k: int | None = None, relevant_from: float | int = 1) -> NDArray[np.float64]:
    """:func:`map_at_r` of a ranking; ``k``, which only a protocol's ``default_k`` brings here, plays no part."""
    return _read("map_at_r", ranking, relevant_from)[1]


def _read(where: str, ranking: Ranking, relevant_from: float | int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from rankkit.metrics import at_r_kernels

    precision, mean_precision = np.empty(ranking.n_queries), np.empty(ranking.n_queries)
    read = (ranking.labels, ranking.tied, float(relevant_from), ranking.relevant_beside(where, relevant_from))
    on_lists(at_r_kernels.at_r_lists, ranking.offsets, *read, precision, mean_precision)
    return precision, mean_precision


@measured_by(r_precision_of)
def r_precision(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    relevant_from: float | int = 1,
    n_relevant: Real[Tensor, " query"] | None = None,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Share of relevant documents among the first R, where R is how many there are: precision and recall at R.

    .. math:: \mathrm{RP} = \frac{1}{R} \, |\{i: y_i \ge \tau,\, r_i \le R\}|, \qquad R = |\{i: y_i \ge \tau\}|

    Args:
        scores: One a document.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real.
        relevant_from: The least label of a relevant document.
        n_relevant: How many documents are relevant, in the list or not; None: those in the list.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        In [0, 1]; NaN without a relevant document.

    Example:
        Two documents are relevant, one of them among the first two. The last place is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 2.0, 1.0, 9.0]]), torch.tensor([[1.0, 0.0, 1.0, 1.0]])
        >>> r_precision(scores, labels, torch.tensor([[True, True, True, False]]))
        tensor([0.5000], dtype=torch.float64)

    References:
        Manning, Raghavan, Schütze: Introduction to Information Retrieval. Cambridge University Press, 2008, chapter 8.
        trec_eval calls it Rprec.
    """
    options: dict[str, Any] = {"n_relevant": n_relevant, "relevant_from": relevant_from}
    return on_padded_lists("r_precision", r_precision_of, scores, labels, mask, ties, **options)


@measured_by(map_at_r_of)
def map_at_r(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    relevant_from: float | int = 1,
    n_relevant: Real[Tensor, " query"] | None = None,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Mean average precision at R: :func:`rankkit.average_precision` with the query's own R for k.

    .. math:: \mathrm{MAP@R} = \frac{1}{R} \sum_{i: y_i \ge \tau,\, r_i \le R}
        \frac{|\{j: y_j \ge \tau,\, r_j \le r_i\}|}{r_i}, \qquad R = |\{i: y_i \ge \tau\}|

    Args:
        scores: One a document.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real.
        relevant_from: The least label of a relevant document.
        n_relevant: How many documents are relevant, in the list or not; None: those in the list.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        In [0, 1]; NaN without a relevant document.

    Example:
        Three are relevant, at ranks 1, 3 and 4; rank 4 is below R: (1/1 + 2/3) / 3 = 5/9. The last place is padding.

        >>> import torch
        >>> scores = torch.tensor([[4.0, 3.0, 2.0, 1.0, 9.0]])
        >>> labels = torch.tensor([[1.0, 0.0, 1.0, 1.0, 1.0]])
        >>> map_at_r(scores, labels, torch.tensor([[True, True, True, True, False]]))
        tensor([0.5556], dtype=torch.float64)

    References:
        Musgrave, Belongie, Lim: A metric learning reality check. ECCV 2020, section 3.2.
    """
    options: dict[str, Any] = {"n_relevant": n_relevant, "relevant_from": relevant_from}
    return on_padded_lists("map_at_r", map_at_r_of, scores, labels, mask, ties, **options)

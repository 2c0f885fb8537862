"""Metrics that compare documents in pairs: ordered pair accuracy, binary preference."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Real
from numpy.typing import NDArray
from torch import Tensor

from rankkit.metrics.engine import Ranking, Ties, count_from, measured_by, on_lists
from rankkit.metrics.padded import on_padded_lists


def opa_of(ranking: Ranking, *, k: int | None = None) -> NDArray[np.float64]:
    """:func:`opa` of a ranking; ``k``, which only a protocol's ``default_k`` brings here, plays no part."""
    from rankkit.metrics import pair_kernels

    judged = ranking.all_judged("opa")
    order = ranking.worst_order(ranking.labels)
    labels = ranking.labels[order]
    weights = np.ones(len(labels)) if ranking.weights is None else ranking.weights[order]
    judged_weights = np.ones(len(judged.labels)) if judged.weights is None else judged.weights
    out = np.empty(ranking.n_queries)
    read = (labels, ranking.tied, weights, judged.offsets, judged.labels, judged_weights, ranking.ideal_labels)
    on_lists(pair_kernels.ordered_pairs_lists, ranking.offsets, *read, out)
    return out


def bpref_of(ranking: Ranking, *, k: int | None = None, relevant_from: float | int = 1) -> NDArray[np.float64]:
    """:func:`bpref` of a ranking; ``k``, which only a protocol's ``default_k`` brings here, plays no part."""
    from rankkit.metrics import pair_kernels

    judged = ranking.all_judged("bpref")
    n_relevant = count_from(judged.labels, judged.offsets, relevant_from)
    read = (ranking.labels, ranking.tied, float(relevant_from), n_relevant, np.diff(judged.offsets) - n_relevant)
    out = np.empty(ranking.n_queries)
    on_lists(pair_kernels.bpref_lists, ranking.offsets, *read, out)
    return out


@measured_by(opa_of)
def opa(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    judged_labels: Real[Tensor, "query judged"] | None = None,
    judged_mask: Bool[Tensor, "query judged"] | None = None,
    weights: Float[Tensor, "query list"] | None = None,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Ordered pair accuracy: share of the pairs of documents of different label whose better one stands higher.

    .. math:: \mathrm{OPA} = \frac{|\{(i, j): y_i > y_j,\, r_i < r_j\}|}{|\{(i, j): y_i > y_j\}|}

    A pair is out of order where its better document was not retrieved.

    Args:
        scores: One a document.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real.
        judged_labels: Labels of all that was judged, the list's among them; None: the list's alone.
        judged_mask: True where a judged label is real.
        weights: One a document, 0 or more: a pair has that of its better document.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        In [0, 1]; NaN where no two labels differ. 0.5 for equal scores with ``ties="expected"``.

    Example:
        Labels 1, 2, 0 down the list: of three pairs one is out of order. The last place is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 2.0, 1.0, 9.0]]), torch.tensor([[1.0, 2.0, 0.0, 4.0]])
        >>> opa(scores, labels, torch.tensor([[True, True, True, False]]))
        tensor([0.6667], dtype=torch.float64)

    References:
        Pasumarthi et al.: TF-Ranking: Scalable TensorFlow library for learning-to-rank. KDD 2019.
    """
    judged = None if judged_labels is None else (judged_labels, judged_mask)
    return on_padded_lists("opa", opa_of, scores, labels, mask, ties, judged=judged, weights=weights)


@measured_by(bpref_of)
def bpref(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    relevant_from: float | int = 1,
    judged_labels: Real[Tensor, "query judged"] | None = None,
    judged_mask: Bool[Tensor, "query judged"] | None = None,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Binary preference: how few documents that were judged not relevant stand before those that are.

    .. math:: \mathrm{bpref} = \frac{1}{R} \sum_{i: y_i \ge \tau}
        \Bigl(1 - \frac{\min(|\{j: y_j < \tau,\, r_j < r_i\}|, R)}{\min(R, N)}\Bigr)

    R documents were judged relevant and N not relevant. It does not read what was not judged: leave such documents out.

    Args:
        scores: One a document.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real.
        relevant_from: The least label of a relevant document.
        judged_labels: Labels of all that was judged, the list's among them; None: the list's alone.
        judged_mask: True where a judged label is real.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        In [0, 1]; NaN without a relevant document.

    Example:
        Relevant at ranks 1 and 3, with one other before the second: (1 + (1 - 1/1)) / 2. The last place is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 2.0, 1.0, 9.0]]), torch.tensor([[1.0, 0.0, 1.0, 1.0]])
        >>> bpref(scores, labels, torch.tensor([[True, True, True, False]]))
        tensor([0.5000], dtype=torch.float64)

    References:
        Buckley, Voorhees: Retrieval evaluation with incomplete information. SIGIR 2004, as trec_eval computes it.
    """
    judged = None if judged_labels is None else (judged_labels, judged_mask)
    options: dict[str, Any] = {"judged": judged, "relevant_from": relevant_from}
    return on_padded_lists("bpref", bpref_of, scores, labels, mask, ties, **options)

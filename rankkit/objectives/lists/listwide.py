"""listwide_softmax_loss: the softmax cross entropy, and beside it how good a list is as a whole (RankFormer)."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from rankkit.objectives.marks import marked
from rankkit.objectives.options import check_labels, check_number
from rankkit.objectives.reductions import reduce_weighted
from rankkit.ranking import Reduction, list_sizes, masked_log_softmax, prepare_lists, split_weights


@marked(readout="first_output", learns_from="documents")
def listwide_softmax_loss(
    scores: Float[Tensor, "query list output"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    strength: float = 0.1,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""RankFormer's loss: softmax cross entropy by output 0, and by the others the best grade that the list holds.

    .. math::
        -\frac{1}{n} \sum_i y_i \log \frac{e^{s_{i,0}}}{\sum_j e^{s_{j,0}}}
        + \frac{\alpha}{K} \sum_{k=1}^{K} \log(1 + e^{d_k}) - [\max_i y_i \ge k] \, d_k,
        \quad d_k = \frac{1}{n} \sum_i s_{i,k}

    So lists in which nothing is relevant teach too. Documents are ranked by output 0: the function's attribute
    ``readout`` is ``"first_output"``. RankFormer has one head for the list, whose outputs are :math:`d_k` here where
    all documents are given the same ones. It leaves lists without a relevant document out of the mean of the first sum.

    Args:
        scores: ``[query, list, 1 + K]``: a score, and what a document says of its list. K is the best grade there is.
        labels: ``[query, list]``, whole grades from 0 to K.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        strength: The weight α of the second sum, at least 0.
        weights: ``[query]`` or ``[query, list]``, importance; those of documents multiply terms of the first sum.
        reduction: ``"mean"`` over lists with a document, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.zeros(1, 3, 2), torch.tensor([[1.0, 0.0, 9.0]])
        >>> listwide_softmax_loss(scores, labels, torch.tensor([[True, True, False]]))  # (1/2 + .1) log 2
        tensor(0.4159)

    References:
        Buyl, Missault, Sondag, "RankFormer: Listwise Learning-to-Rank Using Listwide Labels", KDD 2023, as in the code
        of its authors (maartenbuyl/rankformer).
    """
    where = "listwide_softmax_loss"
    scores, labels, mask = prepare_lists(where, scores, labels, mask, n_axes=3)
    check_number(where, "strength", strength, least=0.0)
    best = scores.shape[2] - 1
    check_labels(
        where,
        labels,
        (labels >= 0) & (labels <= best) & (labels == labels.round()),
        f"whole labels from 0 to {best}, the outputs a document but for the first",
        f"Build the scorer with as many outputs as there are grades (n_outputs={best + 1} now), or map the labels.",
    )
    query_weights, doc_weights = split_weights(where, weights, labels, mask)
    n_docs = list_sizes(mask)
    divisors = n_docs.clamp(min=1)
    terms = -labels * masked_log_softmax(scores[..., 0], mask)
    ranked = (terms if doc_weights is None else terms * doc_weights).sum(dim=1) / divisors
    reached = labels[..., None] >= torch.arange(1, best + 1, device=labels.device)
    quality = functional.binary_cross_entropy_with_logits(
        scores[..., 1:].sum(dim=1) / divisors[:, None], reached.any(dim=1).to(scores.dtype), reduction="none"
    )
    per_list = ranked + strength * quality.sum(dim=1) / max(1, best)
    return reduce_weighted(per_list, query_weights, n_docs > 0, reduction)

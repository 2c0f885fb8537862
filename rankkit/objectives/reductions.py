"""From one term a document to the loss: means over documents, sums over lists, weights of queries and documents."""

from torch import Tensor

from rankkit.ranking import Reduction, list_sizes, reduce_lists, split_weights


def mean_over_docs(
    where: str, terms: Tensor, scores: Tensor, mask: Tensor, weights: Tensor | None, reduction: Reduction
) -> Tensor:
    """Pointwise: the mean of the terms of a list, over lists with a document; divisors are counts, not weights."""
    query_weights, doc_weights = split_weights(where, weights, scores, mask)
    if doc_weights is not None:
        terms = terms * doc_weights
    n_docs = list_sizes(mask)
    per_list = terms.where(mask, 0).sum(dim=1) / n_docs.clamp(min=1)
    return reduce_weighted(per_list, query_weights, n_docs > 0, reduction)


def sum_over_docs(
    where: str, terms: Tensor, informative: Tensor, mask: Tensor, weights: Tensor | None, reduction: Reduction
) -> Tensor:
    """Listwise: the sum of the terms of a list, zero in padded places, over the informative lists."""
    query_weights, doc_weights = split_weights(where, weights, terms, mask)
    if doc_weights is not None:
        terms = terms * doc_weights
    per_list = terms.sum(dim=1)
    return reduce_weighted(per_list, query_weights, informative, reduction)


def reduce_weighted(
    per_list: Tensor, query_weights: Tensor | None, informative: Tensor, reduction: Reduction
) -> Tensor:
    """The value of each list times the weight of its query, reduced over the informative lists."""
    weighted = per_list if query_weights is None else per_list * query_weights
    return reduce_lists(weighted, informative, reduction)

"""Circle loss: relevant against other documents, each pulled the harder the further it is from its optimum."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from rankkit.objectives.documents.limits import limited
from rankkit.objectives.options import check_number
from rankkit.objectives.reductions import reduce_weighted
from rankkit.ranking import Reduction, prepare_lists, split_weights


def circle_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    margin: float = 0.25,
    gamma: float = 64.0,
    relevant_from: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Circle loss: relevant documents towards a score of 1, others towards 0, those furthest away first.

    .. math::
        \log\left[1 + \sum_{j \in N} e^{\gamma \alpha_j (s_j - m)}
        \sum_{i \in R} e^{-\gamma \alpha_i (s_i - (1 - m))}\right],
        \quad \alpha_i = [1 + m - s_i]_+, \quad \alpha_j = [s_j + m]_+

    with R the relevant documents and N the others. Made for similarities (cosines): the optimum is 1 + m for a relevant
    document and -m for another, so bring scores of another scale there first. The alpha carry no gradient, as in the
    paper's equation 10. A score beyond 1.8e13 in float32 counts as that much.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, relevance, graded or binary.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        margin: m, the width of the circle, at least 0; smaller asks for more.
        gamma: The scale of scores, above 0.
        relevant_from: The least label of a relevant document.
        weights: ``[query]`` or ``[query, list]``, at least 0; a document's multiplies its exponential, so that a pair
            weighs the product of its two documents inside the logarithm.
        reduction: ``"mean"`` over lists with relevant and other documents, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[0.75, 0.25, 9.0]]), torch.tensor([[1.0, 0.0, 1.0]])
        >>> circle_loss(scores, labels, torch.tensor([[True, True, False]]))  # at 1 - m and m: exponents of 0, log 2
        tensor(0.6931)

    References:
        Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity Optimization", CVPR 2020, equations 5 and 6.
    """
    where = "circle_loss"
    check_number(where, "margin", margin, least=0.0)
    check_number(where, "gamma", gamma, above=0.0)
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    query_weights, doc_weights = split_weights(where, weights, scores, mask)
    relevant = (labels >= relevant_from) & mask
    others = mask & ~relevant
    scores = limited(scores)
    pull = (1 + margin - scores.detach()).clamp(min=0)
    push = (scores.detach() + margin).clamp(min=0)
    exponents = torch.where(relevant, pull * (1 - margin - scores), push * (scores - margin)) * gamma
    if doc_weights is not None:
        counted = doc_weights > 0
        relevant, others = relevant & counted, others & counted
        exponents = exponents + torch.where(counted, doc_weights, 1).log()
    both = _log_sum_exp(exponents, relevant) + _log_sum_exp(exponents, others)
    per_list = -functional.logsigmoid(-both)  # torch's softplus is linear above 20
    informative = relevant.any(dim=1) & others.any(dim=1)
    return reduce_weighted(per_list, query_weights, informative, reduction)


def _log_sum_exp(exponents: Tensor, chosen: Tensor) -> Tensor:
    """Of the chosen documents; so low that it vanishes where there are none."""
    if exponents.shape[1] == 0:
        return exponents.sum(dim=1)
    return exponents.masked_fill(~chosen, torch.finfo(exponents.dtype).min / 4).logsumexp(dim=1)

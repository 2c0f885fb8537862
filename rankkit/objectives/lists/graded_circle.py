"""graded_circle_loss: circle loss over every pair of documents of different grade."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from rankkit.objectives.documents.limits import limited
from rankkit.objectives.lists.lower_grades import log_sum_of_lower_grades
from rankkit.objectives.options import check_number
from rankkit.objectives.reductions import reduce_weighted
from rankkit.ranking import Reduction, has_two_grades, prepare_lists, split_weights


def graded_circle_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    margin: float = 0.25,
    gamma: float = 64.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Circle loss over pairs of different grade: the better document towards 1, the other towards 0.

    .. math::
        \log\left[1 + \sum_{y_i > y_j} e^{\gamma \left(\alpha_j (s_j - m) - \beta_i (s_i - (1 - m))\right)}\right],
        \quad \alpha_j = [s_j + m]_+, \quad \beta_i = [1 + m - s_i]_+

    Of labels of two grades it is :func:`circle_loss`, whose remarks hold: it is made for similarities, α and β carry no
    gradient. TF-Ranking cuts scores to between 0 and 1, where a score beyond learns nothing; here they are not cut.
    One sort by label and one running sum, in place of the pairs.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades; only their order within a list matters.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        margin: m, the width of the circle, at least 0; smaller asks for more.
        gamma: The scale of scores, above 0.
        weights: ``[query]`` or ``[query, list]``, at least 0; a pair weighs the product of its two documents inside
            the logarithm.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[0.75, 0.25, 9.0]]), torch.tensor([[2.0, 1.0, 3.0]])
        >>> graded_circle_loss(scores, labels, torch.tensor([[True, True, False]]))  # at 1 - m and m: log(1 + 1)
        tensor(0.6931)

    References:
        Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity Optimization", CVPR 2020, equation 6; over
        grades as TF-Ranking's CircleLoss: Pasumarthi et al., KDD 2019.
    """
    where = "graded_circle_loss"
    check_number(where, "margin", margin, least=0.0)
    check_number(where, "gamma", gamma, above=0.0)
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    query_weights, doc_weights = split_weights(where, weights, scores, mask)
    informative = has_two_grades(labels, mask)
    if not scores.shape[1]:
        return reduce_weighted(scores.sum(dim=1), query_weights, informative, reduction)
    scores = limited(scores)
    better = gamma * (1 + margin - scores.detach()).clamp(min=0) * (1 - margin - scores)
    worse = gamma * (scores.detach() + margin).clamp(min=0) * (scores - margin)
    if doc_weights is not None:
        mask = mask & (doc_weights > 0)
        informative = has_two_grades(labels, mask)
        log_weights = torch.where(mask, doc_weights, 1).log()
        better, worse = better + log_weights, worse + log_weights
    below, has_below = log_sum_of_lower_grades(worse, labels, mask)
    pairs = (better + torch.where(has_below, below, 0)).masked_fill(~has_below, torch.finfo(scores.dtype).min / 4)
    per_list = -functional.logsigmoid(-pairs.logsumexp(dim=1))  # torch's softplus is linear above 20
    return reduce_weighted(per_list.to(scores.dtype), query_weights, informative, reduction)

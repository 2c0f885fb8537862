"""lambda_softmax_loss: the softmax cross entropy, its labels weighed by the ranks that documents have."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.objectives.lists.listwise import check_grades, cross_entropy_of_lists
from rankkit.objectives.lists.temperature import tempered_lists
from rankkit.objectives.marks import marked
from rankkit.objectives.ranks.metric_terms import check_cutoff
from rankkit.objectives.ranks.score_order import ScoreOrder
from rankkit.ranking import Gain, Reduction


@marked(curvature="core")
def lambda_softmax_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    gain: Gain = "exp",
    temperature: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Softmax cross entropy whose target is what each document adds to NDCG@k at the rank that it has now.

    .. math::
        -\sum_i \frac{G(y_i) D(r_i)}{\mathrm{IDCG@k}} \log \frac{e^{s_i / T}}{\sum_j e^{s_j / T}},
        \quad D(r) = \frac{1}{\log_2(1 + r)} \text{ for } r \le k, \text{ else } 0

    with r the rank by falling score. A list weighs as much as its NDCG@k, and a document as much of that as it is worth
    where it stands: documents below rank k are not pulled up. The weights carry no gradient.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0; a document of grade 0 only stands in the denominator.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        k: How many ranks count; None: all.
        gain: What a label y is worth: ``"exp"``: 2^y - 1, or ``"linear"``: y.
        temperature: Above 0; scores are divided by it before the softmax (the inverse of ``sigma``).
        weights: ``[query]`` or ``[query, list]``, importance of terms; targets are made without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> lambda_softmax_loss(scores, labels, torch.tensor([[True, True, False]]))  # log 2 / log2(3), tied at rank 2
        tensor(0.4373)

    References:
        Pasumarthi et al., "TF-Ranking: Scalable TensorFlow Library for Learning-to-Rank", KDD 2019 (the softmax loss
        with DCG lambda weights).
    """
    check_cutoff("lambda_softmax_loss", k)
    scores, labels, mask = tempered_lists("lambda_softmax_loss", scores, labels, mask, temperature)
    check_grades("lambda_softmax_loss", labels)
    order = ScoreOrder(scores.detach(), labels, mask)
    targets = torch.where(mask, order.gains_of_ideal(k, gain) * order.of_documents(order.discounts(k)), 0)
    return cross_entropy_of_lists("lambda_softmax_loss", scores, labels, targets, mask, weights, reduction)

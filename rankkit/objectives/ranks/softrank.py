"""SoftRank: the expected NDCG when every score is blurred by Gaussian noise."""

import math
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.errors import ConfigError
from rankkit.objectives.options import check_number
from rankkit.objectives.ranks.metric_terms import check_cutoff, ndcg_shares, rank_discounts
from rankkit.objectives.reductions import reduce_weighted
from rankkit.objectives.single_derivative import refuse_transforms, single_derivative
from rankkit.ranking import Gain, Reduction, has_two_grades, prepare_lists, split_weights

_LARGEST_LIST = 500
# Probabilities that are held at once, for all steps of a recursion: 16 MiB in float32.
_HELD = 2**22


def softrank_ndcg_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    noise: float = 1.0,
    gain: Gain = "exp",
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""SoftNDCG: minus the NDCG of expected discounts, under rank distributions of noisy scores.

    .. math::
        -\frac{1}{Z} \sum_j (2^{y_j} - 1) \sum_{r=1}^{k} \frac{p_j(r)}{\log_2(1 + r)},
        \quad \pi_{ij} = \Phi\left(\frac{s_i - s_j}{\sqrt 2\, \sigma}\right),
        \quad p_j^{(i)}(r) = p_j^{(i-1)}(r - 1)\, \pi_{ij} + p_j^{(i-1)}(r) (1 - \pi_{ij})

    Document j starts alone at rank 1; every other document i is added in turn, wins against j with probability
    :math:`\pi_{ij}` (1/2 where scores are equal) and then moves j down. Time grows with the cube of the list (at most
    500 documents), in bounded memory; differentiable once. Scores many deviations apart saturate: the gradient
    vanishes.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        k: Ranks that count; None: all.
        noise: The standard deviation σ of a score, in units of the score, above 0.
        gain: What a label y is worth: ``"exp"``: 2^y - 1, or ``"linear"``: y.
        weights: ``[query]`` or ``[query, list]``, importance of terms; Z and the ranks are computed without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        From -1 to 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> softrank_ndcg_loss(scores, labels, torch.tensor([[True, True, False]]))  # tied: (1 + 1 / log2(3)) / 2
        tensor(-0.8155)

    References:
        Taylor, Guiver, Robertson, Minka, "SoftRank: Optimizing Non-Smooth Rank Metrics", WSDM 2008.
    """
    where = "softrank_ndcg_loss"
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    check_cutoff(where, k)
    check_number(where, "noise", noise, above=0.0)
    list_size = scores.shape[1]
    if list_size > _LARGEST_LIST:
        raise ConfigError(
            f"{where}: expected lists of at most {_LARGEST_LIST} documents, as time grows with their cube; "
            f"got {list_size:,}. Use approx_ndcg_loss."
        )
    query_weights, doc_weights = split_weights(where, weights, scores, mask)
    worth = ndcg_shares(where, labels, mask, gain, k)
    if doc_weights is not None:
        worth = worth * doc_weights
    refuse_transforms("softrank_ndcg_loss")
    values: Tensor = _SoftMetric.apply(  # type: ignore[no-untyped-call]
        scores, mask, worth, rank_discounts(list_size, k, scores), noise
    )
    return reduce_weighted(-values, query_weights, has_two_grades(labels, mask), reduction)


class _SoftMetric(torch.autograd.Function):
    """The sum over documents of worth times expected discount, value and gradient in one pass."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, mask: Tensor, worth: Tensor, discounts: Tensor, noise: float) -> Tensor:
        expected, slopes = torch.zeros_like(scores), torch.zeros_like(scores)
        places = torch.arange(scores.shape[1], device=scores.device)
        for rows in worth.nonzero().split(max(1, _HELD // max(1, scores.shape[1]) ** 2)):
            query, doc = rows.unbind(dim=1)
            others = mask[query] & (places != doc[:, None])
            gaps = (scores[query] - scores[query, doc][:, None]) / (math.sqrt(2) * noise)
            found, pulls = _expected_discounts(torch.where(others, torch.special.ndtr(gaps), 0), discounts)
            expected[query, doc] = found
            densities = torch.exp(-gaps.square() / 2) / (2 * math.sqrt(math.pi) * noise)
            pulls = torch.where(others, worth[query, doc][:, None] * pulls * densities, 0)
            slopes.index_add_(0, query, pulls)
            slopes[query, doc] -= pulls.sum(dim=1)
        ctx.save_for_backward(scores, slopes)
        return (worth * expected).sum(dim=1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        scores, slopes = ctx.saved_tensors
        with torch.no_grad():
            pulls = grads[0][:, None] * slopes
        return single_derivative("softrank_ndcg_loss", pulls, scores, grads[0]), None, None, None, None


def _expected_discounts(
    chances: Float[Tensor, "doc other"], discounts: Float[Tensor, " rank"]
) -> tuple[Float[Tensor, " doc"], Float[Tensor, "doc other"]]:
    """The expected discount of each document, and its slope in the chance of each other document to win against it.

    The slope in a chance is the mean, over the rank before that contest, of what losing it costs in the end: the ranks
    come from the recursion, the costs from the same recursion run backwards from the discounts.
    """
    n_docs, list_size = chances.shape
    # shares[i, j, 1 + r]: that r of the first i others won against j. Column 0 stays 0: nobody wins against -1.
    shares = chances.new_zeros(list_size + 1, n_docs, list_size + 2)
    shares[0, :, 1] = 1
    for i in range(list_size):
        stays, moves = shares[i, :, 1 : i + 3], shares[i, :, : i + 2]
        torch.lerp(stays, moves, chances[:, i, None], out=shares[i + 1, :, 1 : i + 3])
    slopes = torch.empty_like(chances)
    values = torch.cat([discounts, discounts.new_zeros(1)]).expand(n_docs, -1)
    for i in reversed(range(list_size)):
        losses = values[:, 1 : i + 2] - values[:, : i + 1]
        slopes[:, i] = (shares[i, :, 1 : i + 2] * losses).sum(dim=1)
        values = torch.addcmul(values[:, : i + 1], chances[:, i, None], losses)
    return (shares[-1, :, 1:-1] * discounts).sum(dim=1), slopes

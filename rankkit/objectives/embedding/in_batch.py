"""Queries and their items with the other items of the batch as negatives: multiple-negatives ranking, N-pair."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from rankkit.errors import ShapeError
from rankkit.objectives.documents.limits import limited_rows
from rankkit.objectives.embedding.inputs import AnyDistance, check_rows, scores_of_sets
from rankkit.objectives.embedding.temperature import Temperature, tempered
from rankkit.objectives.lists.listwise import softmax_loss
from rankkit.objectives.marks import marked
from rankkit.objectives.options import check_number
from rankkit.ranking import Reduction, reduce_lists


@marked(takes="views")
def multiple_negatives_ranking_loss(
    query: Float[Tensor, "n dim"],
    positive: Float[Tensor, "n dim"],
    *,
    ids: Int[Tensor, " n"] | None = None,
    known_positives: Bool[Tensor, "n n"] | None = None,
    log_q: Float[Tensor, " n"] | None = None,
    temperature: Temperature = 0.05,
    distance: AnyDistance = "cosine",
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " n"]:
    r"""Multiple-negatives ranking: of the items of the batch, the one of the query, without false negatives.

    .. math:: -\log \frac{e^{z_{ii}}}{\sum_{j \in C_i} e^{z_{ij}}}, \quad z_{ij} = s(q_i, p_j) / T - \log Q_j

    Candidates C are the query's item and all others of the batch but those that are no negatives: the same item again
    (``ids``), or one known to belong to the query too (``known_positives``). The probability Q of an item to be in a
    batch is *subtracted*, of the positive as well: items drawn often would be pushed down for that alone. It is
    :func:`rankkit.objectives.softmax_loss` with one relevant document. A query without a negative stays out of the
    mean.

    Args:
        query: ``[n, n_dims]``, embeddings.
        positive: ``[n, n_dims]``, embeddings of the items; row i belongs to row i of ``query``.
        ids: ``[n]``, which item each row of ``positive`` is.
        known_positives: ``[n, n]``, True where item j also belongs to query i; the diagonal does not matter.
        log_q: ``[n]``, the logarithm of the probability that sampling (a mixture's own) puts item j in a batch; no
            gradient.
        temperature: Above 0, a number, a tensor or :class:`LearnedTemperature`; scores are divided by it.
        distance: Name, :class:`rankkit.distances.Distance` or callable; the score is its nearness.
        reduction: ``"mean"`` over queries with a negative, or ``"none"``: ``[n]``.

    Returns:
        At least 0; a scalar, or ``[n]``.

    Example:
        >>> q, p = torch.tensor([[1.0, 0.0]] * 3), torch.tensor([[1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
        >>> multiple_negatives_ranking_loss(q, p, ids=torch.tensor([4, 9, 4]), reduction="none")  # log 2, log 3, log 2
        tensor([0.6931, 1.0986, 0.6931])

    References:
        Henderson et al., "Efficient Natural Language Response Suggestion for Smart Reply", arXiv:1705.00652, 2017,
        section 4.4; Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys
        2019.
    """
    where = "multiple_negatives_ranking_loss"
    query, positive = check_rows(where, query=query, positive=positive)
    n = query.shape[0]
    own = torch.eye(n, dtype=torch.bool, device=query.device)
    mask = torch.ones_like(own)
    if ids is not None:
        _check_shape(where, "ids", ids, (n,))
        mask = mask & (ids[:, None] != ids[None, :])
    if known_positives is not None:
        _check_shape(where, "known_positives", known_positives, (n, n), dtype=torch.bool)
        mask = mask & ~known_positives
    scores = tempered(where, scores_of_sets(distance, query, positive), temperature)
    if log_q is not None:
        _check_shape(where, "log_q", log_q, (n,))
        scores = scores - log_q.detach().to(scores.dtype)[None, :]
    return softmax_loss(scores, own.to(scores.dtype), mask | own, reduction=reduction)


# Of length 1, no dot product exceeds 1 and l2 does nothing.
@marked(takes="views", distance="dot", output="linear")
def n_pair_loss(
    anchor: Float[Tensor, "n dim"],
    positive: Float[Tensor, "n dim"],
    *,
    l2: float = 0.002,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " n"]:
    r"""N-pair loss: one pair of each of n classes, every other class's positive a negative, by dot product.

    .. math::
        -\log \frac{e^{a_i \cdot p_i}}{\sum_j e^{a_i \cdot p_j}} + \frac{\lambda}{2} \left(|a_i|^2 + |p_i|^2\right)

    The first term is :func:`rankkit.objectives.softmax_loss` with one relevant document. Nothing is normalised; the
    second term keeps the lengths from growing for ever. With one pair or none the loss is 0.

    Args:
        anchor: ``[n, n_dims]``, embeddings, each of another class.
        positive: ``[n, n_dims]``, row i of the class of row i of ``anchor``.
        l2: λ, the weight of the squared lengths, at least 0.
        reduction: ``"mean"`` over pairs, or ``"none"``: ``[n]``.

    Returns:
        At least 0; a scalar, or ``[n]``.

    Example:
        >>> n_pair_loss(torch.eye(2), torch.eye(2), l2=0.0)  # dot products of 1 and 0: log(1 + 1 / e)
        tensor(0.3133)

    References:
        Sohn, "Improved Deep Metric Learning with Multi-class N-pair Loss Objective", NIPS 2016, equations 6 and 10,
        section 3.2.2.
    """
    where = "n_pair_loss"
    check_number(where, "l2", l2, least=0.0)
    anchor, positive = map(limited_rows, check_rows(where, anchor=anchor, positive=positive))
    scores = scores_of_sets("dot", anchor, positive)
    labels = torch.eye(anchor.shape[0], dtype=scores.dtype, device=scores.device)
    terms = softmax_loss(scores, labels, reduction="none")
    lengths = anchor.square().sum(dim=1) + positive.square().sum(dim=1)
    informative = torch.full_like(terms, anchor.shape[0] > 1, dtype=torch.bool)
    return reduce_lists(terms + l2 / 2 * lengths, informative, reduction)


def _check_shape(
    where: str, name: str, values: Tensor, shape: tuple[int, ...], *, dtype: torch.dtype | None = None
) -> None:
    if values.shape != shape or (dtype is not None and values.dtype != dtype):
        kind = f" {dtype}" if dtype is not None else ""
        raise ShapeError(
            f"{where}: expected {name} {list(shape)}{kind}; got {values.dtype} {list(values.shape)}. "
            "Build it from the rows of this batch."
        )

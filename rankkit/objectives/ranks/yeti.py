"""YetiRank and YetiLoss: logistic losses of documents that are neighbours in randomly perturbed rankings."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from rankkit.errors import ConfigError
from rankkit.objectives.draws import draw_uniform
from rankkit.objectives.ranks.metric_terms import check_cutoff, ndcg_shares, rank_discounts
from rankkit.objectives.reductions import reduce_weighted
from rankkit.placement import know_count, known_count
from rankkit.ranking import Gain, Reduction, has_two_grades, list_sizes, prepare_lists, split_weights


def yeti_rank_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    n_samples: int = 10,
    generator: torch.Generator | None = None,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""YetiRank: logistic loss of neighbours in perturbed rankings, weighed by the inverse of the rank.

    .. math::
        \sum_{y_i > y_j} N_{ij} \log(1 + e^{-(s_i - s_j)}),
        \quad N_{ij} = \frac{1}{N} \sum_{a=1}^{N} \frac{[i, j \text{ neighbours in } \pi_a]}{\min(\pi_a(i), \pi_a(j))}

    The ranking :math:`\pi_a` sorts by :math:`s_i + \log(u_i^a / (1 - u_i^a))` with uniform u, anew in each call; the
    N_ij carry no gradient. Labels are taken as certain: the paper's :math:`c(l_i, l_j)`, how judges err, is
    :math:`[y_i > y_j]`. Only neighbours are compared: time and memory are linear in the list times the draws, save for
    the sort.

    Args:
        scores: ``[query, list]``, one a document, on a scale where noise of deviation 1.8 matters.
        labels: ``[query, list]``, grades; only their order within a list matters.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        n_samples: How many rankings N are drawn, at least 1: 10 as in CatBoost.
        generator: Where random numbers come from; None: that of the run in ``fit``, elsewhere torch's default one.
        weights: ``[query]`` or ``[query, list]``, importance; a pair weighs the product of its two documents.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> yeti_rank_loss(scores, labels, torch.tensor([[True, True, False]]))  # two are always neighbours: log 2
        tensor(0.6931)

    References:
        Gulin, Kuralenok, Pavlov, "Winning the Transfer Learning Track of Yahoo!'s Learning to Rank Challenge with
        YetiRank", JMLR Workshop and Conference Proceedings 14, 2011, section 3.
    """
    where = "yeti_rank_loss"
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    draws = _draw_rankings(where, scores, mask, n_samples, generator)
    graded = _listed(labels, draws)
    ranks = torch.arange(1, max(1, scores.shape[1]), device=scores.device, dtype=scores.dtype)
    importance = (graded[:, :-1] != graded[:, 1:]) / ranks[:, None]
    return _cost_of_neighbours(where, scores, labels, mask, draws, importance, weights, reduction)


def yeti_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    n_samples: int = 10,
    gain: Gain = "exp",
    generator: torch.Generator | None = None,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""YetiLoss for NDCG: logistic loss of neighbours in perturbed rankings, weighed by what their swap changes.

    .. math::
        \sum_{y_i > y_j} w_{ij} \log(1 + e^{-(s_i - s_j)}),
        \quad w_{ij} = \frac{1}{N} \sum_{a=1}^{N} [i, j \text{ neighbours in } \pi_a]\,
        \frac{|2^{y_i} - 2^{y_j}|}{Z} \left|\frac{1}{\log_2(1 + \pi_a(i))} - \frac{1}{\log_2(1 + \pi_a(j))}\right|

    The ranking :math:`\pi_a` sorts by :math:`s_i + \log(u_i^a / (1 - u_i^a))` with uniform u, anew in each call; the
    w_ij carry no gradient. Only neighbours are compared: time and memory are linear in the list times the draws, save
    for the sort.

    Args:
        scores: ``[query, list]``, one a document, on a scale where noise of deviation 1.8 matters.
        labels: ``[query, list]``, grades of at least 0.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        k: Ranks of NDCG that count; None: all.
        n_samples: How many rankings N are drawn, at least 1.
        gain: What a label y is worth: ``"exp"``: 2^y - 1, or ``"linear"``: y.
        generator: Where random numbers come from; None: that of the run in ``fit``, elsewhere torch's default one.
        weights: ``[query]`` or ``[query, list]``, importance; a pair weighs the product of its two documents.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> yeti_loss(scores, labels, torch.tensor([[True, True, False]]))  # (1 - 1 / log2(3)) log 2
        tensor(0.2558)

    References:
        Lyzhin et al., "Which Tricks are Important for Learning to Rank?", ICML 2023, section 3.1.
    """
    where = "yeti_loss"
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    check_cutoff(where, k)
    shares = ndcg_shares(where, labels, mask, gain, k)
    draws = _draw_rankings(where, scores, mask, n_samples, generator)
    listed = _listed(shares, draws)
    discounts = rank_discounts(scores.shape[1], k, scores)[:, None]
    importance = (listed[:, :-1] - listed[:, 1:]).abs() * (discounts[:-1] - discounts[1:])
    return _cost_of_neighbours(where, scores, labels, mask, draws, importance, weights, reduction)


def _draw_rankings(
    where: str, scores: Tensor, mask: Tensor, n_samples: int, generator: torch.Generator | None
) -> Tensor:
    """Perturbed rankings: at ``[q, r, a]`` the document at place r of ranking a."""
    if n_samples < 1:
        raise ConfigError(f"{where}: expected n_samples of at least 1; got {n_samples!r}. Draw at least once.")
    real = know_count(mask[..., None].expand(-1, -1, n_samples), known_count(mask) * n_samples)
    noise = draw_uniform(real, torch.float64, generator).logit(eps=2**-54)  # a draw of 0 would be infinite
    noisy = (scores.detach()[..., None] + noise).masked_fill(~real, -torch.inf)
    return noisy.argsort(dim=1, descending=True)


def _cost_of_neighbours(
    where: str,
    scores: Tensor,
    labels: Tensor,
    mask: Tensor,
    draws: Tensor,
    importance: Tensor,
    weights: Tensor | None,
    reduction: Reduction,
) -> Tensor:
    """The weighed logistic losses of all neighbours ``[query, list - 1, sample]``, summed over pairs."""
    query_weights, doc_weights = split_weights(where, weights, scores, mask)
    places = torch.arange(scores.shape[1], device=scores.device)[1:, None]
    importance = torch.where(places < list_sizes(mask)[:, None, None], importance, 0)
    if doc_weights is not None:
        listed_weights = _listed(doc_weights, draws)
        importance = importance * listed_weights[:, :-1] * listed_weights[:, 1:]
    sorted_scores, sorted_labels = _listed(scores, draws), _listed(labels, draws)
    signs = (sorted_labels[:, :-1] - sorted_labels[:, 1:]).sign()
    leads = (sorted_scores[:, :-1] - sorted_scores[:, 1:]) * signs
    per_list = (importance * functional.softplus(-leads)).sum(dim=(1, 2)) / draws.shape[2]
    return reduce_weighted(per_list, query_weights, has_two_grades(labels, mask), reduction)


def _listed(values: Tensor, draws: Tensor) -> Tensor:
    """Values of documents in the order of each ranking."""
    return values[..., None].expand_as(draws).gather(1, draws)

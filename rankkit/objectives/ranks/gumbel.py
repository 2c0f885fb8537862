"""Objectives of noisy scores: the mean loss over draws of Gumbel noise, which smooths what a sort makes steep."""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.errors import ConfigError
from rankkit.objectives.draws import draw_gumbel
from rankkit.objectives.lists.listwise import listnet_loss
from rankkit.objectives.marks import marked
from rankkit.objectives.options import check_number
from rankkit.objectives.ranks.approx import approx_ndcg_loss
from rankkit.ranking import Gain, Reduction, prepare_lists, split_weights


def gumbel_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    objective: Callable[..., Tensor],
    n_samples: int = 8,
    beta: float = 1.0,
    generator: torch.Generator | None = None,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Any objective of one score a document, as its mean over draws of scores with Gumbel noise.

    .. math:: \frac{1}{N} \sum_{a=1}^{N} \ell(s + \beta G^a, y), \quad G^a_i = -\log(-\log u^a_i), \quad u \sim U(0, 1)

    Sorting scores with such noise draws a ranking from the Plackett-Luce model of :math:`s / \beta`. The draws are
    costed as lists of one batch: time and memory are those of the objective, n_samples times.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, as the objective takes them.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        objective: ``(scores, labels, mask, *, weights, reduction)``; fix its options with ``functools.partial``.
        n_samples: How many draws N, at least 1.
        beta: How strong the noise is, in units of the score, at least 0.
        generator: Where random numbers come from; None: that of the run in ``fit``, elsewhere torch's default one.
        weights: ``[query]`` or ``[query, list]``, importance, as the objective takes it.
        reduction: ``"mean"`` over lists, or ``"none"``: ``[query]``.

    Returns:
        The range of the objective; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> mask = torch.tensor([[True, True, False]])
        >>> gumbel_loss(scores, labels, mask, objective=approx_ndcg_loss, beta=0.0)  # no noise: the objective itself
        tensor(-0.7565)

    References:
        Bruch, Han, Bendersky, Najork, "A Stochastic Treatment of Learning to Rank Scoring Functions", WSDM 2020.
    """
    return _mean_over_draws(
        "gumbel_loss", objective, scores, labels, mask, n_samples, beta, generator, weights, reduction
    )


def gumbel_approx_ndcg_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    n_samples: int = 8,
    beta: float = 1.0,
    temperature: float = 0.1,
    gain: Gain = "exp",
    generator: torch.Generator | None = None,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Gumbel ApproxNDCG: the mean of ApproxNDCG over draws of scores with Gumbel noise.

    .. math::
        \frac{1}{N} \sum_{a=1}^{N} \ell_{\text{ApproxNDCG}}(s + \beta G^a, y), \quad G^a_i = -\log(-\log u^a_i),
        \quad u \sim U(0, 1)

    The loss of a draw is :func:`rankkit.approx_ndcg_loss`; equal scores are ordered by their noise, anew in every draw.
    Memory is linear in the list times the draws.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        n_samples: How many draws N, at least 1: 8 as in TF-Ranking.
        beta: How strong the noise is, in units of the score, at least 0.
        temperature: The score difference T that makes a step of a rank, above 0.
        gain: What a label y is worth: ``"exp"``: 2^y - 1, or ``"linear"``: y.
        generator: Where random numbers come from; None: that of the run in ``fit``, elsewhere torch's default one.
        weights: ``[query]`` or ``[query, list]``, importance of terms; Z and the ranks are computed without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        From -1 to 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[100.0, 0.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> gumbel_approx_ndcg_loss(scores, labels, torch.tensor([[True, True, False]]))  # a lead above any noise
        tensor(-1.)

    References:
        Bruch, Han, Bendersky, Najork, "A Stochastic Treatment of Learning to Rank Scoring Functions", WSDM 2020.
    """
    where = "gumbel_approx_ndcg_loss"
    check_number(where, "temperature", temperature, above=0.0)
    objective = partial(approx_ndcg_loss, temperature=temperature, gain=gain)
    return _mean_over_draws(where, objective, scores, labels, mask, n_samples, beta, generator, weights, reduction)


@marked(curvature="core")
def gumbel_listnet_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    n_samples: int = 8,
    beta: float = 1.0,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Stochastic ListNet: the mean of ListNet over draws of scores with Gumbel noise.

    .. math::
        \frac{1}{N} \sum_{a=1}^{N} \ell_{\text{ListNet}}(s + \beta G^a, y), \quad G^a_i = -\log(-\log u^a_i),
        \quad u \sim U(0, 1)

    The loss of a draw is :func:`rankkit.listnet_loss`, whose scores and noise are divided by the temperature.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades, on the scale of ``scores / temperature``: their differences are log odds.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        n_samples: How many draws N, at least 1.
        beta: How strong the noise is, in units of the score, at least 0.
        temperature: Above 0; noisy scores are divided by it before the softmax (the inverse of ``sigma``).
        generator: Where random numbers come from; None: that of the run in ``fit``, elsewhere torch's default one.
        weights: ``[query]`` or ``[query, list]``, importance of terms; targets are normalised without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least the entropy of the target without weights; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> gumbel_listnet_loss(scores, labels, torch.tensor([[True, True, False]]), beta=0.0)  # ListNet: log 2
        tensor(0.6931)

    References:
        Bruch, Han, Bendersky, Najork, "A Stochastic Treatment of Learning to Rank Scoring Functions", WSDM 2020.
    """
    where = "gumbel_listnet_loss"
    check_number(where, "temperature", temperature, above=0.0)
    objective = partial(listnet_loss, temperature=temperature)
    return _mean_over_draws(where, objective, scores, labels, mask, n_samples, beta, generator, weights, reduction)


def _mean_over_draws(
    where: str,
    objective: Callable[..., Tensor],
    scores: Tensor,
    labels: Tensor,
    mask: Tensor | None,
    n_samples: int,
    beta: float,
    generator: torch.Generator | None,
    weights: Tensor | None,
    reduction: Reduction,
) -> Tensor:
    check_number(where, "beta", beta, least=0.0)
    if n_samples < 1:
        raise ConfigError(f"{where}: expected n_samples of at least 1; got {n_samples!r}. Draw at least once.")
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    split_weights(where, weights, scores, mask)  # raises in the name of this function, not of the objective
    noise = draw_gumbel(mask, n_samples, scores.dtype, generator)
    noisy = (scores + beta * noise).flatten(0, 1)
    labels, mask = labels.repeat(n_samples, 1), mask.repeat(n_samples, 1)
    if weights is not None:
        weights = weights.repeat(n_samples, *[1] * (weights.dim() - 1))
    values = objective(noisy, labels, mask, weights=weights, reduction=reduction)
    # Every draw has the same lists, so the mean over the informative ones of all draws is the mean of the draws.
    return values if reduction == "mean" else values.unflatten(0, (n_samples, -1)).mean(dim=0)

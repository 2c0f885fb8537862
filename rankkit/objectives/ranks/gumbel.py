"""Objectives of noisy scores: the mean loss over draws of Gumbel noise, which smooths what a sort makes steep."""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.errors import ConfigError
from rankkit.objectives.draws import draw_gumbel
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

    .. math::
        \frac{1}{N} \sum_{a=1}^{N} \ell(s + \beta G^a, y), \qquad G^a_i = -\log(-\log u^a_i), \quad u \sim U(0, 1)

    Sorting scores with such noise draws a ranking from the Plackett-Luce model of :math:`s / \beta`.

    *Ties*: documents with equal scores are ordered by their noise, anew in every draw.
    *Padding*: changes neither loss nor gradient, nor what is drawn for real documents.
    *No relevant document*: as the objective has it.

    The draws are costed as lists of one batch: time and memory are those of the objective, n_samples times.

    Args:
        scores: One a document, any real number; bfloat16 and float16 are computed in float32.
        labels: As the objective takes them.
        mask: True where a document is real; None: everywhere.
        objective: ``(scores, labels, mask, *, weights, reduction)``; fix its options with ``functools.partial``.
        n_samples: How many draws N, at least 1.
        beta: How strong the noise is, in units of the score, at least 0.
        generator: Where the noise comes from; None: that of the run in ``fit``, elsewhere torch's default one.
        weights: Importance of queries or of documents, as the objective takes them.
        reduction: ``"mean"`` over lists, or ``"none"``: one value a list.

    Returns:
        The range of the objective; a scalar, or ``[query]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.
        ConfigError: If an option has a value that cannot work.

    Example:
        Without noise every draw is the objective itself; the third document is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> gumbel_loss(scores, labels, torch.tensor([[True, True, False]]), objective=approx_ndcg_loss, beta=0.0)
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
        \frac{1}{N} \sum_{a=1}^{N} \ell_{\text{ApproxNDCG}}(s + \beta G^a, y),
        \qquad G^a_i = -\log(-\log u^a_i), \quad u \sim U(0, 1)

    The loss of a draw is :func:`rankkit.approx_ndcg_loss`.

    *Ties*: documents with equal scores are ordered by their noise, anew in every draw.
    *Padding*: changes neither loss nor gradient, nor what is drawn for real documents.
    *No relevant document*: a list with fewer than two grades costs 0 and stays out of the mean.

    Memory is linear in the list times the draws. The loss can be differentiated once. A score that is not finite makes
    the loss and the gradients of its list NaN.

    Args:
        scores: One a document, any real number; bfloat16 and float16 are computed in float32.
        labels: Grades of at least 0.
        mask: True where a document is real; None: everywhere.
        n_samples: How many draws N, at least 1: 8 as in TF-Ranking.
        beta: How strong the noise is, in units of the score, at least 0.
        temperature: The score difference T that makes a step of a rank, above 0.
        gain: ``"exp"``: 2^y - 1, or ``"linear"``: y.
        generator: Where the noise comes from; None: that of the run in ``fit``, elsewhere torch's default one.
        weights: Importance of queries or of documents, without gradient; they multiply the term of their list or
            document.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: one value a list.

    Returns:
        From -1 to 0; a scalar, or ``[query]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.
        DataError: If a label is below 0.
        ConfigError: If an option has a value that cannot work.

    Example:
        A lead of 100 outlasts any noise, so the loss is that of the best order; the third document is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[100.0, 0.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> gumbel_approx_ndcg_loss(scores, labels, torch.tensor([[True, True, False]]))
        tensor(-1.)

    References:
        Bruch, Han, Bendersky, Najork, "A Stochastic Treatment of Learning to Rank Scoring Functions", WSDM 2020.
    """
    where = "gumbel_approx_ndcg_loss"
    check_number(where, "temperature", temperature, above=0.0)
    objective = partial(approx_ndcg_loss, temperature=temperature, gain=gain)
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

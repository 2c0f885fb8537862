"""group_quantile_loss: the quantile loss of errors less the mean error of their list (CatBoost's GroupQuantile)."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.errors import ConfigError
from rankkit.objectives.reductions import sum_over_docs
from rankkit.ranking import Reduction, has_two_grades, list_sizes, prepare_lists


def group_quantile_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    alpha: float = 0.5,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Quantile loss of errors less their mean: labels as numbers, up to a shift of each list.

    .. math::
        \frac{1}{n} \sum_i \max(\alpha\, e_i, (\alpha - 1)\, e_i),
        \quad e_i = y_i - s_i - \frac{1}{n} \sum_j (y_j - s_j)

    For an α of 1/2 it is half the mean absolute error that is left; :func:`pairwise_mse_loss` squares the same errors,
    so that labels far off weigh more there. CatBoost's slopes leave out that the mean moves with the scores.

    Args:
        scores: ``[query, list]``, one a document, on the scale of the labels.
        labels: ``[query, list]``, any numbers.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        alpha: The quantile, above 0 and below 1: above 1/2 scores that are too low cost more.
        weights: ``[query]`` or ``[query, list]``, importance of terms; the mean is taken without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> group_quantile_loss(scores, labels, torch.tensor([[True, True, False]]))  # errors of -1 and 1: half of 1
        tensor(0.5000)

    References:
        CatBoost's documentation, "Ranking: objectives and metrics", GroupQuantile.
    """
    where = "group_quantile_loss"
    if not 0 < alpha < 1:
        raise ConfigError(f"{where}: expected alpha above 0 and below 1; got {alpha!r}. Pass a quantile, such as 0.5.")
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    n_docs = list_sizes(mask)[:, None].clamp(min=1)
    errors = labels - scores
    errors = torch.where(mask, errors - errors.sum(dim=1, keepdim=True) / n_docs, 0)
    terms = torch.maximum(alpha * errors, (alpha - 1) * errors) / n_docs
    return sum_over_docs(where, terms, has_two_grades(labels, mask), mask, weights, reduction)

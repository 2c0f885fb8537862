"""From the lists of a caller to the loss of a pairwise objective: what they all do around :func:`pair_sums`."""

import math
from collections.abc import Callable
from typing import Literal

from torch import Tensor

from rankkit.errors import ConfigError
from rankkit.objectives.options import check_choice, check_number
from rankkit.objectives.pairs.factors import PairWeight
from rankkit.objectives.pairs.losses import ALL, TIED, Hinge, Logistic, PairLoss, Square, TiedLogistic
from rankkit.objectives.pairs.sums import pair_sums
from rankkit.objectives.reductions import reduce_weighted
from rankkit.ranking import Reduction, has_two_grades, prepare_lists, split_weights

TiedPairs = Literal["drop", "half"]


def pair_objective(
    where: str,
    loss: PairLoss,
    scores: Tensor,
    labels: Tensor,
    mask: Tensor | None,
    weights: Tensor | None,
    reduction: Reduction,
    pair_weight: PairWeight | None = None,
    ties: TiedPairs = "drop",
) -> Tensor:
    """The mean of a loss over the pairs of a list, or with a lambda weight the weighted sum; then over lists.

    Lists, weights and reduction are as the caller gave them. ``ties="half"`` (logistic loss only) adds the pairs of
    equal labels with target 1/2.
    """
    _check_loss(where, loss)
    check_choice(where, "ties", ties, TiedPairs)
    if ties == "half" and pair_weight is not None:
        raise ConfigError(
            f"{where}: expected ties='drop' beside a pair_weight; got 'half'. Leave ties out: a lambda weight gives "
            "pairs of equal labels no weight."
        )
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    query_weights, doc_weights = split_weights(where, weights, scores, mask)
    factors = None
    if pair_weight is not None and scores.numel():
        factors = pair_weight.factors(scores.detach(), labels, mask)
    sums, n_pairs = pair_sums(loss, scores, labels, mask, doc_weights, factors=factors)
    if ties == "half" and isinstance(loss, Logistic):
        tied_sums, n_tied = pair_sums(TiedLogistic(loss.sigma), scores, labels, mask, doc_weights, pairs=TIED)
        sums, n_pairs = sums + tied_sums, n_pairs + n_tied
    per_list = sums / n_pairs.clamp(min=1) if pair_weight is None else sums
    informative = n_pairs > 0 if factors is None else has_two_grades(factors.gains, mask)
    return reduce_weighted(per_list, query_weights, informative, reduction)


def mean_over_all_pairs(
    where: str,
    loss: PairLoss,
    scores: Tensor,
    labels: Tensor,
    mask: Tensor | None,
    weights: Tensor | None,
    reduction: Reduction,
    worth: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None,
) -> Tensor:
    """The mean over lists of the sum of a loss over all i and j of a list, in base 2, each times what i is worth.

    ``worth(scores, labels, mask) -> [query, list]`` is called with prepared lists and no gradient; None: the labels.
    """
    _check_loss(where, loss)
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    query_weights, doc_weights = split_weights(where, weights, scores, mask)
    row_weights = labels if worth is None else worth(scores.detach(), labels, mask)
    if doc_weights is not None:
        row_weights = row_weights * doc_weights
    sums, _ = pair_sums(loss, scores, labels, mask, doc_weights, pairs=ALL, row_weights=row_weights)
    per_list = sums / math.log(2)
    return reduce_weighted(per_list, query_weights, has_two_grades(labels, mask), reduction)


def _check_loss(where: str, loss: PairLoss) -> None:
    """Raise ConfigError unless the option that a loss is built with can work."""
    if isinstance(loss, Hinge):
        check_number(where, "margin", loss.margin, least=0.0)
    elif not isinstance(loss, Square):
        check_number(where, "sigma", loss.sigma, above=0.0)

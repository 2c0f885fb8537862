"""Propensities: how likely each position is looked at, and what clicks weigh for it."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, DataError, check_given


def positions(log: RankingDataset) -> NDArray[np.int64]:
    """The position at which each document was shown, from 1: its place in the list of its query.

    >>> from rankkit.loaders.tables.given_arrays import from_arrays
    >>> positions(from_arrays([[1], [2], [3]], [0, 1, 0], ["a", "a", "b"]))
    array([1, 2, 1])
    """
    return np.arange(1, log.n_docs + 1) - np.repeat(log.offsets[:-1], log.list_sizes)


def propensity_weighted(
    log: RankingDataset, propensities: ArrayLike | None = None, *, max_weight: float | None = None
) -> RankingDataset:
    r"""A click log whose clicks weigh the inverse of their propensity, for training with any objective.

    .. math::
        w_i = \min(1 / p_{r(i)}, w_{max}) \text{ for a clicked document at position } r(i), \qquad
        w_i = 1 \text{ for others}

    Where clicks follow :class:`rankkit.PositionBasedModel` with these propensities, and without ``max_weight``:

    - ``softmax_loss`` with ``normalize=False`` is a sum over clicks. Its expectation for a list, over all sessions, is
      the same loss with the attraction of each document as label: unbiased. (A list in which every document is clicked
      has one grade and is left out; with documents that do not attract there is no such list.) With
      ``normalize=True`` it is divided by the number of clicks and is not. :class:`rankkit.DualLearning` contains the
      unbiased form.
    - Pairwise objectives weigh a pair of a clicked and another document by 1/p of the clicked one. That removes the
      bias of the clicked document; the other may have been relevant and not looked at, and is then counted against.
      The expected weight of a pair (i, j) is :math:`\gamma_i (1 - p_j \gamma_j)`, not :math:`\gamma_i (1 - \gamma_j)`,
      before the division by the number of pairs. Use one list a session: of two documents clicked in different
      sessions, a pair in a summed log would weigh the product 1/(p_i p_j).
    - Pointwise objectives also cost what is not clicked, with weight 1: the relevant documents that were not looked at
      stay negatives. The bias is smaller than without weights, but not gone.

    Args:
        log: A log of clicks in shown order. Its own weights, if any, are multiplied.
        propensities: ``[position]`` from the first on, each above 0; only their ratios matter to the optimum of a loss.
            Those of a model, of :func:`rankkit.estimate_propensities`, or of a trained :class:`rankkit.DualLearning`.
            None: those of the documents themselves, from the column that was read with ``propensity=``.
        max_weight: Limit of a click's weight, above 0: less variance for some bias; None: none.

    Raises:
        ConfigError: If propensities or ``max_weight`` cannot work.
        DataError: If the log has no labels.

    Example:
        The click at position 2, which half of the people look at, counts twice.

        >>> from rankkit.loaders.tables.given_arrays import from_arrays
        >>> log = from_arrays([[1], [2], [3]], [0, 1, 0], ["a", "a", "a"])
        >>> propensity_weighted(log, [1.0, 0.5, 0.25]).weights
        array([1., 2., 1.], dtype=float32)

    References:
        Joachims, Swaminathan, Schnabel, "Unbiased Learning-to-Rank with Biased Feedback", WSDM 2017 (the propensity
        weighted estimator); Wang, Bendersky, Metzler, Najork, "Learning to Rank with Selection Bias in Personal
        Search", SIGIR 2016.
    """
    check_given("propensity_weighted", "log", log, RankingDataset)
    if propensities is None:
        return _weighted(log, _own_propensities(log), max_weight)
    curve = np.asarray(propensities, np.float64)
    shown_at = positions(log)
    longest = int(shown_at.max(initial=0))
    if curve.ndim != 1 or len(curve) < longest or not ((curve > 0) & np.isfinite(curve)).all():
        raise ConfigError(
            f"propensity_weighted: expected at least {longest} propensities above 0, one a position; got shape "
            f"{list(curve.shape)}{', lowest ' + format(curve.min(), 'g') if curve.size else ''}. "
            "Cut the log to the positions whose propensity is known."
        )
    return _weighted(log, curve[shown_at - 1], max_weight)


def _own_propensities(log: RankingDataset) -> NDArray[np.float64]:
    """Those of the documents.

    Raises:
        ConfigError: If they have none.
    """
    if "propensity" not in log.beside:
        raise ConfigError(
            "propensity_weighted: expected propensities, one a position, or a log that has them; got neither. "
            "Pass them, or read the log with propensity= the name of their column."
        )
    return np.asarray(log.beside["propensity"], np.float64)


def _weighted(log: RankingDataset, chances: NDArray[np.float64], max_weight: float | None) -> RankingDataset:
    """The log with the inverse of a chance a document as the weight of each click."""
    if max_weight is not None and not max_weight > 0:
        raise ConfigError(f"propensity_weighted: expected max_weight above 0; got {max_weight!r}. Pass None for none.")
    clicked = _clicks("propensity_weighted", log) > 0
    inverse = np.minimum(1 / chances, np.inf if max_weight is None else max_weight)
    weights = np.where(clicked, inverse, 1.0)
    if log.doc_weights is not None:
        weights = weights * log.doc_weights
    return replace(log, weights=weights.astype(np.float32), weights_per="doc")


def estimate_propensities(log: RankingDataset) -> NDArray[np.float64]:
    r"""Propensities relative to the first position, from clicks on lists that were shown in random order.

    .. math::
        p_r / p_1 = \frac{\sum_{q : n_q \geq r} c_{q r}}{\sum_{q : n_q \geq r} c_{q 1}}

    In a random order the documents at all positions of a list are alike on average, so that what differs between
    their clicks is the position. In any other order the result is not the propensity: documents at the top are then
    better. Show random lists with ``shown_lists(data, rng.random(data.n_docs))``, or shuffle what a ranker shows with
    ``shown_lists(shown, rng.random(shown.n_docs))``.

    Args:
        log: Clicks on randomly ordered lists, by session or summed.

    Returns:
        ``[position]``, 1 first; a position without a click has 0.

    Raises:
        DataError: If the first position has no clicks in lists that are as long as the longest.

    Example:
        Two clicks at the first position, one at the second.

        >>> from rankkit.loaders.tables.given_arrays import from_arrays
        >>> log = from_arrays([[1], [2], [1], [2], [2], [1]], [1, 0, 0, 1, 1, 0], [7, 7, 8, 8, 9, 9])
        >>> estimate_propensities(log)
        array([1. , 0.5])

    References:
        Joachims, Swaminathan, Schnabel, "Unbiased Learning-to-Rank with Biased Feedback", WSDM 2017 (propensities by
        intervention); Wang, Bendersky, Metzler, Najork, "Learning to Rank with Selection Bias in Personal Search",
        SIGIR 2016 (result randomisation).
    """
    check_given("estimate_propensities", "log", log, RankingDataset)
    clicks = _clicks("estimate_propensities", log).astype(np.float64)
    shown_at, sizes = positions(log), log.list_sizes
    n_positions = int(sizes.max(initial=0))
    by_position = np.bincount(shown_at - 1, clicks, minlength=n_positions)
    firsts = np.bincount(sizes[sizes > 0] - 1, clicks[log.offsets[:-1][sizes > 0]], minlength=n_positions)
    in_long_enough_lists = firsts[::-1].cumsum()[::-1]
    if n_positions and not (in_long_enough_lists > 0).all():
        raise DataError(
            f"estimate_propensities: expected clicks at the first position of lists of {n_positions} documents; "
            "got none. Log more sessions, or cut the lists with shown_lists(..., top_k=)."
        )
    return np.asarray(by_position / in_long_enough_lists)


def _clicks(where: str, log: RankingDataset) -> NDArray[np.float32]:
    if log.labels is None:
        raise DataError(f"{where}: expected a log with clicks as labels; got {log!r}. Make one with simulate_clicks.")
    return log.labels

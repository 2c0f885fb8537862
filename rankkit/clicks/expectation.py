"""Propensities by regression-EM: from clicks on lists in any one order, with a regression of attraction on features."""

import numpy as np
from numpy.typing import NDArray

from rankkit.clicks.propensity import positions
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import DataError, check_given
from rankkit.numbers import check_whole

_LEAST = 1e-6  # chances stay so far from 0 and 1, where nothing could be learnt any more


def propensities_by_em(
    log: RankingDataset, *, n_rounds: int = 30, n_trees: int = 50, seed: int = 0
) -> NDArray[np.float64]:
    r"""Propensities relative to the first position, from a log of a ranker as it is, without interventions.

    Clicks follow :class:`rankkit.PositionBasedModel`: a document at position r is looked at with :math:`\theta_r` and
    then clicked with :math:`\gamma(x)`. What was not clicked may have been unseen or unattractive,

    .. math::
        P(\text{seen} \mid c = 0) = \frac{\theta_r (1 - \gamma)}{1 - \theta_r \gamma}, \qquad
        P(\text{attractive} \mid c = 0) = \frac{\gamma (1 - \theta_r)}{1 - \theta_r \gamma},

    and both are 1 where it was. A round takes these chances, the mean of the first at each position as the new
    :math:`\theta_r`, and a classifier of the second by the features as the new :math:`\gamma`: boosted trees, of which
    each document is an example of both classes, weighed by its chances (the paper draws the class by them).

    The features must not tell the position: a feature that does takes the position's part of the clicks. Where the
    ranker orders by few features, prefer :func:`propensities_by_swaps`.

    Args:
        log: Clicks on lists in shown order, labels 0 and 1, or the share of sessions with a click.
        n_rounds: How many rounds, at least 1.
        n_trees: Trees of the classifier, at least 1.
        seed: Of what the classifier draws.

    Returns:
        ``[position]``, 1 first; a position without a click has 0.

    Raises:
        ConfigError: If a number is no whole one, or below 1.
        DataError: If the log has no labels from 0 to 1, none that differ, or no click at the first position.

    References:
        Wang, Golbandi, Bendersky, Metzler, Najork, "Position Bias Estimation for Unbiased Learning to Rank in Personal
        Search", WSDM 2018 (regression-based EM).
    """
    where = "propensities_by_em"
    check_given(where, "log", log, RankingDataset)
    for name, value in (("n_rounds", n_rounds), ("n_trees", n_trees)):
        check_whole(f"{where}: {name}", value, 1)
    clicks = None if log.labels is None else np.asarray(log.labels, np.float64)
    if clicks is None or not ((clicks >= 0) & (clicks <= 1)).all() or len(np.unique(clicks)) < 2:
        raise DataError(
            f"{where}: expected clicks as labels from 0 to 1, of which some are and some are not; got {log!r} with "
            "others. Make such a log with simulate_clicks."
        )
    places = positions(log) - 1
    n_shown, n_clicks = np.bincount(places), np.bincount(places, clicks)
    if not n_clicks[0]:
        raise DataError(f"{where}: expected clicks at the first position; got none. Log more sessions.")
    seen = n_clicks / n_shown
    seen = np.clip(seen / seen.max(), _LEAST, 1 - _LEAST)
    attraction = np.full(log.n_docs, np.clip(clicks.mean(), _LEAST, 1 - _LEAST))
    features = np.asarray(log.features)
    features = np.where(np.isnan(features).all(axis=0), np.float32(0), features)  # the trees find no bins of nothing
    for _ in range(n_rounds):
        was_seen, attracts = chances_after(clicks, seen[places], attraction)
        seen = np.clip(np.bincount(places, was_seen) / n_shown, _LEAST, 1 - _LEAST)
        attraction = _regressed(features, attracts, n_trees, seed)
    return np.where(n_clicks > 0, seen / seen[0], 0.0)


def chances_after(
    clicks: NDArray[np.float64], seen: NDArray[np.float64], attraction: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The chances, once the clicks are known, that each document was seen, and that it attracts.

    >>> chances_after(np.array([1.0, 0.0]), np.array([0.5, 0.5]), np.array([0.5, 0.5]))
    (array([1.        , 0.33333333]), array([1.        , 0.33333333]))
    """
    unclicked = (1 - clicks) / (1 - seen * attraction)
    return clicks + unclicked * seen * (1 - attraction), clicks + unclicked * attraction * (1 - seen)


def _regressed(
    features: NDArray[np.float32], chances: NDArray[np.float64], n_trees: int, seed: int
) -> NDArray[np.float64]:
    """The chance of attraction of each document, as a function of its features alone."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    n_docs = len(chances)
    model = HistGradientBoostingClassifier(max_iter=n_trees, max_leaf_nodes=15, early_stopping=False, random_state=seed)
    model.fit(
        np.concatenate((features, features)),
        np.repeat([1, 0], n_docs),
        sample_weight=np.concatenate((chances, 1 - chances)),
    )
    return np.asarray(np.clip(model.predict_proba(features)[:, 1], _LEAST, 1 - _LEAST))

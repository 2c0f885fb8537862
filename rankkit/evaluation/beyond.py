"""What lists are like beside how well they hit: coverage, concentration, novelty, diversity, calibration."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rankkit.data.interactions.log import Interactions
from rankkit.errors import ConfigError, DataError
from rankkit.retrieval.blocks import row_blocks
from rankkit.retrieval.lists import TopK

ItemFeatures: TypeAlias = ArrayLike | str | Sequence[str]
"""Numbers ``[item, feature]``, one row for each item of the log; or names of columns of items that the log has."""

_ALPHA = 0.01  # share of the history's own distribution in that of a list, so that no logarithm is of 0


def coverage(items: NDArray[np.int32], n_items: int) -> float:
    """The share of all items that stand in at least one list.

    >>> coverage(np.array([[0, 1], [1, -1]], np.int32), 4)
    0.5
    """
    return len(np.unique(items[items >= 0])) / n_items


def gini(items: NDArray[np.int32], n_items: int) -> float:
    r"""How unevenly lists are shared out to items: 0 where each stands in as many, towards 1 where few have all.

    .. math:: G = \frac{\sum_{r=1}^{n} (2r - n - 1) x_r}{n \sum_r x_r}

    with x_r the number of lists of the item with the r-th fewest, items in no list among them.

    >>> gini(np.array([[0, 1], [2, 3]], np.int32), 4), gini(np.array([[0], [0]], np.int32), 4)
    (0.0, 0.75)
    """
    counts = np.sort(np.bincount(items[items >= 0], minlength=n_items)).astype(np.float64)
    ranks = 2 * np.arange(1, n_items + 1) - n_items - 1
    total = counts.sum()
    return float((ranks * counts).sum() / (n_items * total)) if total else float("nan")


def novelty(items: NDArray[np.int32], counts: NDArray[np.int64], n_users: int) -> NDArray[np.float64]:
    r"""float64 ``[user]``: the mean self-information of a list's items, in bits; what nobody met counts as met once.

    .. math:: -\frac{1}{|L|} \sum_{j \in L} \log_2 \frac{n_j}{n}

    >>> novelty(np.array([[0, 1]], np.int32), np.array([4, 1]), 4)
    array([1.])
    """
    information = -np.log2(np.clip(counts, 1, n_users) / n_users)
    return _mean_of_lists(items, information)


def popularity(items: NDArray[np.int32], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """float64 ``[user]``: how many events the items of a list have on average.

    >>> popularity(np.array([[0, 1]], np.int32), np.array([4, 1]))
    array([2.5])
    """
    return _mean_of_lists(items, counts.astype(np.float64))


def popularity_bias(items: NDArray[np.int32], history: Interactions, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """float64 ``[user]``: by what share the items of a list are more popular than those of the user's history.

    0 where both are alike, 1 where the list's items have twice the events; NaN without a history. (Abdollahpouri et
    al.: The Unfairness of Popularity Bias in Recommendation, RMSE workshop 2019, group average popularity.)

    >>> log = Interactions.from_events(["a"], ["x"])
    >>> popularity_bias(np.array([[1]], np.int32), log, np.array([2, 3]))
    array([0.5])
    """
    sums = np.bincount(history.users, weights=counts[history.items].astype(np.float64), minlength=len(history))
    with np.errstate(invalid="ignore", divide="ignore"):
        own = sums / history.sizes
        return np.asarray(popularity(items, counts) / own - 1)


def diversity(items: NDArray[np.int32], features: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""float64 ``[user]``: the mean cosine distance of the pairs of a list; NaN for fewer than two items.

    .. math:: \frac{2}{|L| (|L| - 1)} \sum_{i < j} (1 - \cos(f_i, f_j))

    (Ziegler et al.: Improving Recommendation Lists Through Topic Diversification, WWW 2005, intra-list similarity.) An
    item whose features are all 0 has distance 1 to each.

    >>> diversity(np.array([[0, 1, 2]], np.int32), np.array([[1.0, 0], [0, 1], [0, 1]])).round(4)
    array([0.6667])
    """
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit = np.divide(features, lengths, out=np.zeros_like(features), where=lengths > 0)
    held = items >= 0
    sizes = held.sum(1)
    rows = np.where(held[..., None], unit[np.maximum(items, 0)], 0.0)
    # The square of the sum has every pair twice, and each item with itself.
    pairs = (rows.sum(1) ** 2).sum(1) - (rows**2).sum((1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(sizes > 1, 1 - pairs / (sizes * (sizes - 1)), np.nan))


def calibration(items: NDArray[np.int32], history: Interactions, classes: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""float64 ``[user]``: how far the classes of a list are from those of the history; 0 is the same mix.

    .. math::

        C = \sum_c p(c) \log_2 \frac{p(c)}{\tilde q(c)}, \qquad \tilde q = (1 - \alpha) q + \alpha p

    with p the mean over the history of each item's classes shared out to sum 1, q the same of the list, and
    alpha = .01. NaN without a history or list with classes. (Steck: Calibrated Recommendations, RecSys 2018, equations
    2, 3 and 6, with items of the history of equal weight; logarithm to base 2.)

    >>> log = Interactions.from_events(["a", "a"], ["x", "y"])
    >>> classes = np.array([[1.0, 0], [0, 1], [0, 1]])
    >>> calibration(np.array([[0, 1], [2, -1]][:1], np.int32), log, classes)
    array([0.])
    """
    sums = classes.sum(1, keepdims=True)
    shares = np.divide(classes, sums, out=np.zeros_like(classes), where=sums > 0)
    wanted = np.zeros((len(history), classes.shape[1]))
    np.add.at(wanted, history.users, shares[history.items])
    given = np.where((items >= 0)[..., None], shares[np.maximum(items, 0)], 0.0).sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        wanted = wanted / wanted.sum(1, keepdims=True)
        given = given / given.sum(1, keepdims=True)
        mixed = (1 - _ALPHA) * given + _ALPHA * wanted
        terms = np.where(wanted > 0, wanted * np.log2(wanted / mixed), 0.0)
    return np.asarray(np.where(np.isnan(wanted).any(1) | np.isnan(given).any(1), np.nan, terms.sum(1)))


def _mean_of_lists(items: NDArray[np.int32], values: NDArray[np.float64]) -> NDArray[np.float64]:
    held = items >= 0
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(held, values[np.maximum(items, 0)], 0.0).sum(1) / held.sum(1))


BEYOND: dict[str, Callable[..., Any]] = {
    "coverage": coverage,
    "gini": gini,
    "novelty": novelty,
    "popularity": popularity,
    "popularity_bias": popularity_bias,
    "diversity": diversity,
    "calibration": calibration,
}
"""By name, what can be asked of lists, with a k: ``"coverage@10"``."""

OF_FEATURES = ("diversity", "calibration")
"""Those of them that need features of the items."""


def is_beyond(name: str) -> bool:
    """Whether a name is one of :data:`BEYOND`, with or without k."""
    return name.partition("@")[0] in BEYOND


def beyond_accuracy(
    where: str,
    names: list[str],
    lists: TopK,
    own: Interactions,
    learnt: Interactions,
    features: ItemFeatures | None = None,
) -> tuple[dict[str, float], dict[str, NDArray[np.float64]]]:
    """Measure lists, each at its k.

    Args:
        where: For messages.
        names: As ``"coverage@10"``.
        lists: At least as long as the greatest k.
        own: The history of each user of the lists, in their order.
        learnt: Every event before, which says how popular an item is.
        features: ``[item, feature]``, or names of columns of items of the log, for diversity and calibration.

    Returns:
        The numbers, and those of each user where a number is their mean: users without a value do not count in it.

    Raises:
        ConfigError: If a name has no k, or features that it needs are not given.
        DataError: If features are not one row of finite numbers an item.
    """
    means: dict[str, float] = {}
    per_user: dict[str, NDArray[np.float64]] = {}
    for name in names:
        metric, _, k = name.partition("@")
        if not k.isdigit() or not 0 < int(k) <= lists.k:
            raise ConfigError(f"{where}: expected '{metric}@k', such as '{metric}@10'; got {name!r}. Write the k.")
        items = lists.items[:, : int(k)]
        if metric in ("coverage", "gini"):
            means[name] = BEYOND[metric](items, learnt.n_items)
            continue
        if metric == "novelty":
            values = novelty(items, learnt.item_counts, int((learnt.sizes > 0).sum()))
        elif metric == "popularity":
            values = popularity(items, learnt.item_counts)
        elif metric == "popularity_bias":
            values = popularity_bias(items, own, learnt.item_counts)
        else:
            values = _by_blocks(metric, items, own, _table(where, metric, features, learnt))
        per_user[name] = values
        means[name] = float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")
    return means, per_user


def _by_blocks(
    metric: str, items: NDArray[np.int32], own: Interactions, table: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of some users at a time, as the features of all items of all lists would be many times the lists."""
    values = [np.empty(0)]
    for rows in row_blocks(len(items), 2 * items.shape[1] * table.shape[1]):
        some = items[rows]
        values.append(diversity(some, table) if metric == "diversity" else calibration(some, own[rows], table))
    return np.concatenate(values)


def _table(where: str, metric: str, features: ItemFeatures | None, learnt: Interactions) -> NDArray[np.float64]:
    if features is None:
        raise ConfigError(f"{where}: expected features of the items, for {metric}; got none. Pass features=.")
    names = _names(features)
    if names is not None and learnt.item_columns is None:
        raise ConfigError(
            f"{where}: expected columns of items in the log, for features={', '.join(names)}; got a log without any. "
            "Read it with items=, or rankkit interactions --items."
        )
    of_log = None if names is None or learnt.item_columns is None else learnt.item_columns.numbers(where, names)
    table = np.asarray(features, np.float64) if of_log is None else of_log
    n_items = learnt.n_items
    if table.ndim != 2 or len(table) != n_items or not np.isfinite(table).all():
        raise DataError(
            f"{where}: expected features as finite numbers [{n_items}, feature], a row for each item of the log; got "
            f"shape {table.shape}, or what is not finite. Order them by item_ids."
        )
    if metric == "calibration" and (table < 0).any():
        raise DataError(f"{where}: expected classes of 0 or more, for calibration; got {table.min():g}. Pass classes.")
    return table


def _names(features: ItemFeatures) -> list[str] | None:
    """Names of columns, where features are such."""
    if isinstance(features, str):
        return [features]
    listed = isinstance(features, list | tuple) and len(features) > 0
    return [str(name) for name in features] if listed and all(isinstance(name, str) for name in features) else None  # type: ignore[union-attr]

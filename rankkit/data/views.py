"""Parts of a data set: some of its features, some of its queries.

A view shares memory with the data set where numpy can: neighbouring queries and evenly spaced features cost nothing,
others are copied once. Weights, document ids and the rows of the input that documents came from go along.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.times import cut_in_time, query_times
from rankkit.errors import ConfigError, DataError, check_given
from rankkit.naming import named
from rankkit.numbers import check_whole, is_finite, is_whole

Selection = str | int | Iterable[str | int]

_LISTED = 12


def feature_names_of(data: RankingDataset) -> tuple[str, ...]:
    """The names of the features; "1", "2", ... as in LETOR text where they have none."""
    return named(data.feature_names, data.n_features)


def select_features(data: RankingDataset, features: Selection) -> RankingDataset:
    """Keep the features that are asked for, in the order in which they are asked for.

    A feature that is asked for twice is kept once. Features without names keep the numbers that they have in LETOR
    text as names.

    Args:
        data: Any data set.
        features: Names, patterns or positions, or one of these. In a pattern ``*`` stands for any text, ``?`` for any
            character and ``[ab]`` for one of some; a name that is there as it is written is no pattern. Features
            without names are called "1", "2", ... as in LETOR text. An int is a position from 0, as in numpy. A
            boolean array ``[feature]`` keeps the features where it is True.

    Raises:
        ConfigError: If there is no such feature, or none is asked for.

    Example:
        >>> from rankkit.loaders.tables.given_arrays import from_arrays
        >>> data = from_arrays([[1, 2, 3]], [0], [7], feature_names=["bm25_title", "clicks", "bm25_body"])
        >>> select_features(data, ["clicks", "bm25*"]).features.tolist()
        [[2.0, 1.0, 3.0]]
    """
    check_given("select_features", "data", data, RankingDataset)
    return _keep(data, _places("select_features", data, features))


def drop_features(data: RankingDataset, features: Selection) -> RankingDataset:
    """Leave the given features out; they are named as in :func:`select_features`.

    Raises:
        ConfigError: If there is no such feature, or none is left.

    Example:
        >>> from rankkit.loaders.tables.given_arrays import from_arrays
        >>> data = from_arrays([[1, 2, 3]], [0], [7], feature_names=["bm25_title", "clicks", "bm25_body"])
        >>> drop_features(data, "click*").feature_names
        ('bm25_title', 'bm25_body')
    """
    check_given("drop_features", "data", data, RankingDataset)
    dropped = set(_places("drop_features", data, features))
    kept = [place for place in range(data.n_features) if place not in dropped]
    if not kept:
        raise ConfigError(
            f"drop_features: expected to keep a feature; got all {data.n_features} to drop. Drop fewer of them."
        )
    return _keep(data, kept)


def subsample(
    data: RankingDataset, *, n_queries: int | None = None, fraction: float | None = None, seed: int = 0
) -> RankingDataset:
    """Draw some queries at random, without repetition, and keep them in the order of the data set.

    Args:
        data: Any data set.
        n_queries: How many queries to draw; or
        fraction: the share of the queries to draw, above 0 up to 1, rounded to whole queries, at least one.
        seed: Equal data and seed give equal queries.

    Raises:
        ConfigError: If not exactly one of ``n_queries`` and ``fraction`` is given, or it is out of range.

    Example:
        >>> from rankkit.data.synthetic import make_ranking
        >>> subsample(make_ranking(10), fraction=0.3, seed=1).n_queries
        3
    """
    check_given("subsample", "data", data, RankingDataset)
    check_whole("subsample: seed", seed)
    if (n_queries is None) == (fraction is None):
        raise ConfigError(
            f"subsample: expected either n_queries or fraction; got n_queries={n_queries}, fraction={fraction}. "
            "Pass one of the two."
        )
    if fraction is not None:
        if not is_finite(fraction) or not 0 < fraction <= 1:
            raise ConfigError(f"subsample: expected fraction above 0 up to 1; got {fraction!r}. Pass a share.")
        n_queries = min(data.n_queries, max(1, round(fraction * data.n_queries)))
    if n_queries is None or not is_whole(n_queries) or not 0 <= n_queries <= data.n_queries:
        raise ConfigError(
            f"subsample: expected n_queries from 0 to {data.n_queries}, the queries that there are; got {n_queries!r}. "
            "Ask for fewer."
        )
    drawn = np.random.default_rng(seed).choice(data.n_queries, size=n_queries, replace=False)
    return _take(data, np.sort(drawn))


def split(
    data: RankingDataset, fractions: Sequence[float] = (0.8, 0.1, 0.1), *, seed: int = 0, by: str | None = None
) -> tuple[RankingDataset, ...]:
    """Deal the queries out, at random or in order of time: every query goes to one part, with all its documents.

    Within a part the queries keep the order of the data set. In order of time no query of a part is later than one of
    the next part: a query stands at the time of its last document, and queries of one time go to one part, so that the
    parts may be somewhat larger or smaller than their shares.

    Args:
        data: Any data set.
        fractions: The share of the queries of each part, above 0, 1 in all. Parts are rounded to whole queries.
        seed: Equal data, fractions and seed give equal parts.
        by: The column of times that was read with ``time=``, or a feature; None: at random.

    Returns:
        One data set a fraction.

    Raises:
        ConfigError: If the fractions are not shares of one whole, or there is no such column.
        DataError: If there are too few queries, or times, for a part to have any.

    Example:
        >>> from rankkit.data.synthetic import make_ranking
        >>> train, valid, test = split(make_ranking(20), (0.8, 0.1, 0.1), seed=0)
        >>> train.n_queries, valid.n_queries, test.n_queries
        (16, 2, 2)
    """
    check_given("split", "data", data, RankingDataset)
    check_whole("split: seed", seed)
    shares = check_shares(fractions)
    if by is not None:
        wanted = np.cumsum(_whole_shares(shares, data.n_queries))[:-1]
        return tuple(_take(data, part) for part in cut_in_time("split", query_times("split", data, by), wanted, by))
    sizes = _whole_shares(shares, data.n_queries)
    if not sizes.all():
        raise DataError(
            f"split: expected queries for {len(shares)} parts; got {data.n_queries}, which would leave parts of "
            f"{', '.join(str(size) for size in sizes)}. Pass fewer or more even fractions, or more data."
        )
    shuffled = np.random.default_rng(seed).permutation(data.n_queries)
    return tuple(_take(data, np.sort(chosen)) for chosen in np.split(shuffled, np.cumsum(sizes)[:-1]))


def fold_of_queries(n_queries: int, n_folds: int, seed: int = 0) -> NDArray[np.int64]:
    """int64 ``[query]``: the fold that chance deals each query to, as many to each as can be.

    What is learnt of the queries outside of a fold can be used on those in it as if these were new.

    >>> np.bincount(fold_of_queries(5, 2)).tolist()
    [3, 2]
    """
    return np.random.default_rng(seed).permutation(np.arange(n_queries) % n_folds)


def rolling_windows(
    data: RankingDataset, by: str, n_windows: int, *, share: float = 0.1
) -> list[tuple[RankingDataset, RankingDataset, RankingDataset]]:
    """Splits that move forward in time: what comes before a window trains, the window is test data.

    The last window ends with the data, each window is as long as ``share`` says, and the same share before it is its
    validation data. Whole queries, at the time of their last document; those of one time stay together, so that every
    training query is earlier than every validation query, and these than every test query. Windows do not overlap.

    Args:
        data: Any data set.
        by: The column of times that was read with ``time=``, or a feature.
        n_windows: How many.
        share: Of all queries in one window.

    Returns:
        Training, validation and test data of each window, the earliest first.

    Raises:
        ConfigError: If the windows leave nothing to learn from, or there is no such column.
        DataError: If there are too few different times.

    Example:
        >>> from rankkit.loaders.tables.given_arrays import from_arrays
        >>> data = from_arrays([[day] for day in range(10)], [0] * 10, list("abcdefghij"), feature_names=["day"])
        >>> for train, valid, test in rolling_windows(data, "day", 2, share=0.2):
        ...     print(train.n_queries, valid.qids.tolist(), test.qids.tolist())
        4 ['e', 'f'] ['g', 'h']
        6 ['g', 'h'] ['i', 'j']
    """
    check_given("rolling_windows", "data", data, RankingDataset)
    check_windows("rolling_windows", n_windows, share)
    bounds = 1 - share * np.arange(n_windows + 1, 0, -1)
    wanted = np.round(bounds * data.n_queries).astype(np.int64)
    parts = cut_in_time("rolling_windows", query_times("rolling_windows", data, by), wanted, by)
    taken = [_take(data, part) for part in parts]
    before = [np.sort(np.concatenate(parts[: place + 1])) for place in range(n_windows)]
    return [(_take(data, before[place]), taken[place + 1], taken[place + 2]) for place in range(n_windows)]


def check_windows(where: str, n_windows: int, share: float) -> None:
    """Raise ConfigError if there is no such number of windows, or they leave nothing to learn from."""
    if not is_whole(n_windows) or n_windows < 1:
        raise ConfigError(f"{where}: expected a number of windows from 1; got {n_windows!r}. Pass a whole number.")
    if not is_finite(share) or not 0 < share * (n_windows + 1) < 1:
        raise ConfigError(
            f"{where}: expected windows that, with validation data as long as one before the first, are less than all "
            f"queries; got {n_windows} of {share!r}. Take fewer, or shorter ones."
        )


def check_shares(fractions: Sequence[float]) -> list[float]:
    """The shares of :func:`split`, or ConfigError if they are not those of one whole."""
    if not isinstance(fractions, Iterable) or not all(is_finite(fraction) for fraction in fractions):
        raise ConfigError(f"split: expected fractions above 0 that sum to 1; got {fractions!r}. Pass such numbers.")
    shares = [float(fraction) for fraction in fractions]
    if not shares or not all(share > 0 for share in shares) or abs(sum(shares) - 1) > 1e-6:
        raise ConfigError(
            f"split: expected fractions above 0 that sum to 1; got {', '.join(f'{share:g}' for share in shares)} "
            f"(sum {sum(shares):g}). Change one of them."
        )
    return shares


def filter_queries(
    data: RankingDataset,
    *,
    min_docs: int | None = None,
    max_docs: int | None = None,
    with_relevant: bool = False,
    with_two_grades: bool = False,
) -> RankingDataset:
    """Keep the queries that meet every condition, in the order of the data set; there may be none.

    Args:
        data: Any data set.
        min_docs: The least number of documents of a query, or None.
        max_docs: The greatest number of documents of a query, or None.
        with_relevant: True to keep only queries with a label above 0; for others NDCG is undefined.
        with_two_grades: True to keep only queries with two different labels; pairwise and listwise objectives learn
            nothing from others.

    Raises:
        ConfigError: If a number of documents is no whole number from 0.
        DataError: If labels are asked about and there are none.

    Example:
        >>> from rankkit.loaders.tables.given_arrays import from_arrays
        >>> data = from_arrays([[1], [2], [3], [4], [5]], [0, 1, 0, 0, 2], ["a", "a", "b", "b", "c"])
        >>> filter_queries(data, with_relevant=True).qids.tolist(), filter_queries(data, min_docs=2).qids.tolist()
        (['a', 'c'], ['a', 'b'])
    """
    check_given("filter_queries", "data", data, RankingDataset)
    for name, number in (("min_docs", min_docs), ("max_docs", max_docs)):
        if number is not None:
            check_whole(f"filter_queries: {name}", number)
    sizes = data.list_sizes
    kept = np.ones(data.n_queries, np.bool_)
    if min_docs is not None:
        kept &= sizes >= min_docs
    if max_docs is not None:
        kept &= sizes <= max_docs
    if with_relevant or with_two_grades:
        if data.labels is None:
            raise DataError(
                "filter_queries: expected labels for with_relevant and with_two_grades; got documents without labels. "
                "Filter by min_docs or max_docs."
            )
        low, high = _label_ranges(data.labels, data.offsets)
        if with_relevant:
            kept &= high > 0
        if with_two_grades:
            kept &= high > low
    return _take(data, np.flatnonzero(kept))


def _whole_shares(shares: Sequence[float], total: int) -> NDArray[np.int64]:
    """Shares of a whole number, rounded down, then up where most was cut off, so that they sum to it."""
    exact = np.array(shares) / sum(shares) * total
    sizes = np.floor(exact).astype(np.int64)
    cut = np.argsort(sizes - exact, kind="stable")
    sizes[cut[: total - int(sizes.sum())]] += 1
    return sizes


def _label_ranges(
    labels: NDArray[np.float32], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The smallest and the largest label of each query; 0 where it has no documents."""
    filled = np.diff(offsets) > 0
    low, high = np.zeros(len(filled), np.float32), np.zeros(len(filled), np.float32)
    if filled.any():
        starts = offsets[:-1][filled]
        low[filled], high[filled] = np.minimum.reduceat(labels, starts), np.maximum.reduceat(labels, starts)
    return low, high


def _take(data: RankingDataset, queries: NDArray[np.int64]) -> RankingDataset:
    """Queries by rising position; without a copy where they stand together."""
    if len(queries) == 0:
        return data[:0]
    first, last = int(queries[0]), int(queries[-1])
    return data[first : last + 1] if last - first + 1 == len(queries) else data.select(queries)


def _keep(data: RankingDataset, places: Sequence[int]) -> RankingDataset:
    every = feature_names_of(data)
    names: tuple[str, ...] | None = tuple(every[place] for place in places)
    if data.feature_names is None and list(places) == list(range(len(places))):
        names = None
    roles = data.roles
    if roles is not None and list(places) != list(range(data.n_features)):
        roles = replace(roles, vector=None)  # the column of lists has other features than these
    schema = None if data.schema is None else data.schema.select(places)
    return replace(data, features=_columns(data.features, places), feature_names=names, roles=roles, schema=schema)


def _columns(features: NDArray[np.float32], places: Sequence[int]) -> NDArray[np.float32]:
    """Some columns, as a view where they are evenly spaced and rise, else as a row-major copy."""
    step = places[1] - places[0] if len(places) > 1 else 1
    if step > 0 and list(places) == list(range(places[0], places[-1] + 1, step)):
        return features[:, places[0] : places[-1] + 1 : step]
    return np.take(features, np.asarray(places), axis=1)


def _places(where: str, data: RankingDataset, features: Selection) -> list[int]:
    """Positions of the features that are asked for, each once."""
    names = feature_names_of(data)
    if isinstance(features, str | int | np.integer):
        features = [features]
    elif isinstance(features, np.ndarray) and features.dtype == np.bool_:
        if features.shape != (data.n_features,):
            raise ConfigError(
                f"{where}: expected a boolean array [{data.n_features}], one a feature; got {list(features.shape)}. "
                "Pass one value for each feature."
            )
        features = np.flatnonzero(features).tolist()
    found: dict[int, None] = {}
    place_of = {name: place for place, name in enumerate(names)}
    for wanted in features:
        if isinstance(wanted, str):
            span = None if data.schema is None or wanted in place_of else data.schema.spans.get(wanted)
            found |= dict.fromkeys(_named(where, wanted, place_of) if span is None else range(span.start, span.stop))
        else:
            found[_position(where, wanted, len(names))] = None
    if not found:
        raise ConfigError(f"{where}: expected at least one feature; got none. Name one of {_some(names)}.")
    return list(found)


def _named(where: str, wanted: str, place_of: dict[str, int]) -> list[int]:
    if wanted in place_of:
        return [place_of[wanted]]
    places = [place for name, place in place_of.items() if fnmatchcase(name, wanted)]
    if not places:
        by_lower_case = {name.lower(): name for name in place_of}
        near = difflib.get_close_matches(wanted.lower(), by_lower_case, n=1)
        action = f"Did you mean {by_lower_case[near[0]]!r}?" if near else f"Known: {_some(tuple(place_of))}."
        raise ConfigError(f"{where}: expected the name of a feature, or a pattern of names; got {wanted!r}. {action}")
    return places


def _position(where: str, wanted: int, n_features: int) -> int:
    # True would count as 1: a list of booleans has to be an array to be meant as a mask.
    if isinstance(wanted, bool | np.bool_) or not isinstance(wanted, int | np.integer):
        raise ConfigError(
            f"{where}: expected features as names, patterns or positions; got {wanted!r}. "
            "Pass names, ints, or a boolean numpy array."
        )
    if not -n_features <= wanted < n_features:
        raise ConfigError(
            f"{where}: expected a position from {-n_features} to {n_features - 1}; got {wanted}. "
            "A feature's number in LETOR text is its name: pass it as str."
        )
    return int(wanted) % n_features


def _some(names: tuple[str, ...]) -> str:
    more = f", ... ({len(names)} features)" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more

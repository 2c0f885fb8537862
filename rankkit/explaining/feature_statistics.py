"""What each feature holds, and how well it ranks on its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rankkit.data.columns.kinds import Bag, Category
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.views import feature_names_of
from rankkit.errors import check_given
from rankkit.explaining.category_statistics import CategoryStatistics, category_statistics, table_of
from rankkit.metrics.engine import rank_documents
from rankkit.metrics.graded import dcg_of
from rankkit.ranking import Gain

if TYPE_CHECKING:
    import pandas as pd

PERCENTILES = (0, 5, 25, 50, 75, 95, 100)
"""The quantiles of a feature that are kept."""

QUANTILE_NAMES = ("min", "5%", "25%", "median", "75%", "95%", "max")
"""What the percentiles are called in tables."""

N_BINS = 24
"""Bins of a feature's histogram."""

K = 10
"""The cut of the metric that says how well a feature ranks: ndcg@10."""

# A cache line of float32: columns that are read together cost one pass over the rows.
_COLUMNS = 16
_ROWS = 16_384


@dataclass(frozen=True, eq=False, repr=False)
class FeatureStatistics:
    """One value a feature; ``str()`` of it is a table of 80 columns, the best features first.

    Columns of categories, whose codes have no order, have a table of their own with a row a column.

    Shares are of all documents. Minimum, mean and quantiles leave missing values (NaN) out, and are NaN where all
    are missing.

    Args:
        names: The features; "1", "2", ... where they have no names.
        n_docs: How many documents.
        n_queries: How many queries.
        quantiles: float32 ``[feature, 7]``: the percentiles 0, 5, 25, 50, 75, 95, 100, which are values of the feature.
        means: float64 ``[feature]``.
        zeros: float64 ``[feature]``, share of documents with the value 0.
        missing: float64 ``[feature]``, share of documents with a missing value.
        histograms: int64 ``[feature, 24]``: documents in bins of equal width between the percentiles 1 and 99; what
            lies beyond them counts in the outer bins.
        ndcg: float64 ``[feature]``: mean ndcg@10 of ranking by this feature alone, high or low values first, whichever
            is better; None without labels. Tied documents stand least relevant first, missing values last, and
            queries without a relevant document count 0, as in :func:`rankkit.evaluate`.
        best_first: "high", "low" or, where both are equally good, "either"; None without labels.
        random_ndcg: Mean ndcg@10 of ranking at random, to compare with; None without labels.
        categories: The columns of categories and bags, in order.
    """

    names: tuple[str, ...]
    n_docs: int
    n_queries: int
    quantiles: NDArray[np.float32]
    means: NDArray[np.float64]
    zeros: NDArray[np.float64]
    missing: NDArray[np.float64]
    histograms: NDArray[np.int64]
    ndcg: NDArray[np.float64] | None
    best_first: tuple[str, ...] | None
    random_ndcg: float | None
    categories: tuple[CategoryStatistics, ...] = ()

    def __repr__(self) -> str:
        more = f" and {len(self.categories)} columns of categories" if self.categories else ""
        return f"FeatureStatistics({len(self.names)} features{more} of {self.n_docs:,} documents)"

    @property
    def order(self) -> NDArray[np.int64]:
        """int64 ``[feature]``: positions of the features, the best ranking ones first; as they come without labels."""
        if self.ndcg is None:
            return np.arange(len(self.names))
        return np.argsort(-self.ndcg, kind="stable")

    def to_pandas(self) -> "pd.DataFrame":
        """One row a feature, in the order of the data set; columns of categories are in ``categories``."""
        import pandas as pd

        columns = dict(zip(QUANTILE_NAMES, self.quantiles.T, strict=True))
        table = pd.DataFrame(
            {**columns, "mean": self.means, "zeros": self.zeros, "missing": self.missing},
            index=pd.Index(self.names, name="feature"),
        )
        if self.ndcg is not None:
            table[f"ndcg@{K}"] = self.ndcg
            table["best_first"] = list(self.best_first or ())
        return table

    def __str__(self) -> str:
        header = f"{'feature':<18}{'min':>9}{'median':>9}{'mean':>9}{'max':>9}{'zeros':>7}{'NaN':>7}"
        lines = [header if self.ndcg is None else f"{header}{f'ndcg@{K}':>8} by"]
        shown = ("min", "median", "max")
        for place in self.order:
            low, median, high = (self.quantiles[place, QUANTILE_NAMES.index(name)] for name in shown)
            line = f"{_short(self.names[place], 17):<18}"
            line += "".join(f"{_digits(value):>9}" for value in (low, median, self.means[place], high))
            line += f"{self.zeros[place]:>7.1%}{self.missing[place]:>7.1%}"
            if self.ndcg is not None and self.best_first is not None:
                line += f"{self.ndcg[place]:>8.4f} {_BY[self.best_first[place]]}"
            lines.append(line)
        if self.categories:
            lines = [*(lines if self.names else []), *([""] if self.names else []), *table_of(self.categories)]
        if self.random_ndcg is not None:
            lines += ["", f"by: + high values first, - low values first. At random: ndcg@{K} {self.random_ndcg:.4f}."]
        return "\n".join(lines)


_BY = {"high": "+", "low": "-", "either": ""}


def feature_statistics(data: RankingDataset, *, gain: Gain = "exp") -> FeatureStatistics:
    """Range, quantiles, shares of zeros and of missing values of each feature, and its mean ndcg@10 on its own.

    The features are read sixteen at a time, so a memory-mapped data set need not fit into memory. Of a column of
    categories it is the number of values, the most frequent ones, and the ndcg@10 of their mean labels, out of fold.

    Args:
        data: Any data set, with labels or without.
        gain: What a label y is worth in ndcg@10: "exp" (2^y - 1, for labels up to 1000) or "linear" (y).

    Raises:
        DataError: If a label is negative, infinite or NaN, or above 1000 with the exponential gain.

    Example:
        The first feature puts the relevant document second, at 1 / log2(3) = 0.6309, unless low values come first.

        >>> from rankkit.loaders.tables.given_arrays import from_arrays
        >>> print(feature_statistics(from_arrays([[1, 0], [2, 0]], [1, 0], [7, 7], feature_names=["age", "clicks"])))
        feature                 min   median     mean      max  zeros    NaN ndcg@10 by
        age                       1        1      1.5        2   0.0%   0.0%  1.0000 -
        clicks                    0        0        0        0 100.0%   0.0%  0.6309
        <BLANKLINE>
        by: + high values first, - low values first. At random: ndcg@10 0.8155.
    """
    check_given("feature_statistics", "data", data, RankingDataset)
    kept = _numeric(data)
    row_of = {place: row for row, place in enumerate(kept)}
    n_features = len(kept)
    quantiles = np.full((n_features, len(PERCENTILES)), np.nan, np.float32)
    histograms = np.zeros((n_features, N_BINS), np.int64)
    means, zeros, missing = np.full(n_features, np.nan), np.zeros(n_features), np.zeros(n_features)
    ndcg = np.zeros((n_features, 2))
    yardstick = None if data.labels is None else _Yardstick(data, data.labels, gain)
    for feature, values in _columns(data.features):
        if feature not in row_of:
            continue
        place = row_of[feature]
        if yardstick is not None:
            ndcg[place] = yardstick.ndcg(values), yardstick.ndcg(-values)
        values.sort()  # missing values go to the end
        n_missing = int(np.isnan(values).sum())
        there = values[: len(values) - n_missing]
        zeros[place], missing[place] = (_share(n, data.n_docs) for n in (_count_zeros(there), n_missing))
        if len(there):
            quantiles[place] = _percentiles(there, PERCENTILES) + np.float32(0)  # -0.0 becomes 0.0
            means[place] = there.mean(dtype=np.float64)
            histograms[place] = _histogram(there)
    high, low = ndcg.T
    has_labels = yardstick is not None
    directions = tuple(np.where(high > low, "high", np.where(low > high, "low", "either")).tolist())
    return FeatureStatistics(
        names=tuple(feature_names_of(data)[place] for place in kept),
        n_docs=data.n_docs,
        n_queries=data.n_queries,
        quantiles=quantiles,
        means=means,
        zeros=zeros,
        missing=missing,
        histograms=histograms,
        ndcg=np.maximum(high, low) if has_labels else None,
        best_first=directions if has_labels else None,
        random_ndcg=None if yardstick is None else yardstick.random,
        categories=category_statistics(data, None if yardstick is None else yardstick.ndcg),
    )


def _numeric(data: RankingDataset) -> list[int]:
    """The features that are no codes."""
    coded: set[int] = set()
    for column in () if data.schema is None else data.schema.columns:
        if isinstance(column, Category | Bag) and data.schema is not None:
            span = data.schema.spans[column.name]
            coded |= set(range(span.start, span.stop))
    return [place for place in range(data.n_features) if place not in coded]


class _Yardstick:
    """Mean ndcg@10 of scores for the documents of a data set, whose best orders are ranked once."""

    def __init__(self, data: RankingDataset, labels: NDArray[np.float32], gain: Gain) -> None:
        self._data, self._labels, self._gain = data, labels, gain
        self._ideal = self._dcg(labels)
        self.random = self._mean(self._dcg(np.zeros_like(labels), ties="expected"))

    def ndcg(self, scores: NDArray[np.float32]) -> float:
        return self._mean(self._dcg(np.where(np.isnan(scores), np.float32(-np.inf), scores)))  # missing comes last

    def _dcg(self, scores: NDArray[np.float32], ties: str = "pessimistic") -> NDArray[np.float64]:
        data = self._data
        where, every = "feature_statistics", np.ones(len(scores), np.bool_)
        ranking = rank_documents(where, scores, self._labels, data.offsets, ties, data.qids, retrieved=every)
        return dcg_of(ranking, k=K, gain=self._gain)

    def _mean(self, reached: NDArray[np.float64]) -> float:
        if not len(reached):
            return float("nan")
        return float(np.divide(reached, self._ideal, out=np.zeros_like(reached), where=self._ideal > 0).mean())


def _columns(features: NDArray[np.float32]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Each feature as an array of its own that may be written to, with its position."""
    n_docs, n_features = features.shape
    for first in range(0, n_features, _COLUMNS):
        columns = np.empty((min(_COLUMNS, n_features - first), n_docs), np.float32)
        for start in range(0, n_docs, _ROWS):
            columns[:, start : start + _ROWS] = features[start : start + _ROWS, first : first + _COLUMNS].T
        yield from enumerate(columns, start=first)


def _percentiles(ascending: NDArray[np.float32], percents: tuple[int, ...]) -> NDArray[np.float32]:
    """The smallest value that so many percent of the values do not exceed."""
    n = len(ascending)
    return ascending[[max(0, -(-n * percent // 100) - 1) for percent in percents]]


def _histogram(ascending: NDArray[np.float32]) -> NDArray[np.int64]:
    """Counts in bins between the percentiles 1 and 99, or of the whole range where these two are equal."""
    for ends in ((1, 99), (0, 100)):
        low, high = _percentiles(ascending, ends).astype(np.float64)
        if low < high:
            inner = np.linspace(low, high, N_BINS + 1)[1:-1]
            stops = np.searchsorted(ascending, inner, side="left")
            return np.diff(stops, prepend=0, append=len(ascending))
    counts = np.zeros(N_BINS, np.int64)
    counts[N_BINS // 2] = len(ascending)
    return counts


def _count_zeros(ascending: NDArray[np.float32]) -> int:
    first, stop = (int(np.searchsorted(ascending, np.float32(0), side=side)) for side in ("left", "right"))
    return stop - first


def _share(n: int, of: int) -> float:
    return n / of if of else 0.0


def _digits(value: float) -> str:
    text = f"{value:.3g}"
    return text if len(text) <= 8 else f"{value:.2g}"


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"

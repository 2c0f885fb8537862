"""What there is to know about a data set before training on it."""

import textwrap
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.sides import columns_of_queries
from rankkit.errors import check_given
from rankkit.naming import named
from rankkit.numbers import counted

LARGE = 1e4
"""A feature with values beyond this is reported: without a transform it drowns the others."""

_PERCENTILES = (0, 5, 25, 50, 75, 95, 100)
_BLOCK = 16_384
_LISTED = 8


@dataclass(frozen=True)
class DatasetSummary:
    """Counts of a data set; ``str()`` of it is a report of at most 80 columns.

    Args:
        n_docs: Rows.
        n_queries: Queries.
        n_features: Features of a document.
        labels: Label to number of documents, labels rising; None for documents without labels.
        list_sizes: Percentile (0, 5, 25, 50, 75, 95, 100) to number of documents of a query; empty without queries.
        n_without_relevant: Queries whose documents all have label 0; None without labels.
        n_single_document: Queries with one document.
        n_single_label: Queries of two documents or more that all have the same label; None without labels.
        constant: Features with one value in all documents, missing values apart.
        missing: Feature to its share of missing values (NaN), those with any.
        large: Feature to its largest size, those beyond 1e4.
        of_queries: Of data with a schema, the columns of documents that are the same for all documents of each query.
    """

    n_docs: int
    n_queries: int
    n_features: int
    labels: dict[float, int] | None
    list_sizes: dict[int, int]
    n_without_relevant: int | None
    n_single_document: int
    n_single_label: int | None
    constant: tuple[str, ...]
    missing: dict[str, float]
    large: dict[str, float]
    of_queries: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What deserves a look before training, in words."""
        found = []
        if self.labels is None:
            found.append("No labels: the documents can be scored, not trained on or evaluated.")
        if self.labels is not None and len(self.labels) == 1:
            found.append("All documents have the same label: nothing can be learnt.")
        if self.n_without_relevant:
            found.append(
                f"Queries without a relevant document: {_share(self.n_without_relevant, self.n_queries)}. "
                "Metrics count them as 0 unless empty= says otherwise."
            )
        if self.n_single_document:
            found.append(f"Queries with one document: {_share(self.n_single_document, self.n_queries)}.")
        if self.n_single_label:
            found.append(
                f"Queries of several documents with one label: {_share(self.n_single_label, self.n_queries)}. "
                "Pairwise and listwise objectives learn nothing from them."
            )
        if self.constant:
            found.append(f"Constant features, {_share(len(self.constant), self.n_features)}: {_listed(self.constant)}.")
        if self.of_queries:
            found.append(
                f"Columns that are the same for all documents of a query, {len(self.of_queries)}: "
                f"{_listed(self.of_queries)}. They can be read with side='query'."
            )
        if self.missing:
            shares = tuple(f"{name} ({share:.1%})" for name, share in self.missing.items())
            found.append(
                f"Features with missing values (NaN), {_share(len(shares), self.n_features)}: {_listed(shares)}."
            )
        if self.large:
            sizes = tuple(f"{name} ({size:.3g})" for name, size in self.large.items())
            found.append(
                f"Features with values beyond {LARGE:g}, {_share(len(sizes), self.n_features)}: {_listed(sizes)}. "
                "Use a transform such as log1p."
            )
        return tuple(found)

    def __str__(self) -> str:
        lines = [counted(document=self.n_docs, query=self.n_queries, feature=self.n_features)]
        if self.labels:
            lines += ["", "label    documents   share"]
            shown = list(self.labels.items())
            lines += [f"{label:<7g}{n:>11,}{n / self.n_docs:>8.1%}" for label, n in shown[:20]]
            if len(shown) > 20:
                lines.append(f"... and {len(shown) - 20} more labels, up to {shown[-1][0]:g}")
        if self.list_sizes:
            lines += ["", "documents of a query"]
            lines.append("  ".join(f"{_percentile(percent):>7}" for percent in self.list_sizes))
            lines.append("  ".join(f"{size:>7,}" for size in self.list_sizes.values()))
        if self.warnings:
            lines += ["", "To note"]
        for warning in self.warnings:
            lines += textwrap.wrap(warning, 80, initial_indent="- ", subsequent_indent="  ", break_long_words=True)
        return "\n".join(lines)


def summarize(data: RankingDataset) -> DatasetSummary:
    """Count labels, list sizes, and what is unusual about queries and features; one pass over the features.

    Args:
        data: Any data set, with labels or without.

    Example:
        >>> from rankkit.loaders.tables.given_arrays import from_arrays
        >>> print(summarize(from_arrays([[1, 5], [2, 5], [2e6, 5]], [2, 0, 0], ["a", "a", "b"])))
        3 documents, 2 queries, 2 features
        <BLANKLINE>
        label    documents   share
        0                2   66.7%
        2                1   33.3%
        <BLANKLINE>
        documents of a query
            min       5%      25%   median      75%      95%      max
              1        1        1        1        2        2        2
        <BLANKLINE>
        To note
        - Queries without a relevant document: 1 of 2 (50.0%). Metrics count them as 0
          unless empty= says otherwise.
        - Queries with one document: 1 of 2 (50.0%).
        - Constant features, 1 of 2 (50.0%): 2.
        - Features with values beyond 10000, 1 of 2 (50.0%): 1 (2e+06). Use a
          transform such as log1p.
    """
    check_given("summarize", "data", data, RankingDataset)
    sizes = data.list_sizes
    names = named(data.feature_names, data.n_features)
    low, high, n_missing = _ranges(data.features)
    size = np.maximum(np.abs(low), np.abs(high))
    histogram = None
    without_relevant = single_label = None
    if data.labels is not None:
        grades, counts = np.unique(data.labels, return_counts=True)
        histogram = {float(grade): int(count) for grade, count in zip(grades, counts, strict=True)}
        without_relevant, single_label = _poor_queries(data.labels, data.offsets)
    kinds = {} if data.schema is None else {one.name: one.kind for one in data.schema.on_side("document")}
    return DatasetSummary(
        n_docs=data.n_docs,
        n_queries=data.n_queries,
        n_features=data.n_features,
        labels=histogram,
        list_sizes=_list_size_percentiles(sizes),
        n_without_relevant=without_relevant,
        n_single_document=int((sizes == 1).sum()),
        n_single_label=single_label,
        constant=tuple(names[place] for place in np.flatnonzero(low == high)),
        missing={names[place]: float(n_missing[place] / data.n_docs) for place in np.flatnonzero(n_missing)},
        large={names[place]: float(size[place]) for place in np.flatnonzero(size > LARGE)},
        of_queries=tuple(f"{name} ({kinds[name]})" for name in columns_of_queries(data) if name in kinds),
    )


def _list_size_percentiles(sizes: NDArray[np.int64]) -> dict[int, int]:
    """Percentiles that are sizes of queries, without interpolation."""
    if not len(sizes):
        return {}
    return {percent: int(np.percentile(sizes, percent, method="inverted_cdf")) for percent in _PERCENTILES}


def _ranges(
    features: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Smallest and largest value of each feature (NaN where it has none) and its number of missing values."""
    n_features = features.shape[1]
    low, high = np.full(n_features, np.nan, np.float32), np.full(n_features, np.nan, np.float32)
    n_missing = np.zeros(n_features, np.int64)
    for start in range(0, len(features), _BLOCK):
        block = features[start : start + _BLOCK]
        # fmin and fmax pass over NaN.
        low = np.fmin(low, np.fmin.reduce(block, axis=0))
        high = np.fmax(high, np.fmax.reduce(block, axis=0))
        n_missing += np.isnan(block).sum(axis=0)
    return low, high, n_missing


def _poor_queries(labels: NDArray[np.float32], offsets: NDArray[np.int64]) -> tuple[int, int]:
    """How many queries have no label above 0, and how many of two documents or more have one label only."""
    sizes = np.diff(offsets)
    starts = offsets[:-1][sizes > 0]
    if not len(starts):
        return len(sizes), 0
    low, high = np.minimum.reduceat(labels, starts), np.maximum.reduceat(labels, starts)
    without_relevant = int((high <= 0).sum()) + int((sizes == 0).sum())
    return without_relevant, int(((low == high) & (sizes[sizes > 0] > 1)).sum())


def _share(n: int, of: int) -> str:
    return f"{n:,} of {of:,} ({n / of:.1%})"


def _listed(names: tuple[str, ...]) -> str:
    more = f", ... and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _percentile(percent: int) -> str:
    return {0: "min", 50: "median", 100: "max"}.get(percent, f"{percent}%")

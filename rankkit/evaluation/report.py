"""Evaluation: the values of metrics a query, their means, and the conventions they were computed under."""

import json
import textwrap
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.text_ids import Ids
from rankkit.evaluation.names import parse_metric
from rankkit.evaluation.protocol import Protocol
from rankkit.evaluation.tables import write_parquet
from rankkit.numbers import how_many
from rankkit.statistics.bootstrap import bootstrap_means, percentile_intervals

if TYPE_CHECKING:
    import pandas as pd

_COUNTS_AS = {"zero": "count as 0", "one": "count as 1", "skip": "left out of the mean"}


@dataclass(frozen=True, repr=False, eq=False)
class Evaluation:
    """What :func:`rankkit.evaluate` and :func:`rankkit.evaluate_scores` return; printing it gives the table.

    Args:
        per_query: For each metric as asked (``"ndcg@10"``), float64 ``[query]``, NaN where the metric is undefined
            since the query has no relevant document.
        qids: ``[query]``.
        protocol: The conventions.
        n_tied: Queries with documents of different label that had the same score.
        n_single: Queries with one document.
        n_unretrieved: Documents that were judged and not retrieved.
        query_weights: float64 ``[query]``, by which queries count in the means; None: all alike.
        document_weights: Whether gains were weighted by document.
    """

    per_query: dict[str, NDArray[np.float64]]
    qids: Ids
    protocol: Protocol
    n_tied: int
    n_single: int
    n_unretrieved: int = 0
    query_weights: NDArray[np.float64] | None = None
    document_weights: bool = False

    @property
    def n_queries(self) -> int:
        """How many queries."""
        return len(self.qids)

    @property
    def n_empty(self) -> int:
        """Queries without a relevant document (for opa, two labels): those where a metric asked for is undefined."""
        return int(np.isnan(np.stack(list(self.per_query.values()))).any(axis=0).sum())

    @property
    def convention(self) -> str:
        """One line: what the numbers mean, which must stand wherever they do."""
        text = f"{self.protocol.name}: {self.protocol.describe(self.per_query)}; {self._describe_empty()}"
        if self.n_unretrieved:
            text += f"; {how_many(self.n_unretrieved, 'document')} not retrieved, judged all the same"
        if self.document_weights:
            text += "; gains by weight of document"
        if self.query_weights is not None:
            text += "; means by weight of query"
        others = [metric for metric in self.per_query if not self.protocol.has(*parse_metric(metric))]
        if others:
            text += f"; {', '.join(others)}: none of {self.protocol.name}'s own, computed by these rules"
        return text

    def counted(self, metric: str) -> NDArray[np.float64]:
        """What each query counts for in the mean: its value, or what ``protocol.empty`` puts for NaN (skip: NaN)."""
        values = self.per_query[metric]
        stand_in = {"zero": 0.0, "one": 1.0}.get(self._empty_of(metric), np.nan)
        return np.where(np.isnan(values), stand_in, values)

    @cached_property
    def means(self) -> dict[str, float]:
        """The mean of each metric over queries; NaN where no query counts."""
        means = {}
        for metric in self.per_query:
            values = self.counted(metric)
            kept = ~np.isnan(values)
            if self.query_weights is None:
                means[metric] = float(values[kept].mean()) if kept.any() else float("nan")
            else:
                weights = self.query_weights[kept]
                means[metric] = float(np.average(values[kept], weights=weights)) if weights.any() else float("nan")
        return means

    @cached_property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """95% percentile bootstrap interval of each mean: 1,000 resamples of the queries, seed 0; computed once.

        Of more than 20,000 queries, groups of them are drawn (:func:`rankkit.statistics.bootstrap.bootstrap_means`), so
        that the time does not grow with their number. It tells how much the mean depends on which queries were asked,
        not how much training varies.
        """
        return self.bootstrap()

    def bootstrap(
        self, *, n_resamples: int = 1000, confidence: float = 0.95, seed: int = 0
    ) -> dict[str, tuple[float, float]]:
        """Percentile bootstrap interval of each mean over queries.

        Args:
            n_resamples: How often to draw the queries anew.
            confidence: Share of the resampled means inside the interval.
            seed: Of the draws.
        """
        values = np.stack([self.counted(metric) for metric in self.per_query], axis=1)
        drawn = bootstrap_means(values, n_resamples=n_resamples, seed=seed, weights=self.query_weights)
        low, high = percentile_intervals(drawn, confidence)
        return dict(zip(self.per_query, zip(low.tolist(), high.tolist(), strict=True), strict=True))

    def to_pandas(self) -> "pd.DataFrame":
        """One row a query: qid, its weight where it has one, and one column a metric, NaN where undefined."""
        import pandas as pd

        weights = {} if self.query_weights is None else {"weight": self.query_weights}
        return pd.DataFrame({"qid": self.qids, **weights, **self.per_query})

    def to_parquet(self, path: Path | str) -> None:
        """Write :meth:`to_pandas` to a file, as a whole or not at all; :meth:`to_dict` stands in its metadata."""
        write_parquet(self.to_pandas(), self.to_json(), path)

    def to_dict(self) -> dict[str, Any]:
        """Means, intervals, counts and protocol, of plain types; None stands for NaN."""
        metrics = {}
        for metric, mean in self.means.items():
            low, high = self.intervals[metric]
            undefined = int(np.isnan(self.per_query[metric]).sum())
            numbers = {"mean": mean, "low": low, "high": high}
            metrics[metric] = {
                **{name: None if np.isnan(value) else value for name, value in numbers.items()},
                "n_undefined": undefined,
            }
        counts = {name: getattr(self, name) for name in ("n_queries", "n_empty", "n_tied", "n_single", "n_unretrieved")}
        weighted = {"weighted_queries": self.query_weights is not None, "weighted_documents": self.document_weights}
        return {"metrics": metrics, **counts, **weighted, "protocol": asdict(self.protocol)}

    def to_json(self) -> str:
        """:meth:`to_dict` as text."""
        return json.dumps(self.to_dict())

    def __repr__(self) -> str:
        means = ", ".join(f"{metric}={mean:.4f}" for metric, mean in self.means.items())
        return f"Evaluation({means}; {how_many(self.n_queries, 'query')})"

    def __str__(self) -> str:
        width = max(map(len, self.per_query))
        rows = [
            f"{metric:<{width}}  {mean:.4f}  [{self.intervals[metric][0]:.4f}, {self.intervals[metric][1]:.4f}]"
            for metric, mean in self.means.items()
        ]
        counts = (
            f"{how_many(self.n_queries, 'query')}, {self.n_tied:,} with ties between different labels, "
            f"{self.n_single:,} with one document; in brackets: 95% bootstrap over queries"
        )
        notes = [textwrap.fill(note, 80, subsequent_indent="  ") for note in (self.convention, counts)]
        return "\n".join([*rows, *notes])

    def _describe_empty(self) -> str:
        if not self.n_empty:
            only_dcg = all(parse_metric(metric)[0] == "dcg" for metric in self.per_query)
            return "dcg is defined for each query" if only_dcg else "each query has a relevant document"
        fates: dict[str, list[str]] = {}
        for metric in self.per_query:
            if parse_metric(metric)[0] != "dcg":
                fates.setdefault(_COUNTS_AS[self._empty_of(metric)], []).append(metric)
        others = " (or, for opa, without two labels)" if any(map(_is_opa, self.per_query)) else ""
        whose = [fate if len(fates) == 1 else f"{fate} ({', '.join(metrics)})" for fate, metrics in fates.items()]
        number = f"{self.n_empty:,} of {self.n_queries:,}"
        return f"queries without a relevant document{others}: {number} {' and '.join(whose)}"

    def _empty_of(self, metric: str) -> str:
        return self.protocol.for_metric(parse_metric(metric)[0]).empty


def _is_opa(asked: str) -> bool:
    return parse_metric(asked)[0] == "opa"

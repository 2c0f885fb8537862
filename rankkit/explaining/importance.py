"""permutation_importance(): how much worse a scorer orders documents when it is lied to about one feature."""

import json
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, DataError
from rankkit.evaluation.matching import documents_for, feature_names_of, matched
from rankkit.evaluation.measuring import Judged, measure, metric_names
from rankkit.evaluation.names import Metric, check_rises, metric_name
from rankkit.evaluation.presets import resolve_protocol
from rankkit.evaluation.protocol import Protocol
from rankkit.evaluation.report import Evaluation
from rankkit.evaluation.scoring import score_documents
from rankkit.models.scorers import Scorer
from rankkit.numbers import how_many
from rankkit.statistics.bootstrap import bootstrap_means, percentile_intervals

if TYPE_CHECKING:
    import pandas as pd

Shuffled = Literal["documents", "queries", "nothing"]
_NOTES = {"documents": "", "queries": "  constant in each query: shuffled among queries", "nothing": "  constant"}


@dataclass(frozen=True, repr=False, eq=False)
class Importance:
    """What :func:`permutation_importance` returns; printing it gives the table.

    Args:
        names: ``[feature]``; "1", "2", ... where neither data nor scorer has names.
        drops: ``[feature]``: by how much the mean of the metric falls.
        low: ``[feature]``: lower end of the 95% bootstrap interval over queries.
        high: ``[feature]``: its upper end.
        shuffled: ``[feature]``: what each was shuffled among.
        metric: The metric, as asked.
        evaluation: Of the documents as they are.
        n_docs: How many documents were scored.
        n_queries_of: Queries of the data from which those were drawn.
        n_repeats: Shuffles of each feature.
        seed: Of the shuffles and of the draw.
    """

    names: tuple[str, ...]
    drops: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    shuffled: tuple[Shuffled, ...]
    metric: str
    evaluation: Evaluation
    n_docs: int
    n_queries_of: int
    n_repeats: int
    seed: int

    @property
    def baseline(self) -> float:
        """The mean of the metric with every feature as it is."""
        return self.evaluation.means[self.metric]

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """The features by place, the most important first; equals stay in their order."""
        return np.argsort(-self.drops, kind="stable")

    @property
    def convention(self) -> str:
        """What the numbers mean, which must stand wherever they do."""
        drawn = how_many(self.evaluation.n_queries, "query")
        if self.evaluation.n_queries < self.n_queries_of:
            drawn += f" drawn from {self.n_queries_of:,}"
        return (
            f"Drop: mean {self.metric} as it is, less the mean with the feature shuffled among the documents of each "
            f"query; {how_many(self.n_repeats, 'shuffle')}, seed {self.seed}; {drawn}, "
            f"{how_many(self.n_docs, 'document')}; in brackets: 95% bootstrap over queries. "
            f"{self.evaluation.convention}"
        )

    def to_pandas(self) -> "pd.DataFrame":
        """One row a feature, the most important first: feature, drop, low, high, shuffled."""
        import pandas as pd

        columns = {"feature": np.array(self.names, dtype=object), "drop": self.drops, "low": self.low}
        columns |= {"high": self.high, "shuffled_among": np.array(self.shuffled, dtype=object)}
        return pd.DataFrame({name: column[self.order] for name, column in columns.items()})

    def to_dict(self) -> dict[str, Any]:
        """Drops, intervals and conventions, of plain types; None stands for NaN."""
        features = [
            {name: None if value != value else value for name, value in row.items()}
            for row in self.to_pandas().to_dict("records")
        ]
        about = {"n_docs": self.n_docs, "n_queries_of": self.n_queries_of, "n_repeats": self.n_repeats}
        baseline = self.evaluation.to_dict()
        return {"metric": self.metric, "features": features, **about, "seed": self.seed, "evaluation": baseline}

    def to_json(self) -> str:
        """:meth:`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False)

    def table(self, n_features: int | None = None) -> str:
        """The table of the most important features, all of them unless told how many, with its conventions."""
        shown = self.order if n_features is None else self.order[:n_features]
        left = len(self.order) - len(shown)
        width = max([len("feature"), *(len(self.names[place]) for place in shown)])
        lines = [f"{'feature':<{width}}  drop"]
        for place in shown.tolist():
            interval = f"[{self.low[place]:+.4f}, {self.high[place]:+.4f}]"
            note = _NOTES[self.shuffled[place]]
            lines.append(f"{self.names[place]:<{width}}  {self.drops[place]:+.4f}  {interval}{note}")
        if left:
            lines.append(f"and {left:,} more, none of them above {self.drops[self.order[len(shown)]]:+.4f}")
        low, high = self.evaluation.intervals[self.metric]
        lines.append(f"{self.metric} as it is: {self.baseline:.4f}  [{low:.4f}, {high:.4f}]")
        return "\n".join([*lines, textwrap.fill(self.convention, 80, subsequent_indent="  ")])

    def __repr__(self) -> str:
        best = ", ".join(f"{self.names[place]}={self.drops[place]:+.4f}" for place in self.order[:3].tolist())
        return f"Importance({self.metric}={self.baseline:.4f}; {best}{', ...' if len(self.names) > 3 else ''})"

    def __str__(self) -> str:
        return self.table()


def permutation_importance(
    scorer: Scorer,
    data: Any,
    *,
    qids: Any | None = None,
    metric: Metric = "ndcg@10",
    n_repeats: int = 3,
    max_docs: int | None = None,
    protocol: str | Protocol = "rankkit",
    n_resamples: int = 1000,
    seed: int = 0,
    batch_docs: int = 65536,
    progress: bool = False,
) -> Importance:
    """Shuffle one feature at a time and measure how much the order of the documents suffers.

    Of columns that are no numbers all places are shuffled together: a category, a date, an embedding is one feature.

    A feature is shuffled among the documents of each query, since a ranking depends only on how documents of one query
    differ: shuffled over all queries, a feature that only says how hard a query is would seem important. A feature that
    is the same for all documents of a query is shuffled among queries, whole. Of features that say the same, each may
    seem unimportant, as the others stand in for it. A drop below zero is noise, or a feature that misleads.

    Every query has its own shuffle, so the bootstrap over queries covers the chance of the shuffles too.

    Args:
        scorer: A trained scorer.
        data: Documents with labels, best those that the scorer was not trained on. What :func:`evaluate` takes.
        qids: As of :func:`predict`.
        metric: Its name, or a function as ``rankkit.ndcg``.
        n_repeats: Shuffles of each feature, whose mean counts.
        max_docs: Draw whole queries of about so many documents in all; None: take all. The cost is that of scoring
            them ``n_features * n_repeats`` times.
        protocol: The conventions of the metric.
        n_resamples: Of the bootstrap.
        seed: Of shuffles and draws. The shuffles of a feature do not depend on the other features.
        batch_docs: About how many documents to score at once.
        progress: Show a bar where stderr is a terminal.

    Raises:
        DataError: If there are no labels, or the features are not those of the scorer.
        ConfigError: If the metric or protocol is unknown, or a number is out of range.

    Example:
        >>> import torch
        >>> from rankkit.data.synthetic import make_ranking
        >>> from rankkit.models.scorers import LinearScorer
        >>> data = make_ranking(20, n_features=2, seed=0)
        >>> scorer = LinearScorer(2, transform="none")
        >>> _ = scorer.output.weight.data.copy_(torch.tensor([[1.0, 0.0]]))  # the second feature plays no part
        >>> importance = permutation_importance(scorer, data)
        >>> bool(importance.drops[0] > 0.1), float(importance.drops[1])
        (True, 0.0)

    References:
        Breiman, *Random Forests*, Machine Learning 2001, section 10; Fisher, Rudin, Dominici, *All Models are Wrong,
        but Many are Useful*, Journal of Machine Learning Research 2019 (model reliance).
    """
    where = "permutation_importance"
    for name, value, least in (("n_repeats", n_repeats, 1), ("n_resamples", n_resamples, 1), ("max_docs", max_docs, 1)):
        if value is not None and value < least:
            raise ConfigError(f"{where}: expected {name} of {least} or more; got {value}. Leave it out.")
    data = documents_for(where, scorer, data, qids=qids, with_labels=True)
    if data.labels is None:
        raise DataError(f"{where}: expected documents with labels; got none. Read the data with its label column.")
    feature_names = feature_names_of(scorer, data)
    data = matched(where, scorer, data)
    columns = _columns_of(feature_names, data)
    metric = metric_name(where, metric)
    check_rises(where, metric)
    names, rules = metric_names(where, [metric]), resolve_protocol(protocol, None, None)
    n_queries_of = data.n_queries
    if max_docs is not None:
        data = draw_queries(data, max_docs, seed=seed)
    data = replace(data, features=np.array(data.features))

    labels = cast(NDArray[np.float32], data.labels)

    def measured() -> Evaluation:
        scores = score_documents(where, scorer, data, batch_docs=batch_docs)
        return measure(Judged(where, scores, labels, data.offsets, data.qids, data.doc_ids), names, rules)

    before = measured()
    drops = np.zeros((data.n_queries, len(columns)))
    shuffled: list[Shuffled] = []
    for feature in _shown(range(len(columns)), progress):
        place = columns[feature][1]
        column = data.features[:, place].copy()
        shuffled.append(_shuffled_among(column, data.offsets))
        if shuffled[-1] == "nothing":
            continue
        for repeat in range(n_repeats):
            draw = np.random.default_rng([seed, feature, repeat])
            data.features[:, place] = _shuffle(column, data.offsets, shuffled[-1], draw)
            drops[:, feature] += (before.counted(metric) - measured().counted(metric)) / n_repeats
        data.features[:, place] = column
    counts = ~np.isnan(before.counted(metric))
    low, high = percentile_intervals(bootstrap_means(drops, n_resamples=n_resamples, seed=seed))
    return Importance(
        tuple(name for name, _ in columns),
        drops[counts].mean(axis=0) if counts.any() else np.full(len(columns), np.nan),
        low,
        high,
        tuple(shuffled),
        metric,
        before,
        data.n_docs,
        n_queries_of,
        n_repeats,
        seed,
    )


def _columns_of(names: tuple[str, ...], data: RankingDataset) -> list[tuple[str, slice]]:
    """The features that are shuffled, each with its columns of the matrix: all of an embedding, a date, a text."""
    if data.schema is None:
        return [(name, slice(place, place + 1)) for place, name in enumerate(names)]
    return list(data.schema.spans.items())


def draw_queries(data: RankingDataset, max_docs: int, *, seed: int) -> RankingDataset:
    """Whole queries drawn without replacement while their documents stay within ``max_docs``, one at least; a copy."""
    order = np.random.default_rng(seed).permutation(data.n_queries)
    n_fitting = int(np.searchsorted(np.cumsum(data.list_sizes[order]), max_docs, side="right"))
    return data.select(np.sort(order[: max(1, n_fitting)]))


def _shuffled_among(column: NDArray[np.float32], offsets: NDArray[np.int64]) -> Shuffled:
    """What has different values ``[doc, place]`` of the feature: documents of one query, else queries, else nothing."""
    firsts = column[_first_of_query(offsets)]
    if not _equal(column, firsts).all():
        return "documents"
    return "nothing" if _equal(column, column[:1]).all() else "queries"


def _equal(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether values are the same, two missing ones included."""
    same: NDArray[np.bool_] = (left == right) | (np.isnan(left) & np.isnan(right))
    return same


def _first_of_query(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first document of the query of each document."""
    return np.repeat(offsets[:-1], np.diff(offsets))


def _shuffle(
    column: NDArray[np.float32], offsets: NDArray[np.int64], among: Shuffled, draw: np.random.Generator
) -> NDArray[np.float32]:
    if among == "documents":
        # Queries stand side by side, so sorting by query and then at random moves nothing out of its query.
        return column[np.lexsort((draw.random(len(column)), _first_of_query(offsets)))]
    sizes = np.diff(offsets)
    values = column[offsets[:-1][sizes > 0]]
    return np.repeat(values[draw.permutation(len(values))], sizes[sizes > 0], axis=0)


def _shown(features: Iterable[int], progress: bool) -> Iterator[int]:
    if not (progress and sys.stderr.isatty()):
        yield from features
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(features, "shuffling features", console=Console(stderr=True), transient=True)

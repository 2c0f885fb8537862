"""The one implementation under every metric: sort each list once, then read it.

:func:`rank_documents` turns flat scores and labels with offsets into a :class:`Ranking`; a *measure* reads a ranking
and gives one float64 a query. The public metrics are thin fronts for padded lists
(:mod:`rankkit.metrics.padded`); :func:`rankkit.evaluate` ranks once and takes any number of measures.

A list may be the top k of more: a :class:`Ranking` then also holds what was judged for the query, in the list or not,
and measures that speak of *all* relevant documents or of the best order read that.

Work is done on the CPU, by as many threads as torch uses when there are many documents; each list is summed by one
thread in rank order, so results do not depend on the number of threads.
"""

import inspect
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Literal, TypeVar, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rankkit.data.batch import pad
from rankkit.errors import ConfigError, DataError

Ties = Literal["pessimistic", "expected", "stable"]
Discount = Literal["log2", "letor", "reciprocal"]
Ideal = Literal["judged", "reachable", "found"]
ShortList = Literal["pad", "cut", "zero"]
BestOrder = Literal["judged", "filled"]
ShareOf = Literal["ranks", "reachable"]
Measure = Callable[..., NDArray[np.float64]]
Metric = TypeVar("Metric", bound=Callable[..., Tensor])

DOCS_PER_THREAD = 200_000
"""Fewer documents than this are not worth another thread."""


@dataclass(frozen=True)
class JudgedDocuments:
    """Every document that was judged for each query, in any order: those of query i are in its slice of offsets.

    Args:
        labels: float64 ``[doc]``.
        offsets: int64 ``[query + 1]``.
        weights: float64 ``[doc]``, or None: each counts the same.
    """

    labels: NDArray[np.float64]
    offsets: NDArray[np.int64]
    weights: NDArray[np.float64] | None = None

    def falling(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values ``[doc]`` of 0 or more, those of each query greatest first."""
        from rankkit.metrics import kernels

        falling = np.empty_like(values)
        on_lists(kernels.ideal_lists, self.offsets, values, falling)
        return falling


@dataclass(frozen=True)
class Ranking:
    """Lists in rank order: documents of query i are ``offsets[i]:offsets[i + 1]``, the best-scored first.

    Args:
        labels: float64 ``[doc]``.
        tied: ``[doc]``, True where a document is tied with the one before it and the order of the two is left open
            (``ties="expected"``): metrics then give the mean over all orders.
        offsets: int64 ``[query + 1]``.
        ties_matter: ``[query]``, True where documents of different label had the same score.
        beyond: What was judged, where lists do not hold all of it; None: they do.
        n_relevant: ``[query]``: how many documents are relevant, in the list or not, where that was said; None: those
            that were judged so.
        weights: float64 ``[doc]``, or None: each document counts the same.
        worst_first: ``[doc]``, True where a document is tied with the one before it and of the two the one that is
            worth less comes first, which only a measure can tell where documents have weights; None without weights.
    """

    labels: NDArray[np.float64]
    tied: NDArray[np.bool_]
    offsets: NDArray[np.int64]
    ties_matter: NDArray[np.bool_]
    beyond: JudgedDocuments | None = None
    n_relevant: NDArray[np.int64] | None = None
    weights: NDArray[np.float64] | None = None
    worst_first: NDArray[np.bool_] | None = None

    @property
    def n_queries(self) -> int:
        """How many queries."""
        return len(self.offsets) - 1

    @property
    def is_whole(self) -> bool:
        """Whether the lists are all that is known to be judged or relevant."""
        return self.beyond is None and self.n_relevant is None

    @property
    def judged(self) -> JudgedDocuments:
        """Every document that was judged."""
        return self.beyond or JudgedDocuments(self.labels, self.offsets, self.weights)

    @cached_property
    def max_label(self) -> float:
        """The greatest label of a judged document; 0 without documents."""
        return float(self.judged.labels.max(initial=0))

    @cached_property
    def ideal_labels(self) -> NDArray[np.float64]:
        """float64 ``[judged doc]``: the labels of all that was judged for each query, greatest first."""
        return self.judged.falling(self.judged.labels)

    def relevant_beside(self, where: str, relevant_from: float | int) -> NDArray[np.int64]:
        """int64 ``[query]``: how many relevant documents are not in the list.

        Raises:
            DataError: If fewer are said to be relevant than the list holds.
        """
        if self.is_whole:
            return np.zeros(self.n_queries, np.int64)
        in_list = count_from(self.labels, self.offsets, relevant_from)
        if self.n_relevant is None:
            return count_from(self.judged.labels, self.judged.offsets, relevant_from) - in_list
        if (self.n_relevant < in_list).any():
            query = int((self.n_relevant < in_list).argmax())
            raise DataError(
                f"{where}: expected n_relevant to count each relevant document, in the list or not; got "
                f"{self.n_relevant[query]} for query {query}, whose list holds {in_list[query]} of them. "
                "Count all that were judged relevant."
            )
        return self.n_relevant - in_list

    def zero_if_missed(
        self, where: str, values: NDArray[np.float64], relevant_from: float | int
    ) -> NDArray[np.float64]:
        """Values ``[query]`` that are NaN where the list holds nothing relevant, 0 where something else is relevant."""
        if self.is_whole:
            return values
        return np.where(np.isnan(values) & (self.relevant_beside(where, relevant_from) > 0), 0.0, values)

    def all_judged(self, where: str) -> JudgedDocuments:
        """:attr:`judged`, for a measure that needs the labels.

        Raises:
            DataError: If only the number of relevant documents is known.
        """
        if self.n_relevant is not None and self.beyond is None:
            raise DataError(
                f"{where}: expected the labels of all judged documents; got n_relevant alone. Pass the labels."
            )
        return self.judged

    def worst_order(self, worth: NDArray[np.float64]) -> NDArray[np.intp] | slice:
        """Places ``[doc]`` that put those of tied documents first that are worth less; a slice where they stand so."""
        if self.worst_first is None:
            return slice(None)
        run = np.cumsum(~self.worst_first)
        return np.lexsort((worth, run))


def count_from(
    labels: NDArray[np.float64], offsets: NDArray[np.int64], relevant_from: float | int
) -> NDArray[np.int64]:
    """int64 ``[query]``: how many labels are at least so great."""
    counted = np.concatenate([np.zeros(1, np.int64), np.cumsum(labels >= relevant_from)])
    return np.diff(counted[offsets])


def rank_documents(
    where: str,
    scores: NDArray[Any],
    labels: NDArray[Any],
    offsets: NDArray[np.int64],
    ties: str = "pessimistic",
    qids: Any = None,
    *,
    retrieved: NDArray[np.bool_] | None = None,
    judged: JudgedDocuments | None = None,
    n_relevant: NDArray[np.int64] | None = None,
    weights: NDArray[Any] | None = None,
) -> Ranking:
    """Sort the documents of each list by falling score.

    Args:
        where: The public function that was called, for messages.
        scores: ``[doc]``; float32 is compared as float32, everything else as float64.
        labels: ``[doc]``, graded relevance, 0 = not relevant.
        offsets: int64 ``[query + 1]``.
        ties: Documents of equal score: ``"pessimistic"`` least relevant first, ``"expected"`` order left open,
            ``"stable"`` in row order.
        qids: ``[query]``, to name a query in messages; its position without.
        retrieved: ``[doc]``, False for a document that was judged and not retrieved: it has no rank and gains nothing,
            but counts among all that was judged. None: False where the score is -inf.
        judged: Everything that was judged for each query, the documents of the list among it; None: just these.
        n_relevant: int64 ``[query]``: how many documents are relevant, in the list or not; None: those judged so.
        weights: ``[doc]``, 0 or more, for measures that take weights of documents.

    Raises:
        DataError: If a score is NaN, a label is NaN, infinite or negative, or ``judged`` lacks a document of a list.
        ConfigError: If ``ties`` is none of the three.
    """
    check_choice(where, "ties", ties, Ties)
    from rankkit.metrics import kernels

    scores = np.asarray(scores, dtype=np.float32 if scores.dtype in (np.float32, np.float16) else np.float64)
    labels = np.asarray(labels, dtype=np.float64)
    weights = None if weights is None else np.asarray(weights, dtype=np.float64)
    lowest = scores.min() if len(scores) else np.inf  # NaN where a score is
    _check_values(where, scores, lowest, labels, offsets, qids)
    if judged is not None:
        if weights is not None and judged.weights is None:
            raise DataError(
                f"{where}: expected weights of all judged documents; got those of the list alone. "
                "Put what was not retrieved into the list, with score -inf."
            )
        _check_judged(where, JudgedDocuments(labels, offsets), judged, qids)
    if retrieved is None and lowest == -np.inf:
        retrieved = scores > -np.inf
    if retrieved is not None and not retrieved.all():
        judged = judged or JudgedDocuments(labels, offsets, weights)
        scores, labels = scores[retrieved], labels[retrieved]
        weights = None if weights is None else weights[retrieved]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(retrieved)])[offsets]
    n_queries = len(offsets) - 1
    ranked, tied, matter = np.empty_like(labels), np.zeros(len(labels), np.bool_), np.zeros(n_queries, np.bool_)
    bits = scores.view(np.uint32 if scores.dtype == np.float32 else np.uint64)
    worst_first, left_open = ties == "pessimistic", ties == "expected"
    if weights is None:
        written = (ranked, tied, matter, np.empty(0, np.int64))
        on_lists(kernels.rank_lists, offsets, bits, labels, worst_first, left_open, *written)
        return Ranking(ranked, tied, offsets, matter, judged, n_relevant)
    rows = np.empty(len(labels), np.int64)
    on_lists(kernels.rank_lists, offsets, bits, labels, False, ties != "stable", ranked, tied, matter, rows)
    runs = tied if worst_first else None
    tied = np.zeros_like(tied) if worst_first else tied
    return Ranking(ranked, tied, offsets, matter, judged, n_relevant, weights[rows], runs)


def _check_judged(where: str, listed: JudgedDocuments, judged: JudgedDocuments, qids: Any) -> None:
    """Check that what was judged can hold the lists: for each document of a list one with as great a label."""
    if len(judged.labels) and not (judged.labels.min() >= 0 and judged.labels.max() < np.inf):
        raise DataError(
            f"{where}: expected judged labels of 0 or more; got {judged.labels.min():g} to {judged.labels.max():g}. "
            "Drop unjudged documents, or label them 0."
        )
    sizes, n_judged = np.diff(listed.offsets), np.diff(judged.offsets)
    lacking = sizes > n_judged
    if not lacking.any():
        places = np.arange(len(listed.labels)) + np.repeat(judged.offsets[:-1] - listed.offsets[:-1], sizes)
        greater = listed.falling(listed.labels) > judged.falling(judged.labels)[places]
        lacking[np.searchsorted(listed.offsets, np.flatnonzero(greater), side="right") - 1] = True
    if lacking.any():
        query = int(lacking.argmax())
        name = f"query {query}" if qids is None else f"qid {qids[query]}"
        raise DataError(
            f"{where}: expected judged labels of every document of the list and of those that it lacks; got "
            f"{n_judged[query]} for {name}, without some label of its list of {sizes[query]}. "
            "Add the list's own labels."
        )


def _check_values(
    where: str,
    scores: NDArray[Any],
    lowest: float | np.floating[Any],
    labels: NDArray[np.float64],
    offsets: NDArray[np.int64],
    qids: Any,
) -> None:
    def query_of(wrong: NDArray[np.bool_]) -> str:
        query = int(np.searchsorted(offsets, int(wrong.argmax()), side="right")) - 1
        return f"query {query}" if qids is None else f"qid {qids[query]}"

    if np.isnan(lowest):
        wrong = np.isnan(scores)
        raise DataError(
            f"{where}: expected a number as the score of each document; got NaN in {query_of(wrong)} "
            f"({int(wrong.sum())} in all). Look for NaN in the features or a scorer that diverged."
        )
    if len(labels) and not (labels.min() >= 0 and labels.max() < np.inf):
        wrong = ~((labels >= 0) & (labels < np.inf))
        raise DataError(
            f"{where}: expected labels of 0 or more; got {labels[wrong.argmax()]:g} in {query_of(wrong)} "
            f"({int(wrong.sum())} such in all). Drop unjudged documents, or label them 0."
        )


def on_lists(kernel: Callable[..., None], offsets: NDArray[np.int64], *arrays: Any) -> None:
    """Call ``kernel(offsets, first, last, *arrays)`` over all lists, shared out to threads when there are many."""
    n_queries, n_docs = len(offsets) - 1, int(offsets[-1])
    n_threads = min(torch.get_num_threads(), 1 + n_docs // DOCS_PER_THREAD)
    if n_threads == 1:
        kernel(offsets, 0, n_queries, *arrays)
        return
    bounds = np.searchsorted(offsets, np.linspace(0, n_docs, n_threads + 1)[1:-1])
    first_last = zip([0, *bounds.tolist()], [*bounds.tolist(), n_queries], strict=True)
    with ThreadPoolExecutor(n_threads) as threads:
        for done in [threads.submit(kernel, offsets, first, last, *arrays) for first, last in first_last]:
            done.result()


def cutoff(where: str, k: int | None) -> int:
    """The number of ranks that count: k, or all of them for None.

    Raises:
        ConfigError: If k is not a whole number of 1 or more.
    """
    if k is None:
        return int(np.iinfo(np.int64).max // 2)
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ConfigError(f"{where}: expected k to be 1 or more, or None for the whole list; got {k!r}. Pass such a k.")
    return int(k)


def check_choice(where: str, name: str, value: object, choices: Any) -> None:
    """Check that an option is one of the values of a ``Literal``.

    Raises:
        ConfigError: If it is not.
    """
    if value not in get_args(choices):
        known = ", ".join(repr(choice) for choice in get_args(choices))
        raise ConfigError(f"{where}: expected {name} to be one of {known}; got {value!r}. Pass one of them.")


def short_lists(ranking: Ranking, k: int | None) -> NDArray[np.bool_]:
    """``[query]``, True where there are fewer than k documents."""
    return np.zeros(ranking.n_queries, np.bool_) if k is None else np.diff(ranking.offsets) < k


def measured_by(
    measure: Measure, *, in_name: dict[str, Callable[[Any], None]] | None = None, falls: bool = False
) -> Callable[[Metric], Metric]:
    """Give a metric its flat form as the attribute ``measure``, which :func:`rankkit.evaluate` calls.

    A measure has the options of its metric without ``ties``: ``measure(ranking, *, k, ...) -> float64 [query]``.

    Args:
        measure: The flat form.
        in_name: The options that its name as text may hold, as in ``"rbp(p=0.8)"``, with what checks a value.
        falls: Whether it is lower the better the ranking.
    """

    def mark(metric: Metric) -> Metric:
        metric.measure = measure  # type: ignore[attr-defined]
        metric.in_name = in_name or {}  # type: ignore[attr-defined]
        metric.falls = falls  # type: ignore[attr-defined]
        return metric

    return mark


def measure_of(metric: Callable[..., Any]) -> Measure:
    """The flat form of a metric; of a function over padded lists alone, one that calls it.

    Such a function sees each list in rank order, with scores that fall from the first rank to the last, or are equal
    where the order of documents is left open, and gets ``ties`` where it takes it.
    """
    measure: Measure | None = getattr(metric, "measure", None)
    return measure if measure is not None else partial(_measured, metric)


def in_name_of(metric: Callable[..., Any]) -> Mapping[str, Callable[[Any], None]]:
    """The options that may stand in a metric's name, each with its check."""
    return getattr(metric, "in_name", {})


def falls(metric: Callable[..., Any]) -> bool:
    """Whether a metric is lower the better the ranking."""
    return bool(getattr(metric, "falls", False))


def _measured(metric: Callable[..., Any], ranking: Ranking, **options: Any) -> NDArray[np.float64]:
    taken = inspect.signature(metric).parameters
    if ranking.tied.any() and "ties" not in taken:
        raise ConfigError(
            f"{getattr(metric, '__name__', metric)}: expected a metric that takes ties, for documents whose order is "
            "left open (ties='expected'); got one without. Choose other ties, or take ties in it."
        )
    offsets = torch.from_numpy(ranking.offsets)
    # Documents that are tied share the score of the first of them.
    places = np.arange(len(ranking.labels))
    scores = -np.maximum.accumulate(np.where(ranking.tied, 0, places)).astype(np.float64)
    padded, mask = pad(torch.from_numpy(scores), offsets)
    labels, _ = pad(torch.from_numpy(ranking.labels), offsets)
    given = {name: value for name, value in options.items() if name in taken}
    ties = {"ties": "expected" if ranking.tied.any() else "stable"} if "ties" in taken else {}
    values = metric(padded, labels, mask, **given, **ties)
    return np.asarray(torch.as_tensor(values).double().numpy())

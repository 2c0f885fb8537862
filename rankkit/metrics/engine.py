"""The one implementation under every metric: sort each list once, then read it.

:func:`rank_documents` turns flat scores and labels with offsets into a :class:`Ranking`; a *measure* reads a ranking
and gives one float64 a query. The public metrics are thin fronts for padded lists: :func:`on_padded_lists` drops the
padding, ranks, measures. :func:`rankkit.evaluate` ranks once and takes any number of measures.

Work is done on the CPU, by as many threads as torch uses when there are many documents; each list is summed by one
thread in rank order, so results do not depend on the number of threads.
"""

import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Literal, TypeVar, get_args

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from rankkit.data.batch import pad, unpad
from rankkit.errors import ConfigError, DataError
from rankkit.ranking import check_lists, list_sizes

Ties = Literal["pessimistic", "expected", "stable"]
Discount = Literal["log2", "letor"]
Ideal = Literal["judged", "reachable"]
ShortList = Literal["pad", "cut", "zero"]
Measure = Callable[..., NDArray[np.float64]]
Metric = TypeVar("Metric", bound=Callable[..., Tensor])

DOCS_PER_THREAD = 200_000
"""Fewer documents than this are not worth another thread."""


@dataclass(frozen=True)
class Ranking:
    """Lists in rank order: documents of query i are ``offsets[i]:offsets[i + 1]``, the best-scored first.

    Args:
        labels: float64 ``[doc]``.
        tied: ``[doc]``, True where a document is tied with the one before it and the order of the two is left open
            (``ties="expected"``): metrics then give the mean over all orders.
        offsets: int64 ``[query + 1]``.
        ties_matter: ``[query]``, True where documents of different label had the same score.
    """

    labels: NDArray[np.float64]
    tied: NDArray[np.bool_]
    offsets: NDArray[np.int64]
    ties_matter: NDArray[np.bool_]

    @property
    def n_queries(self) -> int:
        """How many queries."""
        return len(self.offsets) - 1

    @cached_property
    def max_label(self) -> float:
        """The greatest label; 0 without documents."""
        return float(self.labels.max(initial=0))

    @cached_property
    def ideal_labels(self) -> NDArray[np.float64]:
        """float64 ``[doc]``: the labels of each list, greatest first."""
        from rankkit.metrics import kernels

        ideal = np.empty_like(self.labels)
        on_lists(kernels.ideal_lists, self.offsets, self.labels, ideal)
        return ideal


def rank_documents(
    where: str,
    scores: NDArray[Any],
    labels: NDArray[Any],
    offsets: NDArray[np.int64],
    ties: str = "pessimistic",
    qids: Any = None,
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

    Raises:
        DataError: If a score is NaN or a label is NaN, infinite or negative.
        ConfigError: If ``ties`` is none of the three.
    """
    check_choice(where, "ties", ties, Ties)
    from rankkit.metrics import kernels

    scores = np.asarray(scores, dtype=np.float32 if scores.dtype in (np.float32, np.float16) else np.float64)
    labels = np.asarray(labels, dtype=np.float64)
    _check_values(where, scores, labels, offsets, qids)
    n_queries = len(offsets) - 1
    ranking = Ranking(np.empty_like(labels), np.zeros(len(labels), np.bool_), offsets, np.zeros(n_queries, np.bool_))
    bits = scores.view(np.uint32 if scores.dtype == np.float32 else np.uint64)
    worst_first, left_open = ties == "pessimistic", ties == "expected"
    written = (ranking.labels, ranking.tied, ranking.ties_matter)
    on_lists(kernels.rank_lists, offsets, bits, labels, worst_first, left_open, *written)
    return ranking


def _check_values(
    where: str,
    scores: NDArray[Any],
    labels: NDArray[np.float64],
    offsets: NDArray[np.int64],
    qids: Any,
) -> None:
    def query_of(wrong: NDArray[np.bool_]) -> str:
        query = int(np.searchsorted(offsets, int(wrong.argmax()), side="right")) - 1
        return f"query {query}" if qids is None else f"qid {qids[query]}"

    if len(scores) and np.isnan(scores.max()):
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


def on_padded_lists(
    where: str,
    measure: Measure,
    scores: Tensor,
    labels: Tensor,
    mask: Tensor | None,
    ties: str,
    **options: Any,
) -> Float[Tensor, " query"]:
    """Drop the padding, rank, measure; float64 on the device of the scores."""
    mask = check_lists(where, scores, labels, mask)
    sizes = list_sizes(mask).cpu().numpy()
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    wide = scores.detach().to(torch.float64 if scores.dtype == torch.float64 else torch.float32)
    flat_scores, flat_labels = unpad(wide, mask).cpu().numpy(), unpad(labels.detach(), mask).double().cpu().numpy()
    ranking = rank_documents(where, flat_scores, flat_labels, offsets, ties)
    return torch.from_numpy(measure(ranking, **options)).to(scores.device)


def measured_by(measure: Measure) -> Callable[[Metric], Metric]:
    """Give a metric its flat form as the attribute ``measure``, which :func:`rankkit.evaluate` calls.

    A measure has the options of its metric without ``ties``: ``measure(ranking, *, k, ...) -> float64 [query]``.
    """

    def mark(metric: Metric) -> Metric:
        metric.measure = measure  # type: ignore[attr-defined]
        return metric

    return mark


def measure_of(metric: Callable[..., Any]) -> Measure:
    """The flat form of a metric; of a function over padded lists alone, one that calls it.

    Such a function sees each list in rank order, with scores that fall from the first rank to the last, or are equal
    where the order of documents is left open, and gets ``ties`` where it takes it.
    """
    measure: Measure | None = getattr(metric, "measure", None)
    return measure if measure is not None else partial(_measured, metric)


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

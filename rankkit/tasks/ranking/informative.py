"""Whether an objective can learn from training data at all: queries that teach it something are counted beforehand.

What an objective learns from is one of

``"documents"``  each document by itself, as pointwise objectives do: their attribute ``learns_from``;
``"grades"``     the order of documents of different label within a query;
``"relevance"``  the same of documents on both sides of ``relevant_from``, where the objective has that option;
``"clicks"``     clicked documents among others, as :class:`rankkit.DualLearning` does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import DataError
from rankkit.numbers import how_many
from rankkit.objectives import Objective
from rankkit.objectives.combination import WeightedSum
from rankkit.remarks import say

Mask = NDArray[np.bool_]

_LITTLE = 0.9
"""From this share of queries that teach nothing on, it is said."""

_OF_PAIRS = tuple(
    f"rankkit.objectives.{name}"
    for name in (
        *("pairs.pairwise", "pairs.lambdarank", "pairs.lambdaloss"),
        *("documents.circle", "lists.graded_circle", "ranks.yeti"),
    )
)
"""The modules of objectives whose weights of documents make weights of pairs of different label."""

_WHAT_TO_DO = {
    "one document": "Give documents that compete with each other one qid, or train with 'bce' or 'mse', which learn "
    "from single documents.",
    "one label": "Check the label column.",
    "weight 0": "Give some query with different labels a weight above 0.",
    "no click": "Train on lists with clicks.",
}


@dataclass(frozen=True)
class Need:
    """What an objective learns from.

    Args:
        learns_from: One of the words above, or None: it is an objective of one's own, of which nothing is known.
        relevant_from: The least label that is relevant, where the objective knows two sides only.
        is_of_pairs: Whether a pair of documents weighs as much as both together, so that one of weight 0 is in none.
    """

    learns_from: str | None
    relevant_from: float | None = None
    is_of_pairs: bool = field(default=False, repr=False)


NEEDS_GRADES = Need("grades")


def needs_of(objective: Callable[..., Any]) -> list[Need]:
    """What an objective learns from; of a weighted sum, what each part does.

    >>> from rankkit.objectives import approx_mrr_loss, bce_loss, ranknet_loss
    >>> needs_of(ranknet_loss), needs_of(Objective(approx_mrr_loss, relevant_from=2.0))
    ([Need(learns_from='grades', relevant_from=None)], [Need(learns_from='relevance', relevant_from=2.0)])
    >>> needs_of(bce_loss), needs_of(print)
    ([Need(learns_from='documents', relevant_from=1.0)], [Need(learns_from=None, relevant_from=None)])
    """
    options: dict[str, Any] = {}
    inner: Any = objective
    while isinstance(inner, partial | Objective):
        if isinstance(inner, Objective):
            inner, options = inner.function, {**inner.options, **options}
        else:
            inner, options = inner.func, {**inner.keywords, **options}
    if isinstance(inner, WeightedSum):
        return [need for part in inner.parts for need in needs_of(part)]
    declared = getattr(inner, "learns_from", None)
    if declared is None and not str(getattr(inner, "__module__", "")).startswith("rankkit."):
        return [Need(None)]
    parameters = signature(inner).parameters
    is_of_pairs = getattr(inner, "__module__", "") in _OF_PAIRS and "ties" not in options
    if "relevant_from" not in parameters or options.get("max_label") is not None:
        return [Need(declared or "grades", is_of_pairs=is_of_pairs)]
    relevant_from = float(options.get("relevant_from", parameters["relevant_from"].default))
    return [Need(declared or "relevance", relevant_from, is_of_pairs)]


def teaching_queries(data: RankingDataset, need: Need) -> Mask:
    """The queries whose gradient can differ from zero: bool ``[query]``.

    Args:
        data: With labels.
        need: Of the objective; None of its words counts as ``"grades"``.

    >>> from rankkit.loaders.tables.given_arrays import from_arrays
    >>> data = from_arrays(np.zeros((5, 1)), [0, 2, 1, 2, 2], ["a", "a", "b", "c", "c"])
    >>> teaching_queries(data, Need("grades")), teaching_queries(data, Need("documents"))
    (array([ True, False, False]), array([ True,  True,  True]))
    """
    return np.asarray(_reasons(data, need) == "")


def check_informative(
    where: str,
    name: str,
    objective: Callable[..., Tensor] | Need,
    train: RankingDataset,
    valid: RankingDataset | None = None,
) -> None:
    """Say before training that nothing, or little, can be learnt.

    A warning is said where at most a tenth of the queries teach the objective something, where a pointwise objective
    can learn a number but no order, and where validation data cannot tell epochs apart.

    Args:
        where: For messages.
        name: Of the objective or the system.
        objective: What trains, or what that learns from.
        train: Training data with labels.
        valid: Validation data with labels, or None.

    Raises:
        DataError: If no query can teach the objective anything.
    """
    needs = [objective] if isinstance(objective, Need) else needs_of(objective)
    name = name.removesuffix("_loss")
    reasons = [_reasons(train, need) for need in needs]
    teaches = np.any([found == "" for found in reasons], axis=0)
    known = all(need.learns_from is not None for need in needs)
    if not teaches.any():
        found, action = _counted(reasons[0]), _action(reasons[0])
        if known:
            raise DataError(
                f"{where}: expected queries that teach {name} something, {_wanted(needs[0])}; "
                f"got {_how_many(train)}: {found}. {action}"
            )
        say(
            f"{where}: no query has documents of different labels, so {name} learns nothing if it compares them. "
            + action
        )
    elif known and (n_dull := int((~teaches).sum())) >= _LITTLE * train.n_queries:
        say(
            f"{where}: {n_dull:,} of {train.n_queries:,} training queries teach {name} nothing "
            f"({_counted(reasons[0][~teaches])}): it learns from the other {int(teaches.sum()):,} alone."
        )
    elif known:
        _say_if_alike(where, name, needs, train)
    if valid is not None and not teaching_queries(valid, NEEDS_GRADES).any():
        say(
            f"{where}: no validation query has documents of different labels, so all epochs look equally good and the "
            "first is kept. Pass other validation data, or none: the last epoch is kept then."
        )


def _say_if_alike(where: str, name: str, needs: list[Need], train: RankingDataset) -> None:
    """Of objectives that learn from single documents: whether all these have one target."""
    labels = _labels(train)
    for need in needs:
        targets = labels if need.relevant_from is None else labels >= need.relevant_from
        if (targets != targets[0]).any():
            return
    least, most = float(labels.min()), float(labels.max())
    side = "below" if needs[0].relevant_from is not None and most < needs[0].relevant_from else "at least"
    alike = f"are {least:g}" if least == most else f"are {side} relevant_from={needs[0].relevant_from:g}"
    say(
        f"{where}: all {len(labels):,} labels {alike}, so {name} learns one number but no order. "
        "Check the label column."
    )


def _reasons(data: RankingDataset, need: Need) -> NDArray[np.str_]:
    """Why a query teaches nothing, in a word or two; "" where it does teach: ``[query]``."""
    sizes, labels = data.list_sizes, _labels(data)
    low, high = _extremes(labels, data)
    reasons = np.full(data.n_queries, "", dtype="U40")
    if need.learns_from == "documents":
        reasons[sizes == 0] = "no document"
    elif need.learns_from == "clicks":
        reasons[~(high > 0)] = "no click"
        reasons[sizes <= 1] = "one document"
    else:
        if need.learns_from == "relevance" and need.relevant_from is not None:
            reasons[low >= need.relevant_from] = f"no label below {need.relevant_from:g}"
            reasons[high < need.relevant_from] = f"no label of {need.relevant_from:g} or more"
        reasons[low == high] = "one label"
        reasons[sizes <= 1] = "one document"
    if data.weights is not None:
        weights = data.weights if data.weights_per == "query" else _extremes(data.weights, data)[1]
        reasons[(reasons == "") & (weights == 0)] = "weight 0"
        if data.weights_per == "doc" and need.is_of_pairs:
            reasons[(reasons == "") & ~_has_a_pair(data, labels, need)] = "weight 0"
    return reasons


def _has_a_pair(data: RankingDataset, labels: NDArray[np.float32], need: Need) -> Mask:
    """The queries with two documents of different label, both of a weight above 0."""
    targets = labels if need.relevant_from is None else (labels >= need.relevant_from).astype(np.float32)
    low = _extremes(np.where(data.weights == 0, np.float32(np.inf), targets), data)[0]
    high = _extremes(np.where(data.weights == 0, np.float32(-np.inf), targets), data)[1]
    return np.asarray(low < high)


def _extremes(values: NDArray[np.float32], data: RankingDataset) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The least and the greatest value of each query, NaN of those without documents."""
    filled = data.list_sizes > 0
    low = np.full(data.n_queries, np.nan, np.float32)
    high = low.copy()
    if filled.any():
        starts = data.offsets[:-1][filled]
        low[filled], high[filled] = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    return low, high


def _labels(data: RankingDataset) -> NDArray[np.float32]:
    if data.labels is None:
        raise DataError(f"fit: expected labels; got {data!r}. Load it with its label column.")
    return data.labels


def _wanted(need: Need) -> str:
    if need.learns_from == "clicks":
        return "with a click and several documents"
    if need.learns_from == "relevance":
        return f"with labels on both sides of relevant_from={need.relevant_from:g}"
    return "with a document" if need.learns_from == "documents" else "with documents of different labels"


def _counted(reasons: NDArray[np.str_]) -> str:
    found, counts = np.unique(reasons[reasons != ""], return_counts=True)
    if len(found) == 1:
        return f"all with {found[0]}"
    order = np.argsort(-counts, kind="stable")
    return ", ".join(f"{counts[i]:,} with {found[i]}" for i in order)


def _action(reasons: NDArray[np.str_]) -> str:
    found, counts = np.unique(reasons, return_counts=True)
    most = str(found[counts.argmax()]) if len(found) else ""
    return _WHAT_TO_DO.get(
        most, "Set relevant_from to a label between, or train with 'lambdarank', which learns from grades."
    )


def _how_many(data: RankingDataset) -> str:
    if data.n_docs == 1:
        return "1 sample"  # in the word that scikit-learn's users know
    return how_many(data.n_queries, "query")

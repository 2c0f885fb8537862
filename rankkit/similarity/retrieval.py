"""Retrieval: each example asks for the others of its class, measured by the rankers' own metrics."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from rankkit.distances import Distance
from rankkit.errors import ConfigError, DataError
from rankkit.evaluation.measuring import Judged, measure, metric_names
from rankkit.evaluation.presets import resolve_protocol
from rankkit.evaluation.protocol import Protocol
from rankkit.evaluation.report import Evaluation
from rankkit.similarity.comparing import as_classes, as_rows, distance_for, of_one_kind, score_blocks


def evaluate_retrieval(
    embeddings: ArrayLike | Tensor,
    labels: ArrayLike | Tensor,
    metrics: Sequence[str] = ("map_at_r", "hit_rate@1", "mrr"),
    *,
    distance: str | Distance,
    gallery: ArrayLike | Tensor | None = None,
    gallery_labels: ArrayLike | Tensor | None = None,
    ids: ArrayLike | None = None,
    protocol: str | Protocol = "rankkit",
    empty: str | None = "skip",
    ties: str | None = None,
    chunk_size: int = 1024,
) -> Evaluation:
    """Rank the gallery for each anchor by distance and measure how far up its own class stands.

    An anchor is a query; the gallery is its list of documents; those of its class are relevant (label 1). Without a
    gallery the anchors are each other's: an anchor is never found as its own neighbour, another example with the same
    embedding is. The values are those of the whole gallery, never of a sample.

    What papers on metric learning call Recall@k is ``hit_rate@k`` here (is one of the class among the k nearest?);
    ``recall@k`` is the share of the class that is.

    An anchor whose class has no other example cannot be answered: it is left out of the means, as in other tools,
    and the report says how many there are; ``empty="zero"`` counts it as 0, which is what rankers do. Neighbours of
    equal distance stand as the protocol says, those of other classes first unless told otherwise, so that a constant
    embedding wins nothing.

    >>> report = evaluate_retrieval([[0.0], [0.1], [1.0], [1.2]], [0, 0, 1, 1], distance="euclidean")
    >>> report.means
    {'map_at_r': 1.0, 'hit_rate@1': 1.0, 'mrr': 1.0}

    Args:
        embeddings: ``[n, n_dims]``, of the anchors.
        labels: ``[n]``: a class, number or text, of each.
        metrics: Names of metrics, as ``"map_at_r"``, ``"r_precision"``, ``"hit_rate@1"``, ``"ndcg@10"``.
        distance: Name or object; an encoder's is ``encoder.distance``.
        gallery: ``[m, n_dims]``: what to look in, disjoint from the anchors; None: the anchors.
        gallery_labels: ``[m]``.
        ids: ``[n]``: what to call the anchors in the report, all different; None: their rows.
        protocol: The conventions, by name or as a :class:`rankkit.Protocol`.
        empty: In place of the protocol's: ``"skip"``, ``"zero"``, ``"one"``, ``"error"``; None: the protocol's.
        ties: In place of the protocol's: ``"pessimistic"``, ``"expected"`` or ``"stable"`` (order of the gallery).
        chunk_size: Anchors at one time; fewer where that would hold more than 4 million distances in memory.

    Returns:
        An :class:`rankkit.Evaluation`; one "query" an anchor.

    Raises:
        ConfigError: If a metric, a protocol or a distance is unknown, the protocol takes only labels above 1 for
            relevant, or only one of gallery and its labels is given.
        ShapeError: If the shapes do not fit.
        DataError: If an embedding or a distance is not finite, no anchor can be answered, or one cannot and ``empty``
            is ``"error"``.
    """
    where = "evaluate_retrieval"
    if (gallery is None) != (gallery_labels is None):
        raise ConfigError(f"{where}: expected gallery and gallery_labels, or neither; got one of them. Pass both.")
    rules, names = resolve_protocol(protocol, empty, ties), metric_names(where, metrics)
    if rules.relevant_from > 1:
        raise ConfigError(
            f"{where}: expected a protocol that takes label 1, the same class, for relevant; got {rules.name}, from "
            f"label {rules.relevant_from:g}. Leave protocol out."
        )
    rows = as_rows(where, "embeddings", embeddings)
    classes = as_classes(where, "labels", labels, len(rows))
    measured_with, rows = distance_for(distance, rows)
    others, other_classes = rows, classes
    if gallery is not None and gallery_labels is not None:
        others = as_rows(where, "gallery", gallery).to(rows.device)
        other_classes = as_classes(where, "gallery_labels", gallery_labels, len(others))
        of_one_kind(where, classes, other_classes)
    elif len(rows) < 2:
        raise DataError(f"{where}: expected at least two examples; got {len(rows)}. Pass more, or a gallery.")
    qids = np.arange(len(rows)) if ids is None else as_classes(where, "ids", ids, len(rows))
    if len(np.unique(qids)) < len(qids):
        raise DataError(
            f"{where}: expected ids that are all different; got {len(np.unique(qids))} for {len(qids)} anchors. "
            "Name each example once."
        )
    _check_answerable(where, classes, other_classes, gallery is None, rules, qids)
    # Labels are 0 and 1: a block without a relevant document must not be taken for a scale without grades.
    rules = replace(rules, max_label=1.0) if rules.max_label is None else rules
    codes = np.unique(np.concatenate([classes, other_classes]), return_inverse=True)[1].astype(np.int32)
    own_codes, other_codes = codes[: len(rows)], codes[len(rows) :]
    size = len(others) - int(gallery is None)
    parts = []
    for block in score_blocks(where, rows, others, measured_with, chunk_size):
        scores, same = block.values.cpu().numpy(), own_codes[block.first : block.last, None] == other_codes[None, :]
        if gallery is None:
            scores, same = _without_self(scores, block.first), _without_self(same, block.first)
        offsets = np.arange(block.last - block.first + 1, dtype=np.int64) * size
        flat = scores.reshape(-1), same.reshape(-1)
        judged = Judged(where, *flat, offsets, qids[block.first : block.last], None)
        parts.append(measure(judged, names, rules))
    return Evaluation(
        per_query={name: np.concatenate([part.per_query[name] for part in parts]) for name in names},
        qids=qids,
        protocol=parts[0].protocol,
        n_tied=sum(part.n_tied for part in parts),
        n_single=sum(part.n_single for part in parts),
    )


def _without_self(values: NDArray[Any], first: int) -> NDArray[Any]:
    """``[n, m]`` to ``[n, m - 1]``: row i without its place ``first + i``."""
    left = np.empty((values.shape[0], values.shape[1] - 1), values.dtype)
    for row in range(len(values)):
        own = first + row
        left[row, :own], left[row, own:] = values[row, :own], values[row, own + 1 :]
    return left


def lone_anchors(classes: NDArray[Any], other_classes: NDArray[Any], among_themselves: bool) -> NDArray[np.bool_]:
    """``[n]``, True where no (other) example of the anchor's class can be found."""
    known, counts = np.unique(other_classes, return_counts=True)
    if not among_themselves:
        return ~np.isin(classes, known)
    return np.isin(classes, known[counts < 2])


def _check_answerable(
    where: str,
    classes: NDArray[Any],
    other_classes: NDArray[Any],
    among_themselves: bool,
    rules: Protocol,
    qids: NDArray[Any],
) -> None:
    lone = lone_anchors(classes, other_classes, among_themselves)
    if lone.all():
        raise DataError(
            f"{where}: expected an anchor with another example of its class to find; got {len(lone)} anchors and none. "
            "Check that labels are classes, not ids."
        )
    if rules.empty == "error" and lone.any():
        raise DataError(
            f"{where}: expected another example of each anchor's class (empty='error'); got none for "
            f"{int(lone.sum())} of {len(lone)}, first {qids[lone.argmax()]}. Drop them, or pass empty='skip'."
        )

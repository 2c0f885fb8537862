"""evaluate() and evaluate_scores(): rank the documents of each query once, then take every metric."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from rankkit.data.grouping import group_rows
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.text_ids import Ids, TextIds, as_ids, id_texts, sorted_places
from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.evaluation.matching import documents_for
from rankkit.evaluation.names import Metric, metric_name, parse_metric
from rankkit.evaluation.presets import resolve_protocol
from rankkit.evaluation.protocol import Protocol
from rankkit.evaluation.report import Evaluation
from rankkit.evaluation.scoring import score_documents
from rankkit.metrics import Ranking, rank_documents
from rankkit.metrics.engine import measure_of
from rankkit.models.scorers import Scorer
from rankkit.registry import METRICS


def evaluate(
    scorer: Scorer,
    data: Any,
    metrics: Metric | Sequence[Metric] = ("ndcg@10", "mrr@10"),
    *,
    qids: Any | None = None,
    protocol: str | Protocol = "rankkit",
    empty: str | None = None,
    ties: str | None = None,
    device: torch.device | str | None = None,
    batch_docs: int = 65536,
) -> Evaluation:
    """Score the documents and measure how well they are ordered. Weights of queries and documents play no part.

    >>> from rankkit.data.synthetic import make_ranking
    >>> from rankkit.models.scorers import LinearScorer
    >>> data = make_ranking(20, n_features=4, seed=0)
    >>> list(evaluate(LinearScorer(4, transform="none"), data, ["ndcg@10", "map"]).means)
    ['ndcg@10', 'map']

    Args:
        scorer: A scorer; its training flags and its device are afterwards as before.
        data: Documents with labels: a :class:`RankingDataset`, or a data frame or Arrow table with a column of labels
            named as in the training data.
        qids: With a table: one query id a row, or the name of their column; None: the column of the training data.
        metrics: Names, as ``"ndcg@10"`` or ``"map"``, or functions, as ``rankkit.ndcg``.
        protocol: The conventions, by name or as a :class:`Protocol`.
        empty: In place of the protocol's: ``"zero"``, ``"skip"``, ``"one"`` or ``"error"``.
        ties: In place of the protocol's: ``"pessimistic"``, ``"expected"``, ``"stable"`` or ``"trec"``.
        device: Where to score; None: where the scorer is. Metrics are computed on the CPU.
        batch_docs: About how many documents to score at once.

    Raises:
        DataError: If there are no labels or no queries, the features are not those of the scorer, a score
            is NaN, or a query has no relevant document and ``empty`` is ``"error"``.
        ConfigError: If a metric, protocol, empty or ties is unknown.
    """
    rules, names = resolve_protocol(protocol, empty, ties), metric_names("evaluate", metrics)
    documents = documents_for("evaluate", scorer, data, qids=qids, with_labels=True)
    return measure(judged_documents("evaluate", scorer, documents, device, batch_docs), names, rules)


def evaluate_scores(
    scores: ArrayLike | torch.Tensor,
    labels: ArrayLike | torch.Tensor,
    *,
    qids: ArrayLike | torch.Tensor,
    metrics: Metric | Sequence[Metric] = ("ndcg@10", "mrr@10"),
    doc_ids: ArrayLike | None = None,
    protocol: str | Protocol = "rankkit",
    empty: str | None = None,
    ties: str | None = None,
) -> Evaluation:
    """Measure how well scores order documents, whatever made them.

    >>> report = evaluate_scores([3, 2, 1], [0, 2, 1], qids=["a", "a", "a"], metrics=["ndcg@10", "mrr"])
    >>> print(report)
    ndcg@10  0.6590  [0.6590, 0.6590]
    mrr      0.5000  [0.5000, 0.5000]
    rankkit: gain 2^label - 1, discount 1/log2(1 + rank), relevant from label 1,
      ties pessimistic; each query has a relevant document
    1 queries, 0 with ties between different labels, 0 with one document; in
      brackets: 95% bootstrap over queries

    Args:
        scores: One a document, in any row order.
        labels: One a document, graded relevance, 0 = not relevant.
        qids: One a document; documents of one query need not stand together.
        metrics: Names, as ``"ndcg@10"`` or ``"map"``, or functions, as ``rankkit.ndcg``.
        doc_ids: One a document, for ``ties="trec"``.
        protocol: The conventions, by name or as a :class:`Protocol`.
        empty: In place of the protocol's: ``"zero"``, ``"skip"``, ``"one"`` or ``"error"``.
        ties: In place of the protocol's: ``"pessimistic"``, ``"expected"``, ``"stable"`` or ``"trec"``.

    Raises:
        ShapeError: If there is not one score, label and qid a document.
        DataError: If there are no documents, a score or label is no number, a label is negative, or a query has no
            relevant document and ``empty`` is ``"error"``.
        ConfigError: If a metric, protocol, empty or ties is unknown, or ``ties="trec"`` comes without doc ids.
    """
    where = "evaluate_scores"
    rules, names = resolve_protocol(protocol, empty, ties), metric_names(where, metrics)
    columns: dict[str, Any] = {"scores": _array(scores), "labels": _array(labels), "qids": _ids(qids)}
    if doc_ids is not None:
        columns["doc_ids"] = _ids(doc_ids)
    _check_columns(where, columns)
    offsets, query_ids, rows = group_rows(columns["qids"], regroup=True)
    if rows is not None:
        columns = {name: column[rows] for name, column in columns.items()}
    ids = columns.get("doc_ids")
    return measure(Judged(where, columns["scores"], columns["labels"], offsets, query_ids, ids), names, rules)


def _array(values: ArrayLike | torch.Tensor) -> NDArray[Any]:
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        values = values.float() if values.dtype == torch.bfloat16 else values
    return np.asarray(values)


def _ids(values: ArrayLike | torch.Tensor) -> Ids:
    try:
        return _array(values) if isinstance(values, torch.Tensor) else as_ids(values)
    except (TypeError, ValueError):  # ids of another kind tell documents apart as well
        array = _array(values)
        return array if array.dtype.kind in "fiub" or array.ndim != 1 else TextIds(str(value) for value in array)


def _check_columns(where: str, columns: dict[str, Any]) -> None:
    shapes = {name: column.shape for name, column in columns.items()}
    if len(set(shapes.values())) > 1 or len(shapes["scores"]) != 1:
        got = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ShapeError(
            f"{where}: expected one value a document in each of {', '.join(shapes)}; got {got}. Align them."
        )
    for name in ("scores", "labels"):
        if columns[name].dtype.kind not in "fiub":
            raise DataError(f"{where}: expected numbers as {name}; got {columns[name].dtype}. Convert them to floats.")


@dataclass(frozen=True)
class Judged:
    """Documents with scores and labels, those of one query side by side.

    Args:
        where: The public function that was called, for messages.
        scores: ``[doc]``.
        labels: ``[doc]``.
        offsets: int64 ``[query + 1]``.
        qids: ``[query]``.
        doc_ids: ``[doc]``, or None.
    """

    where: str
    scores: NDArray[Any]
    labels: NDArray[Any]
    offsets: NDArray[np.int64]
    qids: Ids
    doc_ids: Ids | None


def judged_documents(
    where: str, scorer: Scorer, data: RankingDataset, device: torch.device | str | None, batch_docs: int
) -> Judged:
    """Score documents that have labels.

    Raises:
        DataError: If they have none.
    """
    if data.labels is None:
        raise DataError(
            f"{where}: expected documents with labels; got none. Name the column with label=, or use rankkit.predict()."
        )
    scores = score_documents(where, scorer, data, device=device, batch_docs=batch_docs)
    return Judged(where, scores, data.labels, data.offsets, data.qids, data.doc_ids)


def metric_names(where: str, metrics: Metric | Sequence[Metric]) -> dict[str, tuple[str, int | None]]:
    """Each name as asked, with metric and cutoff.

    Raises:
        ConfigError: If there is none, or one is unknown.
    """
    given = [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
    names = [metric_name(where, metric) for metric in given]
    if not names:
        raise ConfigError(f"{where}: expected at least one metric; got none. Pass metrics=['ndcg@10'].")
    return {name: parse_metric(name) for name in names}


def measure(judged: Judged, metrics: dict[str, tuple[str, int | None]], protocol: Protocol) -> Evaluation:
    """Rank each list once under a protocol, then take every metric."""
    where, qids = judged.where, judged.qids
    if not len(qids):
        raise DataError(f"{where}: expected at least one query; got none. Check the data that was read.")
    ranking = _rank(judged, protocol)
    if protocol.max_label is None and any(name == "err" for name, _ in metrics.values()):
        protocol = replace(protocol, max_label=ranking.max_label or None)
    per_query = {}
    for asked, (name, k) in metrics.items():
        read = measure_of(METRICS[name])
        per_query[asked] = read(ranking, k=k or protocol.default_k, **protocol.options_of(name))
        undefined = np.isnan(per_query[asked])
        if protocol.for_metric(name).empty == "error" and undefined.any():
            raise DataError(
                f"{where}: expected a relevant document in each query (empty='error'); got none in "
                f"{int(undefined.sum())} of {len(qids)} for {asked}, first qid {qids[undefined.argmax()]}. "
                "Drop such queries, or pass empty='zero', 'skip' or 'one'."
            )
    n_single = int((np.diff(judged.offsets) == 1).sum())
    return Evaluation(per_query, qids, protocol, n_tied=int(ranking.ties_matter.sum()), n_single=n_single)


def _rank(judged: Judged, protocol: Protocol) -> Ranking:
    where, scores, offsets, qids = judged.where, judged.scores, judged.offsets, judged.qids
    if protocol.score_dtype != "given":
        scores = scores.astype(protocol.score_dtype)
    if protocol.ties != "trec":
        return rank_documents(where, scores, judged.labels, offsets, protocol.ties, qids)
    if judged.doc_ids is None:
        raise ConfigError(
            f"{where}: expected doc ids, by which ties='trec' orders; got none. Pass doc_ids or other ties."
        )
    places = sorted_places(id_texts(judged.doc_ids))
    query_of_doc = np.repeat(np.arange(len(qids)), np.diff(offsets))
    by_id = np.lexsort((-places, query_of_doc))
    return rank_documents(where, scores[by_id], judged.labels[by_id], offsets, "stable", qids)

"""evaluate() and evaluate_scores(): rank the documents of each query once, then take every metric."""

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from rankkit.data.grouping import group_rows
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.text_ids import Ids, TextIds, as_ids, id_texts, join_ids, no_ids, sorted_places
from rankkit.data.weights import Weights
from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.evaluation.matching import documents_for
from rankkit.evaluation.names import Metric, NamedMetric, metric_name, read_metric_name
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
    weighted: bool = False,
    device: torch.device | str | None = None,
    batch_docs: int = 65536,
) -> Evaluation:
    """Score the documents and measure how well they are ordered.

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
        weighted: Count queries by the weights of the data, or the gains of documents where they are theirs. Without
            it weights play no part.
        device: Where to score; None: where the scorer is. Metrics are computed on the CPU.
        batch_docs: About how many documents to score at once.

    Raises:
        DataError: If there are no labels or no queries, the features are not those of the scorer, a score
            is NaN, a query has no relevant document and ``empty`` is ``"error"``, or ``weighted`` finds no weights.
        ConfigError: If a metric, protocol, empty or ties is unknown, or a metric takes no weights of documents.
    """
    rules, names = resolve_protocol(protocol, empty, ties), metric_names("evaluate", metrics)
    documents = documents_for("evaluate", scorer, data, qids=qids, with_labels=True)
    weights = _weights_of("evaluate", documents) if weighted else None
    judged = judged_documents("evaluate", scorer, documents, device, batch_docs)
    return measure(replace(judged, weights=weights), names, rules)


def _weights_of(where: str, data: RankingDataset) -> Weights:
    if data.weights is None or data.weights_per is None:
        raise DataError(
            f"{where}: expected data with weights (weighted=True); got none. Name their column when reading, with "
            "weight= or query_weight=."
        )
    return Weights(data.weights, data.weights_per)


def evaluate_scores(
    scores: ArrayLike | torch.Tensor,
    labels: ArrayLike | torch.Tensor,
    *,
    qids: ArrayLike | torch.Tensor,
    metrics: Metric | Sequence[Metric] = ("ndcg@10", "mrr@10"),
    doc_ids: ArrayLike | None = None,
    unretrieved_labels: ArrayLike | torch.Tensor | None = None,
    unretrieved_qids: ArrayLike | torch.Tensor | None = None,
    weights: Weights | None = None,
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
    1 query, 0 with ties between different labels, 0 with one document; in
      brackets: 95% bootstrap over queries

    A document that was judged and not retrieved has no rank and gains nothing, but counts in the best order and among
    the relevant documents: give it a score of -inf, or pass its label in ``unretrieved_labels``.

    Args:
        scores: One a document, in any row order.
        labels: One a document, graded relevance, 0 = not relevant.
        qids: One a document; documents of one query need not stand together.
        metrics: Names, as ``"ndcg@10"`` or ``"map"``, or functions, as ``rankkit.ndcg``.
        doc_ids: One a document, for ``ties="trec"``.
        unretrieved_labels: One for each document that was judged and is not among the scores.
        unretrieved_qids: One for each of these; a query that comes only here retrieved nothing.
        weights: One a query, in the order in which they first come in ``qids`` and then ``unretrieved_qids``: means are
            weighted; or one a document: gains are, in metrics that take such weights (dcg, ndcg, opa, arp).
        protocol: The conventions, by name or as a :class:`Protocol`.
        empty: In place of the protocol's: ``"zero"``, ``"skip"``, ``"one"`` or ``"error"``.
        ties: In place of the protocol's: ``"pessimistic"``, ``"expected"``, ``"stable"`` or ``"trec"``.

    Raises:
        ShapeError: If there is not one score, label and qid a document, or not as many weights as there should be.
        DataError: If there are no documents, a score or label is no number, a label is negative, or a query has no
            relevant document and ``empty`` is ``"error"``.
        ConfigError: If a metric, protocol, empty or ties is unknown, ``ties="trec"`` comes without doc ids, a metric
            takes no weights of documents, or these come with ``unretrieved_labels``, which have none.
    """
    where = "evaluate_scores"
    rules, names = resolve_protocol(protocol, empty, ties), metric_names(where, metrics)
    columns: dict[str, Any] = {"scores": _array(scores), "labels": _array(labels), "qids": _ids(qids)}
    if doc_ids is not None:
        columns["doc_ids"] = _ids(doc_ids)
    _check_columns(where, columns)
    if unretrieved_labels is not None or unretrieved_qids is not None:
        columns = _with_unretrieved(where, columns, unretrieved_labels, unretrieved_qids, weights)
    per_query = None if weights is None or weights.per == "doc" else weights
    if weights is not None and weights.per == "doc":
        columns["weights"] = weights.values
        _check_columns(where, columns)
    offsets, query_ids, rows = group_rows(columns["qids"], regroup=True)
    if rows is not None:
        columns = {name: column[rows] for name, column in columns.items()}
    if per_query is not None and len(per_query) != len(query_ids):
        raise ShapeError(
            f"{where}: expected {len(query_ids)} weights, one a query; got {len(per_query)}. Pass one for each qid."
        )
    if "weights" in columns:
        weights = Weights(columns["weights"], "doc")
    arrays = (columns["scores"], columns["labels"], offsets, query_ids)
    judged = Judged(where, *arrays, columns.get("doc_ids"), retrieved=columns.get("retrieved"), weights=weights)
    return measure(judged, names, rules)


def _with_unretrieved(
    where: str, columns: dict[str, Any], labels: Any, qids: Any, weights: Weights | None
) -> dict[str, Any]:
    """The columns with a row for each document that was judged and not retrieved, and one that tells them apart."""
    if labels is None or qids is None:
        raise ConfigError(
            f"{where}: expected unretrieved_labels and unretrieved_qids, or neither; got one of them. Pass both."
        )
    if weights is not None and weights.per == "doc":
        raise ConfigError(
            f"{where}: expected a weight for each document (per='doc'); got unretrieved_labels, which have none. Give "
            "these documents rows of their own, with score -inf and a weight."
        )
    columns = dict(columns)
    added = {"scores": _array(labels), "labels": _array(labels), "qids": _ids(qids)}
    _check_columns(where, {f"unretrieved_{name}": values for name, values in added.items() if name != "scores"})
    n_added, scores = len(added["labels"]), columns["scores"]
    n_listed = len(scores)
    lowest = np.full(n_added, -np.inf, scores.dtype if scores.dtype.kind == "f" else np.float64)
    columns["scores"] = np.concatenate([scores, lowest])
    columns["labels"] = np.concatenate([columns["labels"], added["labels"]])
    columns["qids"] = join_ids([columns["qids"], added["qids"]])
    if "doc_ids" in columns:
        columns["doc_ids"] = join_ids([columns["doc_ids"], no_ids(n_added)])
    columns["retrieved"] = np.arange(n_listed + n_added) < n_listed
    return columns


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
    if len(set(shapes.values())) > 1 or len(next(iter(shapes.values()))) != 1:
        got = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ShapeError(
            f"{where}: expected one value a document in each of {', '.join(shapes)}; got {got}. Align them."
        )
    for name in columns:
        if name.endswith(("scores", "labels")) and columns[name].dtype.kind not in "fiub":
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
        retrieved: ``[doc]``, False where a document was judged and not retrieved, whatever its score; None: all were.
        weights: Of queries or of documents, or None.
    """

    where: str
    scores: NDArray[Any]
    labels: NDArray[Any]
    offsets: NDArray[np.int64]
    qids: Ids
    doc_ids: Ids | None
    retrieved: NDArray[np.bool_] | None = None
    weights: Weights | None = None


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


def metric_names(where: str, metrics: Metric | Sequence[Metric]) -> dict[str, NamedMetric]:
    """Each name as asked, with metric, cutoff and options.

    Raises:
        ConfigError: If there is none, or one is unknown.
    """
    many: Any = metrics
    if isinstance(metrics, str) or callable(metrics):
        many = [metrics]
    if not isinstance(many, Iterable):
        raise ConfigError(f"{where}: expected metrics as a list of names; got {metrics!r}. Pass metrics=['ndcg@10'].")
    given: list[Metric] = list(many)
    names = [metric_name(where, metric) for metric in given]
    if not names:
        raise ConfigError(f"{where}: expected at least one metric; got none. Pass metrics=['ndcg@10'].")
    return {name: read_metric_name(name) for name in names}


def measure(judged: Judged, metrics: dict[str, NamedMetric], protocol: Protocol) -> Evaluation:
    """Rank each list once under a protocol, then take every metric."""
    where, qids, weights = judged.where, judged.qids, judged.weights
    if not len(qids):
        raise DataError(f"{where}: expected at least one query; got none. Check the data that was read.")
    if weights is not None:
        _check_weights(where, weights, metrics)
    ranking = _rank(judged, protocol)
    by_scale = protocol.max_label is None and protocol.for_metric("err").satisfaction == "exp"
    if by_scale and any(named.metric == "err" for named in metrics.values()):
        protocol = replace(protocol, max_label=ranking.max_label or None)
    per_query = {}
    for asked, (name, k, options) in metrics.items():
        read = measure_of(METRICS[name])
        per_query[asked] = read(ranking, k=k or protocol.default_k, **options, **protocol.options_of(name))
        undefined = np.isnan(per_query[asked])
        if protocol.for_metric(name).empty == "error" and undefined.any():
            raise DataError(
                f"{where}: expected a relevant document in each query (empty='error'); got none in "
                f"{int(undefined.sum())} of {len(qids)} for {asked}, first qid {qids[undefined.argmax()]}. "
                "Drop such queries, or pass empty='zero', 'skip' or 'one'."
            )
    n_single = int((np.diff(judged.offsets) == 1).sum())
    return Evaluation(
        per_query,
        qids,
        protocol,
        n_tied=int(ranking.ties_matter.sum()),
        n_single=n_single,
        n_unretrieved=len(judged.labels) - len(ranking.labels),
        query_weights=weights.values.astype(np.float64) if weights is not None and weights.per == "query" else None,
        document_weights=weights is not None and weights.per == "doc",
    )


def _check_weights(where: str, weights: Weights, metrics: dict[str, NamedMetric]) -> None:
    if weights.per == "query" and not weights.values.any():
        raise DataError(f"{where}: expected a query that counts; got weights that are all 0. Weigh one above 0.")
    taking = [name for name, metric in METRICS.items() if "weights" in inspect.signature(metric).parameters]
    others = [asked for asked, named in metrics.items() if named.metric not in taking]
    if weights.per == "doc" and others:
        raise ConfigError(
            f"{where}: expected metrics that take weights of documents, {', '.join(taking)}; got {', '.join(others)}. "
            "Ask for those alone, or weigh queries."
        )


def _rank(judged: Judged, protocol: Protocol) -> Ranking:
    scores, labels, ties = judged.scores, judged.labels, protocol.ties
    retrieved = _retrieved(judged, protocol)
    weights = judged.weights.values if judged.weights is not None and judged.weights.per == "doc" else None
    if protocol.score_dtype != "given":
        with np.errstate(over="ignore"):  # what does not fit is the greatest or the least, which is its rank
            scores = scores.astype(protocol.score_dtype)
    if ties == "trec":
        by_id = _by_falling_id(judged)
        scores, labels, ties = scores[by_id], labels[by_id], "stable"
        retrieved = None if retrieved is None else retrieved[by_id]
        weights = None if weights is None else weights[by_id]
    known = (judged.offsets, ties, judged.qids)
    return rank_documents(judged.where, scores, labels, *known, retrieved=retrieved, weights=weights)


def _by_falling_id(judged: Judged) -> NDArray[np.int64]:
    """The documents of each query by falling id, as text."""
    if judged.doc_ids is None:
        raise ConfigError(
            f"{judged.where}: expected doc ids, by which ties='trec' orders; got none. Pass doc_ids or other ties."
        )
    places = sorted_places(id_texts(judged.doc_ids))
    query_of_doc = np.repeat(np.arange(len(judged.qids)), np.diff(judged.offsets))
    return np.lexsort((-places, query_of_doc))


def _retrieved(judged: Judged, protocol: Protocol) -> NDArray[np.bool_] | None:
    """``[doc]``, or None: all whose score, as it was given, is above -inf."""
    if protocol.minus_inf == "last":
        return np.ones(len(judged.scores), np.bool_) if judged.retrieved is None else judged.retrieved
    if judged.retrieved is None and protocol.score_dtype == "given":
        return None
    above = judged.scores > -np.inf
    return above if judged.retrieved is None else judged.retrieved & above

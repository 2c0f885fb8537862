"""from_arrays(): a data set of arrays in memory."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.weights import Weights, settle_weights
from rankkit.errors import DataError
from rankkit.loaders.tables.arrays import Source, as_float32, as_numbers, assemble, check_labels, check_weights
from rankkit.loaders.tables.columns.assignment import check_once
from rankkit.loaders.tables.columns.suspicions import Suspicions
from rankkit.loaders.tables.ids import as_column, read_qids, read_texts
from rankkit.loaders.tables.tabular import features_of, is_table
from rankkit.remarks import say_of_columns

_ACTION = "Leave them out of the features, or change them."


def from_arrays(
    features: Any,
    labels: Any | None,
    qids: Any,
    *,
    weights: Any | Weights | None = None,
    doc_ids: Any | None = None,
    feature_names: Sequence[str] | None = None,
) -> RankingDataset:
    """Make a data set of arrays in memory: numpy, lists, CPU tensors, anything that numpy reads.

    Rows of one query need not stand together; predictions come back in the order of the rows all the same. NaN among
    the features means a missing value and is kept. float32 features in the order of queries are used without a copy.

    Args:
        features: Numbers ``[doc, feature]``, finite or NaN; of a table (pandas, polars, Arrow) the columns that can be
            features, with their names.
        labels: Graded relevance ``[doc]``, 0 or more, or None for documents without labels.
        qids: The query of each document ``[doc]``: integers or strings.
        weights: Importance, 0 or more: one a document ``[doc]``, or one a query, in the order in which queries first
            appear; or None. A :class:`rankkit.Weights` says which, an array by its length.
        doc_ids: Names of the documents ``[doc]``: strings or integers; or None.
        feature_names: One a feature, or None.

    Raises:
        DataError: If shapes differ, a label is missing or negative, or a number is infinite or beyond float32. Rows and
            columns in messages count from 0.

    Example:
        >>> data = from_arrays([[0.5], [1.5], [2.5]], [0, 2, 1], qids=["b", "a", "b"])
        >>> data.qids.tolist(), data.offsets.tolist(), data.labels.tolist(), data.rows.tolist()
        (['b', 'a'], [0, 2, 3], [0.0, 1.0, 2.0], [0, 2, 1])
    """
    return dataset_of(
        Source("from_arrays"), features, labels, qids, weights=weights, doc_ids=doc_ids, feature_names=feature_names
    )


def dataset_of(
    source: Source,
    features: Any,
    labels: Any | None,
    qids: Any,
    *,
    weights: Any | Weights | None = None,
    doc_ids: Any | None = None,
    feature_names: Sequence[str] | None = None,
    suspects: Literal["all", "copies", "none"] = "copies",
) -> RankingDataset:
    """As :func:`from_arrays`, with the function that was called as the source.

    Args:
        source: For messages.
        features: As there.
        labels: As there.
        qids: As there.
        weights: As there.
        doc_ids: As there.
        feature_names: As there.
        suspects: Which features to tell of: all that say nothing too, only copies of label or query id and what float32
            cannot hold apart, or none.

    Raises:
        DataError: As there.
    """
    remarks: tuple[str, ...] = ()
    if is_table(features):
        features, columns = features_of(features, source)
        feature_names = columns.feature_names if feature_names is None else feature_names
        remarks, suspects = columns.remarks, "all" if suspects == "copies" else suspects
        say_of_columns(source.name, remarks, _ACTION)
    raw = as_numbers(features, source, "features", n_axes=2)
    named = None if feature_names is None else tuple(str(name) for name in feature_names)
    check_once(named or (), source)
    names = range(raw.shape[1]) if named is None else named
    if len(names) != raw.shape[1]:
        raise DataError(
            f"{source.name}: expected {raw.shape[1]} feature_names, one a column; got {len(names)}. "
            "Name every column of features."
        )
    matrix = as_float32(raw, source, names)
    query_of_row = read_qids(as_column(qids, source, "qids"), source, "qids")
    names_of_docs = None if doc_ids is None else read_texts(as_column(doc_ids, source, "doc_ids"), source, "doc_ids")
    grades = None if labels is None else check_labels(labels, source, "labels")
    per = weights.per if isinstance(weights, Weights) else None
    given = weights.values if isinstance(weights, Weights) else weights
    importance = None if given is None else check_weights(given, source)
    for what, values in (("labels", grades), ("qids", query_of_row), ("doc_ids", names_of_docs)):
        if values is not None and len(values) != len(matrix):
            raise DataError(
                f"{source.name}: expected {len(matrix)} {what}, one a row of features; got {len(values)}. "
                "Pass arrays of one length."
            )
    data = assemble(
        source,
        matrix,
        grades,
        query_of_row,
        doc_ids=names_of_docs,
        feature_names=named,
    )
    if suspects != "none":
        suspicions = Suspicions(named, all_kinds=suspects == "all")
        for place, column in enumerate(raw.T):
            suspicions.note_merged(place, column)
        suspicions.look(data)
        say_of_columns(source.name, suspicions.remarks(), _ACTION)
        remarks = (*remarks, *suspicions.remarks())
    data = replace(data, remarks=remarks)
    if importance is None:
        return data
    importance, per = settle_weights(source.name, importance, per, data.list_sizes)
    if data.rows is not None and per == "doc" and importance is not None:
        importance = importance[data.rows]
    return replace(data, weights=importance, weights_per=per)

"""Several data sets with equal features as one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rankkit.data.grouping import group_runs
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.text_ids import Ids, TextIds, first_places, id_texts, join_ids
from rankkit.errors import ConfigError, DataError, check_given


def merge(datasets: Sequence[RankingDataset], *, same_qid: Literal["error", "join"] = "error") -> RankingDataset:
    """Put data sets one behind the other, for example training and validation data for a last training run.

    Rows count on from one data set to the next, so values in input row order are those of the first data set, then
    those of the second, and so on.

    Args:
        datasets: One or more with the same features, in the same order and under the same names. All of them or none
            have labels, weights (of queries, or of documents) and document ids.
        same_qid: A query id that stands in two of them: ``"error"``, or ``"join"`` to make one query of its documents,
            at the place where it stands first. Weights of a query that is joined have to be equal.

    Raises:
        DataError: If the data sets do not go together, or share a query id.
        ConfigError: If there is no data set, or ``same_qid`` is something else.

    Example:
        >>> from rankkit.loaders.tables.given_arrays import from_arrays
        >>> a = from_arrays([[1], [2]], [0, 1], ["x", "y"])
        >>> b = from_arrays([[3], [4]], [2, 0], ["y", "z"])
        >>> joined = merge([a, b], same_qid="join")
        >>> joined.qids.tolist(), joined.offsets.tolist(), joined.features[:, 0].tolist()
        (['x', 'y', 'z'], [0, 1, 3, 4], [1.0, 2.0, 3.0, 4.0])
    """
    if same_qid not in ("error", "join"):
        raise ConfigError(f"merge: expected same_qid='error' or 'join'; got {same_qid!r}. Pass one of the two.")
    if not datasets:
        raise ConfigError("merge: expected one data set or more; got none. Pass a list of them.")
    for place, data in enumerate(datasets):
        check_given("merge", f"datasets[{place}]", data, RankingDataset)
    _check_features(datasets)
    for name in ("labels", "weights", "doc_ids"):
        _check_all_or_none(datasets, name)
    if len(datasets) == 1:
        return datasets[0]
    offsets, qids = _behind_each_other(datasets)
    weights = _weights(datasets)
    docs = None
    first = first_places(qids)
    if (first != np.arange(len(qids))).any():
        if same_qid == "error":
            raise _shared_qid(qids, first)
        n_docs, same = int(offsets[-1]), qids
        offsets, qids, docs = group_runs(same, offsets[:-1], n_docs, regroup=True, locate=str)
        if weights is not None:
            by_query = datasets[0].weights_per == "query"
            weights = _one_weight_a_query(weights, same, first) if by_query else weights[docs]
    rows = _rows(datasets)
    return replace(
        datasets[0],
        features=_in_order([data.features for data in datasets], docs),
        labels=_in_order([data.labels for data in datasets], docs),
        offsets=offsets,
        qids=qids,
        weights=weights,
        doc_ids=_ids_in_order([data.doc_ids for data in datasets if data.doc_ids is not None], docs),
        remarks=tuple(dict.fromkeys(remark for data in datasets for remark in data.remarks)),
        weights_per=None if weights is None else datasets[0].weights_per,
        beside=_beside(datasets, docs),
        rows=rows if docs is None else docs if rows is None else rows[docs],
    )


def _check_features(datasets: Sequence[RankingDataset]) -> None:
    first = datasets[0]
    for number, other in enumerate(datasets[1:], start=2):
        if other.n_features != first.n_features:
            raise DataError(
                f"merge: expected {first.n_features} features, as in the first data set; got {other.n_features} in "
                f"number {number}. Read both with the same n_features, or select_features from one."
            )
        if other.feature_names == first.feature_names:
            if other.schema != first.schema:
                raise DataError(
                    f"merge: expected the vocabularies of the first data set; got others in number {number}. "
                    "Read all with the schema= of the first, or bring them to it with rankkit.recode."
                )
            continue
        if first.feature_names is None or other.feature_names is None:
            named, bare = (number, 1) if first.feature_names is None else (1, number)
            raise DataError(
                f"merge: expected feature names in all data sets or none; got them in number {named}, not in number "
                f"{bare}. Name the others with with_feature_names."
            )
        places = zip(first.feature_names, other.feature_names, strict=True)
        place, (ours, theirs) = next((at, pair) for at, pair in enumerate(places) if pair[0] != pair[1])
        reordered = sorted(first.feature_names) == sorted(other.feature_names)
        action = "Bring them into one order with select_features." if reordered else "Rename them, or leave them out."
        raise DataError(
            f"merge: expected the feature {ours!r} at position {place}, as in the first data set; got {theirs!r} in "
            f"number {number}. {action}"
        )


def _check_all_or_none(datasets: Sequence[RankingDataset], name: str) -> None:
    have = [getattr(data, name) is not None for data in datasets]
    if any(have) and not all(have):
        raise DataError(
            f"merge: expected {name} in all data sets or none; got none in number {have.index(False) + 1}. "
            f"Add them there, or take them out elsewhere with dataclasses.replace(data, {name}=None)."
        )


def _behind_each_other(datasets: Sequence[RankingDataset]) -> tuple[NDArray[np.int64], Ids]:
    """Offsets and query ids of all; ids become text where those of one data set are."""
    ends = np.cumsum([data.n_docs for data in datasets])
    offsets = [datasets[0].offsets]
    offsets += [data.offsets[1:] + end for data, end in zip(datasets[1:], ends[:-1], strict=True)]
    return np.concatenate(offsets), join_ids([data.qids for data in datasets])


def _in_order(arrays: Sequence[NDArray[Any] | None], docs: NDArray[np.int64] | None) -> Any:
    """The arrays behind each other, then their rows as ``docs`` has them, with one copy; None for None."""
    there = [array for array in arrays if array is not None]
    if not there or docs is None:
        return np.concatenate(there) if there else None
    places = np.empty_like(docs)
    places[docs] = np.arange(len(docs))
    merged = np.empty((len(docs), *there[0].shape[1:]), np.result_type(*there))
    start = 0
    for array in there:
        merged[places[start : start + len(array)]] = array
        start += len(array)
    return merged


def _ids_in_order(ids: Sequence[TextIds], docs: NDArray[np.int64] | None) -> TextIds | None:
    if not ids:
        return None
    joined = id_texts(join_ids(ids))
    return joined if docs is None else joined[docs]


def _beside(datasets: Sequence[RankingDataset], docs: NDArray[np.int64] | None) -> dict[str, NDArray[Any] | TextIds]:
    """What is known beside the features, behind each other, of roles that all have."""
    first, found = datasets[0], {}
    for role in first.beside:
        parts = [data.beside[role] for data in datasets if role in data.beside]
        if len(parts) < len(datasets):
            raise DataError(
                f"merge: expected a {role} of all data sets or none; got none in one of them. "
                "Read it there, or take it out elsewhere with dataclasses.replace(data, beside={})."
            )
        if role in ("session", "split"):
            joined: Any = join_ids(parts)
        elif len({part.dtype for part in parts}) > 1:
            raise DataError(
                f"merge: expected {role} in one unit; got {', '.join(sorted({str(part.dtype) for part in parts}))}. "
                "Convert the column where it is read."
            )
        else:
            joined = np.concatenate([np.asarray(part) for part in parts])
        found[role] = joined if docs is None else joined[docs]
    more = next((role for data in datasets for role in data.beside if role not in first.beside), None)
    if more is not None:
        raise DataError(
            f"merge: expected a {more} of all data sets or none; got none in the first. Read it there, or leave it out."
        )
    return found


def _weights(datasets: Sequence[RankingDataset]) -> NDArray[np.float32] | None:
    weights = [data.weights for data in datasets if data.weights is not None]
    if not weights:
        return None
    if len({data.weights_per for data in datasets}) == 1:
        return np.concatenate(weights)
    raise DataError(
        "merge: expected weights of queries in all data sets, or of documents in all; got both kinds. "
        "Make weights of documents with numpy.repeat(data.weights, data.list_sizes)."
    )


def _rows(datasets: Sequence[RankingDataset]) -> NDArray[np.int64] | None:
    if all(data.rows is None for data in datasets):
        return None
    pieces, n_before = [], 0
    for data in datasets:
        rows = np.arange(data.n_docs) if data.rows is None else data.rows
        pieces.append(rows + n_before)
        n_before += int(rows.max(initial=-1)) + 1
    return np.concatenate(pieces)


def _shared_qid(qids: Ids, first: NDArray[np.int64]) -> DataError:
    again = np.flatnonzero(first != np.arange(len(qids)))
    return DataError(
        f"merge: expected query ids that differ between data sets; got qid {qids[again[0]]} again ({len(again):,} such "
        "in all). Pass same_qid='join' where equal ids mean the same query, else rename them."
    )


def _one_weight_a_query(weights: NDArray[np.float32], qids: Ids, first: NDArray[np.int64]) -> NDArray[np.float32]:
    differ = np.flatnonzero(weights != weights[first])
    if len(differ):
        at = int(differ[0])
        raise DataError(
            f"merge: expected one weight a query; got {weights[first[at]]:g} and {weights[at]:g} for qid {qids[at]}. "
            "Make them equal, or weights of documents."
        )
    return weights[np.unique(first)]

"""RankingDataset: query-grouped documents at rest, as flat arrays with offsets."""

import hashlib
import json
import operator
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rankkit.data.batch import Per, QueryBatch, no_query_at, take_queries
from rankkit.data.columns.schema import Schema
from rankkit.data.text_ids import Ids, TextIds, as_ids, id_texts
from rankkit.data.weights import settle_weights
from rankkit.errors import DataError
from rankkit.files.mapped import digest_array
from rankkit.naming import not_utf8
from rankkit.numbers import counted

_Values = TypeVar("_Values", bound=NDArray[Any] | TextIds)


@dataclass(frozen=True)
class Roles:
    """The columns of the input that are no features, by name; None for what the input did not have as a column."""

    label: str | None = None
    qid: str | None = None
    doc_id: str | None = None
    weight: str | None = None
    query_weight: str | None = None
    vector: str | None = None
    """The column of lists whose positions are the features; None where each feature was a column, or a number."""
    position: str | None = None
    propensity: str | None = None
    time: str | None = None
    session: str | None = None
    split: str | None = None


@dataclass(frozen=True, repr=False, eq=False)
class RankingDataset:
    """Documents grouped by query: document rows of query i are ``offsets[i]:offsets[i + 1]``.

    Slicing by query (``data[:100]``, ``data[5]``) copies nothing; :meth:`select` gathers any queries. Build one with
    :func:`rankkit.read_letor`, :func:`rankkit.from_pandas`, :func:`rankkit.from_arrays`, ...

    Args:
        features: float32 ``[doc, feature]``, may be memory-mapped.
        labels: float32 ``[doc]``, graded relevance, 0 = not relevant; None for documents without labels. Every reader
            takes any finite number from 0 on, and every writer writes it so that it is read back the same.
        offsets: int64 ``[query + 1]``, from 0 to the number of documents, never falling.
        qids: ``[query]``, the query ids as they came: int64, or :class:`TextIds` where one of them is no plain integer.
        weights: float32 ``[query]`` or ``[doc]``, importance, or None; a :class:`rankkit.Weights` says which.
        doc_ids: ``[doc]`` :class:`TextIds`, or None.
        feature_names: One a feature, or None.
        rows: int64 ``[doc]``: the row of the input that each document came from, where regrouping moved rows; None
            where the order is that of the input.
        roles: The columns that label, qid, document id and weights came from; None where they came from no columns.
        remarks: What was decided about the input without being asked, a line each.
        weights_per: Whose the weights are, ``"query"`` or ``"doc"``; None: as ``weights`` says, by its length if by
            nothing else.
        schema: What the features stand for, where some are no numbers; None: all are.
        beside: What else is known of the documents, ``[doc]`` each, by its role: ``"position"`` (int64, where it was
            shown), ``"propensity"`` (float32), ``"time"`` (int64 microseconds from 1970, or float64 in a unit of its
            own), ``"session"`` and ``"split"`` (int64, or :class:`TextIds`).

    Raises:
        DataError: If the arrays do not fit together, or weights may be those of queries as well as of documents.
    """

    made_by: ClassVar = ("rankkit.read(path)", "rankkit.from_pandas(table, ...)")

    features: NDArray[np.float32]
    labels: NDArray[np.float32] | None
    offsets: NDArray[np.int64]
    qids: Ids
    weights: NDArray[np.float32] | None = None
    doc_ids: TextIds | None = None
    feature_names: tuple[str, ...] | None = None
    rows: NDArray[np.int64] | None = None
    roles: Roles | None = None
    remarks: tuple[str, ...] = ()
    weights_per: Per | None = None
    schema: Schema | None = None
    beside: Mapping[str, NDArray[Any] | TextIds] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_features(self.features)
        n_docs, n_features = self.features.shape
        _check_offsets(self.offsets, n_docs)
        object.__setattr__(self, "qids", _checked_ids("qids", self.qids))
        if self.doc_ids is not None:
            object.__setattr__(self, "doc_ids", id_texts(_checked_ids("doc_ids", self.doc_ids)))
        for name in ("labels", "doc_ids", "rows", *self.beside):
            values = self.beside[name] if name in self.beside else getattr(self, name)
            if values is not None and values.shape != (n_docs,):
                raise DataError(
                    f"RankingDataset: expected {name} of shape ({n_docs},), one a document; got {values.shape}. "
                    f"Pass one value for each row of features."
                )
        if self.qids.shape != (self.n_queries,):
            raise DataError(
                f"RankingDataset: expected {self.n_queries} qids, one a query; got shape {self.qids.shape}. "
                "rankkit.from_arrays takes one qid a document."
            )
        weights, per = settle_weights("RankingDataset", self.weights, self.weights_per, self.list_sizes)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "weights_per", per)
        if self.feature_names is not None and len(self.feature_names) != n_features:
            raise DataError(
                f"RankingDataset: expected {n_features} feature names; got {len(self.feature_names)}. "
                "Name every column of features."
            )
        if self.schema is not None and self.schema.names != self.feature_names:
            raise DataError(
                f"RankingDataset: expected the feature names of the schema, {', '.join(self.schema.names[:20])}; got "
                "others. Read the data with schema= or columns=, or leave the schema out."
            )
        fault = None if self.feature_names is None else not_utf8(self.feature_names)
        if fault is not None:
            raise DataError(f"RankingDataset: expected feature names in Unicode; got {fault!r}. Rename it.")

    @property
    def n_queries(self) -> int:
        """How many queries."""
        return len(self.offsets) - 1

    @property
    def n_docs(self) -> int:
        """How many documents."""
        return int(self.features.shape[0])

    @property
    def n_features(self) -> int:
        """How many features a document has."""
        return int(self.features.shape[1])

    @property
    def list_sizes(self) -> NDArray[np.int64]:
        """int64 ``[query]``: how many documents each query has."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return self.n_queries

    def __repr__(self) -> str:
        labels = "no labels" if self.labels is None else f"labels {self.labels.min(initial=0):g}..{self._max_label:g}"
        counts = counted(query=self.n_queries, doc=self.n_docs, feature=self.n_features)
        return f"RankingDataset({counts}, {labels})"

    @property
    def _max_label(self) -> float:
        return 0.0 if self.labels is None else float(self.labels.max(initial=0))

    def __getitem__(self, queries: "slice | int | NDArray[Any] | list[int]") -> "RankingDataset":
        """Some queries in a row, without copying: ``data[:100]`` or ``data[5]``; of an array as :meth:`select`."""
        if not isinstance(queries, slice):
            try:
                position = operator.index(queries)  # type: ignore[arg-type]
            except TypeError:
                return self.select(queries)
            position = int(query_positions("RankingDataset[...]", [position], self.n_queries)[0])
            queries = slice(position, position + 1)
        start, stop, step = queries.indices(self.n_queries)
        if step != 1:
            return self.select(np.arange(start, stop, step))
        stop = max(stop, start)
        first, last = int(self.offsets[start]), int(self.offsets[stop])
        docs, chosen = slice(first, last), slice(start, stop)
        return replace(
            self,
            features=self.features[docs],
            labels=None if self.labels is None else self.labels[docs],
            offsets=self.offsets[start : stop + 1] - first,
            qids=self.qids[chosen],
            weights=None if self.weights is None else self.weights[chosen if self.weights_per == "query" else docs],
            doc_ids=None if self.doc_ids is None else self.doc_ids[docs],
            rows=None if self.rows is None else self.rows[docs],
            beside=taken(self.beside, docs),
        )

    def __iter__(self) -> Iterator["RankingDataset"]:
        """Each query as a data set of its own."""
        return (self[position] for position in range(self.n_queries))

    def select(self, queries: Any) -> "RankingDataset":
        """The given queries, by position or as a boolean mask, in the given order; copies their documents.

        Negative positions count from the end. Predictions for a selection come in its own order of documents, unless
        regrouping had moved the rows of the whole: then in that of the input rows, as for the whole.

        Raises:
            DataError: If ``queries`` are neither positions nor a mask over all queries, or there is no query at one.
        """
        queries = query_positions("RankingDataset.select", queries, self.n_queries)
        sizes = self.list_sizes[queries]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        docs = np.arange(offsets[-1]) + np.repeat(self.offsets[queries] - offsets[:-1], sizes)
        return replace(
            self,
            features=self.features[docs],
            labels=None if self.labels is None else self.labels[docs],
            offsets=offsets,
            qids=self.qids[queries],
            weights=None if self.weights is None else self.weights[queries if self.weights_per == "query" else docs],
            doc_ids=None if self.doc_ids is None else self.doc_ids[docs],
            rows=None if self.rows is None else self.rows[docs],
            beside=taken(self.beside, docs),
        )

    def in_row_order(self, values: _Values) -> _Values:
        """Bring one value a document into the order of the rows that came in."""
        if self.rows is None:
            return values
        return values[np.argsort(self.rows, kind="stable")]  # type: ignore[return-value]

    @property
    def doc_weights(self) -> NDArray[np.float32] | None:
        """float32 ``[doc]``: the weights with those of queries repeated for their documents; None without weights."""
        if self.weights is None or self.weights_per == "doc":
            return self.weights
        return np.repeat(self.weights, self.list_sizes)

    def batch(self, queries: Any) -> QueryBatch:
        """The given queries, by position or as a boolean mask, as one batch on the CPU.

        Raises:
            DataError: As :meth:`select`.
        """
        chosen = query_positions("RankingDataset.batch", queries, self.n_queries)
        return take_queries(
            shared_tensor(self.features),
            shared_tensor(self.offsets),
            torch.from_numpy(chosen),
            labels=None if self.labels is None else shared_tensor(self.labels),
            weights=None if self.weights is None else shared_tensor(self.weights),
            weights_per=self.weights_per,
        )

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal BLAKE2b digest of features, labels, offsets, qids and weights: equal for equal data."""
        digest = hashlib.blake2b(digest_size=16)
        ids = [self.qids.astype(str)] if not isinstance(self.qids, TextIds) else self.qids.buffers()
        for array in (self.features, self.labels, self.offsets, *ids, self.weights):
            if array is not None:
                digest.update(f"{array.dtype}{array.shape}".encode())
                digest_array(digest, array)
        if self.weights_per == "doc" and self.n_docs == self.n_queries and (self.list_sizes != 1).any():
            digest.update(b"one weight a document")  # which the number of weights does not say here
        if self.schema is not None:  # equal codes stand for other values there
            digest.update(json.dumps(self.schema.to_dict()).encode())
        return digest.hexdigest()


def taken(beside: Mapping[str, NDArray[Any] | TextIds], docs: Any) -> dict[str, NDArray[Any] | TextIds]:
    """What is known of some documents beside their features, by slice or position."""
    return {role: values[docs] for role, values in beside.items()}


def query_positions(where: str, queries: Any, n_queries: int) -> NDArray[np.int64]:
    """Positions from 0 on, of positions or a boolean mask; negative ones count from the end.

    Args:
        where: For messages.
        queries: Whole numbers, or ``n_queries`` booleans.
        n_queries: How many there are.

    Raises:
        DataError: If they are something else, or there is no query at one.
    """
    try:
        asked = np.asarray(queries)
    except ValueError:
        asked = np.asarray(None)
    if asked.dtype == np.bool_ and asked.shape == (n_queries,):
        return np.flatnonzero(asked)
    if asked.ndim != 1 or (asked.size and asked.dtype.kind not in "iu"):
        raise DataError(
            f"{where}: expected positions of queries, or a mask of {n_queries}; got {asked.dtype} {asked.shape}. "
            "Pass an array of whole numbers."
        )
    for extreme in (asked.min(), asked.max()) if asked.size else ():
        if not -n_queries <= int(extreme) < n_queries:
            raise no_query_at(where, int(extreme), n_queries)
    positions = asked.astype(np.int64)
    return np.where(positions < 0, positions + n_queries, positions)


def shared_tensor(array: NDArray[np.generic]) -> Tensor:
    """A tensor in the memory of an array, to be read only: torch would warn of memory-mapped arrays."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable", category=UserWarning)
        return torch.from_numpy(array)


def _check_features(features: NDArray[np.float32]) -> None:
    if features.ndim != 2 or features.dtype != np.float32:
        raise DataError(
            f"RankingDataset: expected float32 features [doc, feature]; got {features.dtype} {features.shape}. "
            "rankkit.from_arrays converts arrays of other types."
        )


def _check_offsets(offsets: NDArray[np.int64], n_docs: int) -> None:
    good = offsets.ndim == 1 and len(offsets) >= 1 and offsets.dtype == np.int64
    if not good or offsets[0] != 0 or offsets[-1] != n_docs or (np.diff(offsets) < 0).any():
        raise DataError(
            f"RankingDataset: expected int64 offsets that rise from 0 to {n_docs}, the number of documents; "
            f"got {offsets!r}. rankkit.from_arrays builds them from one qid a document."
        )


def _checked_ids(name: str, values: Any) -> Ids:
    try:
        return as_ids(values)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"RankingDataset: expected {name} as whole numbers or text; {error}. "
            "rankkit.from_arrays takes ids of other types."
        ) from error

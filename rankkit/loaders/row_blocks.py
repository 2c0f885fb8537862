"""Rows of a file some at a time, and whole queries made of them: memory for a block, and eight bytes a query."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.text_ids import Ids, TextIds, id_texts, join_ids, no_ids


class ScatteredError(Exception):
    """The rows of a query do not stand together, so that no block need hold all of it."""


class OtherIdsError(Exception):
    """Ids turned out as what those of the blocks before were not: text, or there at all.

    Args:
        text_qids: Whether a query id is text.
        has_doc_ids: Whether a row has a document id.
    """

    def __init__(self, text_qids: bool, has_doc_ids: bool) -> None:
        super().__init__()
        self.text_qids, self.has_doc_ids = text_qids, has_doc_ids


@dataclass(frozen=True)
class RowBlock:
    """Some rows of the input in its order; a query may go on in the next block.

    Args:
        features: float32 ``[row, feature]``; its memory may be that of the next block too.
        starts: int64 ``[run]``: where rows of one query id begin that stand together.
        qids: ``[run]``.
        doc_ids: ``[row]``, or None.
        feature_names: One a feature, or None.
        schema: What the features stand for, where some are no numbers.
        progress: The share of the input that is read with this block; None where that is not known.
    """

    features: NDArray[np.float32]
    starts: NDArray[np.int64]
    qids: Ids
    doc_ids: TextIds | None = None
    feature_names: tuple[str, ...] | None = None
    schema: Schema | None = None
    progress: float | None = None


def whole_queries(
    blocks: Iterable[RowBlock], batch_docs: int, *, text_qids: bool = False, has_doc_ids: bool = False
) -> Iterator[tuple[RankingDataset, float | None]]:
    """Data sets of whole queries, without labels, each with the share of the input that was read for it.

    Each holds as many queries as have no more than ``batch_docs`` documents together, and at least one: the batches in
    which :func:`rankkit.predict` scores all of the data. Its arrays are those of the next one too.

    Args:
        blocks: Rows, in the order of the input.
        batch_docs: About how many documents at once.
        text_qids: Whether query ids are text, whatever they look like.
        has_doc_ids: Whether there is a document id a row, "" where none is given.

    Raises:
        ScatteredError: If a query id comes back after another one.
        OtherIdsError: If ids are not as was said, or not as in the first rows.
    """
    waiting = _Waiting(batch_docs, text_qids, has_doc_ids)
    for block in blocks:
        waiting.append(block)
        while waiting.starts[-1] >= batch_docs:
            yield waiting.pop(), block.progress
    while waiting.n_docs:
        yield waiting.pop(ended=True), 1.0


class _Waiting:
    """Rows that belong to no batch yet."""

    def __init__(self, batch_docs: int, text_qids: bool, has_doc_ids: bool) -> None:
        self.n_docs = 0
        self.starts = np.zeros(1, np.int64)  # of queries, the first at 0; the last one may go on
        self._batch_docs, self._text_qids, self._has_doc_ids = batch_docs, text_qids, has_doc_ids
        self._features = np.empty((0, 0), np.float32)
        self._given = 0  # rows at the front that are out in batches
        self._qids: Ids = np.zeros(0, np.int64)
        self._doc_ids = no_ids(0)
        self._seen = _Seen()
        self._block: RowBlock

    def append(self, block: RowBlock) -> None:
        """Take rows in behind the others."""
        if not len(block.starts):
            return
        qids = self._checked(block)
        starts, self._block = block.starts + self.n_docs, block
        if not len(self._qids):
            self._seen.add(qids)
            self.starts, self._qids = starts, qids
        else:
            goes_on = int(qids[0] == self._qids[len(self._qids) - 1])
            self._seen.add(qids[goes_on:])
            self.starts = np.concatenate([self.starts, starts[goes_on:]])
            self._qids = join_ids([self._qids, qids[goes_on:]])
        if self._has_doc_ids:
            doc_ids = no_ids(len(block.features)) if block.doc_ids is None else block.doc_ids
            self._doc_ids = id_texts(join_ids([self._doc_ids, doc_ids]))
        self._keep(block.features)

    def _checked(self, block: RowBlock) -> Ids:
        """The query ids of a block, in the form that they have in all of them."""
        text_qids = self._text_qids or isinstance(block.qids, TextIds)
        has_doc_ids = self._has_doc_ids or block.doc_ids is not None
        if len(self._qids) and (text_qids, has_doc_ids) != (self._text_qids, self._has_doc_ids):
            raise OtherIdsError(text_qids, has_doc_ids)
        self._text_qids, self._has_doc_ids = text_qids, has_doc_ids
        return id_texts(block.qids) if text_qids else block.qids

    def _keep(self, features: NDArray[np.float32]) -> None:
        waiting = self._features[self._given : self._given + self.n_docs]
        n_docs = self.n_docs + len(features)
        if n_docs > len(self._features):
            self._features = np.empty((n_docs + n_docs // 4, features.shape[1]), np.float32)
        if self.n_docs:
            self._features[: self.n_docs] = waiting
        self._features[self.n_docs : n_docs] = features
        self._given, self.n_docs = 0, n_docs

    def pop(self, ended: bool = False) -> RankingDataset:
        """The next batch; it is known once queries behind it have begun, or the rows have ended."""
        ends = np.append(self.starts, self.n_docs) if ended else self.starts
        n_queries = max(1, int(np.searchsorted(ends, self._batch_docs, side="right")) - 1)
        n_docs = int(ends[n_queries])
        batch = RankingDataset(
            self._features[self._given : self._given + n_docs],
            None,
            ends[: n_queries + 1],
            self._qids[:n_queries],
            doc_ids=self._doc_ids[:n_docs] if self._has_doc_ids else None,
            feature_names=self._block.feature_names,
            schema=self._block.schema,
        )
        self._given, self.n_docs = self._given + n_docs, self.n_docs - n_docs
        self.starts = self.starts[n_queries:] - n_docs
        self._qids, self._doc_ids = self._qids[n_queries:], self._doc_ids[n_docs:]
        return batch


class _Seen:
    """Query ids that have come, as 64 bits each: those of text are hashes.

    Two texts of one hash count as one id that comes back, so that all rows are read at once: memory, not a wrong score.
    """

    def __init__(self) -> None:
        self._sorted: list[NDArray[np.uint64]] = []  # each less than half as long as the one before

    def add(self, qids: Ids) -> None:
        """Note those of further queries.

        Raises:
            ScatteredError: If one has come before.
        """
        keys = np.sort(_keys(qids))
        if (keys[1:] == keys[:-1]).any():
            raise ScatteredError("The rows of a query do not stand together.")
        for before in self._sorted:
            places = np.searchsorted(before, keys)
            if (before[np.minimum(places, len(before) - 1)] == keys).any():
                raise ScatteredError("The rows of a query do not stand together.")
        if len(keys):
            self._sorted.append(keys)
        while len(self._sorted) > 1 and len(self._sorted[-2]) <= 2 * len(self._sorted[-1]):
            self._sorted.append(np.sort(np.concatenate([self._sorted.pop(), self._sorted.pop()])))


def _keys(qids: Ids) -> NDArray[np.uint64]:
    if not isinstance(qids, TextIds):
        return qids.astype(np.int64).view(np.uint64)
    from pandas.util import hash_array

    return np.asarray(hash_array(np.asarray(qids), categorize=False), np.uint64)

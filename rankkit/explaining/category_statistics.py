"""What each column of categories holds, and how well it ranks on its own: codes have no order to rank by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rankkit.data.columns.kinds import Bag, Category
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.views import fold_of_queries

N_TOP = 5
"""Values of a column that are named, the most frequent ones."""
N_FOLDS = 5
"""Parts that the queries are dealt into: a value is worth in one what it was worth in the others."""
SMOOTHING = 10.0
"""Documents of the mean label that are added to those of each value, so that rare values say little."""
_ROWS = 65_536


@dataclass(frozen=True)
class CategoryStatistics:
    """One column of categories, or of bags of them.

    Args:
        name: Of the column.
        kind: ``"category"`` or ``"bag"``.
        n_distinct: Different values in the data; of hashed ones, different hashes.
        top: The most frequent values, each with the share of documents that have it.
        missing: Share of documents without a value.
        unseen: Share of documents with a value that the vocabulary does not have.
        ndcg: Mean ndcg@10 of ranking by the mean label of the value (of a bag, the mean over its values), learnt out of
            fold: from the queries of four fifths for those of the fifth, smoothed by ten documents of the mean label.
            None without labels.
    """

    name: str
    kind: str
    n_distinct: int
    top: tuple[tuple[str, float], ...]
    missing: float
    unseen: float
    ndcg: float | None


def category_statistics(
    data: RankingDataset, ndcg: Callable[[NDArray[np.float32]], float] | None
) -> tuple[CategoryStatistics, ...]:
    """The statistics of each column of categories, in the order of the schema.

    Args:
        data: Any data set.
        ndcg: Of scores of its documents; None without labels.
    """
    if data.schema is None:
        return ()
    columns = [column for column in data.schema.columns if isinstance(column, Category | Bag)]
    folds = np.repeat(fold_of_queries(data.n_queries, N_FOLDS), data.list_sizes).astype(np.int8)
    return tuple(_of_column(data, column, folds, ndcg) for column in columns)


def table_of(found: Sequence[CategoryStatistics]) -> list[str]:
    """Lines of 80 columns, the best first."""
    has_ndcg = any(one.ndcg is not None for one in found)
    lines = [f"{'column':<18}{'values':>9}{'unseen':>8}{'NaN':>8}{'ndcg@10' if has_ndcg else '':>9}  most frequent"]
    for one in sorted(found, key=lambda one: -(one.ndcg or 0.0)):
        name = one.name if len(one.name) <= 17 else f"{one.name[:16]}…"
        line = f"{name:<18}{one.n_distinct:>9,}{one.unseen:>8.1%}{one.missing:>8.1%}"
        line += f"{'' if one.ndcg is None else format(one.ndcg, '.4f'):>9}"
        lines.append(f"{line}  {_short(', '.join(f'{word} {share:.0%}' for word, share in one.top), 26)}".rstrip())
    return lines


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _of_column(
    data: RankingDataset,
    column: Category | Bag,
    folds: NDArray[np.int8],
    ndcg: Callable[[NDArray[np.float32]], float] | None,
) -> CategoryStatistics:
    span = data.schema.spans[column.name]  # type: ignore[union-attr]
    n_codes = column.n_codes
    counts = np.zeros(n_codes + 1, np.int64)
    n_missing = n_unseen = 0
    by_fold = np.zeros((2, N_FOLDS, n_codes + 2))  # sums of labels, and documents
    for first in range(0, data.n_docs, _ROWS):
        rows = slice(first, first + _ROWS)
        codes = _codes(data, span, rows, n_codes)
        is_missing = (codes == n_codes + 1).all(axis=1)
        n_missing += int(is_missing.sum())
        n_unseen += int((codes == n_codes).any(axis=1).sum())
        labels = None if data.labels is None else data.labels[rows].astype(np.float64)
        fold = folds[rows].astype(np.int64)
        for place in range(codes.shape[1]):  # a value that a bag has twice counts once
            is_new = (codes[:, :place] != codes[:, place, None]).all(axis=1)
            counts += np.bincount(codes[is_new, place], minlength=n_codes + 2)[: n_codes + 1]
            if labels is not None:
                taken = is_new & ((codes[:, place] <= n_codes) | is_missing)
                flat = fold[taken] * (n_codes + 2) + codes[taken, place]
                by_fold[0] += np.bincount(flat, labels[taken], by_fold[0].size).reshape(by_fold[0].shape)
                by_fold[1] += np.bincount(flat, minlength=by_fold[1].size).reshape(by_fold[1].shape)
    words = column.vocabulary or tuple(f"hash {code}" for code in range(n_codes))
    known = counts[:n_codes]
    top = [place for place in np.argsort(-known, kind="stable")[:N_TOP].tolist() if known[place]]
    of = max(data.n_docs, 1)
    worth = None if ndcg is None or data.labels is None else ndcg(_encoded(data, span, folds, by_fold, n_codes))
    return CategoryStatistics(
        name=column.name,
        kind=column.kind,
        n_distinct=int((known > 0).sum()),
        top=tuple((words[place], float(known[place] / of)) for place in top),
        missing=n_missing / of,
        unseen=n_unseen / of,
        ndcg=worth,
    )


def _codes(data: RankingDataset, span: slice, rows: slice, n_codes: int) -> NDArray[np.int64]:
    """``[row, place]``; unseen values are one code, and so are missing ones."""
    values = data.features[rows, span]
    codes = np.nan_to_num(values, nan=n_codes + 1, posinf=n_codes, neginf=n_codes).astype(np.int64)
    codes[~np.isnan(values) & ((codes < 0) | (codes > n_codes))] = n_codes
    return codes


def _encoded(
    data: RankingDataset, span: slice, folds: NDArray[np.int8], by_fold: NDArray[np.float64], n_codes: int
) -> NDArray[np.float32]:
    """What the other folds say that the values of each document are worth."""
    sums, n_docs = (whole.sum(axis=0) - whole for whole in by_fold)
    means = sums.sum(axis=1, keepdims=True) / np.maximum(n_docs.sum(axis=1, keepdims=True), 1)
    worth = (sums + SMOOTHING * means) / (n_docs + SMOOTHING)
    scores = np.empty(data.n_docs, np.float32)
    for first in range(0, data.n_docs, _ROWS):
        rows = slice(first, first + _ROWS)
        codes = _codes(data, span, rows, n_codes)
        there = codes <= n_codes
        there[:, 0] |= ~there.any(axis=1)  # without any value it is the missing one that counts
        values = worth[folds[rows].astype(np.int64)[:, None], codes]
        scores[rows] = (values * there).sum(axis=1) / there.sum(axis=1)
    return scores

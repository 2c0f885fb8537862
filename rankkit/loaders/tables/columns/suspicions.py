"""Columns that are features but look as if they should not be: constant, all missing, a copy of the label, ..."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.naming import named

# What a log calls the place at which a document was shown, which is not known when it is to be ranked.
_SHOWN_AT = re.compile(
    r"(position|pos|rank|ranking)"
    r"|(display|displayed|shown|served|serp|result|item|doc|document|impression|original|logged|click)_?"
    r"(position|pos|rank)"
    r"|(position|pos|rank)_?(shown|displayed|served|in_?list|in_?results?)",
    re.IGNORECASE,
)
# What a feature may be the same as, and what is said of it then; of arrays only what is never meant.
_COPIES = {
    "label": "a copy of the label",
    "qid": "a copy of the qid",
    "row": "counts the rows",
    "row from 1": "counts the rows",
}
_ALWAYS = ("label", "qid")
_SHOWN = 20  # columns that one line names
_FEWEST_ROWS = 10  # fewer say nothing of a column
_FEW_STEPS = 2**20  # float32 numbers between the smallest and the largest value of a column
_SAMPLE = 65_536
_LARGEST_SHARE = 0.9  # of different values that still differ in float32


class Suspicions:
    """What is suspicious about features, asked of the rows part by part.

    A column stays under suspicion only while every part agrees, so that the later parts cost next to nothing.

    Args:
        names: One a feature; None: their numbers.
        merged: Places of features that float32 cannot hold apart, as far as that is known already.
        all_kinds: False: only copies of label and query id and what float32 cannot hold, where columns that say nothing
            are to be expected.
        quiet: Places of features of which one value everywhere is to be expected, as of a hash of text.
    """

    def __init__(
        self,
        names: Sequence[str] | None,
        merged: tuple[int, ...] = (),
        *,
        all_kinds: bool = True,
        quiet: frozenset[int] = frozenset(),
    ) -> None:
        self._quiet = quiet
        self._given_names = names
        self._all_kinds = all_kinds
        self._first: NDArray[np.float32] | None = None
        self._constant = np.empty(0, np.int64)
        self._copies: dict[str, NDArray[np.int64]] = {}
        self._seen: dict[str, float] = {}  # the first value of label and qid
        self._varies: set[str] = set()
        self._n_rows, self._n_queries = 0, 0
        self._merged = list(merged)
        self._n_asked: dict[int, int] = {}
        self._waiting: dict[int, list[NDArray[Any]]] = {}  # values that are too few to say something of yet

    def look(self, part: RankingDataset) -> None:
        """Look at some more rows."""
        features, labels = part.features, part.labels
        if not len(features) or (self._first is not None and part.n_features != len(self._first)):
            return  # a part of another width is refused by who asks
        if self._first is None:
            self._first = features[0].copy()
            everything = np.arange(part.n_features)
            self._copies = {
                role: everything if self._all_kinds or role in _ALWAYS else everything[:0] for role in _COPIES
            }
            self._constant = everything if self._all_kinds else everything[:0]
        qids = np.repeat(part.qids, part.list_sizes) if isinstance(part.qids, np.ndarray) else None
        places = self._n_rows + (np.arange(len(features)) if part.rows is None else part.rows)
        self._n_rows += len(features)
        self._n_queries += part.n_queries
        for start in range(0, len(features), 1024):
            rows = slice(start, start + 1024)
            block = features[rows]
            if len(self._constant):
                self._constant = self._constant[_equals(block[:, self._constant], self._first[self._constant])]
            self._compare("label", block, None if labels is None else labels[rows])
            self._compare("qid", block, None if qids is None else qids[rows])
            self._compare("row", block, places[rows])
            self._compare("row from 1", block, places[rows] + 1)
            if not len(self._constant) and not any(map(len, self._copies.values())):
                return

    def _compare(self, role: str, block: NDArray[np.float32], values: NDArray[Any] | None) -> None:
        candidates = self._copies[role]
        if values is None:
            self._copies[role] = candidates[:0]
            return
        if len(candidates):
            as_stored = values.astype(np.float32)
            self._copies[role] = candidates[_equals(block[:, candidates], as_stored[:, None])]
            first = self._seen.setdefault(role, float(as_stored[0]))
            if role not in self._varies and (as_stored != first).any():
                self._varies.add(role)

    def note_merged(self, place: int, values: NDArray[Any]) -> None:
        """Note whether float32 gives values of a feature, in the type in which they came, that differ as one.

        Args:
            place: Of the feature.
            values: Some of them; so many in all are looked at, whatever the parts in which they come.
        """
        n_seen = self._n_asked.get(place, 0)
        if place in self._merged or n_seen >= _SAMPLE:
            return
        values = values[: _SAMPLE - n_seen]
        self._n_asked[place] = n_seen + len(values)
        pieces = [*self._waiting.pop(place, ()), values]
        n_rows = sum(map(len, pieces))
        if n_rows < _FEWEST_ROWS:
            self._waiting[place] = pieces
        elif merges(np.concatenate(pieces)):
            self._merged.append(place)

    def remarks(self) -> tuple[str, ...]:
        """One line that names each suspicious column with the reason, if there is any."""
        if self._n_rows < _FEWEST_ROWS or self._n_queries < 2 or self._first is None:
            return ()
        names = named(self._given_names, len(self._first))
        found: dict[int, str] = {}
        for place in self._merged:
            found[place] = "float32 gives different values as one: subtract an origin"
        for place in self._constant.tolist():
            found.setdefault(place, "no value" if np.isnan(self._first[place]) else "one value everywhere")
        for role, places in self._copies.items():
            for place in places.tolist() if role in self._varies else ():
                found.setdefault(place, _COPIES[role])
        if self._all_kinds:
            for place, name in enumerate(names):
                if _SHOWN_AT.fullmatch(name):
                    found.setdefault(place, "the place where it was shown, unknown when it is ranked?")
        found = {place: reason for place, reason in found.items() if place not in self._quiet}
        if not found:
            return ()
        shown = [f"{names[place]} ({found[place]})" for place in sorted(found)[:_SHOWN]]
        more = f", ... ({len(found)} in all)" if len(found) > _SHOWN else ""
        return ("suspicious: " + ", ".join(shown) + more,)


def merges(values: NDArray[Any]) -> bool:
    """Whether more than a tenth of the different values of a column are no longer different in float32.

    >>> merges(1_700_000_000 + np.arange(100)), merges(np.linspace(0, 1, 100))
    (True, False)
    """
    if values.dtype.kind not in "iuf" or values.dtype.itemsize < 4 or values.dtype == np.float32 or not len(values):
        return False
    known = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if not len(known):
        return False
    low, high = known.min(), known.max()
    largest = max(abs(float(low)), abs(float(high)))
    if largest == 0 or (float(high) - float(low)) / largest * 2**24 > _FEW_STEPS:
        return False
    n_different = len(np.unique(known))
    with np.errstate(over="ignore"):
        return len(np.unique(known.astype(np.float32))) < _LARGEST_SHARE * n_different


def _equals(block: NDArray[Any], values: NDArray[Any]) -> NDArray[np.bool_]:
    """Of which columns every value is the one beside it, or missing as it is."""
    same = (block == values) | (np.isnan(block) & np.isnan(values))
    return np.asarray(same.all(axis=0))

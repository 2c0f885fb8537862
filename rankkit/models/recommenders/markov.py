"""Markov: what usually follows the latest items of a history."""

from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from rankkit.data.interactions.log import Interactions
from rankkit.models.recommenders.arrays import State, sparse_in, sparse_out
from rankkit.models.recommenders.checks import check_count, check_from_zero
from rankkit.models.recommenders.choosing import Grid
from rankkit.models.recommenders.recommender import Recommender


class Markov(Recommender):
    r"""Scores an item by how often it followed the latest items of a history, near ones counting most.

    .. math::

        C_{ij} = \sum_{l=1}^{L} l^{-d} \, n_l(i, j), \qquad
        P_{ij} = \frac{C_{ij}}{(\sum_m C_{im} + \mu) \, n_j^b}, \qquad
        s_j = \sum_{l=1}^{L} l^{-d} \, P_{h_{-l}, j}

    where n_l(i, j) counts the users' events of j that stand l places after one of i, n_j the events of j, and h_{-l} is
    the l-th item from the end of the history. Of a new history only its items are needed. Cold items score 0.

    Args:
        n_lags: L: how many places apart.
        decay: d: 0 counts all lags alike, 1 the second half as much as the first. None: of 1, 0.5 and 2 what is best on
            the validation data; without any 1.
        smoothing: mu: items that little is known of count less. None: of 20, 5 and 100 likewise; 20.
        popularity: b: 0 lets popular items lead, up to 1 takes more and more of that away.

    Example:
        >>> log = Interactions.from_events(list("aaabbb"), list("xyzxyw"))
        >>> Markov(n_lags=1, smoothing=0).learn(log).recommend([["x", "y"]], 2).items_of(0)
        ['z', 'w']
    """

    reads_order: ClassVar[bool] = True

    def __init__(
        self,
        n_lags: int = 10,
        decay: float | None = None,
        smoothing: float | None = None,
        popularity: float = 0.0,
    ) -> None:
        check_count("Markov", n_lags=n_lags)
        check_from_zero("Markov", popularity=popularity)
        check_from_zero("Markov", or_none=True, decay=decay, smoothing=smoothing)
        self.n_lags, self.popularity = n_lags, popularity
        self.decay, self.smoothing = cast("float", decay), cast("float", smoothing)  # once it has learnt

    @property
    def grid(self) -> Grid:
        """Three by three."""
        return {"decay": (1.0, 0.5, 2.0), "smoothing": (20.0, 5.0, 100.0)}

    @property
    def _weights(self) -> NDArray[np.float64]:
        return np.arange(1, self.n_lags + 1, dtype=np.float64) ** -self.decay

    def _learn(self, train: Interactions, seed: int) -> None:
        from rankkit.models.recommenders import kernels

        counted = kernels.transitions(train.offsets, train.users, train.items, train.n_items, self._weights)
        self._starts, self._columns, values = counted
        rows = np.repeat(np.arange(train.n_items), np.diff(self._starts))
        sums = np.bincount(rows, weights=values, minlength=train.n_items) + self.smoothing
        popular = np.maximum(train.item_counts, 1).astype(np.float64) ** self.popularity
        self._values = (values / sums[rows] / popular[self._columns]).astype(np.float32)

    def _score(self, histories: Interactions) -> NDArray[np.float32]:
        from rankkit.models.recommenders import kernels

        from_the_end = np.repeat(histories.offsets[1:], histories.sizes) - np.arange(histories.n_events)
        latest = histories.keep(from_the_end <= self.n_lags)
        weights = self._weights[from_the_end[from_the_end <= self.n_lags] - 1].astype(np.float32)
        block = np.zeros((len(histories), self.log.n_items), np.float32)
        matrix = (self._starts, self._columns, self._values)
        kernels.add_sparse_rows(block, latest.offsets, latest.items, weights, *matrix)
        return block

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return sparse_out((self._starts, self._columns, self._values))

    def _take(self, arrays: State) -> None:
        n_items = self.log.n_items
        self._starts, self._columns, self._values = sparse_in("Markov", arrays, n_items, n_items)

"""ItemKNN: items that are met by the same users are alike; a history is scored by what is like it."""

from typing import Any, ClassVar, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from rankkit.data.interactions.log import Interactions
from rankkit.errors import ConfigError
from rankkit.models.recommenders.arrays import State, sparse_in, sparse_out
from rankkit.models.recommenders.checks import check_count, check_from_zero, check_positive
from rankkit.models.recommenders.choosing import Grid
from rankkit.models.recommenders.recommender import Recommender

Similarity = Literal["cosine", "tf_idf", "bm25"]


class ItemKNN(Recommender):
    r"""Scores an item by how alike it is to the items of a history, of which each speaks for its nearest neighbours.

    .. math::

        s_j = \sum_{i \in h} S_{ij} [j \in N_k(i)], \qquad
        S_{ij} = \frac{\sum_u w_{ui} w_{uj}}{\|w_i\| \|w_j\| + \mu}

    with w = 1 where the user met the item for ``"cosine"``, and the inverse frequency of users,
    log I - log(1 + n_u), for ``"tf_idf"``; for ``"bm25"`` S is the plain product of

    .. math:: w_{ui} = \frac{k_1 + 1}{k_1 (1 - b + b \, n_i / \bar n) + 1} (\log I - \log(1 + n_u))

    where n_u counts the items of a user, n_i the users of an item and I the items. These are the weights of the package
    implicit, in whose neighbours an item is itself one of the k. Of equal neighbours the item that the log met first is
    taken. New histories are scored as known ones are; cold items score 0.

    Args:
        similarity: Of two items.
        n_neighbours: k: how many items each item speaks for. None: of 100, 30 and 300 what is best on the validation
            data; without any 100.
        shrinkage: mu: pairs that few users met count less; for cosine and tf-idf. None: of 0 and 30 likewise; 0.
        k1: Of BM25: 0 counts each user of an item in full.
        b: Of BM25: 0 does not punish popular items, 1 most.

    References:
        Deshpande, Karypis: Item-Based Top-N Recommendation Algorithms, TOIS 2004; Robertson et al.: Okapi at TREC-3.

    Example:
        >>> log = Interactions.from_events(list("aabbc"), list("xyxyx"))
        >>> knn = ItemKNN().learn(log)
        >>> print(next(knn.scores([["y"]])).round(4))  # 2 / sqrt(3 * 2)
        [[0.8165 0.    ]]
    """

    reads_order: ClassVar[bool] = False

    def __init__(
        self,
        similarity: Similarity = "cosine",
        n_neighbours: int | None = None,
        shrinkage: float | None = None,
        k1: float = 1.2,
        b: float = 0.75,
    ) -> None:
        if similarity not in get_args(Similarity):
            known = ", ".join(map(repr, get_args(Similarity)))
            raise ConfigError(f"ItemKNN: expected similarity to be one of {known}; got {similarity!r}. Pass one.")
        check_count("ItemKNN", or_none=True, n_neighbours=n_neighbours)
        check_from_zero("ItemKNN", or_none=True, shrinkage=shrinkage)
        check_from_zero("ItemKNN", b=b)
        check_positive("ItemKNN", k1=k1)
        if similarity == "bm25" and shrinkage:
            raise ConfigError(
                f"ItemKNN: expected no shrinkage with similarity='bm25'; got {shrinkage:g}. Raise k1, or leave it out."
            )
        self.similarity, self.k1, self.b = similarity, k1, b
        self.n_neighbours, self.shrinkage = cast("int", n_neighbours), cast("float", shrinkage)  # once it has learnt

    @property
    def grid(self) -> Grid:
        """Three by two; BM25 has no shrinkage."""
        return {"n_neighbours": (100, 30, 300), "shrinkage": (0.0,) if self.similarity == "bm25" else (0.0, 30.0)}

    def _learn(self, train: Interactions, seed: int) -> None:
        from rankkit.models.recommenders import kernels

        weights, norms = self._weighted(train.matrix())
        by_item = weights.T.tocsr()
        parts = [(matrix.indptr, matrix.indices, matrix.data) for matrix in (weights, by_item)]
        found = kernels.nearest_items(*parts[0], *parts[1], norms, self.shrinkage, self.n_neighbours)
        self._starts, self._columns, self._values = found

    def _weighted(self, matrix: csr_array) -> tuple[csr_array, NDArray[np.float32]]:
        """W ``[user, item]``, and what S is divided by: norms ``[item]``, empty for a plain product."""
        n_items = matrix.shape[1]
        n_of_user = np.diff(matrix.indptr)
        n_of_item = np.bincount(matrix.indices, minlength=n_items)
        if self.similarity != "cosine":
            rarity = np.log(n_items) - np.log1p(n_of_user)
            matrix.data = np.repeat(rarity, n_of_user).astype(np.float32)
        if self.similarity == "bm25":
            length = 1 - self.b + self.b * n_of_item / n_of_item.mean()
            matrix.data *= ((self.k1 + 1) / (self.k1 * length + 1)).astype(np.float32)[matrix.indices]
            return matrix, np.empty(0, np.float32)
        squares = np.bincount(matrix.indices, weights=matrix.data.astype(np.float64) ** 2, minlength=n_items)
        return matrix, np.sqrt(squares).astype(np.float32)

    def _score(self, histories: Interactions) -> NDArray[np.float32]:
        from rankkit.models.recommenders import kernels

        repeats = histories.repeats()
        once = histories.keep(~repeats) if repeats.any() else histories
        block = np.zeros((len(histories), self.log.n_items), np.float32)
        ones = np.ones(once.n_events, np.float32)
        matrix = (self._starts, self._columns, self._values)
        kernels.add_sparse_rows(block, once.offsets, once.items, ones, *matrix)
        return block

    def neighbours(self) -> csr_array:
        """S ``[item, item]``, with the neighbours of each item in its row."""
        n_items = self.log.n_items
        return csr_array((self._values, self._columns, self._starts), shape=(n_items, n_items))

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return sparse_out((self._starts, self._columns, self._values))

    def _take(self, arrays: State) -> None:
        n_items = self.log.n_items
        self._starts, self._columns, self._values = sparse_in("ItemKNN", arrays, n_items, n_items)

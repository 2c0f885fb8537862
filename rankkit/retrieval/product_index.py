"""ProductIndex: items of the greatest products with users, by FAISS, without scoring all of them."""

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ConfigError
from rankkit.retrieval.faiss_index import Kind, build_index
from rankkit.retrieval.top import top_k

_MEMORY = 32 * 2**20  # bytes of vectors of items that are proposed to users at the same time
_BYTES = 4  # of a float32


class ProductIndex:
    """Vectors of items, of which those of the greatest products with a user are found, and now and then not.

    FAISS proposes as many items more than are wanted as the user has seen, so that enough are left; their products are
    then computed and sorted, so that scores are those of comparing all. How many of the true items are found depends on
    the data, so it has to be measured.

    Args:
        where: For messages.
        vectors: float32 ``[item, n_dims]``.
        is_candidate: bool ``[item]``: the items that may be found.
        kind, effort: As :func:`rankkit.retrieval.faiss_index.build_index` has them.

    Raises:
        ConfigError: If FAISS is not installed, the kind is unknown, or the effort is below 1.
    """

    def __init__(
        self, where: str, vectors: NDArray[np.float32], is_candidate: NDArray[np.bool_], *, kind: Kind, effort: int
    ) -> None:
        if isinstance(effort, bool) or not isinstance(effort, int | np.integer) or effort < 1:
            raise ConfigError(f"{where}: expected effort as a whole number from 1; got {effort!r}. Leave it out.")
        self.kind, self.effort = kind, int(effort)
        self._vectors, self._positions = vectors, np.flatnonzero(is_candidate).astype(np.int32)
        rows = np.ascontiguousarray(vectors[self._positions], np.float32)
        self._index = build_index(
            where, rows, kind, by_length=False, effort=self.effort, exact="recommend without an index"
        )

    def __repr__(self) -> str:
        return f"FAISS ({self.kind}, effort {self.effort}, {len(self._positions):,} items)"

    def top_k(
        self,
        users: NDArray[np.float32],
        k: int,
        seen: tuple[NDArray[np.int64], NDArray[np.int32]] | None,
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """About the k best items of each user, best first, of equal scores the item of the lower position.

        Args:
            users: float32 ``[user, n_dims]``.
            k: How many.
            seen: Offsets ``[user + 1]`` and items that are not listed; None: all may be.

        Returns:
            Items int32 and scores float32 ``[user, k]``: -1 and -inf where no more were found; nothing is for users
            for whom all items would have to be proposed, which is no less work than scoring them.
        """
        items, scores = np.full((len(users), k), -1, np.int32), np.full((len(users), k), -np.inf, np.float32)
        n_seen = np.zeros(len(users), np.int64) if seen is None else np.diff(seen[0])
        # A search takes one number for all its users: those who have seen about as much are searched for together.
        wanted = np.minimum(2 ** np.ceil(np.log2(k + n_seen)).astype(np.int64), len(self._positions))
        for n in np.unique(wanted[wanted < len(self._positions)]):
            rows = np.flatnonzero(wanted == n)
            size = max(1, _MEMORY // (_BYTES * int(n) * users.shape[1]))
            for first in range(0, len(rows), size):
                some = rows[first : first + size]
                items[some], scores[some] = self._listed(users[some], k, int(n), _of_rows(seen, some))
        return items, scores

    def _listed(
        self,
        users: NDArray[np.float32],
        k: int,
        n_proposed: int,
        seen: tuple[NDArray[np.int64], NDArray[np.int32]] | None,
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        from rankkit.retrieval import kernels

        _, proposed = self._index.search(np.ascontiguousarray(users, np.float32), n_proposed)
        proposed = np.sort(proposed, axis=1)  # so that the lower position comes first among equal scores
        items = self._positions[np.maximum(proposed, 0)]
        products = np.matmul(self._vectors[items], users[:, :, None])[:, :, 0]
        left_out = proposed < 0
        if seen is not None:
            is_seen = np.zeros(items.size, np.bool_)
            offsets = np.arange(len(users) + 1, dtype=np.int64) * n_proposed
            kernels.held_in(*seen, offsets, items.reshape(-1), len(self._vectors), is_seen)
            left_out |= is_seen.reshape(items.shape)
        products[left_out] = -np.inf
        places, scores = top_k(products, k)
        found = np.take_along_axis(items, np.maximum(places, 0).astype(np.int64), axis=1)
        return np.where(places < 0, np.int32(-1), found), scores


def _of_rows(
    seen: tuple[NDArray[np.int64], NDArray[np.int32]] | None, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32]] | None:
    """Offsets and items of some users."""
    if seen is None:
        return None
    offsets, items = seen
    sizes = offsets[rows + 1] - offsets[rows]
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    places = np.arange(ends[-1]) + np.repeat(offsets[rows] - ends[:-1], sizes)
    return ends, np.ascontiguousarray(items[places])

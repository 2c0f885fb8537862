"""AnnIndex: approximate nearest neighbours by FAISS, with its recall measured against the exact search."""

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from rankkit.distances import Distance, nearness, unit
from rankkit.errors import ConfigError, ShapeError
from rankkit.retrieval.faiss_index import Kind, build_index
from rankkit.similarity.comparing import as_rows, count_at_least, distance_for
from rankkit.similarity.neighbours import Neighbours, nearest_neighbours

_BY_LENGTH = ("euclidean", "squared_euclidean")
_BY_ANGLE = ("cosine", "cosine_similarity")
_BY_PRODUCT = ("dot",)
_KNOWN = (*_BY_LENGTH, *_BY_ANGLE, *_BY_PRODUCT)


class AnnIndex:
    """A gallery in which the nearest rows are found without comparing all of them, and now and then not found.

    FAISS proposes the rows; their distances are then computed by the distance itself and sorted, so that values are
    those of :func:`nearest_neighbours`. How many of the true neighbours it finds depends on the data: ask
    :meth:`measured_recall`. Needs ``pip install 'rankkit-torch[ann]'``.

    Args:
        gallery: ``[m, n_dims]``.
        distance: ``"euclidean"``, ``"squared_euclidean"``, ``"cosine"``, ``"cosine_similarity"`` or ``"dot"``, by name
            or as an object: FAISS knows no others.
        kind: ``"hnsw"`` a graph of near rows (Malkov, Yashunin 2020), ``"ivf"`` about ``sqrt(m)`` cells around k-means
            centres, ``"flat"`` all rows, exact up to rounding.
        effort: How much a search looks at: the candidates of hnsw (``efSearch``), the cells of ivf (``nprobe``). More
            finds more and takes longer.

    Raises:
        ConfigError: If FAISS is not installed, knows no such distance, or an option is unknown.
        ShapeError, DataError: As :func:`nearest_neighbours`.

    Example:
        >>> index = AnnIndex(np.eye(3), distance="euclidean", kind="flat")
        >>> index.search([[0.9, 0.1, 0.0]], k=2).indices
        array([[0, 1]])
    """

    def __init__(
        self, gallery: ArrayLike | Tensor, *, distance: str | Distance, kind: Kind = "hnsw", effort: int = 64
    ) -> None:
        where = "AnnIndex"
        count_at_least(where, "effort", effort)
        rows = as_rows(where, "gallery", gallery)
        self.distance, rows = distance_for(distance, rows)
        if self.distance.name not in _KNOWN:
            raise ConfigError(
                f"{where}: expected a distance that FAISS knows ({', '.join(_KNOWN)}); "
                f"got {self.distance.name}. Use nearest_neighbours (no --ann), which compares all rows."
            )
        self.kind, self.effort, self._rows = kind, effort, rows
        self._index = build_index(
            where,
            self._for_faiss(rows),
            kind,
            by_length=self.distance.name in _BY_LENGTH,
            effort=effort,
            exact="nearest_neighbours",
        )

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"AnnIndex({len(self):,} rows, {self.distance.name}, {self.kind}, effort {self.effort})"

    def search(self, queries: ArrayLike | Tensor, *, k: int) -> Neighbours:
        """About the k nearest rows for each query, nearest first; equal distances in the order of the gallery.

        Where fewer than k are found, the last places hold row -1 at an infinite distance (minus infinity for a
        similarity).

        Raises:
            ConfigError: If k is not between 1 and the number of rows.
            ShapeError: If the queries have other dimensions than the gallery.
            DataError: If a query is not finite.
        """
        rows = as_rows("AnnIndex.search", "queries", queries).to(self._rows.device)
        if rows.shape[1] != self._rows.shape[1]:
            raise ShapeError(
                f"AnnIndex.search: expected queries of {self._rows.shape[1]} dimensions, as the gallery has; got "
                f"{rows.shape[1]}. Embed both with one encoder."
            )
        if count_at_least("AnnIndex.search", "k", k) > len(self):
            raise ConfigError(f"AnnIndex.search: expected k of at most {len(self)}, all rows; got {k}. Lower it.")
        _, proposed = self._index.search(self._for_faiss(rows), k)
        found = torch.from_numpy(np.sort(proposed, axis=1)).to(rows.device)
        scores, order = self._nearness(rows, found).sort(dim=1, descending=True, stable=True)
        values = scores if self.distance.nearer == "larger" else -scores
        return Neighbours(found.gather(1, order).cpu().numpy(), values.cpu().numpy() + 0.0)

    def measured_recall(self, queries: ArrayLike | Tensor, *, k: int) -> float:
        """Share of the k true nearest rows that the index finds: the mean over queries, by the exact search.

        A row as near as the k-th true one counts as found, so that equal distances cost nothing. Both are measured in
        one way, since all pairs at once are rounded otherwise than one by one.
        """
        rows = as_rows("AnnIndex.measured_recall", "queries", queries).to(self._rows.device)
        exact, found = (
            self._nearness(rows, torch.from_numpy(neighbours.indices).to(rows.device))
            for neighbours in (
                nearest_neighbours(rows, self._rows, k=k, distance=self.distance),
                self.search(rows, k=k),
            )
        )
        return float((found >= exact.amin(dim=1, keepdim=True)).double().mean())

    @torch.no_grad()
    def _nearness(self, rows: Tensor, found: Tensor) -> Tensor:
        """Scores ``[n, k]`` of rows of the gallery; minus infinity for row -1."""
        scores = torch.empty(found.shape, dtype=torch.promote_types(rows.dtype, self._rows.dtype), device=rows.device)
        for place in range(found.shape[1]):
            near = self._rows[found[:, place].clamp(min=0)]
            scores[:, place] = nearness(self.distance, self.distance.pairwise(rows, near))
        return scores.masked_fill(found < 0, -torch.inf)

    def _for_faiss(self, rows: Tensor) -> NDArray[np.float32]:
        rows = unit(rows) if self.distance.name in _BY_ANGLE else rows
        return np.ascontiguousarray(rows.float().cpu().numpy())

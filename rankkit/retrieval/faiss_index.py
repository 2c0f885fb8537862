"""Indices of FAISS over rows of numbers: which kinds there are, how one is built, what is said without FAISS."""

import warnings
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ConfigError

Kind = Literal["hnsw", "ivf", "flat"]

_SEED = 1234


def build_index(where: str, rows: NDArray[np.float32], kind: Kind, *, by_length: bool, effort: int, exact: str) -> Any:
    """An index over all rows, of squared lengths of differences or of products.

    Args:
        where: For messages.
        rows: ``[row, n_dims]``.
        kind: ``"hnsw"`` a graph of near rows (Malkov, Yashunin 2020), ``"ivf"`` about ``sqrt(n)`` cells around k-means
            centres, ``"flat"`` all rows.
        by_length: Whether the nearest have the least length of difference, else the greatest product.
        effort: The candidates of a search of hnsw (``efSearch``), the cells of one of ivf (``nprobe``).
        exact: What is exact without FAISS, for the message where it is not installed.

    Raises:
        ConfigError: If FAISS is not installed, or the kind is unknown.
    """
    if kind not in get_args(Kind):
        known = ", ".join(map(repr, get_args(Kind)))
        raise ConfigError(f"{where}: expected kind to be one of {known}; got {kind!r}. Pass one of them.")
    faiss = _faiss(where, exact)
    n, n_dims = rows.shape
    metric = faiss.METRIC_L2 if by_length else faiss.METRIC_INNER_PRODUCT
    if kind == "flat":
        index = faiss.IndexFlat(n_dims, metric)
    elif kind == "hnsw":
        index = faiss.IndexHNSWFlat(n_dims, 32, metric)
        index.hnsw.efConstruction = 80
        index.hnsw.efSearch = effort
    else:
        n_cells = max(1, min(round(n**0.5), n // 39))  # k-means there warns below 39 rows a cell
        index = faiss.IndexIVFFlat(faiss.IndexFlat(n_dims, metric), n_dims, n_cells, metric)
        index.cp.seed = _SEED
        index.train(rows)
        index.nprobe = min(effort, n_cells)
    index.add(rows)
    return index


def _faiss(where: str, exact: str) -> Any:
    try:
        with warnings.catch_warnings():
            # Types that its wrapper generator made warn at import on Python 3.12.
            warnings.simplefilter("ignore", DeprecationWarning)
            import faiss
    except ImportError as error:
        raise ConfigError(
            f"{where}: expected FAISS; got none installed. Run pip install 'rankkit-torch[ann]', or use {exact}, which "
            "is exact."
        ) from error
    return faiss

"""EASE: a linear model of items on items, solved at once."""

from dataclasses import replace
from typing import Any, ClassVar, Literal, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rankkit.data.interactions.joining import on_shared_ids
from rankkit.data.interactions.log import Interactions
from rankkit.errors import ConfigError, DataError, TrainingError
from rankkit.models.recommenders.arrays import State, array_in
from rankkit.models.recommenders.checks import check_positive
from rankkit.models.recommenders.choosing import Grid
from rankkit.models.recommenders.recommender import Recommender

Precision = Literal["float32", "float64"]
_BLOCK = 512


class EASE(Recommender):
    r"""Predicts each item from all others by ridge regression, no item from itself.

    .. math::

        P = (X^T X + \lambda I)^{-1}, \qquad B_{ij} = -P_{ij} / P_{jj}, \quad B_{jj} = 0, \qquad s = x B

    X is binary ``[user, item]``: how often a user met an item does not count. Takes memory of items squared: 4 bytes
    each. New histories are scored as known ones are; cold items score 0.

    Args:
        l2: lambda, the ridge: about 100 for 100,000 events, up to 1,000 for tens of millions. None: of 100, 30, 300 and
            1,000 what is best on the validation data; without any 100.
        precision: Of the solution; ``"float64"`` takes twice the memory.

    References:
        Steck: Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019, equation 8.

    Example:
        >>> log = Interactions.from_events(list("aabbccddd"), list("xyxzyzxyz"))
        >>> ease = EASE(l2=1.0, precision="float64").learn(log)
        >>> ease.weights().round(4).tolist()  # that of each other item is 1/3
        [[0.0, 0.3333, 0.3333], [0.3333, 0.0, 0.3333], [0.3333, 0.3333, 0.0]]
    """

    reads_order: ClassVar[bool] = False

    def __init__(self, l2: float | None = None, precision: Precision = "float32") -> None:
        check_positive("EASE", or_none=True, l2=l2)
        if precision not in get_args(Precision):
            raise ConfigError(f"EASE: expected precision 'float32' or 'float64'; got {precision!r}. Pass one of them.")
        self.l2, self.precision = cast("float", l2), precision  # l2 is there once it has learnt

    @property
    def grid(self) -> Grid:
        """Four ridges."""
        return {"l2": (100.0, 30.0, 300.0, 1000.0)}

    @property
    def _dtype(self) -> torch.dtype:
        return torch.float32 if self.precision == "float32" else torch.float64

    def _learn(self, train: Interactions, seed: int) -> None:
        gram = _gram(train, self._dtype)
        gram.diagonal().add_(self.l2)
        self._set(self._inverted(gram))

    def _inverted(self, gram: Tensor) -> Tensor:
        """The inverse of a symmetric positive matrix, in its memory: LAPACK's, as torch's takes two copies beside."""
        from scipy.linalg import get_lapack_funcs

        matrix = gram.numpy()
        by_columns = matrix.T  # the same matrix, as it is symmetric, in the order that LAPACK has
        potrf, potri = get_lapack_funcs(("potrf", "potri"), (by_columns,))
        squares = matrix.diagonal().copy()
        factor, info = potrf(by_columns, lower=1, overwrite_a=1, clean=0)
        # What is left of an item's square beside all items before it; of nothing but rounding no inverse can be told.
        left = 0.0 if info else float((factor.diagonal() ** 2 / squares).min())
        if left < 10 * torch.finfo(self._dtype).eps:
            raise TrainingError(
                f"EASE: expected a matrix that can be inverted; got none with l2={self.l2:g} in {self.precision}. "
                "Take a greater l2, or precision='float64'."
            )
        inverse, _ = potri(factor, lower=1, overwrite_c=1)
        _mirror(inverse)
        return torch.from_numpy(inverse.T)

    def _set(self, inverse: Tensor) -> None:
        """Keep P as B, in place, and its diagonal, from which P comes back."""
        diagonal = inverse.diagonal().clone()
        inverse.div_(-diagonal)
        inverse.fill_diagonal_(0.0)
        self._weights, self._diagonal = inverse, diagonal

    def weights(self) -> NDArray[np.floating[Any]]:
        """B ``[item, item]``: row i holds what having met item i adds to the score of each item."""
        return self._weights.numpy()

    def update(self, new: Interactions) -> "EASE":
        """Learn further events without solving again, by the identity of Sherman, Morrison and Woodbury.

        Users that are known get the events added to theirs, others are new. The result is that of learning from all
        events at once, up to rounding.

        Args:
            new: Events on the items that were learnt from.

        Raises:
            DataError: If an item is not known.
        """
        if not new.n_events:
            return self
        if (self.log.item_positions(new.item_ids[new.item_counts > 0]) < 0).any():
            raise DataError(
                "EASE.update: expected events on items that were learnt from; got others. Learn from all events anew."
            )
        joined, _ = on_shared_ids([self.log, new])
        # Items stand in their old places; only new ones without events can have come behind them.
        whole = replace(joined, item_ids=self.log.item_ids, item_columns=self.log.item_columns)
        changed = whole.user_positions(new.user_ids[new.sizes > 0])
        after = torch.from_numpy(whole.select(changed).matrix().toarray()).to(self._dtype)
        before = torch.zeros_like(after)
        known = self.log.user_positions(new.user_ids[new.sizes > 0])
        before[known >= 0] = torch.from_numpy(self.log.select(known[known >= 0]).matrix().toarray()).to(self._dtype)
        rows = torch.cat([after, before[known >= 0]])
        signs = torch.cat([torch.ones(len(after)), -torch.ones(int((known >= 0).sum()))]).to(self._dtype)
        inverse = self._weights * -self._diagonal
        inverse.diagonal().copy_(self._diagonal)
        projected = inverse @ rows.mT
        inner = torch.diag(signs) + rows @ projected
        inverse -= projected @ torch.linalg.solve(inner, projected.mT)
        self.log = whole
        self._set(inverse)
        return self

    def _score(self, histories: Interactions) -> NDArray[np.float32]:
        if histories.n_events * 16 > len(histories) * histories.n_items:
            dense = torch.from_numpy(histories.matrix().toarray()).to(self._dtype)
            return (dense @ self._weights).float().numpy()
        from rankkit.models.recommenders import kernels

        repeats = histories.repeats()
        once = histories.keep(~repeats) if repeats.any() else histories
        block = np.zeros((len(histories), self.log.n_items), np.float32)
        kernels.add_dense_rows(block, once.offsets, once.items, self._weights.numpy())
        return block

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {"weights": self._weights.numpy(), "diagonal": self._diagonal.numpy()}

    def _take(self, arrays: State) -> None:
        n_items = self.log.n_items
        self._weights, self._diagonal = (
            torch.from_numpy(np.array(array_in("EASE", arrays, name, shape, self.precision)))
            for name, shape in (("weights", (n_items, n_items)), ("diagonal", (n_items,)))
        )


def _mirror(matrix: NDArray[Any]) -> None:
    """Write what stands below the diagonal above it, in blocks that fit into a cache."""
    for first in range(0, len(matrix), _BLOCK):
        last = first + _BLOCK
        square = matrix[first:last, first:last]
        square[:] = np.tril(square) + np.tril(square, -1).T
        for below in range(last, len(matrix), _BLOCK):
            matrix[first:last, below : below + _BLOCK] = matrix[below : below + _BLOCK, first:last].T


def _gram(log: Interactions, dtype: torch.dtype) -> Tensor:
    """X^T X ``[item, item]``: by dense products where users have many items, else event by event."""
    n_items, matrix = log.n_items, log.matrix()
    gram = torch.zeros((n_items, n_items), dtype=dtype)
    if matrix.nnz * 50 > log.n_users * n_items:
        rows = max(1, 2**26 // n_items)
        for first in range(0, log.n_users, rows):
            dense = torch.from_numpy(matrix[first : first + rows].toarray())
            gram += (dense.mT @ dense).to(dtype)  # whole numbers below 2^24: exact
        return gram
    product = (matrix.T.tocsr() @ matrix).tocoo()
    gram[torch.from_numpy(product.row.astype(np.int64)), torch.from_numpy(product.col.astype(np.int64))] = (
        torch.from_numpy(product.data).to(dtype)
    )
    return gram

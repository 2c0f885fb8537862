"""The shape of an embedding without regard to its scale: how tight classes are, and which lie on top of each other."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from rankkit.errors import ConfigError, DataError
from rankkit.similarity.comparing import as_classes, as_rows


class _Centres(NamedTuple):
    classes: NDArray[Any]
    within: float
    squares: NDArray[np.float64]


def tightness(embeddings: ArrayLike | Tensor, labels: ArrayLike | Tensor) -> float:
    r"""Spread within the classes over the squared distance of the two nearest class centres; smaller is tighter.

    .. math::
        \frac{\frac{1}{n} \sum_i |x_i - c_{y_i}|^2}{\min_{a \ne b} |c_a - c_b|^2},
        \qquad c_a = \text{mean of the } x_i \text{ with } y_i = a

    Scaling, turning or shifting the embeddings changes nothing. Infinite where two centres coincide, as in a
    collapsed embedding.

    >>> tightness([[0.0], [2.0], [10.0], [12.0]], [0, 0, 1, 1])
    0.01

    Args:
        embeddings: ``[n, n_dims]``.
        labels: ``[n]``: a class, number or text, of each.

    Raises:
        ShapeError: If the shapes do not fit.
        DataError: If an embedding is not finite, or there is one class only.
    """
    found = _centres("tightness", embeddings, labels)
    nearest = float(found.squares[np.triu_indices(len(found.classes), 1)].min())
    return found.within / nearest if nearest > 0 else float("inf")


def collisions(embeddings: ArrayLike | Tensor, labels: ArrayLike | Tensor, *, share: float = 0.05) -> list[Any]:
    """Pairs of classes whose centres lie on top of each other, seen from the two that are farthest apart.

    A pair collides where the distance of its centres is at most ``share`` of the greatest distance of two centres;
    every pair does where all centres coincide. Scaling changes nothing.

    >>> collisions([[0.0, 0.0], [0.1, 0.0], [9.0, 0.0]], ["a", "b", "c"])
    [('a', 'b')]

    Args:
        embeddings: ``[n, n_dims]``.
        labels: ``[n]``: a class, number or text, of each.
        share: From 0 to below 1.

    Returns:
        Pairs ``(class, class)``, in the order of the classes.

    Raises:
        ConfigError: If share is not in [0, 1).
        ShapeError: If the shapes do not fit.
        DataError: If an embedding is not finite, or there is one class only.
    """
    if not 0 <= share < 1:
        raise ConfigError(f"collisions: expected share from 0 to below 1; got {share}. Pass a share such as 0.05.")
    found = _centres("collisions", embeddings, labels)
    near = np.sqrt(found.squares) <= share * np.sqrt(found.squares.max())
    first, second = np.nonzero(np.triu(near, 1))
    names = found.classes.tolist()
    return [(names[a], names[b]) for a, b in zip(first, second, strict=True)]


def _centres(where: str, embeddings: ArrayLike | Tensor, labels: ArrayLike | Tensor) -> _Centres:
    rows = as_rows(where, "embeddings", embeddings).double().cpu().numpy()
    classes, codes, sizes = np.unique(
        as_classes(where, "labels", labels, len(rows)), return_inverse=True, return_counts=True
    )
    if len(classes) < 2:
        raise DataError(f"{where}: expected at least two classes; got one. Pass examples of more classes.")
    # Far from the origin the mean would lose the digits in which classes differ.
    rows = rows - rows.mean(axis=0)
    centres = np.zeros((len(classes), rows.shape[1]))
    np.add.at(centres, codes, rows)
    centres /= sizes[:, None]
    within = float(np.square(rows - centres[codes]).sum(axis=1).mean())
    squares = np.empty((len(classes), len(classes)))
    for place, centre in enumerate(centres):
        squares[place] = np.square(centres - centre).sum(axis=1)
    return _Centres(classes, within, squares)

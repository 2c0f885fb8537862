"""From the name of a distance to the distance."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from rankkit.distances.angular import Cosine, CosineSimilarity, Dot
from rankkit.distances.distance import Distance
from rankkit.distances.function import FunctionDistance
from rankkit.distances.learned import VerificationHead, WeightedL1
from rankkit.distances.norms import L1, Euclidean, SquaredEuclidean
from rankkit.errors import ConfigError, did_you_mean

DISTANCES: dict[str, Callable[..., Distance]] = {
    "euclidean": Euclidean,
    "squared_euclidean": SquaredEuclidean,
    "l1": L1,
    "weighted_l1": WeightedL1,
    "cosine": Cosine,
    "cosine_similarity": CosineSimilarity,
    "dot": Dot,
    "verification": VerificationHead,
}
LEARNED = frozenset({"weighted_l1", "verification"})
"""Those with weights of their own, which are built with the ``n_dims`` of the embeddings."""


def find_distance(distance: str | Distance | Callable[[Tensor, Tensor], Tensor], n_dims: int | None = None) -> Distance:
    """The distance of a name, of a callable, or the one given.

    Args:
        distance: A name of :data:`DISTANCES`; a :class:`Distance`, given back; or a callable
            ``(x [n, n_dims], y [n, n_dims]) -> [n]``, smaller for nearer rows (for a similarity build
            :class:`FunctionDistance` with ``nearer="larger"``).
        n_dims: Dimensions of the embeddings, which a learned distance asked for by name needs.

    Example:
        >>> find_distance("weighted_l1", n_dims=8)
        WeightedL1(n_dims=8)
    """
    if isinstance(distance, str):
        return _named(distance, n_dims)
    if isinstance(distance, type):
        raise ConfigError(
            f"find_distance: expected a distance or its name; got the class {distance.__name__}. "
            f"Build it: {distance.__name__}({'n_dims' if distance in (WeightedL1, VerificationHead) else ''})."
        )
    if isinstance(distance, Distance):
        return distance
    function: Any = distance
    if not callable(function):
        raise ConfigError(
            f"find_distance: expected a name, a distance or a callable; got {type(function).__name__}. "
            f"Known: {', '.join(DISTANCES)}."
        )
    if hasattr(function, "distance"):
        raise ConfigError(
            f"find_distance: expected a name, a distance or a callable; got {type(function).__name__}, which has a "
            "distance. Pass its .distance."
        )
    return FunctionDistance(function)


def _named(name: str, n_dims: int | None) -> Distance:
    if name not in DISTANCES:
        raise ConfigError(
            f"find_distance: expected the name of a distance; got {name!r}. {did_you_mean(name, DISTANCES)}"
        )
    if name not in LEARNED:
        return DISTANCES[name]()
    if n_dims is None:
        raise ConfigError(
            f"find_distance: expected n_dims for the learned distance {name!r}; got None. "
            "Pass the distance that the encoder carries, encoder.distance."
        )
    return DISTANCES[name](n_dims)

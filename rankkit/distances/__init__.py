"""Distances between embeddings, each an object that knows its direction: is nearer smaller, or larger?

Every distance has ``name``, ``nearer``, ``pairwise(x, y)`` for rows that belong together, ``[n, n_dims]`` twice to
``[n]``, and ``matrix(x, y)`` for all pairs of rows, ``[n, n_dims]`` and ``[m, n_dims]`` to ``[n, m]``. All are modules,
so that a learned one is trained and saved with the encoder that carries it.

All is computed in float64 if one of the two is, else in float32. No ``[n, m, n_dims]`` tensor is made. Rows of other
shapes are a ShapeError. Examples take ``import torch`` for granted.
"""

from rankkit.distances.angular import Cosine, CosineSimilarity, Dot, unit
from rankkit.distances.distance import Distance, Nearer, nearness
from rankkit.distances.function import FunctionDistance
from rankkit.distances.learned import VerificationHead, WeightedL1
from rankkit.distances.names import DISTANCES, LEARNED, find_distance
from rankkit.distances.norms import L1, Euclidean, SquaredEuclidean

__all__ = [
    "DISTANCES",
    "L1",
    "LEARNED",
    "Cosine",
    "CosineSimilarity",
    "Distance",
    "Dot",
    "Euclidean",
    "FunctionDistance",
    "Nearer",
    "SquaredEuclidean",
    "VerificationHead",
    "WeightedL1",
    "find_distance",
    "nearness",
    "unit",
]

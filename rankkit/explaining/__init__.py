"""Which features a scorer orders by, and why a document has its score."""

from rankkit.explaining.additive_shapes import Shapes, no_shapes, shapes
from rankkit.explaining.attribution import Attributions
from rankkit.explaining.gradients import attribute, check_explainable
from rankkit.explaining.importance import Importance, permutation_importance

__all__ = [
    "Attributions",
    "Importance",
    "Shapes",
    "attribute",
    "check_explainable",
    "no_shapes",
    "permutation_importance",
    "shapes",
]

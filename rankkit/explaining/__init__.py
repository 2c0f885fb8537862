"""Which features a scorer orders by, and why a document has its score."""

from rankkit.explaining.attribution import Attributions
from rankkit.explaining.gradients import attribute, check_explainable
from rankkit.explaining.importance import Importance, permutation_importance

__all__ = ["Attributions", "Importance", "attribute", "check_explainable", "permutation_importance"]

"""What each objective is for, as text: the source of ``rankkit objectives`` and of the choosers of docs/.

One file a family; the keys are the names of the catalogue. Nothing here imports torch.
"""

from rankkit.objectives.descriptions.distillation import DISTILLATION
from rankkit.objectives.descriptions.embedding import EMBEDDING
from rankkit.objectives.descriptions.listwise import LISTWISE
from rankkit.objectives.descriptions.metric_driven import METRIC_DRIVEN
from rankkit.objectives.descriptions.pairwise import PAIRWISE
from rankkit.objectives.descriptions.pointwise import POINTWISE
from rankkit.objectives.descriptions.row import ObjectiveRow
from rankkit.objectives.descriptions.unbiased import UNBIASED

__all__ = ["ROWS", "ObjectiveRow"]

ROWS: dict[str, ObjectiveRow] = {
    **POINTWISE,
    **PAIRWISE,
    **LISTWISE,
    **METRIC_DRIVEN,
    **DISTILLATION,
    **UNBIASED,
    **EMBEDDING,
}

"""What each objective is for, as text: the source of ``rankkit objectives`` and of the choosers of docs/.

One file a family; the keys are the names of the catalogue. Nothing here imports torch.
"""

from rankkit.objectives.about.distillation import DISTILLATION
from rankkit.objectives.about.embedding import EMBEDDING
from rankkit.objectives.about.listwise import LISTWISE
from rankkit.objectives.about.metric_driven import METRIC_DRIVEN
from rankkit.objectives.about.pairwise import PAIRWISE
from rankkit.objectives.about.pointwise import POINTWISE
from rankkit.objectives.about.row import ObjectiveRow
from rankkit.objectives.about.unbiased import UNBIASED

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

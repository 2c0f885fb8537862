"""Trees: models of LightGBM and XGBoost as scorers."""

from rankkit.models.trees.model import TreeModel as TreeModel
from rankkit.models.trees.reading import read_tree_model as read_tree_model
from rankkit.models.trees.scorer import TreeScorer as TreeScorer

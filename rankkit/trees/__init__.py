"""Trees: models of LightGBM and XGBoost as scorers."""

from rankkit.trees.model import TreeModel as TreeModel
from rankkit.trees.reading import read_tree_model as read_tree_model
from rankkit.trees.scorer import TreeScorer as TreeScorer

"""Trees: models of LightGBM, XGBoost and CatBoost as scorers, read from their files or grown here."""

from rankkit.models.trees.boosted import BoostedTrees as BoostedTrees
from rankkit.models.trees.catboost_scorer import CatBoost as CatBoost
from rankkit.models.trees.files.reading import read_tree_model as read_tree_model
from rankkit.models.trees.libraries import Boosted as Boosted
from rankkit.models.trees.libraries import LightGBM as LightGBM
from rankkit.models.trees.libraries import XGBoost as XGBoost
from rankkit.models.trees.model import TreeModel as TreeModel
from rankkit.models.trees.scorer import TreeScorer as TreeScorer

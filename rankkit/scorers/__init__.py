"""Scorers: features of documents to scores."""

from rankkit.scorers.calling import n_features_of as n_features_of
from rankkit.scorers.calling import outputs_of as outputs_of
from rankkit.scorers.calling import takes_offsets as takes_offsets
from rankkit.scorers.linear import LinearScorer as LinearScorer
from rankkit.scorers.listwise import is_listwise as is_listwise
from rankkit.scorers.mlp import MLPScorer as MLPScorer
from rankkit.scorers.readout import ranking_scores as ranking_scores
from rankkit.scorers.scorer import Scorer as Scorer

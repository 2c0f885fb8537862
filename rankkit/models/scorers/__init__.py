"""Scorers: features of documents to scores."""

from rankkit.models.scorers.calling import n_features_of as n_features_of
from rankkit.models.scorers.calling import outputs_of as outputs_of
from rankkit.models.scorers.calling import takes_offsets as takes_offsets
from rankkit.models.scorers.fixed import OneFeature as OneFeature
from rankkit.models.scorers.fixed import RandomScorer as RandomScorer
from rankkit.models.scorers.linear import LinearScorer as LinearScorer
from rankkit.models.scorers.listwise import is_listwise as is_listwise
from rankkit.models.scorers.networks.additive import AdditiveScorer as AdditiveScorer
from rankkit.models.scorers.networks.attention import AttentionScorer as AttentionScorer
from rankkit.models.scorers.networks.dasalc import DASALCScorer as DASALCScorer
from rankkit.models.scorers.networks.dcn import DCNScorer as DCNScorer
from rankkit.models.scorers.networks.mlp import MLPScorer as MLPScorer
from rankkit.models.scorers.networks.tabm import TabMScorer as TabMScorer
from rankkit.models.scorers.readout import ranking_scores as ranking_scores
from rankkit.models.scorers.scorer import Scorer as Scorer

"""Recommenders on what was held out: among the whole catalogue, by the rules of other tools, on a sample."""

from rankkit.evaluation.catalogue.evaluating import evaluate_recommender as evaluate_recommender
from rankkit.evaluation.catalogue.evaluating import evaluate_scored as evaluate_scored
from rankkit.evaluation.catalogue.presets import RECOMMENDER_PROTOCOLS as RECOMMENDER_PROTOCOLS
from rankkit.evaluation.catalogue.protocols import evaluate_recommender_protocols as evaluate_recommender_protocols
from rankkit.evaluation.catalogue.report import CatalogueEvaluation as CatalogueEvaluation

"""Evaluation of embeddings: neighbours, retrieval, few-shot episodes, verification, shape.

Every function takes plain embeddings, labels and a distance; :func:`evaluate_encoder` takes an encoder and does it all.
"""

from rankkit.evaluation.similarity.ann import AnnIndex
from rankkit.evaluation.similarity.encoder_report import SimilarityReport, evaluate_encoder
from rankkit.evaluation.similarity.episodes import Episodes, draw_episodes
from rankkit.evaluation.similarity.few_shot import FewShotReport, evaluate_few_shot
from rankkit.evaluation.similarity.geometry import collisions, tightness
from rankkit.evaluation.similarity.neighbours import Neighbours, classify, knn_accuracy, nearest_neighbours
from rankkit.evaluation.similarity.retrieval import evaluate_retrieval
from rankkit.evaluation.similarity.roc import Roc
from rankkit.evaluation.similarity.thresholds import Threshold, choose_threshold
from rankkit.evaluation.similarity.verification import VerificationReport, verify

__all__ = [
    "AnnIndex",
    "Episodes",
    "FewShotReport",
    "Neighbours",
    "Roc",
    "SimilarityReport",
    "Threshold",
    "VerificationReport",
    "choose_threshold",
    "classify",
    "collisions",
    "draw_episodes",
    "evaluate_encoder",
    "evaluate_few_shot",
    "evaluate_retrieval",
    "knn_accuracy",
    "nearest_neighbours",
    "tightness",
    "verify",
]

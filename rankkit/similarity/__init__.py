"""Evaluation of embeddings: neighbours, retrieval, few-shot episodes, verification, shape.

Every function takes plain embeddings, labels and a distance; :func:`evaluate_encoder` takes an encoder and does it all.
"""

from rankkit.similarity.ann import AnnIndex
from rankkit.similarity.encoder_report import SimilarityReport, evaluate_encoder
from rankkit.similarity.episodes import Episodes, draw_episodes
from rankkit.similarity.few_shot import FewShotReport, evaluate_few_shot
from rankkit.similarity.geometry import collisions, tightness
from rankkit.similarity.neighbours import Neighbours, classify, knn_accuracy, nearest_neighbours
from rankkit.similarity.retrieval import evaluate_retrieval
from rankkit.similarity.roc import Roc
from rankkit.similarity.thresholds import Threshold, choose_threshold
from rankkit.similarity.verification import VerificationReport, verify

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

"""Evaluation: score documents, measure their order a query, average under stated conventions."""

from rankkit.evaluation.measuring import evaluate, evaluate_scores
from rankkit.evaluation.names import parse_metric
from rankkit.evaluation.protocol import PROTOCOLS, Protocol, resolve_protocol
from rankkit.evaluation.report import Evaluation
from rankkit.evaluation.scoring import predict
from rankkit.evaluation.teaching import pseudo_labels

__all__ = [
    "PROTOCOLS",
    "Evaluation",
    "Protocol",
    "evaluate",
    "evaluate_scores",
    "parse_metric",
    "predict",
    "pseudo_labels",
    "resolve_protocol",
]

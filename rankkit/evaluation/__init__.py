"""Evaluation: score documents, measure their order a query, average under stated conventions."""

from rankkit.evaluation.measuring import evaluate, evaluate_scores
from rankkit.evaluation.names import metric_name, parse_metric
from rankkit.evaluation.presets import PROTOCOLS, resolve_protocol
from rankkit.evaluation.protocol import Protocol
from rankkit.evaluation.protocols import ProtocolTable, evaluate_protocols
from rankkit.evaluation.report import Evaluation
from rankkit.evaluation.run_report import RunEvaluation
from rankkit.evaluation.scoring import predict
from rankkit.evaluation.teaching import pseudo_labels
from rankkit.evaluation.trec import evaluate_run

__all__ = [
    "PROTOCOLS",
    "Evaluation",
    "Protocol",
    "ProtocolTable",
    "RunEvaluation",
    "evaluate",
    "evaluate_protocols",
    "evaluate_run",
    "evaluate_scores",
    "metric_name",
    "parse_metric",
    "predict",
    "pseudo_labels",
    "resolve_protocol",
]

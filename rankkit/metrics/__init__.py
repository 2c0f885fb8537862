"""Ranking metrics: pure functions of (scores, labels, mask), one float64 a query, NaN where undefined.

They share one engine (:mod:`rankkit.metrics.engine`) that works on flat documents with offsets.
"""

from rankkit.metrics.at_r import map_at_r, r_precision
from rankkit.metrics.binary import average_precision, hit_rate, mrr, precision, recall
from rankkit.metrics.engine import Discount, Ideal, Ranking, ShortList, Ties, rank_documents
from rankkit.metrics.graded import dcg, err, ndcg

__all__ = [
    "Discount",
    "Ideal",
    "Ranking",
    "ShortList",
    "Ties",
    "average_precision",
    "dcg",
    "err",
    "hit_rate",
    "map_at_r",
    "mrr",
    "ndcg",
    "precision",
    "r_precision",
    "rank_documents",
    "recall",
]

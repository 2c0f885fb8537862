"""Ranking metrics as plain loops over one list, straight from their definitions, in Python floats."""

import itertools
import math


def ranked_labels(scores, labels, ties="pessimistic"):
    """Labels, best score first; tied documents worst first, or in row order (stable)."""
    rows = range(len(scores))
    if ties == "pessimistic":
        rows = sorted(rows, key=lambda i: labels[i])
    return [labels[i] for i in sorted(rows, key=lambda i: -scores[i])]


def _gain(label, gain):
    return 2.0**label - 1 if gain == "exp" else label


def dcg(ranked, k=None, gain="exp", **_):
    return math.fsum(_gain(label, gain) / math.log2(1 + rank) for rank, label in enumerate(ranked[:k], start=1))


def ndcg(ranked, k=None, gain="exp", **_):
    best = dcg(sorted(ranked, reverse=True), k, gain)
    return dcg(ranked, k, gain) / best if best > 0 else math.nan


def err(ranked, k=None, max_label=None, **_):
    if not any(label > 0 for label in ranked):
        return math.nan
    total, going_on = 0.0, 1.0
    for rank, label in enumerate(ranked[:k], start=1):
        stop = (2.0**label - 1) / 2.0**max_label
        total += going_on * stop / rank
        going_on *= 1 - stop
    return total


def _hits(ranked, relevant_from):
    return [label >= relevant_from for label in ranked]


def mrr(ranked, k=None, relevant_from=1, **_):
    hits = _hits(ranked, relevant_from)
    if not any(hits):
        return math.nan
    return next((1 / rank for rank, hit in enumerate(hits[:k], start=1) if hit), 0.0)


def average_precision(ranked, k=None, relevant_from=1, **_):
    hits = _hits(ranked, relevant_from)
    if not any(hits):
        return math.nan
    return math.fsum(sum(hits[:rank]) / rank for rank, hit in enumerate(hits[:k], start=1) if hit) / sum(hits)


def precision(ranked, k=None, relevant_from=1, **_):
    hits = _hits(ranked, relevant_from)
    return sum(hits[:k]) / (k or len(hits)) if any(hits) else math.nan


def recall(ranked, k=None, relevant_from=1, **_):
    hits = _hits(ranked, relevant_from)
    return sum(hits[:k]) / sum(hits) if any(hits) else math.nan


def hit_rate(ranked, k=None, relevant_from=1, **_):
    hits = _hits(ranked, relevant_from)
    return float(any(hits[:k])) if any(hits) else math.nan


ORACLES = {
    "dcg": dcg,
    "ndcg": ndcg,
    "err": err,
    "mrr": mrr,
    "average_precision": average_precision,
    "precision": precision,
    "recall": recall,
    "hit_rate": hit_rate,
}


def expected(metric, scores, labels, **options):
    """The mean of a metric over every order of the tied documents, one after another."""
    runs = [
        [labels[i] for i in range(len(scores)) if scores[i] == score] for score in sorted(set(scores), reverse=True)
    ]
    orders = itertools.product(*(list(itertools.permutations(run)) for run in runs))
    values = [metric([label for run in order for label in run], **options) for order in orders]
    return math.fsum(values) / len(values)

"""Ranking metrics as plain loops over one list, straight from their definitions, in Python floats."""

import itertools
import math


def ranked_labels(scores, labels, ties="pessimistic"):
    """Labels of what was retrieved, best score first; tied documents worst first, or in row order (stable)."""
    rows = [i for i in range(len(scores)) if scores[i] > -math.inf]
    if ties == "pessimistic":
        rows = sorted(rows, key=lambda i: labels[i])
    return [labels[i] for i in sorted(rows, key=lambda i: -scores[i])]


def _gain(label, gain):
    if isinstance(gain, dict):
        return gain[label]
    return 2.0**label - 1 if gain == "exp" else label


def _discount(rank, discount):
    if callable(discount):
        return discount(rank)
    return 1 / rank if discount == "reciprocal" else 1 / math.log2(1 + rank)


def dcg(ranked, k=None, gain="exp", discount="log2", judged=None, **_):
    if not ranked and not judged:
        return math.nan
    return math.fsum(_gain(label, gain) * _discount(rank, discount) for rank, label in enumerate(ranked[:k], start=1))


def ndcg(ranked, k=None, gain="exp", discount="log2", judged=None, **_):
    best = dcg(sorted(judged or ranked, reverse=True), k, gain, discount)
    return dcg(ranked, k, gain, discount, judged) / best if best > 0 else math.nan


def err(ranked, k=None, max_label=None, satisfaction="exp", judged=None, **_):
    if not any(label > 0 for label in judged or ranked):
        return math.nan
    total, going_on = 0.0, 1.0
    for rank, label in enumerate(ranked[:k], start=1):
        stop = (2.0**label - 1) / 2.0**max_label if satisfaction == "exp" else label
        stop = satisfaction[label] if isinstance(satisfaction, dict) else stop
        total += going_on * stop / rank
        going_on *= 1 - stop
    return total


def arp(ranked, **_):
    total = math.fsum(ranked)
    return math.fsum(label * rank for rank, label in enumerate(ranked, start=1)) / total if total > 0 else math.nan


def _hits(ranked, relevant_from):
    return [label >= relevant_from for label in ranked]


def _n_relevant(ranked, judged, relevant_from):
    return sum(_hits(judged or ranked, relevant_from))


def mrr(ranked, k=None, relevant_from=1, judged=None, **_):
    if not _n_relevant(ranked, judged, relevant_from):
        return math.nan
    hits = _hits(ranked, relevant_from)
    return next((1 / rank for rank, hit in enumerate(hits[:k], start=1) if hit), 0.0)


def average_precision(ranked, k=None, relevant_from=1, judged=None, ideal="judged", **_):
    hits, n_all = _hits(ranked, relevant_from), _n_relevant(ranked, judged, relevant_from)
    if not n_all:
        return math.nan
    found = sum(hits[:k])
    share_of = {"judged": n_all, "reachable": min(n_all, k or n_all), "found": max(found, 1)}[ideal]
    return math.fsum(sum(hits[:rank]) / rank for rank, hit in enumerate(hits[:k], start=1) if hit) / share_of


def precision(ranked, k=None, relevant_from=1, judged=None, **_):
    hits = _hits(ranked, relevant_from)
    return sum(hits[:k]) / (k or len(hits) or 1) if _n_relevant(ranked, judged, relevant_from) else math.nan


def recall(ranked, k=None, relevant_from=1, judged=None, **_):
    n_all = _n_relevant(ranked, judged, relevant_from)
    return sum(_hits(ranked, relevant_from)[:k]) / n_all if n_all else math.nan


def f1(ranked, k=None, relevant_from=1, judged=None, **_):
    options = {"k": k, "relevant_from": relevant_from, "judged": judged}
    of_found, of_all = precision(ranked, **options), recall(ranked, **options)
    return 2 * of_found * of_all / (of_found + of_all) if of_found else 0 * of_all


def hit_rate(ranked, k=None, relevant_from=1, judged=None, **_):
    return float(any(_hits(ranked, relevant_from)[:k])) if _n_relevant(ranked, judged, relevant_from) else math.nan


def rbp(ranked, p=0.8, k=None, relevant_from=1, judged=None, **_):
    if not _n_relevant(ranked, judged, relevant_from):
        return math.nan
    return (1 - p) * math.fsum(p**place for place, hit in enumerate(_hits(ranked, relevant_from)[:k]) if hit)


def bpref(ranked, relevant_from=1, judged=None, **_):
    n_relevant = _n_relevant(ranked, judged, relevant_from)
    n_others = len(judged or ranked) - n_relevant
    if not n_relevant:
        return math.nan
    total, above = 0.0, 0
    for hit in _hits(ranked, relevant_from):
        above += not hit
        if hit:
            total += 1 - min(above, n_relevant) / min(n_relevant, n_others) if above else 1
    return total / n_relevant


def opa(ranked, judged=None, **_):
    lost = list(judged or ranked)
    for label in ranked:
        lost.remove(label)
    # What was not retrieved stands below the list; a pair of two such documents is out of order.
    in_order = sum(a > b for i, a in enumerate(ranked) for b in [*ranked[i + 1 :], *lost])
    everything = [*ranked, *lost]
    n_pairs = sum(a > b for a in everything for b in everything)
    return in_order / n_pairs if n_pairs else math.nan


def weighted_dcg(worths, k=None):
    """DCG of weighted gains by rank."""
    return math.fsum(worth / math.log2(1 + rank) for rank, worth in enumerate(worths[:k], start=1))


def weighted_ndcg(worths, judged, k=None):
    """Over that of the best order of all weighted gains."""
    best = weighted_dcg(sorted(judged, reverse=True), k)
    return weighted_dcg(worths, k) / best if best > 0 else math.nan


def weighted_opa(ranked, judged):
    """Pairs ``(label, weight)`` by rank, and of all that was judged; a pair counts by the weight of the better."""
    lost = list(judged)
    for pair in ranked:
        lost.remove(pair)
    reached = sum(a[1] for i, a in enumerate(ranked) for b in [*ranked[i + 1 :], *lost] if a[0] > b[0])
    possible = sum(a[1] for a in judged for b in judged if a[0] > b[0])
    return reached / possible if possible else math.nan


ORACLES = {
    "dcg": dcg,
    "ndcg": ndcg,
    "err": err,
    "mrr": mrr,
    "average_precision": average_precision,
    "precision": precision,
    "recall": recall,
    "hit_rate": hit_rate,
    "f1": f1,
    "rbp": rbp,
    "bpref": bpref,
    "opa": opa,
    "arp": arp,
}


def expected(metric, scores, labels, **options):
    """The mean of a metric over every order of the tied documents, one after another."""
    runs = [
        [labels[i] for i in range(len(scores)) if scores[i] == score] for score in sorted(set(scores), reverse=True)
    ]
    orders = itertools.product(*(list(itertools.permutations(run)) for run in runs))
    values = [metric([label for run in order for label in run], **options) for order in orders]
    return math.fsum(values) / len(values)

"""The evaluation scripts of LETOR as plain loops over one list, written from what they are known to do.

Eval-Score-4.0 (2009): gain 2^label - 1; the documents at ranks 1 and 2 count in full and that at rank r from 3 on is
divided by log2(r); NDCG@k is 0 without a relevant document, and is not there for k above the list size, while the mean
divides by all queries. P@k fills a list up with documents that are not relevant. LETOR 3.0 (2008) has no P@k above the
list size either.
"""

import math


def dcg(ranked, k):
    """Discounted cumulative gain of the first k."""
    total = 0.0
    for rank, label in enumerate(ranked[:k], start=1):
        gain = 2.0**label - 1
        total += gain if rank <= 2 else gain / math.log2(rank)
    return total


def ndcg(ranked, k):
    """What a query adds to the mean of NDCG@k."""
    if k > len(ranked):
        return 0.0
    best = dcg(sorted(ranked, reverse=True), k)
    return dcg(ranked, k) / best if best else 0.0


def precision(ranked, k, relevant_from=1, fill=True):
    """What a query adds to the mean of P@k; ``fill`` as in LETOR 4.0."""
    if k > len(ranked) and not fill:
        return 0.0
    return sum(label >= relevant_from for label in ranked[:k]) / k


def average_precision(ranked, relevant_from=1):
    """What a query adds to the mean of AP."""
    found, total = 0, 0.0
    for rank, label in enumerate(ranked, start=1):
        if label >= relevant_from:
            found += 1
            total += found / rank
    return total / found if found else 0.0

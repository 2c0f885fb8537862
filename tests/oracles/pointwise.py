"""Pointwise objectives of one list in loops over Python floats, beyond those in :mod:`tests.oracles.objectives`.

With the slopes of the hinge losses, which have corners.
"""

import math

from tests.oracles.objectives import mean_over_docs, pairs, softplus


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def rmse(scores, labels, weights=None):
    return math.sqrt(mean_over_docs([(y - s) ** 2 for s, y in zip(scores, labels, strict=True)], weights))


def focal_bce(scores, labels, weights=None, gamma=2.0, alpha=0.25, relevant_from=1.0):
    terms = []
    for s, y in zip(scores, labels, strict=True):
        relevant = y >= relevant_from
        p = sigmoid(s) if relevant else sigmoid(-s)
        factor = 1.0 if alpha is None else alpha if relevant else 1 - alpha
        terms.append(factor * (1 - p) ** gamma * -math.log(p))
    return mean_over_docs(terms, weights)


def ordinal(scores, labels, weights=None):
    terms = []
    for outputs, y in zip(scores, labels, strict=True):
        cost = 0.0
        for k, s in enumerate(outputs, start=1):
            cost += softplus(-s) if y >= k else softplus(s)
        terms.append(cost)
    return mean_over_docs(terms, weights)


def group_quantile(scores, labels, weights=None, alpha=0.5):
    errors = [y - s for s, y in zip(scores, labels, strict=True)]
    mean = math.fsum(errors) / len(errors)
    return mean_over_docs([(alpha if e > mean else alpha - 1) * (e - mean) for e in errors], weights)


def hinge_slopes(scores, labels, relevant_from=1.0, positive_weight=1.0):
    """Written out: a difference across the corner is no slope."""
    slopes = []
    for s, y in zip(scores, labels, strict=True):
        if y >= relevant_from:
            slopes.append(-positive_weight / len(scores) if s < 1 else 0.0)
        else:
            slopes.append(1 / len(scores) if s > -1 else 0.0)
    return slopes


def pairwise_hinge_slopes(scores, labels, margin=1.0):
    """Written out: a difference across the corner is no slope."""
    found, slopes = pairs(labels), [0.0] * len(scores)
    for i, j in found:
        if scores[i] - scores[j] < margin:
            slopes[i] -= 1 / len(found)
            slopes[j] += 1 / len(found)
    return slopes


def query_cross_entropy(scores, labels, weights=None, alpha=0.95, relevant_from=1.0, max_label=None):
    """The best shift by halving an interval until its ends are neighbours."""
    weights = weights or [1.0] * len(labels)
    targets = [float(y >= relevant_from) if max_label is None else y / max_label for y in labels]

    def cost(shift):
        terms = [softplus(s + shift) - t * (s + shift) for s, t in zip(scores, targets, strict=True)]
        return math.fsum(w * term for w, term in zip(weights, terms, strict=True)) / len(terms)

    def excess(shift):
        chances = [1 / (1 + math.exp(-(s + shift))) for s in scores]
        return math.fsum(w * (p - t) for w, p, t in zip(weights, chances, targets, strict=True))

    wanted = math.fsum(w * t for w, t in zip(weights, targets, strict=True))
    if not 0 < wanted < math.fsum(weights):
        return (1 - alpha) * cost(0.0)
    low, high = -200.0, 200.0
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return (1 - alpha) * cost(0.0) + alpha * cost(middle)
        low, high = (low, middle) if excess(middle) > 0 else (middle, high)

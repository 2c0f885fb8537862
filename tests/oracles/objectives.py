"""Objectives of one list, written out in loops over Python floats; slow, and independent of the library."""

import math


def softplus(x):
    """log(1 + e^x) without overflow."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def pairs(labels):
    n = len(labels)
    return [(i, j) for i in range(n) for j in range(n) if labels[i] > labels[j]]


def mean_over_pairs(cost, scores, labels, weights=None):
    weights = weights or [1.0] * len(labels)
    found = pairs(labels)
    if not found:
        return 0.0
    return math.fsum(weights[i] * weights[j] * cost(scores[i] - scores[j]) for i, j in found) / len(found)


def pairwise_logistic(scores, labels, weights=None, sigma=1.0):
    return mean_over_pairs(lambda d: softplus(-sigma * d), scores, labels, weights)


def pairwise_hinge(scores, labels, weights=None, margin=1.0):
    return mean_over_pairs(lambda d: max(0.0, margin - d), scores, labels, weights)


def mean_over_docs(terms, weights=None):
    weights = weights or [1.0] * len(terms)
    return math.fsum(w * t for w, t in zip(weights, terms, strict=True)) / len(terms)


def bce(scores, labels, weights=None, relevant_from=1.0, max_label=None):
    def target(y):
        return float(y >= relevant_from) if max_label is None else y / max_label

    return mean_over_docs([softplus(s) - target(y) * s for s, y in zip(scores, labels, strict=True)], weights)


def hinge(scores, labels, weights=None, relevant_from=1.0, positive_weight=1.0):
    terms = []
    for s, y in zip(scores, labels, strict=True):
        terms.append(positive_weight * max(0.0, 1 - s) if y >= relevant_from else max(0.0, 1 + s))
    return mean_over_docs(terms, weights)


def mse(scores, labels, weights=None):
    return mean_over_docs([(y - s) ** 2 for s, y in zip(scores, labels, strict=True)], weights)


def log_softmax(scores):
    top = max(scores)
    total = top + math.log(math.fsum(math.exp(s - top) for s in scores))
    return [s - total for s in scores]


def cross_entropy(scores, labels, weights=None):
    return mean_over_docs([-log_softmax(s)[int(y)] for s, y in zip(scores, labels, strict=True)], weights)


def listwise(targets, scores, weights=None):
    weights = weights or [1.0] * len(scores)
    return math.fsum(-w * t * p for w, t, p in zip(weights, targets, log_softmax(scores), strict=True))


def listnet(scores, labels, weights=None):
    return listwise([math.exp(p) for p in log_softmax(labels)], scores, weights)


def softmax(scores, labels, weights=None, normalize=True):
    total = math.fsum(labels) if normalize else 1.0
    return listwise([y / total for y in labels], scores, weights)


def slopes(objective, scores, labels, step=1e-5, **options):
    """Central differences of an objective in each score."""
    found = []
    for i in range(len(scores)):
        up, down = list(scores), list(scores)
        up[i] += step
        down[i] -= step
        found.append((objective(up, labels, **options) - objective(down, labels, **options)) / (2 * step))
    return found

"""Priors by slow loops: a sum over the documents that a document may learn from, one at a time."""

import math


def numbers(documents, mean, smoothing):
    """Mean, lift and count of a key from ``(weight, label, lift)`` of its documents."""
    count = sum(weight for weight, _, _ in documents)
    total = sum(weight * label for weight, label, _ in documents)
    lift = sum(weight * lift for weight, _, lift in documents)
    return [(total + smoothing * mean) / (count + smoothing), lift / (count + smoothing), math.log(1 + count)]


def lifts(labels, queries):
    found = []
    for label, query in zip(labels, queries, strict=True):
        own = [other for other, at in zip(labels, queries, strict=True) if at == query]
        found.append(label - sum(own) / len(own))
    return found


def seen(keys, labels, queries, smoothing, may_see):
    """Of each document what the documents say that it may see, as ``may_see(i, j)`` gives their weight or None."""
    against = lifts(labels, queries)
    found = []
    for i, key in enumerate(keys):
        visible = [(w, j) for j in range(len(keys)) if (w := may_see(i, j)) is not None]
        count = sum(w for w, _ in visible)
        total = sum(w * labels[j] for w, j in visible)
        mean = total / count if count else sum(labels) / len(labels)
        own = [(w, labels[j], against[j]) for w, j in visible if key >= 0 and keys[j] == key]
        found.append(numbers(own, mean, smoothing))
    return found

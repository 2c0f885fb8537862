"""Similarity evaluation as plain loops over pairs, anchors and episodes, straight from the definitions."""

import math

import numpy as np


def r_precision(ranked, relevant_from=1):
    hits = [label >= relevant_from for label in ranked]
    return sum(hits[: sum(hits)]) / sum(hits) if any(hits) else math.nan


def map_at_r(ranked, relevant_from=1):
    hits = [label >= relevant_from for label in ranked]
    n_relevant = sum(hits)
    if not n_relevant:
        return math.nan
    at_hits = [sum(hits[:rank]) / rank for rank in range(1, n_relevant + 1) if hits[rank - 1]]
    return math.fsum(at_hits) / n_relevant


def euclidean(x, y):
    return math.sqrt(math.fsum((float(a) - float(b)) ** 2 for a, b in zip(x, y, strict=True)))


def nearest(queries, gallery, k, distance=euclidean, exclude_self=False):
    """For each query the k nearest places of the gallery, equal distances in their order."""
    found = []
    for number, query in enumerate(queries):
        places = [place for place in range(len(gallery)) if not (exclude_self and place == number)]
        found.append(sorted(places, key=lambda place: (distance(query, gallery[place]), place))[:k])
    return np.array(found)


def anchor_lists(embeddings, labels, distance=euclidean):
    """For each anchor the marks "same class" of all others, nearest first, the wrong ones first among equals."""
    lists = []
    for anchor in range(len(labels)):
        others = [place for place in range(len(labels)) if place != anchor]
        others.sort(
            key=lambda place: (distance(embeddings[anchor], embeddings[place]), labels[place] == labels[anchor])
        )
        lists.append([float(labels[place] == labels[anchor]) for place in others])
    return lists


def few_shot(embeddings, support, queries, distance=euclidean):
    """Share of right answers in each episode; a query between c nearest prototypes of equal distance counts 1/c."""
    accuracies = []
    for ways, asked in zip(support, queries, strict=True):
        prototypes = [np.mean([embeddings[row] for row in rows], axis=0) for rows in ways]
        counted = []
        for way, rows in enumerate(asked):
            for row in rows:
                distances = [distance(embeddings[row], prototype) for prototype in prototypes]
                least = [other for other, value in enumerate(distances) if value == min(distances)]
                counted.append((way in least) / len(least))
        accuracies.append(math.fsum(counted) / len(counted))
    return accuracies


def pairs(embeddings, labels, distance=euclidean):
    """Distance and "same" of every pair of examples."""
    n = len(labels)
    return [
        (distance(embeddings[i], embeddings[j]), bool(labels[i] == labels[j]))
        for i in range(n)
        for j in range(i + 1, n)
    ]


def error_rates(listed, threshold):
    """FAR and FRR of "same where the distance is at most the threshold"."""
    same = [value for value, same in listed if same]
    different = [value for value, same in listed if not same]
    return sum(v <= threshold for v in different) / len(different), sum(v > threshold for v in same) / len(same)


def area(listed):
    """Chance that a pair of one class is nearer than one of two, equal distances counting a half."""
    same = [value for value, same in listed if same]
    different = [value for value, same in listed if not same]
    wins = math.fsum((s < d) + (s == d) / 2 for s in same for d in different)
    return wins / (len(same) * len(different))


def tightness(embeddings, labels):
    centres = {c: np.mean([x for x, y in zip(embeddings, labels, strict=True) if y == c], axis=0) for c in set(labels)}
    spread = np.mean([euclidean(x, centres[y]) ** 2 for x, y in zip(embeddings, labels, strict=True)])
    names = sorted(centres)
    return spread / min(euclidean(centres[a], centres[b]) ** 2 for a in names for b in names if a < b)

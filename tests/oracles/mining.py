"""Mining rules in loops over Python floats; slow, and independent of the library."""

import math


def euclidean(x, y):
    return math.sqrt(math.fsum((a - b) ** 2 for a, b in zip(x, y, strict=True)))


def l1(x, y):
    return math.fsum(abs(a - b) for a, b in zip(x, y, strict=True))


def negated_dot(x, y):
    return -math.fsum(a * b for a, b in zip(x, y, strict=True))


def positives(labels, anchor):
    return [row for row in range(len(labels)) if row != anchor and labels[row] == labels[anchor]]


def negatives(labels, anchor):
    return [row for row in range(len(labels)) if labels[row] != labels[anchor]]


def nearest(costs, anchor, rows):
    return min(rows, key=lambda row: (costs[anchor][row], row))


def triplets(costs, labels, how, margin):
    """Triplets in the order of anchors, then positives (then negatives)."""
    found = []
    for anchor in range(len(labels)):
        alike, others = positives(labels, anchor), negatives(labels, anchor)
        if not alike or not others:
            continue
        row = costs[anchor]
        if how == "all":
            found += [(anchor, positive, negative) for positive in alike for negative in others]
        elif how == "hard":
            found += [(anchor, positive, nearest(costs, anchor, others)) for positive in alike]
        elif how == "semi_hard":
            for positive in alike:
                semi = [r for r in others if row[positive] < row[r] and row[positive] - row[r] + margin > 0]
                if semi:
                    found.append((anchor, positive, nearest(costs, anchor, semi)))
        elif how == "batch_hard":
            farthest = max(alike, key=lambda r: (row[r], -r))
            found.append((anchor, farthest, nearest(costs, anchor, others)))
    return found


def active_triplets(costs, found, margin):
    return [costs[a][p] - costs[a][n] + margin > 0 for a, p, n in found]


def pairs(costs, labels, how):
    """Pairs ``first < second`` in rising order."""
    n = len(labels)
    every = [(i, j) for i in range(n) for j in range(i + 1, n)]
    if how == "all":
        return every
    if how == "hard":
        alike = [(i, j) for i, j in every if labels[i] == labels[j]]
        others = sorted(((i, j) for i, j in every if labels[i] != labels[j]), key=lambda p: (costs[p[0]][p[1]], p))
        return sorted(alike + others[: len(alike)])
    chosen = set()
    for row in range(n):
        alike, others = positives(labels, row), negatives(labels, row)
        if alike:
            farthest = max(alike, key=lambda r: (costs[row][r], -r))
            chosen.add((min(row, farthest), max(row, farthest)))
        if others:
            found = nearest(costs, row, others)
            chosen.add((min(row, found), max(row, found)))
    return sorted(chosen)


def distance_weights(costs, labels, anchor, n_dims, nearest_distance=0.5, farthest=1.4):
    """How likely each negative of an anchor is to be drawn; ``costs`` are Euclidean distances."""
    row = costs[anchor]
    allowed = [r for r in negatives(labels, anchor) if row[r] < farthest]
    if not allowed:
        return {r: 1 / len(negatives(labels, anchor)) for r in negatives(labels, anchor)}

    def commonness(distance):
        distance = max(distance, nearest_distance)
        return distance ** (n_dims - 2) * (1 - distance**2 / 4) ** ((n_dims - 3) / 2)

    weights = {r: 1 / commonness(row[r]) for r in allowed}
    return {r: weight / math.fsum(weights.values()) for r, weight in weights.items()}

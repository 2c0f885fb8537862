"""Recommenders, ranks and measures of lists, event by event and pair by pair; slow, and independent of the library."""

import math

import numpy as np


def sequences(log):
    """The items of each user, as lists."""
    return [log.items[log.offsets[user] : log.offsets[user + 1]].tolist() for user in range(log.n_users)]


def binary(log):
    made = np.zeros((log.n_users, log.n_items))
    for user, items in enumerate(sequences(log)):
        made[user, items] = 1
    return made


def ease(matrix, l2):
    """Each column by ridge regression on the others, one at a time."""
    n_items = matrix.shape[1]
    weights = np.zeros((n_items, n_items))
    for item in range(n_items):
        others = [other for other in range(n_items) if other != item]
        x, y = matrix[:, others], matrix[:, item]
        weights[others, item] = np.linalg.solve(x.T @ x + l2 * np.eye(n_items - 1), x.T @ y)
    return weights


def markov(log, n_lags, decay, smoothing, popularity):
    counts = np.zeros((log.n_items, log.n_items))
    met = np.zeros(log.n_items)
    for items in sequences(log):
        for place, item in enumerate(items):
            met[item] += 1
            for lag in range(1, n_lags + 1):
                if place + lag < len(items):
                    counts[item, items[place + lag]] += 1 / lag**decay
    chances = np.zeros_like(counts)
    for item in range(log.n_items):
        for other in range(log.n_items):
            if counts[item, other]:
                chances[item, other] = counts[item, other] / (counts[item].sum() + smoothing) / met[other] ** popularity
    scores = np.zeros((log.n_users, log.n_items))
    for user, items in enumerate(sequences(log)):
        for lag, item in enumerate(reversed(items[-n_lags:]), start=1):
            scores[user] += chances[item] / lag**decay
    return scores


def item_knn(matrix, similarity, n_neighbours, shrinkage, k1, b):
    n_users, n_items = matrix.shape
    of_user, of_item = matrix.sum(1), matrix.sum(0)
    weights = np.zeros_like(matrix)
    for user in range(n_users):
        for item in range(n_items):
            if matrix[user, item]:
                rarity = math.log(n_items) - math.log(1 + of_user[user])
                length = 1 - b + b * of_item[item] / of_item.mean()
                weights[user, item] = {
                    "cosine": 1.0,
                    "tf_idf": rarity,
                    "bm25": (k1 + 1) / (k1 * length + 1) * rarity,
                }[similarity]
    near = np.zeros((n_items, n_items))
    for item in range(n_items):
        for other in range(n_items):
            if other != item:
                product = sum(weights[user, item] * weights[user, other] for user in range(n_users))
                if similarity != "bm25" and product:
                    norms = math.sqrt((weights[:, item] ** 2).sum()) * math.sqrt((weights[:, other] ** 2).sum())
                    product /= norms + shrinkage
                near[item, other] = product
        keep = sorted(range(n_items), key=lambda other: (-round(near[item, other], 6), other))[:n_neighbours]
        near[item, [other for other in range(n_items) if other not in keep]] = 0
    return near


def als_user(factors, confidences, l2):
    """x of one user: the whole weighted least squares problem, over every item."""
    n_items, n_factors = factors.shape
    left, right = l2 * np.eye(n_factors), np.zeros(n_factors)
    for item in range(n_items):
        left += (1 + confidences[item]) * np.outer(factors[item], factors[item])
        if confidences[item]:
            right += (1 + confidences[item]) * factors[item]
    return np.linalg.solve(left, right)


def als_loss(users, items, confidences, l2):
    met = confidences > 0
    errors = (met - users @ items.T) ** 2
    return ((1 + confidences) * errors).sum() + l2 * ((users**2).sum() + (items**2).sum())


def metrics_of_user(scores, candidates, wanted, k, ties="pessimistic"):
    """ndcg, recall, precision, hit_rate, mrr and map at k of one user by sorting; ties pessimistic or in item order."""
    last = (lambda item: item in wanted) if ties == "pessimistic" else (lambda item: False)
    order = sorted(candidates, key=lambda item: (-scores[item], last(item), item))[:k]
    hits = [item in wanted for item in order]
    ideal = sum(1 / math.log2(2 + place) for place in range(min(k, len(wanted))))
    first = next((place for place, hit in enumerate(hits) if hit), None)
    precisions = [sum(hits[: place + 1]) / (place + 1) for place, hit in enumerate(hits) if hit]
    return {
        "ndcg": sum(1 / math.log2(2 + place) for place, hit in enumerate(hits) if hit) / ideal,
        "recall": sum(hits) / len(wanted),
        "precision": sum(hits) / k,
        "hit_rate": float(any(hits)),
        "mrr": 0.0 if first is None else 1 / (first + 1),
        "map": sum(precisions) / len(wanted),
    }


def gini(counts):
    """Half the mean difference of all pairs, over the mean."""
    differences = [abs(one - other) for one in counts for other in counts]
    return sum(differences) / (2 * len(counts) ** 2 * (sum(counts) / len(counts)))


def diversity(items, features):
    pairs = [(one, other) for place, one in enumerate(items) for other in items[place + 1 :]]

    def cosine(one, other):
        norms = np.linalg.norm(features[one]) * np.linalg.norm(features[other])
        return features[one] @ features[other] / norms if norms else 0.0

    return sum(1 - cosine(*pair) for pair in pairs) / len(pairs)


def calibration(listed, history, classes, alpha=0.01):
    def mix(items):
        return sum(classes[item] / classes[item].sum() for item in items) / len(items)

    wanted, given = mix(history), mix(listed)
    total = 0.0
    for one, other in zip(wanted, (1 - alpha) * given + alpha * wanted, strict=True):
        if one > 0:
            total += one * math.log2(one / other)
    return total


def chance_of_sampled_rank(rank, sampled_rank, n_items, n_drawn):
    """That so many of the drawn items stand before one at a rank of n_items, one draw after the other."""
    before = (rank - 1) / (n_items - 1)
    return (
        math.comb(n_drawn, sampled_rank - 1)
        * before ** (sampled_rank - 1)
        * (1 - before) ** (n_drawn - sampled_rank + 1)
    )


def bias_and_variance(worth, values, n_drawn, gamma):
    """The mean over ranks of squared bias and gamma times variance of what sampled ranks are worth."""
    total = 0.0
    for rank, value in enumerate(values, start=1):
        chances = [chance_of_sampled_rank(rank, place, len(values), n_drawn) for place in range(1, n_drawn + 2)]
        mean = sum(chance * one for chance, one in zip(chances, worth, strict=True))
        square = sum(chance * one**2 for chance, one in zip(chances, worth, strict=True))
        total += (mean - value) ** 2 + gamma * (square - mean**2)
    return total / len(values)


def sampled_correction(values, n_drawn, gamma):
    """Krichene and Rendle's correction, each matrix filled entry by entry."""
    n, places = len(values), range(1, n_drawn + 2)
    a = [
        [math.sqrt(1 / n) * chance_of_sampled_rank(rank, place, n, n_drawn) for place in places]
        for rank in range(1, n + 1)
    ]
    b = [math.sqrt(1 / n) * value for value in values]
    c = [sum(chance_of_sampled_rank(rank, place, n, n_drawn) for rank in range(1, n + 1)) / n for place in places]
    left = [
        [
            (1 - gamma) * sum(a[rank][one] * a[rank][other] for rank in range(n)) + gamma * c[one] * (one == other)
            for other in range(n_drawn + 1)
        ]
        for one in range(n_drawn + 1)
    ]
    right = [sum(a[rank][one] * b[rank] for rank in range(n)) for one in range(n_drawn + 1)]
    return np.linalg.solve(left, right)


def sampled_ndcg(scores, split, n_drawn, k, seed):
    """Of each held-out item among items that are drawn, with replacement, of those neither seen nor held out."""
    random = np.random.default_rng(seed)
    means = []
    for user in range(len(scores)):
        wanted, seen = split.targets[user].items.tolist(), split.history[user].items.tolist()
        others = [item for item in range(scores.shape[1]) if item not in {*wanted, *seen}]
        values = []
        for item in wanted:
            rank = 1 + sum(scores[user, drawn] >= scores[user, item] for drawn in random.choice(others, n_drawn))
            values.append(1 / math.log2(1 + rank) if rank <= k else 0.0)
        means.append(sum(values) / len(values))
    return sum(means) / len(means)

"""Metric-driven objectives of one list, in loops over Python floats; slow, and independent of the library."""

import itertools
import math
import statistics

import torch


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def approx_ranks(scores, temperature=0.1):
    docs = range(len(scores))
    return [1 + math.fsum(sigmoid((scores[j] - scores[i]) / temperature) for j in docs if j != i) for i in docs]


def approx_rank_slopes(scores, temperature=0.1):
    """d rank_i / d score_j, as rows i."""
    docs = range(len(scores))
    found = [[0.0] * len(scores) for _ in docs]
    for i, j in itertools.permutations(docs, 2):
        lead = (scores[j] - scores[i]) / temperature
        found[i][j] += sigmoid(lead) * sigmoid(-lead) / temperature
        found[i][i] -= sigmoid(lead) * sigmoid(-lead) / temperature
    return found


def bound_ranks(scores, margin=1.0):
    docs = range(len(scores))
    return [1 + math.fsum(max(0.0, 1 - (scores[i] - scores[j]) / margin) for j in docs if j != i) for i in docs]


def bound_rank_slopes(scores, margin=1.0):
    docs = range(len(scores))
    found = [[0.0] * len(scores) for _ in docs]
    for i, j in itertools.permutations(docs, 2):
        if scores[i] - scores[j] < margin:
            found[i][j] += 1 / margin
            found[i][i] -= 1 / margin
    return found


def gains(labels, gain="exp"):
    return [2.0**y - 1 if gain == "exp" else y for y in labels]


def discount(rank, k=None):
    return 1 / math.log2(1 + rank) if k is None or rank <= k else 0.0


def ideal(labels, gain="exp", k=None):
    return math.fsum(g * discount(r, k) for r, g in enumerate(sorted(gains(labels, gain), reverse=True), start=1))


def minus_ndcg(held, labels, gain="exp", k=None, weights=None):
    """Minus NDCG, given the discount that each document holds."""
    if len(set(labels)) < 2:
        return 0.0
    weights = weights or [1.0] * len(labels)
    total = math.fsum(w * g * d for w, g, d in zip(weights, gains(labels, gain), held, strict=True))
    return -total / ideal(labels, gain, k)


def approx_ndcg(scores, labels, temperature=0.1, gain="exp", weights=None):
    return minus_ndcg([discount(r) for r in approx_ranks(scores, temperature)], labels, gain, weights=weights)


def bound_ndcg(scores, labels, margin=1.0, gain="exp", weights=None):
    return minus_ndcg([discount(r) for r in bound_ranks(scores, margin)], labels, gain, weights=weights)


def _slopes_of_ndcg(ranks, rank_slopes, labels):
    """Slopes of minus the NDCG of such ranks, by the chain rule."""
    docs = range(len(labels))
    worth = gains(labels)
    by_rank = [worth[i] / ideal(labels) / (math.log2(1 + ranks[i]) ** 2 * (1 + ranks[i]) * math.log(2)) for i in docs]
    return [math.fsum(by_rank[i] * rank_slopes[i][j] for i in docs) for j in docs]


def approx_ndcg_slopes(scores, labels, temperature=0.1):
    return _slopes_of_ndcg(approx_ranks(scores, temperature), approx_rank_slopes(scores, temperature), labels)


def bound_ndcg_slopes(scores, labels, margin=1.0):
    return _slopes_of_ndcg(bound_ranks(scores, margin), bound_rank_slopes(scores, margin), labels)


def _relevant(labels, relevant_from):
    found = [i for i, y in enumerate(labels) if y >= relevant_from]
    return found if 0 < len(found) < len(labels) else []


def approx_mrr(scores, labels, temperature=0.1, relevant_from=1.0, first_only=False, weights=None):
    relevant = _relevant(labels, relevant_from)
    if not relevant:
        return 0.0
    weights = weights or [1.0] * len(labels)
    ranks = approx_ranks(scores, temperature)
    if first_only:
        relevant = [min(relevant, key=lambda i: ranks[i])]
    return -math.fsum(weights[i] / ranks[i] for i in relevant) / len(relevant)


def approx_map(scores, labels, temperature=0.1, rank_temperature=1.0, relevant_from=1.0, weights=None):
    relevant = _relevant(labels, relevant_from)
    if not relevant:
        return 0.0
    weights = weights or [1.0] * len(labels)
    ranks = approx_ranks(scores, temperature)
    total = 0.0
    for i in relevant:
        hits = 1 + math.fsum(sigmoid((ranks[i] - ranks[j]) / rank_temperature) for j in relevant if j != i)
        total += weights[i] * hits / ranks[i]
    return -total / len(relevant)


def approx_precision(scores, labels, k=10, temperature=0.1, rank_temperature=1.0, relevant_from=1.0, weights=None):
    weights = weights or [1.0] * len(labels)
    ranks = approx_ranks(scores, temperature)
    relevant = _relevant(labels, relevant_from)
    return -math.fsum(weights[i] * sigmoid((k + 0.5 - ranks[i]) / rank_temperature) for i in relevant) / k


def gumbel_approx_ndcg(scores, labels, n_samples=8, beta=1.0, temperature=0.1, weights=None):
    noise = torch.empty(len(scores), n_samples, dtype=torch.float64).exponential_().tolist()
    total = 0.0
    for sample in range(n_samples):
        noisy = [s - beta * math.log(noise[i][sample]) for i, s in enumerate(scores)]
        total += approx_ndcg(noisy, labels, temperature, weights=weights)
    return total / n_samples


def neural_sort(scores, temperature=1.0):
    """The logarithm of the soft permutation matrix, rows by rank."""
    n = len(scores)
    gaps = [math.fsum(abs(s - t) for t in scores) for s in scores]
    rows = []
    for rank in range(1, n + 1):
        logits = [((n + 1 - 2 * rank) * scores[j] - gaps[j]) / temperature for j in range(n)]
        top = max(logits)
        total = top + math.log(math.fsum(math.exp(x - top) for x in logits))
        rows.append([x - total for x in logits])
    return rows


def scaled(matrix, n_iterations=50):
    """Columns, then rows divided by their sums, n_iterations times."""
    for _ in range(n_iterations):
        sums = [math.fsum(column) for column in zip(*matrix, strict=True)]
        matrix = [[x / total for x, total in zip(row, sums, strict=True)] for row in matrix]
        matrix = [[x / math.fsum(row) for x in row] for row in matrix]
    return matrix


def _transpose(matrix):
    return [list(column) for column in zip(*matrix, strict=True)]


def neural_ndcg(scores, labels, k=None, temperature=1.0, transposed=False, n_iterations=50, gain="exp", weights=None):
    matrix = [[math.exp(x) for x in row] for row in neural_sort(scores, temperature)]
    matrix = _transpose(scaled(_transpose(matrix), n_iterations)) if transposed else scaled(matrix, n_iterations)
    held = [math.fsum(row[j] * discount(r, k) for r, row in enumerate(matrix, start=1)) for j in range(len(scores))]
    return minus_ndcg(held, labels, gain, k, weights)


def pirank(scores, labels, k=None, temperature=1.0, gain="exp", weights=None):
    rows = neural_sort(scores, temperature)
    held = [
        math.fsum(math.exp(row[j]) * discount(r, k) for r, row in enumerate(rows, start=1)) for j in range(len(scores))
    ]
    return minus_ndcg(held, labels, gain, k, weights)


def neural_sort_cross_entropy(scores, labels, temperature=1.0):
    """The mean over every order of the labels that falls: only for short lists."""
    if len(set(labels)) < 2:
        return 0.0
    rows = neural_sort(scores, temperature)
    blocks = [[j for j, y in enumerate(labels) if y == grade] for grade in sorted(set(labels), reverse=True)]
    total, rank = 0.0, 0
    for block in blocks:
        orders = (
            list(itertools.permutations(block))
            if len(block) < 6
            else [block[i:] + block[:i] for i in range(len(block))]
        )
        total -= math.fsum(rows[rank + place][j] for order in orders for place, j in enumerate(order)) / len(orders)
        rank += len(block)
    return total / len(scores)


def rank_distribution(scores, j, noise=1.0):
    """SoftRank's recursion: the others join the list of document j one by one."""
    chances = [1.0]
    for i in range(len(scores)):
        if i == j:
            continue
        wins = 0.5 * math.erfc(-(scores[i] - scores[j]) / (2 * noise))
        chances = [
            (chances[r] * (1 - wins) if r < len(chances) else 0.0) + (chances[r - 1] * wins if r > 0 else 0.0)
            for r in range(len(chances) + 1)
        ]
    return chances


def softrank_ndcg(scores, labels, k=None, noise=1.0, gain="exp", weights=None):
    held = []
    for j in range(len(scores)):
        chances = rank_distribution(scores, j, noise)
        held.append(math.fsum(chance * discount(r, k) for r, chance in enumerate(chances, start=1)))
    return minus_ndcg(held, labels, gain, k, weights)


def _places_of(doc, scores, labels, k, noise, mu, gain, weights, normal):
    """NDCG with one document at each place among the noisy others, and how probable and how dense these places are.

    The others are held as they stand to each other: against their mean, which has noise of its own.
    """
    n = len(scores)
    shifted = [s - noise * mu * y for s, y in zip(scores, labels, strict=True)]
    noisy = [s + noise * e for s, e in zip(shifted, normal, strict=True)]
    others = sorted((i for i in range(n) if i != doc), key=lambda i: -noisy[i])
    of_others = math.fsum(noisy[i] for i in others) / (n - 1) - math.fsum(shifted[i] for i in others) / (n - 1)
    lies = statistics.NormalDist(shifted[doc] + of_others, noise * math.sqrt(n / (n - 1)))
    bounds = [noisy[i] for i in others]
    above, at = [1.0, *map(lies.cdf, bounds)], [0.0, *map(lies.pdf, bounds)]
    below, end = [*above[1:], 0.0], [*at[1:], 0.0]
    metric = []
    for place in range(n):
        ranks = {i: rank for rank, i in enumerate([*others[:place], doc, *others[place:]], start=1)}
        metric.append(-minus_ndcg([discount(ranks[i], k) for i in range(n)], labels, gain, k, weights))
    value = math.fsum(m * (high - low) for m, high, low in zip(metric, above, below, strict=True))
    return value, math.fsum(m * (low - high) for m, high, low in zip(metric, at, end, strict=True))


def stochastic_rank_estimates(
    scores, labels, k=None, noise=1.0, n_samples=1, mu=0.0, projection=1.0, nu=0.01, gain="exp", weights=None
):
    """StochasticRank: the loss and its slopes, for the noise that torch's generator draws next."""
    n = len(scores)
    drawn = torch.rand(n, n_samples, dtype=torch.float64).tolist()
    if len(set(labels)) < 2:
        return 0.0, [0.0] * n
    normal = [[statistics.NormalDist().inv_cdf(drawn[i][sample]) for i in range(n)] for sample in range(n_samples)]
    found = [
        [_places_of(i, scores, labels, k, noise, mu, gain, weights, of_sample) for of_sample in normal]
        for i in range(n)
    ]
    value = -math.fsum(v for of_doc in found for v, _ in of_doc) / (n * n_samples)
    slopes = [-math.fsum(slope for _, slope in of_doc) / n_samples for of_doc in found]
    mean, middle = math.fsum(slopes) / n, math.fsum(scores) / n
    slopes, centred = [slope - mean for slope in slopes], [s - middle for s in scores]
    if n > 2:
        dot = math.fsum(slope * t for slope, t in zip(slopes, centred, strict=True))
        size = (math.sqrt(math.fsum(t * t for t in centred)) + nu) ** 2
        slopes = [slope - projection * dot / size * t for slope, t in zip(slopes, centred, strict=True)]
    return value, slopes


def stochastic_rank(scores, labels, **options):
    return stochastic_rank_estimates(scores, labels, **options)[0]


def stochastic_rank_slopes(scores, labels):
    return stochastic_rank_estimates(scores, labels)[1]


def _weights_of_neighbours(scores, labels, n_samples, importance):
    """The weight of each pair (better, worse), meaned over perturbed rankings; ``importance(better, worse, rank)``."""
    drawn = torch.rand(len(scores), n_samples, dtype=torch.float64).tolist()
    found = {}
    for sample in range(n_samples):
        noisy = [s + math.log(drawn[i][sample] / (1 - drawn[i][sample])) for i, s in enumerate(scores)]
        ranking = sorted(range(len(scores)), key=lambda i: -noisy[i])
        for rank, (a, b) in enumerate(itertools.pairwise(ranking), start=1):
            if labels[a] != labels[b]:
                better, worse = (a, b) if labels[a] > labels[b] else (b, a)
                weight = importance(better, worse, rank) / n_samples
                found[better, worse] = found.get((better, worse), 0.0) + weight
    return found


def _softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _cost_of_pairs(scores, pairs, weights=None):
    weights = weights or [1.0] * len(scores)
    return math.fsum(w * weights[i] * weights[j] * _softplus(scores[j] - scores[i]) for (i, j), w in pairs.items())


def _slopes_of_pairs(scores, pairs):
    found = [0.0] * len(scores)
    for (i, j), w in pairs.items():
        found[i] -= w * sigmoid(scores[j] - scores[i])
        found[j] += w * sigmoid(scores[j] - scores[i])
    return found


def yeti_rank_pairs(scores, labels, n_samples=10):
    return _weights_of_neighbours(scores, labels, n_samples, lambda better, worse, rank: 1 / rank)


def yeti_pairs(scores, labels, n_samples=10, k=None, gain="exp"):
    worth, best = gains(labels, gain), ideal(labels, gain, k)

    def change(better, worse, rank):
        return (worth[better] - worth[worse]) * (discount(rank, k) - discount(rank + 1, k)) / best

    return _weights_of_neighbours(scores, labels, n_samples, change)


def yeti_rank(scores, labels, n_samples=10, weights=None):
    return _cost_of_pairs(scores, yeti_rank_pairs(scores, labels, n_samples), weights)


def yeti(scores, labels, k=None, n_samples=10, gain="exp", weights=None):
    return _cost_of_pairs(scores, yeti_pairs(scores, labels, n_samples, k, gain), weights)


def yeti_rank_slopes(scores, labels):
    return _slopes_of_pairs(scores, yeti_rank_pairs(scores, labels))


def yeti_slopes(scores, labels):
    return _slopes_of_pairs(scores, yeti_pairs(scores, labels))

"""Pair losses and lambda weights of one list in loops over Python floats; slow, and independent of the library."""

import itertools
import math

from tests.oracles.objectives import pairs, pairwise_logistic, softplus


def mean_of(cost, scores, labels, weights, chosen):
    weights = weights or [1.0] * len(labels)
    if not chosen:
        return 0.0
    return math.fsum(weights[i] * weights[j] * cost(i, j) for i, j in chosen) / len(chosen)


def ranknet(scores, labels, weights=None, sigma=1.0, ties="drop"):
    if ties == "drop":
        return pairwise_logistic(scores, labels, weights, sigma)
    every = list(itertools.combinations(range(len(labels)), 2))

    def cross_entropy(i, j):
        target = 0.5 if labels[i] == labels[j] else float(labels[i] > labels[j])
        x = sigma * (scores[i] - scores[j])
        return target * softplus(-x) + (1 - target) * softplus(x)

    return mean_of(cross_entropy, scores, labels, weights, every)


def pairwise_soft_zero_one(scores, labels, weights=None, sigma=1.0):
    def cost(i, j):
        x = sigma * (scores[i] - scores[j])
        return 1 / (1 + math.exp(x)) if x < 0 else math.exp(-x) / (1 + math.exp(-x))

    return mean_of(cost, scores, labels, weights, pairs(labels))


def pairwise_exponential(scores, labels, weights=None, sigma=1.0):
    def cost(i, j):
        x = -sigma * (scores[i] - scores[j])
        return math.exp(x) if x <= 30 else math.exp(30) * (1 + x - 30)

    return mean_of(cost, scores, labels, weights, pairs(labels))


def squared_margin(scores, labels):
    return lambda i, j: ((scores[i] - scores[j]) - (labels[i] - labels[j])) ** 2


def pairwise_mse(scores, labels, weights=None):
    every = list(itertools.combinations(range(len(labels)), 2))
    return mean_of(squared_margin(scores, labels), scores, labels, weights, every) if len(set(labels)) > 1 else 0.0


def margin_mse(scores, labels, weights=None):
    return mean_of(squared_margin(scores, labels), scores, labels, weights, pairs(labels))


def circle_exponents(scores, labels, weights, margin, gamma, relevant_from):
    """Logarithms of the weighted exponentials, and alpha: those of relevant documents are negative."""
    found = []
    for s, y, w in zip(scores, labels, weights or [1.0] * len(scores), strict=True):
        if y >= relevant_from:
            alpha = max(0.0, 1 + margin - s)
            found.append((True, math.log(w) - gamma * alpha * (s - (1 - margin)), -alpha))
        else:
            alpha = max(0.0, s + margin)
            found.append((False, math.log(w) + gamma * alpha * (s - margin), alpha))
    return found


def log_sum_exp(values):
    top = max(values)
    return top + math.log(math.fsum(math.exp(x - top) for x in values))


def circle(scores, labels, weights=None, margin=0.25, gamma=64.0, relevant_from=1.0):
    found = circle_exponents(scores, labels, weights, margin, gamma, relevant_from)
    return softplus(sum(log_sum_exp([x for is_so, x, _ in found if is_so == kind]) for kind in (True, False)))


def circle_slopes(scores, labels, weights=None, margin=0.25, gamma=64.0, relevant_from=1.0):
    """Equation 10 of Sun et al. 2020: Z = 1 - exp(-loss), times the share of a document, times gamma alpha."""
    found = circle_exponents(scores, labels, weights, margin, gamma, relevant_from)
    totals = {kind: log_sum_exp([x for is_so, x, _ in found if is_so == kind]) for kind in (True, False)}
    z = -math.expm1(-circle(scores, labels, weights, margin, gamma, relevant_from))
    return [z * math.exp(x - totals[kind]) * gamma * alpha for kind, x, alpha in found]


def graded_circle_pairs(scores, labels, weights, margin, gamma):
    """Of pairs (better, worse) the logarithm of the weighted exponential, and alpha of both: the better's negative."""
    weights, found = weights or [1.0] * len(scores), {}
    for i, j in itertools.permutations(range(len(scores)), 2):
        if labels[i] > labels[j]:
            pull, push = max(0.0, 1 + margin - scores[i]), max(0.0, scores[j] + margin)
            exponent = gamma * (push * (scores[j] - margin) - pull * (scores[i] - (1 - margin)))
            found[i, j] = math.log(weights[i] * weights[j]) + exponent, -pull, push
    return found


def graded_circle(scores, labels, weights=None, margin=0.25, gamma=64.0):
    found = graded_circle_pairs(scores, labels, weights, margin, gamma)
    return log_sum_exp([0.0, *(exponent for exponent, _, _ in found.values())])


def graded_circle_slopes(scores, labels, weights=None, margin=0.25, gamma=64.0):
    found, slopes = graded_circle_pairs(scores, labels, weights, margin, gamma), [0.0] * len(scores)
    total = graded_circle(scores, labels, weights, margin, gamma)
    for (i, j), (exponent, pull, push) in found.items():
        slopes[i] += gamma * pull * math.exp(exponent - total)
        slopes[j] += gamma * push * math.exp(exponent - total)
    return slopes


def ranks(scores, labels):
    """From 1 by falling score; tied scores by rising label, then as they stand."""
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], labels[i], i))
    return [order.index(i) + 1 for i in range(len(scores))]


def gain_of(y, gain="exp"):
    return 2**y - 1 if gain == "exp" else y


def discount(r, k=None):
    return 1 / math.log2(1 + r) if k is None or r <= k else 0.0


def ideal_dcg(labels, k=None, gain="exp"):
    best = sorted(labels, reverse=True)
    return math.fsum(gain_of(y, gain) * discount(r, k) for r, y in enumerate(best, 1))


# Metrics of labels laid out in rank order, so that a swap of two documents is a swap of two labels.
def dcg(labels, k=None, gain="exp"):
    return math.fsum(gain_of(y, gain) * discount(r, k) for r, y in enumerate(labels, 1))


def ndcg(labels, k=None, gain="exp"):
    return dcg(labels, k, gain) / ideal_dcg(labels, k, gain)


def precision(labels, k, relevant_from=1.0):
    return sum(y >= relevant_from for y in labels[:k]) / k


def reciprocal_rank(labels, k=None, relevant_from=1.0):
    found = [r for r, y in enumerate(labels, 1) if y >= relevant_from and (k is None or r <= k)]
    return 1 / found[0] if found else 0.0


def average_precision(labels, k=None, relevant_from=1.0):
    total, so_far, n_relevant = 0.0, 0, sum(y >= relevant_from for y in labels)
    for r, y in enumerate(labels, 1):
        if y >= relevant_from:
            so_far += 1
            total += so_far / r if k is None or r <= k else 0.0
    return total / n_relevant if n_relevant else 0.0


def swap_deltas(metric, scores, labels, **options):
    """How much a metric changes when i and j swap ranks, for all i and j: the metric taken anew for each swap."""
    n, place = len(labels), ranks(scores, labels)
    listed = [labels[place.index(r)] for r in range(1, n + 1)]

    def swapped(i, j):
        other = list(listed)
        other[place[i] - 1], other[place[j] - 1] = other[place[j] - 1], other[place[i] - 1]
        return abs(metric(other, **options) - metric(listed, **options))

    return [[swapped(i, j) for j in range(n)] for i in range(n)]


def loss2_weights(scores, labels, mu=1.0, absolute=False, k=None, gain="exp"):
    n, place, ideal = len(labels), ranks(scores, labels), ideal_dcg(labels, k, gain)

    def weight(i, j):
        if i == j:
            return 0.0
        apart, lower = abs(place[i] - place[j]), max(place[i], place[j])
        delta = discount(apart) - discount(apart + 1)
        if k is not None and lower > k:
            delta /= 1 - discount(lower)
        rho = abs(discount(place[i], k) - discount(place[j], k)) if absolute else 0.0
        return (rho + mu * delta) * abs(gain_of(labels[i], gain) - gain_of(labels[j], gain)) / ideal

    return [[weight(i, j) for j in range(n)] for i in range(n)]


def label_differences(scores, labels):
    return [[abs(a - b) for b in labels] for a in labels]


def weighted_logistic(pair_weights, scores, labels, weights=None, sigma=1.0):
    weights = weights or [1.0] * len(labels)
    return math.fsum(
        pair_weights[i][j] * weights[i] * weights[j] * softplus(-sigma * (scores[i] - scores[j]))
        for i, j in pairs(labels)
    )


def lambdarank(scores, labels, weights=None, sigma=1.0, k=None, gain="exp"):
    return weighted_logistic(swap_deltas(ndcg, scores, labels, k=k, gain=gain), scores, labels, weights, sigma)


def lambdarank_map(scores, labels, weights=None, k=None):
    return weighted_logistic(swap_deltas(average_precision, scores, labels, k=k), scores, labels, weights)


def lambdarank_mrr(scores, labels, weights=None, k=None):
    return weighted_logistic(swap_deltas(reciprocal_rank, scores, labels, k=k), scores, labels, weights)


def lambdaloss_ndcg2(scores, labels, weights=None, k=None, gain="exp"):
    return weighted_logistic(loss2_weights(scores, labels, k=k, gain=gain), scores, labels, weights)


def lambdaloss_ndcg2pp(scores, labels, weights=None, mu=10.0, k=None, gain="exp"):
    return weighted_logistic(loss2_weights(scores, labels, mu, True, k, gain), scores, labels, weights)


def lambdaloss_arp2(scores, labels, weights=None):
    return weighted_logistic(label_differences(scores, labels), scores, labels, weights)


def over_all_pairs(worth, scores, weights, sigma):
    weights, n = weights or [1.0] * len(scores), len(scores)
    return math.fsum(
        worth[i] * weights[i] * weights[j] * softplus(-sigma * (scores[i] - scores[j])) / math.log(2)
        for i in range(n)
        for j in range(n)
    )


def lambdaloss_ndcg1(scores, labels, weights=None, sigma=1.0, k=None, gain="exp"):
    ideal = ideal_dcg(labels, k, gain)
    worth = [gain_of(y, gain) * discount(r, k) / ideal for y, r in zip(labels, ranks(scores, labels), strict=True)]
    return over_all_pairs(worth, scores, weights, sigma)


def lambdaloss_arp1(scores, labels, weights=None, sigma=1.0):
    return over_all_pairs(labels, scores, weights, sigma)


def lightgbm_gradients(scores, labels, k=30, norm=True):
    """Gradients and Hessians of LightGBM's lambdarank (sigmoid = 1), from its rank_objective.hpp."""
    place, ideal = ranks(scores, labels), ideal_dcg(labels, k)

    def weight(i, j):
        apart = abs(discount(place[i]) - discount(place[j])) if min(place[i], place[j]) <= k else 0.0
        return (gain_of(labels[i]) - gain_of(labels[j])) / ideal * apart

    return lambda_gradients(weight, scores, labels, norm)


def map_gradients(scores, labels, k=None, norm=True):
    """Gradients and Hessians of LambdaRank for MAP, scaled as XGBoost scales them."""
    deltas = swap_deltas(average_precision, scores, labels, k=k)
    return lambda_gradients(lambda i, j: deltas[i][j], scores, labels, norm)


def lambda_gradients(weight_of, scores, labels, norm):
    """Of the logistic loss of pairs with these weights; with ``norm`` by the distance of scores, and by list."""
    n, total = len(labels), 0.0
    gradients, hessians = [0.0] * n, [0.0] * n
    for i, j in pairs(labels):
        weight = weight_of(i, j)
        if norm and max(scores) != min(scores):
            weight /= 0.01 + abs(scores[i] - scores[j])
        chance = 1 / (1 + math.exp(scores[i] - scores[j]))
        gradients[i] -= weight * chance
        gradients[j] += weight * chance
        hessians[i] += weight * chance * (1 - chance)
        hessians[j] += weight * chance * (1 - chance)
        total += 2 * weight * chance
    scale = math.log2(1 + total) / total if norm and total > 0 else 1.0
    return [scale * x for x in gradients], [scale * x for x in hessians]

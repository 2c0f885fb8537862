"""Listwise objectives of one list in loops over Python floats, beyond those in :mod:`tests.oracles.objectives`.

Those that draw take the draws (one number a document) or draw float64 numbers from torch's generator.
"""

import math

import torch

from tests.oracles.objectives import listnet, log_softmax


def ones(weights, labels):
    return weights or [1.0] * len(labels)


def tempered(scores, temperature):
    return [s / temperature for s in scores]


def log_sum_exp(values):
    top = max(values)
    return top + math.log(math.fsum(math.exp(v - top) for v in values))


def kl(scores, labels, weights=None, target="softmax", temperature=1.0):
    weights = ones(weights, labels)
    p = [math.exp(v) for v in log_softmax(labels)]
    if target == "sum":
        p = [y / math.fsum(labels) for y in labels]
    log_q = log_softmax(tempered(scores, temperature))
    return math.fsum(
        w * p_i * (math.log(p_i) - log_q_i) for w, p_i, log_q_i in zip(weights, p, log_q, strict=True) if p_i > 0
    )


def poly1_softmax(scores, labels, weights=None, epsilon=1.0, normalize=True, temperature=1.0):
    weights = ones(weights, labels)
    log_q = log_softmax(tempered(scores, temperature))
    total = math.fsum(labels)
    cross, missed = 0.0, 0.0
    for w, y, log_q_i in zip(weights, labels, log_q, strict=True):
        cross -= w * (y / total if normalize else y) * log_q_i
        missed += w * y / total * (1 - math.exp(log_q_i))
    return cross + epsilon * missed


def unique_softmax(scores, labels, weights=None, gain="exp", temperature=1.0):
    weights, scores = ones(weights, labels), tempered(scores, temperature)
    total = 0.0
    for i, y in enumerate(labels):
        rivals = [scores[i]] + [s for s, other in zip(scores, labels, strict=True) if other < y]
        total += weights[i] * (2**y - 1 if gain == "exp" else y) * (log_sum_exp(rivals) - scores[i])
    return total


def calibrated_softmax(scores, labels, weights=None, anchor_label=1.0, temperature=1.0):
    weights = ones(weights, labels)
    log_q = log_softmax([*tempered(scores, temperature), 0.0])
    total = -anchor_label * log_q[-1]
    for w, y, log_q_i in zip(weights, labels, log_q[:-1], strict=True):
        total -= w * y * log_q_i
    return total


def xe_ndcg(scores, labels, weights=None, temperature=1.0, gamma=None):
    weights = ones(weights, labels)
    gamma = torch.rand(len(labels), dtype=torch.float64).tolist() if gamma is None else gamma
    gains = [2**y - g for y, g in zip(labels, gamma, strict=True)]
    log_q = log_softmax(tempered(scores, temperature))
    return -math.fsum(w * g / math.fsum(gains) * p for w, g, p in zip(weights, gains, log_q, strict=True))


def ranking_by_label(labels, drawn):
    """Documents by falling label, equal ones by rising draw."""
    return sorted(range(len(labels)), key=lambda i: (-labels[i], drawn[i]))


def choices(scores, ranking):
    """-log P of each choice of a ranking, first to last, from those that are left."""
    return [log_sum_exp([scores[j] for j in ranking[r:]]) - scores[i] for r, i in enumerate(ranking)]


def listmle(scores, labels, weights=None, temperature=1.0, drawn=None):
    weights = ones(weights, labels)
    drawn = torch.rand(len(labels), dtype=torch.float64).tolist() if drawn is None else drawn
    ranking = ranking_by_label(labels, drawn)
    costs = choices(tempered(scores, temperature), ranking)
    return math.fsum(weights[i] * cost for i, cost in zip(ranking, costs, strict=True))


def p_listmle(scores, labels, weights=None, position_weight="exp", temperature=1.0, drawn=None):
    weights = ones(weights, labels)
    drawn = torch.rand(len(labels), dtype=torch.float64).tolist() if drawn is None else drawn
    ranking, n = ranking_by_label(labels, drawn), len(labels)
    if position_weight == "exp":
        alpha = [2 ** (n - r) - 1 for r in range(1, n + 1)]
    else:
        alpha = [1 / math.log2(1 + r) for r in range(1, n + 1)]
    costs = choices(tempered(scores, temperature), ranking)
    terms = [a / sum(alpha) * weights[i] * cost for a, i, cost in zip(alpha, ranking, costs, strict=True)]
    return math.fsum(terms)


def attention_rank(scores, labels, weights=None, temperature=1.0):
    weights, scores = ones(weights, labels), tempered(scores, temperature)
    psi = [math.exp(y) if y > 0 else 0.0 for y in labels]
    total = 0.0
    for i, w in enumerate(weights):
        a = psi[i] / math.fsum(psi)
        others = log_sum_exp([s for j, s in enumerate(scores) if j != i])
        log_q, log_rest = scores[i] - log_sum_exp(scores), others - log_sum_exp(scores)
        total -= w * (a * log_q + (1 - a) * log_rest)
    return total


def rank_cosine(scores, labels, weights=None):
    weights = ones(weights, labels)
    product = math.fsum(w * y * s for w, y, s in zip(weights, labels, scores, strict=True))
    lengths = [math.sqrt(math.fsum(w * v * v for w, v in zip(weights, vs, strict=True))) for vs in (scores, labels)]
    return 0.5 * (1 - product / (lengths[0] * lengths[1]))


def wass_rank_costs(labels, gap=100.0, same_grade=math.e, gain_base=4.0):
    def cost(i, j):
        if i == j:
            return 0.0
        if labels[i] == labels[j]:
            return same_grade
        apart = abs(gain_base ** labels[i] - gain_base ** labels[j])
        return apart + (gap if labels[i] == 0 or labels[j] == 0 else 0.0)

    return [[cost(i, j) for j in range(len(labels))] for i in range(len(labels))]


def wass_rank(scores, labels, weights=None, epsilon=0.1, n_iterations=20, **costs_of):
    weights, docs = ones(weights, labels), range(len(labels))
    costs = wass_rank_costs(labels, **costs_of)
    spread = epsilon * max(map(max, costs))
    log_p, log_q = log_softmax(scores), log_softmax(labels)
    sent, got = [0.0] * len(labels), [0.0] * len(labels)
    for _ in range(n_iterations):
        sent = [log_p[i] - log_sum_exp([got[j] - costs[i][j] / spread for j in docs]) for i in docs]
        got = [log_q[j] - log_sum_exp([sent[i] - costs[i][j] / spread for i in docs]) for j in docs]
    return math.fsum(
        weights[i] * costs[i][j] * math.exp(sent[i] + got[j] - costs[i][j] / spread) for i in docs for j in docs
    )


def gumbel_listnet(scores, labels, weights=None, n_samples=8, beta=1.0, temperature=1.0):
    noise = torch.empty(len(scores), n_samples, dtype=torch.float64).exponential_().tolist()
    total = 0.0
    for sample in range(n_samples):
        noisy = [s - beta * math.log(noise[i][sample]) for i, s in enumerate(scores)]
        total += listnet(tempered(noisy, temperature), labels, weights)
    return total / n_samples


def listwide_softmax(scores, labels, weights=None, strength=0.1):
    weights, n = ones(weights, labels), len(scores)
    log_q = log_softmax([outputs[0] for outputs in scores])
    ranked = -math.fsum(w * y * log_q_i for w, y, log_q_i in zip(weights, labels, log_q, strict=True)) / n
    quality = 0.0
    for k in range(1, len(scores[0])):
        log_odds = math.fsum(outputs[k] for outputs in scores) / n
        quality += log_sum_exp([0.0, -log_odds if max(labels) >= k else log_odds]) / (len(scores[0]) - 1)
    return ranked + strength * quality


def lambda_softmax(scores, labels, weights=None, k=None, gain="exp", temperature=1.0):
    weights = ones(weights, labels)
    k = len(labels) if k is None else k

    def worth(y):
        return 2**y - 1 if gain == "exp" else y

    def discount(rank):
        return 1 / math.log2(1 + rank) if rank <= k else 0.0

    by_score = sorted(range(len(scores)), key=lambda i: (-scores[i], labels[i]))
    ideal = math.fsum(worth(y) * discount(r) for r, y in enumerate(sorted(labels, reverse=True), start=1))
    log_q = log_softmax(tempered(scores, temperature))
    return -math.fsum(
        weights[i] * worth(labels[i]) * discount(rank) / ideal * log_q[i] for rank, i in enumerate(by_score, start=1)
    )

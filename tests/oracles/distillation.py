"""Distillation objectives of one list in loops over Python floats."""

import math

import torch

from tests.oracles.listwise import choices, ones, tempered
from tests.oracles.objectives import log_softmax


def kl_distillation(scores, labels, weights=None, temperature=1.0):
    weights = ones(weights, labels)
    log_p, log_q = log_softmax(tempered(labels, temperature)), log_softmax(tempered(scores, temperature))
    return temperature**2 * math.fsum(w * math.exp(a) * (a - b) for w, a, b in zip(weights, log_p, log_q, strict=True))


def rank_distil(scores, labels, weights=None, k=None, n_samples=8, temperature=1.0, exponentials=None):
    """``exponentials``: standard exponential draws ``[doc][sample]``; minus their logarithm is Gumbel noise."""
    weights = ones(weights, labels)
    if exponentials is None:
        exponentials = torch.empty(len(labels), n_samples, dtype=torch.float64).exponential_().tolist()
    total = 0.0
    for sample in range(n_samples):
        noisy = [y / temperature - math.log(e[sample]) for y, e in zip(labels, exponentials, strict=True)]
        ranking = sorted(range(len(labels)), key=lambda i, noisy=noisy: -noisy[i])
        costs = choices(tempered(scores, temperature), ranking)
        total += math.fsum(weights[i] * cost for i, cost in list(zip(ranking, costs, strict=True))[:k])
    return total / n_samples


def k_plackett_cross_entropy(teacher, student, k):
    """The mean that samples stand for: over every ordered top k, P under the teacher times -log P under the student."""

    def probability(scores, top):
        left, p = set(range(len(scores))), 1.0
        for i in top:
            p *= math.exp(scores[i]) / math.fsum(math.exp(scores[j]) for j in left)
            left.remove(i)
        return p

    def tops(left, length):
        if length == 0:
            yield ()
            return
        for i in left:
            for rest in tops([j for j in left if j != i], length - 1):
                yield (i, *rest)

    return -math.fsum(
        probability(teacher, top) * math.log(probability(student, top)) for top in tops(list(range(len(teacher))), k)
    )

"""Clicks of one list, position by position over Python floats; slow, and independent of the library."""

import itertools
import math

from tests.oracles.objectives import log_softmax


def relevance_probability(label, noise, max_label):
    return noise + (1 - noise) * (2**label - 1) / (2**max_label - 1)


def position_based_outcomes(attraction, examination):
    """Probability of each tuple of clicks, summed over all that can be looked at and can attract."""
    found = {}
    places = range(len(attraction))
    for looked, attracted in itertools.product(itertools.product((0, 1), repeat=len(attraction)), repeat=2):
        chance = math.prod(examination[r] if looked[r] else 1 - examination[r] for r in places)
        chance *= math.prod(attraction[r] if attracted[r] else 1 - attraction[r] for r in places)
        clicks = tuple(a * b for a, b in zip(looked, attracted, strict=True))
        found[clicks] = found.get(clicks, 0.0) + chance
    return found


def dependent_click_outcomes(attraction, continuation):
    """Probability of each tuple of clicks of a person who walks down the list; continuation 0 is the cascade."""
    found = {}

    def walk(clicks, chance):
        place = len(clicks)
        if chance == 0:
            return
        if place == len(attraction):
            found[clicks] = found.get(clicks, 0.0) + chance
            return
        walk((*clicks, 0), chance * (1 - attraction[place]))
        clicked = chance * attraction[place]
        walk((*clicks, 1), clicked * continuation[place])
        ended = (*clicks, 1, *[0] * (len(attraction) - place - 1))
        found[ended] = found.get(ended, 0.0) + clicked * (1 - continuation[place])

    walk((), 1.0)
    return found


def marginals(outcomes):
    """The probability of a click on each document."""
    n_docs = len(next(iter(outcomes)))
    return [math.fsum(chance for clicks, chance in outcomes.items() if clicks[r]) for r in range(n_docs)]


def dual_learning(scores, clicks, logits, max_weight=math.inf):
    """The loss of one list and its slopes in scores and logits: l_IPW moves the scores, l_IRW the logits."""
    n_docs = len(scores)
    log_s, log_g = log_softmax(scores), log_softmax(logits)
    loss, slope_s, slope_g = 0.0, [0.0] * n_docs, [0.0] * n_docs
    for i in range(n_docs):
        ipw = min(math.exp(logits[0] - logits[i]), max_weight)
        irw = min(math.exp(scores[0] - scores[i]), max_weight)
        loss -= clicks[i] * (ipw * log_s[i] + irw * log_g[i])
        for j in range(n_docs):
            slope_s[j] -= clicks[i] * ipw * ((i == j) - math.exp(log_s[j]))
            slope_g[j] -= clicks[i] * irw * ((i == j) - math.exp(log_g[j]))
    return loss, slope_s, slope_g

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


def swap_ratio(sessions, rank):
    """Clicks at a position against those at the first, of sessions (clicks, rank tried, whether swapped)."""
    rates = {}
    for moved in (False, True):
        of_arm = [clicks for clicks, tried, swapped in sessions if tried == rank and swapped == moved]
        for place in (0, rank - 1):
            rates[place, moved] = sum(clicks[place] for clicks in of_arm) / len(of_arm)
    return (rates[rank - 1, True] + rates[rank - 1, False]) / (rates[0, False] + rates[0, True])


def hidden_given_click(click, seen, attraction):
    """The chances that a document was seen, and that it attracts, summed over the four cases that there may be."""
    cases = {
        (looked, attracts): (seen if looked else 1 - seen) * (attraction if attracts else 1 - attraction)
        for looked, attracts in itertools.product((0, 1), repeat=2)
        if looked * attracts == click
    }
    whole = math.fsum(cases.values())
    return tuple(math.fsum(chance for case, chance in cases.items() if case[part]) / whole for part in (0, 1))


def em_of_kinds(rows, n_positions, n_rounds):
    """EM of rows (position, kind of document, click), where a regression is the mean over a kind."""
    kinds = {kind for _, kind, _ in rows}
    clicked = [[click for place, _, click in rows if place == r] for r in range(n_positions)]
    rates = [sum(clicks) / len(clicks) for clicks in clicked]
    seen = [min(rate / max(rates), 1 - 1e-6) for rate in rates]
    attraction = dict.fromkeys(kinds, sum(click for *_, click in rows) / len(rows))
    for _ in range(n_rounds):
        hidden = [hidden_given_click(click, seen[place], attraction[kind]) for place, kind, click in rows]
        of_place = [[h[0] for h, row in zip(hidden, rows, strict=True) if row[0] == r] for r in range(n_positions)]
        seen = [min(sum(chances) / len(chances), 1 - 1e-6) for chances in of_place]
        of_kind = {k: [h[1] for h, row in zip(hidden, rows, strict=True) if row[1] == k] for k in kinds}
        attraction = {kind: sum(chances) / len(chances) for kind, chances in of_kind.items()}
    return [theta / seen[0] for theta in seen]

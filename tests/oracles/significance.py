"""Slow, plain versions of rankkit.statistics.significance."""

import itertools


def sign_flip_p(deltas):
    """The exact two-sided p of the paired randomization test: all 2^n choices of signs, each counted."""
    observed = abs(sum(deltas))
    choices = list(itertools.product((1, -1), repeat=len(deltas)))
    extreme = [abs(sum(s * d for s, d in zip(signs, deltas, strict=True))) >= observed - 1e-12 for signs in choices]
    return sum(extreme) / len(choices)


def holm(p):
    """Step down through the sorted values: each times how many are left, never below the one before."""
    corrected, before = [None] * len(p), 0.0
    for step, place in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        before = max(before, min(1.0, p[place] * (len(p) - step)))
        corrected[place] = before
    return corrected


def letters_agree(letters, different):
    """Whether two systems share a letter exactly where they are not different."""
    pairs = itertools.combinations(range(len(letters)), 2)
    return all(bool(set(letters[i]) & set(letters[j])) != bool(different[i][j]) for i, j in pairs)

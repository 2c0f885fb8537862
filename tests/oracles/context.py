"""What the context of a value is, in loops over Python floats; slow, and independent of the library.

Each function takes the values of one feature in one query, None where missing, and gives as many, None where missing.
"""

import math


def z(values):
    known = [x for x in values if x is not None]
    if not known:
        return values
    mean = math.fsum(known) / len(known)
    std = math.sqrt(math.fsum((x - mean) ** 2 for x in known) / len(known))
    return [None if x is None else (x - mean) / std if max(known) > min(known) else 0.0 for x in values]


def rank(values):
    """The mean of the places, from 0 up, that equal values share, by the last place."""
    known = sorted(x for x in values if x is not None)
    found = []
    for x in values:
        if x is None:
            found.append(None)
        elif len(known) == 1:
            found.append(0.5)
        else:
            places = [place for place, other in enumerate(known) if other == x]
            found.append(sum(places) / len(places) / (len(known) - 1))
    return found


def share(values):
    largest = max((abs(x) for x in values if x is not None), default=0.0)
    return [None if x is None else x / largest if largest else 0.0 for x in values]


def gap(values):
    known = [x for x in values if x is not None]
    found = []
    for x in values:
        if x is None:
            found.append(None)
            continue
        better = [other for other in known if other > x]
        found.append((min(better) - x) / (max(known) - min(known)) if better else 0.0)
    return found

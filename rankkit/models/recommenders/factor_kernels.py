"""Loops of matrix factorisations, compiled: least squares by conjugate gradients, and steps on pairs of items."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rankkit.compilation import kernel, part

Codes: TypeAlias = NDArray[np.int32]
Starts: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.floating[Any]]
Words: TypeAlias = NDArray[np.uint64]

# Sums in any order, so that they are vectorised; NaN stays NaN, by which a model that diverged is known.
_FAST = {"reassoc", "contract", "nsz", "arcp"}


@part(fastmath=_FAST, error_model="numpy")
def _apply(
    columns: Codes,
    extra: Floats,
    others: Floats,
    gram: Floats,
    ridge: Any,
    vector: Floats,
    sign: Any,
    wanted: Any,
    out: Floats,
) -> None:
    """Into ``out``: sign (G + ridge I + sum_i e_i y_i y_i^T) vector + wanted sum_i (1 + e_i) y_i.

    ``sign`` and ``wanted`` are of the type of the factors, which a whole number would turn into float64. Four rows at a
    time pass over the vector and over ``out``, which are read once for them.
    """
    width, n = len(vector), len(columns)
    for f in range(width):
        out[f] = sign * ridge * vector[f]
    for f in range(0, width - 3, 4):
        a, b, c, d = gram[f], gram[f + 1], gram[f + 2], gram[f + 3]
        p, q, r, s = sign * vector[f], sign * vector[f + 1], sign * vector[f + 2], sign * vector[f + 3]
        for g in range(width):
            out[g] += a[g] * p + b[g] * q + c[g] * r + d[g] * s
    for f in range(width - width % 4, width):
        line, value = gram[f], sign * vector[f]
        for g in range(width):
            out[g] += line[g] * value
    for at in range(0, n - 3, 4):
        a, b, c, d = others[columns[at]], others[columns[at + 1]], others[columns[at + 2]], others[columns[at + 3]]
        p = q = r = s = sign - sign
        for f in range(width):
            p += a[f] * vector[f]
            q += b[f] * vector[f]
            r += c[f] * vector[f]
            s += d[f] * vector[f]
        p = extra[at] * (sign * p + wanted) + wanted
        q = extra[at + 1] * (sign * q + wanted) + wanted
        r = extra[at + 2] * (sign * r + wanted) + wanted
        s = extra[at + 3] * (sign * s + wanted) + wanted
        for f in range(width):
            out[f] += p * a[f] + q * b[f] + r * c[f] + s * d[f]
    for at in range(n - n % 4, n):
        y = others[columns[at]]
        weight = extra[at] * (sign * _dot(y, vector) + wanted) + wanted
        for f in range(width):
            out[f] += weight * y[f]


@part(fastmath=_FAST, error_model="numpy")
def _dot(x: Floats, y: Floats) -> Any:
    total = x[0] - x[0]
    for f in range(len(x)):
        total += x[f] * y[f]
    return total


@kernel(fastmath=_FAST, error_model="numpy")
def solve_rows(
    starts: Starts,
    columns: Codes,
    extra: Floats,
    solved: Floats,
    others: Floats,
    gram: Floats,
    ridges: Floats,
    n_steps: int,
    tolerance: float,
    one: Any,
) -> None:
    """Improve each row x of ``solved`` by conjugate gradients: (G + r I + sum_i e_i y_i y_i^T) x = sum_i (1 + e_i) y_i.

    Args:
        starts: ``[row + 1]``.
        columns: ``[event]``: the rows y_i of ``others``.
        extra: ``[event]``: e_i, the confidence above that of a pair without an event.
        solved: ``[row, factor]``, written.
        others: ``[other, factor]``.
        gram: ``[factor, factor]``: G = Y^T Y.
        ridges: ``[row]``: r, in the type of the factors.
        n_steps: How many at most.
        tolerance: A row is done when the square of its residual is so small a share of what it was.
        one: 1 in the type of the factors.
    """
    residual = np.empty(others.shape[1], solved.dtype)
    product = np.empty_like(residual)
    for row in range(len(starts) - 1):
        first, last = starts[row], starts[row + 1]
        x, mine, weights = solved[row], columns[first:last], extra[first:last]
        if first == last:
            x[:] = 0
            continue
        _apply(mine, weights, others, gram, ridges[row], x, -one, one, residual)
        direction = residual.copy()
        old = _dot(residual, residual)
        enough = tolerance * old + 1e-20
        for _ in range(n_steps):
            if old < enough:
                break
            _apply(mine, weights, others, gram, ridges[row], direction, one, one - one, product)
            step = old / _dot(direction, product)
            for f in range(len(x)):
                x[f] += step * direction[f]
                residual[f] -= step * product[f]
            new = _dot(residual, residual)
            share = new / old
            for f in range(len(x)):
                direction[f] = residual[f] + share * direction[f]
            old = new


@part()
def _next_random(state: Words) -> Any:
    """The next 64 bits of splitmix64 (Steele, Lea and Flood, OOPSLA 2014), whose state is one number."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@part()
def _below(state: Words, n: int) -> Any:
    """A whole number from 0, below n."""
    return np.int64((_next_random(state) >> np.uint64(32)) * np.uint64(n) >> np.uint64(32))


@part()
def _holds(sorted_items: Codes, first: int, last: int, item: int) -> int:
    while first < last:
        middle = (first + last) // 2
        if sorted_items[middle] < item:
            first = middle + 1
        else:
            last = middle
    return first


@part(fastmath=_FAST, error_model="numpy")
def _pair_step(
    x: Floats,
    y: Floats,
    z: Floats,
    biases: Floats,
    item: int,
    other: int,
    rate: np.float32,
    l2: np.float32,
    moves_items: bool,
) -> None:
    """One step of BPR on a user x and items y (met) and z (not met)."""
    score = biases[item] - biases[other]
    for f in range(len(x)):
        score += x[f] * (y[f] - z[f])
    slope = np.float32(1.0) / (np.float32(1.0) + np.exp(score))
    if moves_items:
        for f in range(len(x)):
            mine, liked, not_liked = x[f], y[f], z[f]
            x[f] += rate * (slope * (liked - not_liked) - l2 * mine)
            y[f] += rate * (slope * mine - l2 * liked)
            z[f] += rate * (-slope * mine - l2 * not_liked)
        biases[item] += rate * (slope - l2 * biases[item])
        biases[other] += rate * (-slope - l2 * biases[other])
    else:
        for f in range(len(x)):
            x[f] += rate * (slope * (y[f] - z[f]) - l2 * x[f])


@kernel()
def pair_epoch(
    starts: Starts,
    users: Codes,
    items: Codes,
    drawn_from: Codes,
    factors: Floats,
    item_factors: Floats,
    biases: Floats,
    rate: np.float32,
    l2: np.float32,
    state: Words,
) -> None:
    """As many steps as events: an event at random, and an item that its user has not met, drawn from a list of items.

    Items of a user are sorted and different.
    """
    n_events = len(items)
    for _ in range(n_events):
        event = _below(state, n_events)
        user, item = users[event], items[event]
        other = drawn_from[_below(state, len(drawn_from))]
        place = _holds(items, starts[user], starts[user + 1], other)
        if place < starts[user + 1] and items[place] == other:
            continue
        _pair_step(factors[user], item_factors[item], item_factors[other], biases, item, other, rate, l2, True)


@kernel()
def pair_fold_in(
    starts: Starts,
    items: Codes,
    drawn_from: Codes,
    factors: Floats,
    item_factors: Floats,
    biases: Floats,
    rate: np.float32,
    l2: np.float32,
    n_epochs: int,
    seed: int,
) -> None:
    """The same steps on users alone, each with random numbers of its own, so that it does not matter who is beside."""
    state = np.empty(1, np.uint64)
    for user in range(len(starts) - 1):
        first, last = starts[user], starts[user + 1]
        state[0] = np.uint64(seed)
        for _ in range(n_epochs * (last - first)):
            item = items[first + _below(state, last - first)]
            other = drawn_from[_below(state, len(drawn_from))]
            place = _holds(items, first, last, other)
            if place < last and items[place] == other:
                continue
            _pair_step(factors[user], item_factors[item], item_factors[other], biases, item, other, rate, l2, False)

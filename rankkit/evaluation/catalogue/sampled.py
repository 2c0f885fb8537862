"""Metrics on a sample of the catalogue, only where somebody asks: biased, and beside them the correction."""

import textwrap
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ConfigError
from rankkit.evaluation.catalogue.placing import measured
from rankkit.evaluation.names import NamedMetric
from rankkit.evaluation.protocol import Protocol
from rankkit.metrics.engine import JudgedDocuments, Ranking
from rankkit.retrieval.ranks import Ranks

GAMMA = 0.1
"""What variance weighs against bias in the correction: one of the two values of the paper's experiments."""

WARNING = (
    "sampled metrics reward a good average place more than the first places, and can order systems otherwise than the "
    "whole catalogue does. Compare systems by the whole catalogue."
)
_ROWS = 4096  # ranks whose chances are in memory at a time


@dataclass(frozen=True)
class Sampled:
    """Metrics of each held-out item among some that were drawn: the mean over a user's items, then over users.

    Args:
        n_drawn: Items that are drawn for each held-out one, at random with replacement, of the candidates that are not
            held out.
        seed: Of the draws.
        n_items: Candidates that the correction reckons with: the mean over held-out items, rounded.
        whole: By metric, of the same held-out items one by one among all candidates.
        raw: By metric, among those drawn: what tools that sample print.
        corrected: By metric, the estimate of ``whole`` from the sampled ranks.
    """

    n_drawn: int
    seed: int
    n_items: int
    whole: dict[str, float]
    raw: dict[str, float]
    corrected: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """The fields, of plain types."""
        return asdict(self)

    def __str__(self) -> str:
        width = max(len("metric"), *map(len, self.raw))
        head = f"{'metric':<{width}}  whole catalogue  {self.n_drawn} drawn  corrected"
        rows = [
            f"{name:<{width}}  {self.whole[name]:<15.4f}  {self.raw[name]:<{len(str(self.n_drawn)) + 6}.4f}  "
            f"{self.corrected[name]:.4f}"
            for name in self.raw
        ]
        notes = [
            f"held-out items one by one: among all candidates, and among {self.n_drawn} drawn with replacement (seed "
            f"{self.seed}); corrected for {self.n_items:,} candidates (Krichene and Rendle 2020, gamma {GAMMA:g})",
        ]
        wrapped = [textwrap.fill(note, 80, subsequent_indent="  ") for note in notes]
        return "\n".join([head, *rows, *wrapped])


def check_sampled(where: str, n_drawn: Any, names: dict[str, NamedMetric], rules: Protocol) -> None:
    """Refuse what cannot be measured on a sample.

    Raises:
        ConfigError: If the number of items is none, a metric has no k, or ties leave the rank of an item open.
    """
    if isinstance(n_drawn, bool) or not isinstance(n_drawn, int | np.integer) or n_drawn < 1:
        raise ConfigError(f"{where}: expected sampled as a whole number from 1; got {n_drawn!r}. Pass such as 100.")
    whole = [name for name, (_, k, _) in names.items() if k is None]
    if whole or not names:
        got = ", ".join(whole) or "none"
        raise ConfigError(
            f"{where}: expected metrics of held-out items with a k, to measure on a sample; got {got}. Ask for ndcg@10."
        )
    if rules.ties == "expected":
        raise ConfigError(
            f"{where}: expected ties 'pessimistic' or 'stable' with sampled; got 'expected', which leaves ranks open. "
            "Pass ties=."
        )


@dataclass(frozen=True)
class Places:
    """Where held-out items stand, one by one, in the whole catalogue.

    Args:
        rows: int64 ``[target]``, of its user.
        above: int64 ``[target]``: candidates before it that are not held out; -1 where it is no candidate itself.
        others: int64 ``[target]``: candidates that are not held out.
    """

    rows: NDArray[np.int64]
    above: NDArray[np.int64]
    others: NDArray[np.int64]


def places_of(ranks: Ranks, users: NDArray[np.signedinteger[Any]], ties: str) -> Places:
    """From exact ranks; ``users`` ``[target]`` are places in ``ranks.n_candidates``."""
    is_candidate = ranks.scores > -np.inf
    tied = ranks.equal if ties == "pessimistic" else ranks.equal_before
    n_held_out = np.bincount(users[is_candidate], minlength=len(ranks.n_candidates))
    above = np.where(is_candidate, ranks.greater + tied, -1)
    return Places(users.astype(np.int64), above, (ranks.n_candidates - n_held_out)[users])


def sample(
    places: Places, n_users: int, n_drawn: int, seed: int, names: dict[str, NamedMetric], rules: Protocol
) -> Sampled:
    """Draw for each held-out item, and correct.

    How many of the drawn items stand before a held-out one is binomial, whichever they are: above of others candidates
    do. So nothing is drawn but that number.

    Args:
        places: Of all held-out items.
        n_users: Who are asked about; those without a held-out item are left out of the means.
        n_drawn: Items drawn for each.
        seed: Of the draws.
        names: Metrics with a k.
        rules: The protocol.
    """
    kept = places.above >= 0
    above, others = places.above[kept], places.others[kept]
    chances = np.divide(above, others, out=np.zeros(len(above)), where=others > 0)
    drawn = np.random.default_rng(seed).binomial(n_drawn, chances)
    n_items = round(float(others.mean())) + 1 if len(others) else 1
    sizes = np.bincount(places.rows, minlength=n_users)

    def mean(values: NDArray[np.float64]) -> float:
        sums = np.bincount(places.rows[kept], weights=values, minlength=n_users)
        return float((sums / np.maximum(sizes, 1)).sum() / max(int((sizes > 0).sum()), 1))

    whole, raw, corrected = {}, {}, {}
    for name, values in _of_ranks(names, rules).items():

        def at(before: NDArray[np.int64], values: NDArray[np.float64] = values) -> NDArray[np.float64]:
            return np.where(before < len(values), values[np.minimum(before, len(values) - 1)], 0.0)

        whole[name], raw[name] = mean(at(above)), mean(at(drawn))
        corrected[name] = mean(correction(at(np.arange(n_items)), n_drawn)[drawn])
    return Sampled(int(n_drawn), int(seed), n_items, whole, raw, corrected)


def correction(values: NDArray[np.float64], n_drawn: int, gamma: float = GAMMA) -> NDArray[np.float64]:
    r"""What each rank among the drawn items is worth, so that the mean is near that of the whole catalogue.

    .. math::

        \hat f = \left((1 - \gamma) A^T A + \gamma \, \mathrm{diag}(c)\right)^{-1} A^T b, \quad
        A_{r \tilde r} = \sqrt{p(r)} \, P(\tilde r \mid r), \; b_r = \sqrt{p(r)} f(r), \; c_{\tilde r} = \sum_r p(r)
        P(\tilde r \mid r)

    the least squares of bias and, weighed by gamma, variance, over ranks that are all as likely, p(r) = 1/n;
    :math:`\tilde r - 1` is binomial with chance (r - 1) / (n - 1). (Krichene, Rendle: On Sampled Metrics for Item
    Recommendation, KDD 2020, section 5, the bias-variance trade-off.)

    >>> correction(np.array([1.0, 0, 0]), 1, gamma=0.5).round(3)  # the first of three; one drawn
    array([ 0.733, -0.067])

    Args:
        values: float64 ``[n]``: what ranks 1 to n of the whole catalogue are worth.
        n_drawn: Items drawn.
        gamma: Above 0, up to 1 (variance as much as bias).

    Returns:
        float64 ``[n_drawn + 1]``: what ranks 1 to n_drawn + 1 among the drawn items are worth; 0 of one that none of
        the n ranks can lead to.
    """
    from scipy.stats import binom

    n = len(values)
    squares, products, chances = np.zeros((n_drawn + 1, n_drawn + 1)), np.zeros(n_drawn + 1), np.zeros(n_drawn + 1)
    for first in range(0, n, _ROWS):
        ranks = np.arange(first, min(first + _ROWS, n))
        of_rank = binom.pmf(np.arange(n_drawn + 1), n_drawn, ranks[:, None] / max(n - 1, 1))
        squares += of_rank.T @ of_rank / n
        products += of_rank.T @ values[ranks] / n
        chances += of_rank.sum(0) / n
    # Scaled by how likely a sampled rank is, so that those that hardly come up spoil nothing.
    can_be = chances > 0
    scale = 1 / np.sqrt(chances[can_be])
    left = (1 - gamma) * squares[np.ix_(can_be, can_be)] * np.outer(scale, scale) + gamma * np.eye(len(scale))
    worth = np.zeros(n_drawn + 1)
    worth[can_be] = scale * np.linalg.solve(left, scale * products[can_be])
    return worth


def _of_ranks(names: dict[str, NamedMetric], rules: Protocol) -> dict[str, NDArray[np.float64]]:
    """What each metric gives for one held-out item at rank 1, 2, ..., k."""
    found = {}
    for name, (metric, k, options) in names.items():
        size = k or 1
        starts = np.arange(0, size * (size + 1), size)
        judged = JudgedDocuments(np.ones(size), np.arange(size + 1))
        places = np.zeros(size * size, np.bool_)
        lists = Ranking(np.eye(size).reshape(-1), places, starts, np.zeros(size, np.bool_), judged)
        found[name] = measured(lists, {name: NamedMetric(metric, k, options)}, rules)[name]
    return found

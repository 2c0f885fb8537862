"""Held-out items at their ranks, as the engine of metrics takes lists."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.interactions.log import Interactions
from rankkit.evaluation.names import NamedMetric
from rankkit.evaluation.protocol import Protocol
from rankkit.metrics.engine import JudgedDocuments, Ranking, measure_of
from rankkit.registry import METRICS
from rankkit.retrieval.ranks import Ranks


def ranking_of(ranks: Ranks, targets: Interactions, names: dict[str, NamedMetric], rules: Protocol) -> Ranking:
    """The lists as the engine of metrics takes them: as long as a metric looks, the held-out items at their ranks.

    Items that are not held out are all alike, so only how many of them stand before each held-out one matters.
    """
    sizes = targets.sizes
    is_candidate = ranks.scores > -np.inf
    users: NDArray[Any] = targets.users
    # Held-out items of a user in the order of their scores and places: those before one add to its rank.
    order = np.lexsort((targets.items, -ranks.scores.astype(np.float64), users))
    order = order[is_candidate[order]]
    users, scores = users[order], ranks.scores[order]
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(users, minlength=len(targets)))])
    others_before = ranks.greater[order]
    if rules.ties == "pessimistic":
        others_before = others_before + ranks.equal[order]
    elif rules.ties == "stable":
        others_before = others_before + ranks.equal_before[order]
    place = np.arange(len(order)) - offsets[users] + others_before  # from 0
    ties_matter = np.zeros(len(targets), np.bool_)
    ties_matter[users[ranks.equal[order] > 0]] = True
    longest = max((named.k or rules.default_k or 0) for named in names.values())
    is_whole = any((named.k or rules.default_k) is None for named in names.values())
    ends = place + 1 + (ranks.equal[order] if rules.ties == "expected" else 0)
    if rules.ties == "expected":
        same = np.diff(scores, prepend=np.nan) == 0
        run = np.cumsum(~(same & (np.diff(users, prepend=-1) == 0)))
        run_sizes = np.bincount(run)[run] if len(run) else run
        ends = ends + run_sizes
    if not is_whole:
        kept = place < longest
        place, ends, users, order, scores = place[kept], ends[kept], users[kept], order[kept], scores[kept]
    lengths = np.zeros(len(targets), np.int64)
    np.maximum.at(lengths, users, ends)
    lengths = np.minimum(np.maximum(lengths, longest), ranks.n_candidates)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    labels, tied = np.zeros(starts[-1], np.float64), np.zeros(starts[-1], np.bool_)
    labels[starts[users] + place] = 1.0
    if rules.ties == "expected":
        _open_runs(tied, starts[users], place, users, scores, ranks.equal[order])
    judged = JudgedDocuments(np.ones(targets.n_events), np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]))
    return Ranking(labels, tied, starts, ties_matter, judged)


def _open_runs(
    tied: NDArray[np.bool_],
    starts: NDArray[np.int64],
    place: NDArray[np.int64],
    users: NDArray[Any],
    scores: NDArray[np.float32],
    equal: NDArray[np.int64],
) -> None:
    """Mark the places of each run of equal scores but the first: held-out items stand first in theirs, then others."""
    at = 0
    while at < len(place):
        last = at + 1
        while last < len(place) and users[last] == users[at] and scores[last] == scores[at]:
            last += 1
        begin = starts[at] + place[at]
        tied[begin + 1 : begin + (last - at) + equal[at]] = True
        at = last


def measured(ranking: Ranking, names: dict[str, NamedMetric], rules: Protocol) -> dict[str, NDArray[np.float64]]:
    """Each metric of each list, float64 ``[user]``."""
    rules = replace(rules, max_label=rules.max_label or 1.0)
    return {
        asked: measure_of(METRICS[name])(ranking, k=k or rules.default_k, **options, **rules.options_of(name))
        for asked, (name, k, options) in names.items()
    }

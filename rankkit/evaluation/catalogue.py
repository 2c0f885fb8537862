"""evaluate_recommender(): held-out items among the whole catalogue, and what the lists are like beside that."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.interactions.audit import known_targets
from rankkit.data.interactions.log import Interactions, same_ids
from rankkit.data.interactions.splits import Split
from rankkit.errors import ConfigError, DataError
from rankkit.evaluation.beyond import BEYOND, ItemFeatures, beyond_accuracy, is_beyond
from rankkit.evaluation.measuring import metric_names
from rankkit.evaluation.names import Metric, NamedMetric
from rankkit.evaluation.presets import resolve_protocol
from rankkit.evaluation.protocol import Protocol
from rankkit.evaluation.report import Evaluation
from rankkit.evaluation.tables import write_parquet
from rankkit.metrics.engine import JudgedDocuments, Ranking, measure_of
from rankkit.models.recommenders.histories import item_choice
from rankkit.models.recommenders.recommender import Recommender, mask_block
from rankkit.registry import METRICS
from rankkit.retrieval.blocks import row_blocks
from rankkit.retrieval.lists import TopK
from rankkit.retrieval.ranks import Ranks, exact_ranks
from rankkit.retrieval.top import top_k

if TYPE_CHECKING:
    import pandas as pd

_MEASURED = ("ndcg", "dcg", "recall", "hit_rate", "precision", "mrr", "map", "f1", "rbp", "r_precision", "err")


@dataclass(frozen=True, repr=False, eq=False)
class CatalogueEvaluation:
    """What :func:`rankkit.evaluate_recommender` returns; printing it gives the tables.

    Args:
        accuracy: Metrics of what was held out, one value a user, or None where none was asked for.
        beyond: By name as asked (``"coverage@10"``), what the lists of all users are like.
        per_user: Those of these that are means over users: float64 ``[user]``, NaN where a list is empty.
        lists: The lists that ``beyond`` is about.
        remarks: What was decided: the candidates, what was seen, who has no history, a line each.
    """

    accuracy: Evaluation | None
    beyond: dict[str, float]
    per_user: dict[str, NDArray[np.float64]]
    lists: TopK
    remarks: tuple[str, ...]

    @property
    def means(self) -> dict[str, float]:
        """Every number that was asked for."""
        return {**({} if self.accuracy is None else self.accuracy.means), **self.beyond}

    def to_pandas(self) -> "pd.DataFrame":
        """One row a user: its id, and one column for each metric that is a mean over users."""
        import pandas as pd

        columns = {} if self.accuracy is None else self.accuracy.per_query
        return pd.DataFrame({"user": np.asarray(self.lists.user_ids), **columns, **self.per_user})

    def to_parquet(self, path: Path | str) -> None:
        """Write :meth:`to_pandas` to a file, as a whole or not at all; :meth:`to_dict` stands in its metadata."""
        write_parquet(self.to_pandas(), json.dumps(self.to_dict()), path)

    def to_dict(self) -> dict[str, Any]:
        """Numbers, intervals, counts, conventions and remarks, of plain types; None stands for NaN."""
        accuracy = {"metrics": {}, "n_queries": len(self.lists)} if self.accuracy is None else self.accuracy.to_dict()
        beyond = {name: None if np.isnan(value) else value for name, value in self.beyond.items()}
        return {**accuracy, "lists": beyond, "remarks": list(self.remarks)}

    def __repr__(self) -> str:
        means = ", ".join(f"{metric}={mean:.4f}" for metric, mean in self.means.items())
        return f"CatalogueEvaluation({means}; {len(self.lists):,} users)"

    def __str__(self) -> str:
        width = max(map(len, self.means))
        beyond = [f"{name:<{width}}  {value:.4f}" for name, value in self.beyond.items()]
        accuracy = [] if self.accuracy is None else [str(self.accuracy)]
        return "\n".join([*beyond, *accuracy, *self.remarks])


def evaluate_recommender(
    model: Recommender,
    split: Split,
    metrics: Metric | Sequence[Metric] = ("ndcg@10", "recall@10"),
    *,
    exclude_seen: bool = True,
    within: Any | None = None,
    features: ItemFeatures | None = None,
    protocol: str | Protocol = "rankkit",
    empty: str | None = None,
    ties: str | None = None,
    block_rows: int | None = None,
) -> CatalogueEvaluation:
    """Rank the whole catalogue for each user with something held out, and measure where that stands.

    Ranks are exact: scores above and beside each held-out item are counted, so metrics at any k, and those without k,
    are those of the whole order. Scores of a block of users are in memory at a time, about 256 MB.

    Args:
        model: A recommender that has learnt, as a rule from ``split.history`` or from the training part.
        split: What is held out, with the history that scores are computed from.
        metrics: ndcg, recall, hit_rate, precision, mrr, map, ..., with or without k; and of the lists (with k)
            coverage, gini, novelty, popularity, popularity_bias, diversity, calibration.
        exclude_seen: Items of a user's history are no candidates; held-out ones among them are not counted.
        within: Ids of items that are candidates; None: all items of the log. Other held-out items are missed.
        features: Numbers ``[item, feature]`` in the order of the items of the log: classes (0 or 1), or embeddings. For
            diversity and calibration.
        protocol: The conventions, by name or as a :class:`Protocol`.
        empty: In place of the protocol's: what a user counts for without an item to be found.
        ties: In place of the protocol's: ``"pessimistic"``, ``"expected"``, or ``"stable"`` for the order of the log.
        block_rows: Users in a block; None: as many as fit.

    Raises:
        DataError: If no user has anything to be found, items are not those that were learnt from, or a score is NaN.
        ConfigError: If a metric is unknown, or needs what was not given.

    Example:
        >>> from rankkit.data.interactions.splits import split_interactions
        >>> from rankkit.models.recommenders.popularity import Popularity
        >>> log = Interactions.from_events(list("aaabbb"), list("uvwwvx"))
        >>> train, _, test = split_interactions(log, "leave_last", valid=0)
        >>> evaluate_recommender(Popularity().learn(train), test, ["hit_rate@1", "mrr", "coverage@1"])
        CatalogueEvaluation(hit_rate@1=0.5000, mrr=0.7500, coverage@1=0.5000; 2 users)
    """
    where = "evaluate_recommender"
    _check_items(where, model, split)
    return evaluate_scored(
        lambda histories: next(model.scores(histories, block_rows=len(histories))),
        split,
        metrics,
        exclude_seen=exclude_seen,
        within=within,
        features=features,
        protocol=protocol,
        empty=empty,
        ties=ties,
        block_rows=block_rows,
    )


def evaluate_scored(
    scored: Callable[[Interactions], NDArray[np.float32]],
    split: Split,
    metrics: Metric | Sequence[Metric],
    *,
    exclude_seen: bool = True,
    within: Any | None = None,
    features: ItemFeatures | None = None,
    protocol: str | Protocol = "rankkit",
    empty: str | None = None,
    ties: str | None = None,
    block_rows: int | None = None,
) -> CatalogueEvaluation:
    """As :func:`evaluate_recommender`, of whatever scores histories.

    Args:
        scored: Gives scores float32 ``[user, item]`` of histories on the items of the split; they may be overwritten.
        split: What is held out.
        metrics: As there, and so are all others.
        exclude_seen: As there.
        within: As there.
        features: As there.
        protocol: As there.
        empty: As there.
        ties: As there.
        block_rows: As there.
    """
    where = "evaluate_recommender"
    asked = [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
    beyond = [name for name in asked if isinstance(name, str) and is_beyond(name)]
    names = metric_names(where, [name for name in asked if name not in beyond]) if len(beyond) < len(asked) else {}
    rules = resolve_protocol(protocol, empty, ties)
    _check_asked(where, names, rules)
    users, history, targets, remarks = _to_find(where, split, exclude_seen)
    without = np.ones(split.history.n_items, np.bool_)
    if within is not None:
        without[item_choice(where, split.history, within)] = False
        remarks.append(f"candidates: {int((~without).sum()):,} of {len(without):,} items (within=).")
    else:
        remarks.append(f"candidates: all {len(without):,} items of the log.")
    k_lists = max([10, *(int(k) for _, _, k in (name.partition("@") for name in beyond) if k.isdigit())])
    items, scores = np.empty((len(users), k_lists), np.int32), np.empty((len(users), k_lists), np.float32)
    values: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names}
    n_tied, n_missed = 0, 0
    for rows in row_blocks(len(users), split.history.n_items, block_rows):
        of_block = history[rows]
        block = scored(of_block)
        mask_block(block, of_block if exclude_seen else None, without if within is not None else None)
        items[rows], scores[rows] = top_k(block, k_lists)
        if names:
            held = targets[rows]
            ranking = _ranking(exact_ranks(block, held.offsets, held.items), held, names, rules)
            for name, found in _measured(ranking, names, rules).items():
                values[name].append(found)
            n_tied += int(ranking.ties_matter.sum())
            n_missed += held.n_events - int((block[held.users, held.items] > -np.inf).sum())
    lists = TopK(history.user_ids, items, scores, split.history.item_ids)
    accuracy = None
    if names:
        per_user = {name: np.concatenate(pieces) for name, pieces in values.items()}
        _refuse_empty(where, per_user, rules, names, history)
        n_single = int((without.size - (without.sum() if within is not None else 0)) == 1) * len(users)
        accuracy = Evaluation(per_user, history.user_ids, rules, n_tied, n_single, n_unretrieved=n_missed)
    found_beyond, per_user_beyond = beyond_accuracy(where, beyond, lists, history, split.history, features)
    return CatalogueEvaluation(accuracy, found_beyond, per_user_beyond, lists, tuple(remarks))


def _check_asked(where: str, names: dict[str, NamedMetric], rules: Protocol) -> None:
    others = [asked for asked, named in names.items() if named.metric not in _MEASURED]
    if others:
        raise ConfigError(
            f"{where}: expected metrics of held-out items, {', '.join(_MEASURED)}, or of lists, {', '.join(BEYOND)}; "
            f"got {', '.join(others)}. Ask for these."
        )
    if rules.ties == "trec":
        raise ConfigError(
            f"{where}: expected ties 'pessimistic', 'expected' or 'stable'; got 'trec'. Pass one of these with ties=."
        )


def _check_items(where: str, model: Recommender, split: Split) -> None:
    if not model.is_learnt:
        raise ConfigError(f"{where}: expected a recommender that has learnt; got one that has not. Call learn().")
    if not same_ids(model.log.item_ids, split.history.item_ids):
        raise DataError(
            f"{where}: expected the items that the recommender learnt from, in their order; got others. Split one log "
            "with rankkit.split_interactions, and learn from a part of it."
        )


def _to_find(
    where: str, split: Split, exclude_seen: bool
) -> tuple[NDArray[np.int64], Interactions, Interactions, list[str]]:
    """The users who are asked about, their histories, and the different items that are to be found for each."""
    remarks = []
    users = split.users
    targets = split.targets
    again = targets.repeats()
    if again.any():
        remarks.append(f"{int(again.sum()):,} held-out events repeat another of their user: each item counts once.")
        targets = targets.keep(~again)
    known = known_targets(split.history, targets)
    if exclude_seen and known.any():
        remarks.append(
            f"{int(known.sum()):,} of {targets.n_events:,} held-out items are in the history of their user, whose "
            "items are no candidates: they are not counted."
        )
        targets = targets.keep(~known)
    if exclude_seen:
        remarks.append("seen filter: items of a user's history are no candidates.")
    if not targets.n_events:
        raise DataError(
            f"{where}: expected users with items to be found; got none ({split.rule}). Take another split, or pass "
            "exclude_seen=False."
        )
    n_cold = int(split.is_cold_user[users].sum())
    if n_cold:
        remarks.append(f"{n_cold:,} of {len(users):,} users have no history: they get the most popular items.")
    return users, split.history.select(users), targets.select(users), remarks


def _ranking(ranks: Ranks, targets: Interactions, names: dict[str, NamedMetric], rules: Protocol) -> Ranking:
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


def _measured(ranking: Ranking, names: dict[str, NamedMetric], rules: Protocol) -> dict[str, NDArray[np.float64]]:
    rules = replace(rules, max_label=rules.max_label or 1.0)
    return {
        asked: measure_of(METRICS[name])(ranking, k=k or rules.default_k, **options, **rules.options_of(name))
        for asked, (name, k, options) in names.items()
    }


def _refuse_empty(
    where: str,
    per_user: dict[str, NDArray[np.float64]],
    rules: Protocol,
    names: dict[str, NamedMetric],
    history: Interactions,
) -> None:
    for asked, values in per_user.items():
        undefined = np.isnan(values)
        if undefined.any() and rules.for_metric(names[asked].metric).empty == "error":
            raise DataError(
                f"{where}: expected an item to be found for each user (empty='error'); got none for "
                f"{int(undefined.sum()):,} of {len(values):,}, first {history.user_ids[int(undefined.argmax())]}. Drop "
                "them, or pass empty='zero' or 'skip'."
            )

"""evaluate_recommender(): held-out items among the whole catalogue, and what the lists are like beside that."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.interactions.log import Interactions, same_ids
from rankkit.data.interactions.splits import Split
from rankkit.errors import ConfigError, DataError
from rankkit.evaluation.beyond import ItemFeatures, is_beyond
from rankkit.evaluation.catalogue.gathering import Gathering
from rankkit.evaluation.catalogue.presets import RECOMMENDER_PROTOCOLS
from rankkit.evaluation.catalogue.report import CatalogueEvaluation
from rankkit.evaluation.catalogue.sampled import WARNING
from rankkit.evaluation.measuring import metric_names
from rankkit.evaluation.names import Metric
from rankkit.evaluation.presets import resolve_protocol
from rankkit.evaluation.protocol import Protocol
from rankkit.models.recommenders.recommender import Recommender
from rankkit.remarks import say
from rankkit.retrieval.blocks import row_blocks


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
    sampled: int | None = None,
    sampled_seed: int = 0,
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
        sampled: Besides, each held-out item among so many drawn at random, as other tools do it, and corrected; a
            warning says what such values are worth. For metrics with a k.
        sampled_seed: Of these draws.
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
    check_items("evaluate_recommender", model, split)
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
        sampled=sampled,
        sampled_seed=sampled_seed,
        learnt=model.log,
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
    sampled: int | None = None,
    sampled_seed: int = 0,
    learnt: Interactions | None = None,
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
        sampled: As there.
        sampled_seed: As there.
        learnt: What was learnt from, which says what is seen in training; None: all events before the part.
        block_rows: As there.
    """
    where = "evaluate_recommender"
    asked = [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
    beyond = [name for name in asked if isinstance(name, str) and is_beyond(name)]
    names = metric_names(where, [name for name in asked if name not in beyond]) if len(beyond) < len(asked) else {}
    rules = resolve_protocol(protocol, empty, ties, presets=RECOMMENDER_PROTOCOLS)
    options: dict[str, Any] = {"exclude_seen": exclude_seen, "within": within, "features": features}
    options |= {"sampled": sampled, "sampled_seed": sampled_seed, "learnt": learnt}
    gathering = Gathering(where, split, names, beyond, rules, **options)
    gather(scored, [gathering], block_rows)
    if sampled is not None:
        say(f"{where}: {WARNING}")
    return gathering.result()


def gather(
    scored: Callable[[Interactions], NDArray[np.float32]],
    gatherings: Sequence[Gathering],
    block_rows: int | None = None,
) -> None:
    """Score each block of users once, and let every protocol have it."""
    histories = gatherings[0].histories
    for rows in row_blocks(len(histories), histories.n_items, block_rows):
        block = scored(histories[rows])
        for gathering in gatherings[:-1]:
            gathering.take(rows, block.copy())
        gatherings[-1].take(rows, block)


def check_items(where: str, model: object, split: object) -> None:
    """Refuse what is no recommender, one that has not learnt, or has learnt from other items.

    Raises:
        ConfigError: If it is none, or has not learnt.
        DataError: If items are others, or there is no part of a log.
    """
    if not isinstance(model, Recommender):
        got = repr(model) if isinstance(model, str) else type(model).__name__
        raise ConfigError(f"{where}: expected a recommender; got {got}. Pass what rankkit.load gives, or ItemKNN().")
    if not isinstance(split, Split):
        raise DataError(
            f"{where}: expected a Split, with histories and what is to be found; got {type(split).__name__}. "
            "Pass valid or test of rankkit.split_interactions."
        )
    if not model.is_learnt:
        raise ConfigError(f"{where}: expected a recommender that has learnt; got one that has not. Call learn().")
    if not same_ids(model.log.item_ids, split.history.item_ids):
        raise DataError(
            f"{where}: expected the items that the recommender learnt from, in their order; got others. Split one log "
            "with rankkit.split_interactions, and learn from a part of it."
        )

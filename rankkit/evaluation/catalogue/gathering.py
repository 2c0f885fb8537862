"""Gathering: what one protocol makes of blocks of scores, put together at the end."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.interactions.log import Interactions
from rankkit.data.interactions.splits import Split
from rankkit.errors import ConfigError, DataError
from rankkit.evaluation.beyond import BEYOND, ItemFeatures, beyond_accuracy
from rankkit.evaluation.catalogue.finding import ToFind, to_find
from rankkit.evaluation.catalogue.parts import Part, of_items, of_users, seen_users, some_of
from rankkit.evaluation.catalogue.placing import measured, ranking_of
from rankkit.evaluation.catalogue.report import CatalogueEvaluation
from rankkit.evaluation.catalogue.sampled import Places, Sampled, check_sampled, places_of, sample
from rankkit.evaluation.names import NamedMetric
from rankkit.evaluation.protocol import Protocol
from rankkit.evaluation.report import Evaluation
from rankkit.retrieval.lists import TopK
from rankkit.retrieval.ranks import exact_ranks
from rankkit.retrieval.top import top_k

MEASURED = ("ndcg", "dcg", "recall", "hit_rate", "precision", "mrr", "map", "f1", "rbp", "r_precision", "err")
"""Metrics of what was held out."""


class Gathering:
    """Takes one block of scores after the other; :meth:`result` is what they come to.

    Args:
        where: The public function, for messages.
        split: What is held out.
        names: Metrics of held-out items.
        beyond: Metrics of lists, by name.
        rules: The protocol.
        exclude_seen: Whether items of a history are no candidates.
        within: Ids of items that are candidates, or None.
        features: For metrics of lists.
        sampled: Items drawn for each held-out one, or None.
        sampled_seed: Of these draws.
        learnt: What the recommender learnt from, which says what it has seen; None: all events before the part.
    """

    def __init__(
        self,
        where: str,
        split: Split,
        names: dict[str, NamedMetric],
        beyond: list[str],
        rules: Protocol,
        *,
        exclude_seen: bool = True,
        within: Any | None = None,
        features: ItemFeatures | None = None,
        sampled: int | None = None,
        sampled_seed: int = 0,
        learnt: Interactions | None = None,
    ) -> None:
        _check_asked(where, names, rules)
        if sampled is not None:
            check_sampled(where, sampled, names, rules)
        self._where, self._split, self._names, self._beyond, self._rules = where, split, names, beyond, rules
        self._features, self._sampled, self._sampled_seed = features, sampled, sampled_seed
        self._places: list[Places] = []
        self.asked: ToFind = to_find(where, split, rules, exclude_seen=exclude_seen, within=within)
        n_rows = len(self.asked.history)
        n_listed = max([10, *(int(k) for _, _, k in (name.partition("@") for name in beyond) if k.isdigit())])
        self._items = np.empty((n_rows, n_listed), np.int32)
        self._scores = np.empty((n_rows, n_listed), np.float32)
        self._values: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names}
        self._n_tied = self._n_missed = 0
        learnt = split.history if learnt is None else learnt
        self._is_seen_user = seen_users(learnt, self.asked.history)
        self._is_seen_item: NDArray[np.bool_] = learnt.item_counts > 0
        # What is one number of all users together has none for a part of them.
        self._in_parts = {name: named for name, named in names.items() if not _is_pooled(rules, named.metric)}
        self._has_cold = bool((~self._is_seen_item[self.asked.targets.items]).any())
        self._by_item: dict[bool, dict[str, list[NDArray[np.float64]]]] = {
            seen: {name: [] for name in self._in_parts} for seen in (True, False)
        }

    @property
    def histories(self) -> Interactions:
        """Of the users in question, one a row."""
        return self.asked.history

    def take(self, rows: slice, block: NDArray[np.float32]) -> None:
        """Take the scores ``[user, item]`` of these rows, which are overwritten."""
        self.asked.mask(block, rows)
        self._items[rows], self._scores[rows] = top_k(block, self._items.shape[1])
        if not self._names:
            return
        held = self.asked.targets[rows]
        ranks = exact_ranks(block, held.offsets, held.items)
        ranking = ranking_of(ranks, held, self._names, self._rules)
        for name, found in measured(ranking, self._names, self._rules).items():
            self._values[name].append(found)
        self._n_tied += int(ranking.ties_matter.sum())
        self._n_missed += int((ranks.scores == -np.inf).sum())
        if self._sampled is not None:
            places = places_of(ranks, held.users, self._rules.ties)
            self._places.append(replace(places, rows=places.rows + rows.start))
        if self._has_cold and self._in_parts:
            is_seen = self._is_seen_item[held.items]
            for seen, kept in ((True, is_seen), (False, ~is_seen)):
                ranking = ranking_of(some_of(ranks, kept), held.keep(kept), self._in_parts, self._rules)
                for name, found in measured(ranking, self._in_parts, self._rules).items():
                    self._by_item[seen][name].append(found)

    def result(self) -> CatalogueEvaluation:
        """What all blocks come to.

        Raises:
            DataError: If a user has nothing to be found, and that is an error by the rules.
            ConfigError: If a metric of lists needs what was not given.
        """
        history, log = self.asked.history, self._split.history
        lists = TopK(history.user_ids, self._items, self._scores, log.item_ids)
        accuracy = None
        if self._names:
            per_user = {name: self._pooled(name, np.concatenate(pieces)) for name, pieces in self._values.items()}
            self._refuse_empty(per_user)
            n_single = int((~self.asked.without).sum() == 1) * len(history)
            accuracy = Evaluation(
                per_user, history.user_ids, self._rules, self._n_tied, n_single, n_unretrieved=self._n_missed
            )
        beyond, per_user_beyond = beyond_accuracy(self._where, self._beyond, lists, history, log, self._features)
        return CatalogueEvaluation(
            accuracy,
            beyond,
            per_user_beyond,
            lists,
            self.asked.remarks,
            self._on_sample(),
            () if accuracy is None else self._parts(accuracy),
        )

    def _parts(self, accuracy: Evaluation) -> tuple[Part, ...]:
        if not self._in_parts or (self._is_seen_user.all() and not self._has_cold):
            return ()
        parts = []
        if not self._is_seen_user.all():
            parts += of_users(self._is_seen_user, {name: accuracy.counted(name) for name in self._in_parts})
        if self._has_cold:
            values = {
                seen: {name: np.concatenate(pieces) for name, pieces in found.items()}
                for seen, found in self._by_item.items()
            }
            n_seen = int(self._is_seen_item[self.asked.targets.items].sum())
            parts += of_items(n_seen, self.asked.targets.n_events - n_seen, values)
        return tuple(parts)

    def _on_sample(self) -> Sampled | None:
        if self._sampled is None:
            return None
        names = [field.name for field in fields(Places)]
        whole = Places(**{name: np.concatenate([getattr(part, name) for part in self._places]) for name in names})
        return sample(whole, len(self.asked.history), self._sampled, self._sampled_seed, self._names, self._rules)

    def _pooled(self, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values whose mean is that of all users together, where the protocol has it so."""
        metric, k, _ = self._names[name]
        rules = self._rules.for_metric(metric)
        if not _is_pooled(self._rules, metric):
            return values
        k = k or rules.default_k or self._split.history.n_items
        below = np.full(len(values), float(k))
        if rules.share_of == "reachable":
            below = np.minimum(below, self.asked.targets.sizes)
        counted = ~np.isnan(values)
        return values * below / below[counted].mean() if counted.any() else values

    def _refuse_empty(self, per_user: dict[str, NDArray[np.float64]]) -> None:
        for asked, values in per_user.items():
            undefined = np.isnan(values)
            if undefined.any() and self._rules.for_metric(self._names[asked].metric).empty == "error":
                raise DataError(
                    f"{self._where}: expected an item to be found for each user (empty='error'); got none for "
                    f"{int(undefined.sum()):,} of {len(values):,}, first "
                    f"{self.asked.history.user_ids[int(undefined.argmax())]}. Drop them, or pass empty='zero' or "
                    "'skip'."
                )


def needs_k(named: NamedMetric, rules: Protocol) -> bool:
    """Whether a metric without k has no value by these rules."""
    own = rules.for_metric(named.metric)
    return named.metric == "ndcg" and own.best_order == "filled" and (named.k or rules.default_k) is None


def _is_pooled(rules: Protocol, metric: str) -> bool:
    return metric == "precision" and rules.for_metric(metric).pooled


def _check_asked(where: str, names: dict[str, NamedMetric], rules: Protocol) -> None:
    others = [asked for asked, named in names.items() if named.metric not in MEASURED]
    if others:
        raise ConfigError(
            f"{where}: expected metrics of held-out items, {', '.join(MEASURED)}, or of lists, {', '.join(BEYOND)}; "
            f"got {', '.join(others)}. Ask for these."
        )
    if whole := [asked for asked, named in names.items() if needs_k(named, rules)]:
        raise ConfigError(
            f"{where}: expected a k with best_order='filled' of protocol {rules.name}, whose best order has so many "
            f"items; got {', '.join(whole)}. Ask for ndcg@10."
        )
    if rules.ties == "trec":
        raise ConfigError(
            f"{where}: expected ties 'pessimistic', 'expected' or 'stable'; got 'trec'. Pass one of these with ties=."
        )

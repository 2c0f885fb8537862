"""Recommender: what every recommender is and does, whatever it learns."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Protocol, Self, overload, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rankkit.data.interactions.attributes import Attributes
from rankkit.data.interactions.log import Interactions
from rankkit.errors import ConfigError, DataError
from rankkit.models.recommenders.arrays import State, ids_in, ids_out
from rankkit.models.recommenders.blocks import mask_block, spread
from rankkit.models.recommenders.checks import check_count, check_flag
from rankkit.models.recommenders.choosing import Grid, candidates_of, choose
from rankkit.models.recommenders.histories import histories_of, item_choice, item_ids_of
from rankkit.remarks import say
from rankkit.retrieval.blocks import row_blocks
from rankkit.retrieval.faiss_index import Kind
from rankkit.retrieval.lists import TopK
from rankkit.retrieval.product_index import ProductIndex
from rankkit.retrieval.top import top_k


@runtime_checkable
class Recommender(Protocol):
    """Learns from a log, gives every item a score for a history, and lists the best.

    Options are keywords of the constructor and attributes of the same names; None of one that :attr:`grid` names means
    that learning chooses it. Who has no history, or none that was learnt from, gets the most popular items of the log.

    Attributes:
        log: What was learnt from.
    """

    reads_order: ClassVar[bool] = False
    """Whether the order of a history matters."""
    reads_values: ClassVar[bool] = False
    """Whether values of events can count."""
    scores_cold_items: ClassVar[bool] = False
    """Whether an item without an event can have a score other than 0."""
    is_seeded: ClassVar[bool] = False
    """Whether another seed learns something else."""

    log: Interactions

    def _learn(self, train: Interactions, seed: int) -> None:
        """Learn from a log with events."""
        ...

    def _score(self, histories: Interactions) -> NDArray[np.float32]:
        """Scores ``[user, item]`` of histories on the items of the log, none of them empty."""
        ...

    def _vectors_of_items(self) -> NDArray[np.float32] | None:
        """Vectors ``[item, n_dims]`` whose products with those of users are the scores; None: there are none."""
        return None

    def _vectors_of(self, histories: Interactions) -> NDArray[np.float32]:
        """Vectors ``[user, n_dims]`` of histories, none of them empty."""
        ...

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """What was learnt, besides the log."""
        ...

    def _take(self, arrays: State) -> None:
        """Take what :meth:`_arrays` gave."""
        ...

    @property
    def grid(self) -> Grid:
        """By option what is tried where it is None: first what is taken where there is nothing to choose by."""
        return {}

    @property
    def options(self) -> dict[str, Any]:
        """The options, as the constructor takes them; once it has learnt, with what was chosen."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    @property
    def is_learnt(self) -> bool:
        """Whether it has learnt from a log, or was given a state."""
        return hasattr(self, "log")

    @overload
    def learn(self, train: Interactions, *, seed: int = 0) -> Self: ...
    @overload
    def learn(
        self, train: Interactions, choosing: Any, value: Callable[[], float], *, seed: int = 0
    ) -> Mapping[str, Any]: ...
    def learn(
        self,
        train: Interactions,
        choosing: Any = None,
        value: Callable[[], float] | None = None,
        *,
        seed: int = 0,
    ) -> Any:
        """Learn from all events of a log, and from nothing else; :func:`rankkit.fit` calls it with what to choose by.

        Args:
            train: The log.
            choosing: What ``value`` is computed on; the log itself where there is no validation data.
            value: How good the recommender is as it stands: of the options of :attr:`grid` that are None those are
                kept that reach most. None: the first of each.
            seed: Of what is drawn at random; models in closed form draw nothing.

        Returns:
            The recommender itself; with ``value`` the options that were chosen.

        Raises:
            DataError: If there are no events, or not what the recommender needs.
        """
        where = type(self).__name__
        if not isinstance(train, Interactions):
            raise DataError(
                f"{where}.learn: expected Interactions; got {type(train).__name__}. Pass train of "
                "rankkit.split_interactions, or the history of a Split."
            )
        if not train.n_events:
            raise DataError(f"{where}.learn: expected events; got none. Check the log.")
        # Learning again chooses again: what the constructor was given is kept beside what was chosen.
        asked = self.__dict__.setdefault("_asked", self.options)
        candidates = candidates_of(self.grid, asked)
        self.log = train

        def learnt_with(options: Mapping[str, Any]) -> None:
            for name, option in options.items():
                setattr(self, name, option)
            self._learn(train, seed)

        if value is None:
            learnt_with(candidates[0])
            return self
        if choosing is train and len(candidates) > 1:
            taken = ", ".join(f"{name}={option!r}" for name, option in candidates[0].items())
            say(f"{where}: without validation data there is nothing to choose by: {taken} is taken.")
            candidates = candidates[:1]
        return choose(candidates, learnt_with, value)

    def learn_again(self, train: Interactions, *, seed: int = 0) -> None:
        """Learn from another log with the options as they stand, those that were chosen among them."""
        self.log = train
        self._learn(train, seed)

    def scores(
        self, histories: Any, items: Any | None = None, *, block_rows: int | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Scores of every item for each history, a block of users at a time; about 256 MB are in memory.

        Args:
            histories: :class:`rankkit.Interactions`, ids of users, or lists of ids of items.
            items: Ids of the items that are scored, in the order of columns; None: all items of the log.
            block_rows: Users in a block; None: as many as fit.

        Returns:
            Arrays float32 ``[user, item]``, one block after the other.
        """
        where = f"{type(self).__name__}.scores"
        self._check_learnt(where)
        found = histories_of(where, self.log, histories)
        columns = None if items is None else item_choice(where, self.log, items)
        for rows in row_blocks(len(found), self.log.n_items, block_rows):
            block = self._scored(found[rows])
            yield block if columns is None else block[:, columns]

    def recommend(
        self,
        users_or_histories: Any,
        k: int = 10,
        *,
        exclude_seen: bool = True,
        exclude: Any | None = None,
        within: Any | None = None,
        ann: Kind | None = None,
        effort: int = 64,
        block_rows: int | None = None,
    ) -> TopK:
        """List the k best items for each user; of equal scores the item that the log met first.

        Args:
            users_or_histories: Ids of users of the log; or histories of anyone: :class:`rankkit.Interactions`, lists of
                ids of items, or a mapping of users to such lists.
            k: How many.
            exclude_seen: Leave out the items of a user's history.
            exclude: Ids of items that are listed for nobody; unknown ones change nothing.
            within: Ids of the items that may be listed; None: all items of the log.
            ann: Search with FAISS in place of scoring every item, which now and then misses one: ``"hnsw"``, ``"ivf"``
                or ``"flat"``, as :class:`rankkit.AnnIndex` has them. What share of the exact lists is found is measured
                on 200 of the users, and said. For recommenders whose scores are products of vectors (ALS, BPRMF).
            effort: How much such a search looks at.
            block_rows: Users in a block; None: as many as fit into about 256 MB.

        Returns:
            Lists with the columns user, item, score and rank; a list is shorter where nothing is left.

        Raises:
            ConfigError: If ``ann`` is asked for and FAISS is not installed, or the recommender has no vectors.
        """
        where = f"{type(self).__name__}.recommend"
        self._check_learnt(where)
        index = None if ann is None else self.index_of_items(where, ann, effort, exclude=exclude, within=within)
        found = self.histories(where, users_or_histories)
        choice: dict[str, Any] = {
            "exclude_seen": exclude_seen,
            "exclude": exclude,
            "within": within,
            "block_rows": block_rows,
        }
        listed = self.lists_of(found, k, **choice, index=index)
        if index is not None:
            recall, remark = self.measured_recall(index, found, k, **choice)
            listed = replace(listed, recall=recall, remarks=(remark, *listed.remarks))
        for remark in listed.remarks:
            say(f"{where}: {remark}")
        return listed

    def histories(self, where: str, users_or_histories: Any) -> Interactions:
        """What :meth:`recommend` takes as histories on the items of the log."""
        return histories_of(where, self.log, users_or_histories)

    def lists_of(
        self,
        histories: Interactions,
        k: int,
        *,
        exclude_seen: bool = True,
        exclude: Any | None = None,
        within: Any | None = None,
        index: ProductIndex | None = None,
        block_rows: int | None = None,
    ) -> TopK:
        """What :meth:`recommend` gives, of histories on the items of the log, with its remarks unsaid.

        With an ``index``, of :meth:`index_of_items` with the same ``exclude`` and ``within``, recall is not measured.
        """
        check_count(f"{type(self).__name__}.recommend", k=k)
        check_flag(f"{type(self).__name__}.recommend", exclude_seen=exclude_seen)
        without = self._left_out(f"{type(self).__name__}.recommend", exclude, within)
        shape = (len(histories), k)
        items, scores = np.full(shape, -1, np.int32), np.empty(shape, np.float32)
        for rows in row_blocks(len(histories), self.log.n_items, block_rows):
            some = histories[rows]
            if index is not None:
                has = some.sizes > 0
                asked = some if has.all() else some.select(has)
                seen = (asked.offsets, asked.items) if exclude_seen else None
                found = index.top_k(self._vectors_of(asked), k, seen)
                items[rows][has], scores[rows][has] = found
            # All without an index; with one, whose list is not full, which may be all that there is.
            unlisted = np.flatnonzero(items[rows, -1] < 0)
            if not len(unlisted):
                continue
            some = some if len(unlisted) == len(some) else some.select(unlisted)
            block = self._scored(some)
            mask_block(block, some if exclude_seen else None, without if without.any() else None)
            items[rows][unlisted], scores[rows][unlisted] = top_k(block, k)
        n_cold = int((histories.sizes == 0).sum())
        remarks: tuple[str, ...] = ()
        if n_cold:
            remarks = (f"{n_cold:,} of {len(histories):,} users have no history: they get the most popular items.",)
        return TopK(histories.user_ids, items, scores, self.log.item_ids, remarks, n_cold, self.log.item_columns)

    def index_of_items(
        self, where: str, kind: Kind, effort: int, *, exclude: Any | None = None, within: Any | None = None
    ) -> ProductIndex:
        """An index of FAISS over the items that may be listed.

        Raises:
            ConfigError: If scores are no products of vectors, FAISS is not installed, or an option is unknown.
        """
        vectors = self._vectors_of_items()
        if vectors is None:
            raise ConfigError(
                f"{where}: expected a recommender whose scores are products of vectors (ALS, BPRMF), to search with "
                f"FAISS; got {type(self).__name__}. Leave ann out: its lists are exact."
            )
        return ProductIndex(where, vectors, ~self._left_out(where, exclude, within), kind=kind, effort=effort)

    def measured_recall(
        self, index: ProductIndex, histories: Interactions, k: int, **choice: Any
    ) -> tuple[float | None, str]:
        """Share of the items of exact lists that lists by an index hold, on some of the users, evenly spread.

        Args:
            index: Of :meth:`index_of_items`.
            histories: Whose users it is measured on; 200 of them where there are more.
            k: How many items a list holds.
            **choice: Further options of :meth:`lists_of`, as lists are made by.

        Returns:
            The share, None where nobody has a history or nothing is listed; and the line that says it.
        """
        some = histories.select(spread(np.flatnonzero(histories.sizes > 0)))
        exact = self.lists_of(some, k, **choice)
        if not (exact.items >= 0).any():
            return None, f"nothing of what is listed is by {index!r}."
        recall = self.lists_of(some, k, **choice, index=index).share_of(exact)
        return recall, (
            f"lists by {index!r} hold {recall:.4f} of the items of the exact ones, measured on {len(some):,} users."
        )

    def _left_out(self, where: str, exclude: Any | None, within: Any | None) -> NDArray[np.bool_]:
        """By item whether it is listed for nobody, bool ``[item]``."""
        without = np.zeros(self.log.n_items, np.bool_)
        if within is not None:
            without[:] = True
            without[item_choice(where, self.log, within)] = False
        if exclude is not None:
            places = self.log.item_positions(item_ids_of(where, exclude))
            without[places[places >= 0]] = True
        return without

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything that was learnt, with the log, as arrays by name."""
        self._check_learnt(f"{type(self).__name__}.state")
        log: dict[str, NDArray[Any]] = {"log.offsets": self.log.offsets, "log.items": self.log.items}
        optional = {"log.times": self.log.times, "log.values": self.log.values}
        log |= {name: column for name, column in optional.items() if column is not None}
        beside = {"log.user_columns": self.log.user_columns, "log.item_columns": self.log.item_columns}
        log |= {name: known.to_bytes() for name, known in beside.items() if known is not None}
        return {**log, **ids_out("users", self.log.user_ids), **ids_out("items", self.log.item_ids), **self._arrays()}

    def set_state(self, state: State) -> None:
        """Take what :meth:`state` gave, of a recommender with these options.

        Raises:
            DataError: If an array is missing, or is none of such a recommender.
        """
        where = type(self).__name__
        try:
            self.log = Interactions(
                np.asarray(state["log.offsets"]),
                np.asarray(state["log.items"]),
                ids_in(where, "users", state),
                ids_in(where, "items", state),
                state.get("log.times"),
                state.get("log.values"),
                user_columns=_columns_in(state, "log.user_columns"),
                item_columns=_columns_in(state, "log.item_columns"),
            )
            self._take(state)
        except KeyError as error:
            raise DataError(
                f"{where}: expected an array {error.args[0]!r}; got {', '.join(state)}. Pass the whole state of a "
                "recommender of this kind."
            ) from error

    @classmethod
    def from_state(cls, state: State, **options: Any) -> Self:
        """The recommender that gave a state.

        Args:
            state: Of :meth:`state`.
            **options: Of :attr:`options`.

        Raises:
            DataError: If an array is missing, or is none of such a recommender.
        """
        made = cls(**options)
        made.set_state(state)
        return made

    def _check_learnt(self, where: str) -> None:
        if not self.is_learnt:
            raise ConfigError(f"{where}: expected a recommender that has learnt; got one that has not. Call learn().")

    def _scored(self, histories: Interactions) -> NDArray[np.float32]:
        """Scores with the answer for empty histories: the number of events of each item."""
        has = histories.sizes > 0
        if has.all():
            return self._score(histories)
        block = np.empty((len(histories), self.log.n_items), np.float32)
        if has.any():
            block[has] = self._score(histories.select(has))
        block[~has] = self.log.item_counts
        return block

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        learnt = f", learnt from {self.log.n_events:,} events" if self.is_learnt else ""
        return f"{type(self).__name__}({options}{learnt})"


def _columns_in(state: State, name: str) -> Attributes | None:
    return Attributes.from_bytes(np.asarray(state[name])) if name in state else None

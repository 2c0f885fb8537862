"""Interactions: who met which item, and when, as flat arrays with offsets."""

import hashlib
import operator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rankkit.data.interactions.attributes import Attributes
from rankkit.data.interactions.in_short import in_short
from rankkit.data.ranking_dataset import query_positions
from rankkit.data.text_ids import Ids, TextIds, as_ids, id_texts, to_arrow
from rankkit.errors import DataError
from rankkit.files.mapped import digest_array

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_array


@dataclass(frozen=True, repr=False, eq=False)
class Interactions:
    """Events of users with items: those of user i are ``offsets[i]:offsets[i + 1]``, in order of time.

    Events of one user with equal times, or without times, stand in the order of the input, never in that of ids.
    Slicing by user (``log[:100]``, ``log[5]``) copies no events. Build one with :func:`rankkit.read_interactions`, or
    from arrays with :meth:`from_events`.

    Args:
        offsets: int64 ``[user + 1]``, from 0 to the number of events, never falling.
        items: int32 ``[event]``, positions in ``item_ids``.
        user_ids: ``[user]``: int64, or :class:`TextIds`; all different.
        item_ids: ``[item]``, likewise; an item may have no event.
        times: int64 ``[event]``, never falling within a user; None where only the order is known.
        values: float32 ``[event]``, such as ratings or counts, or None.
        remarks: What was decided about the input without being asked, a line each.
        user_columns: What is known of users beside their events, a row for each user; or None.
        item_columns: Likewise of items.

    Raises:
        DataError: If the arrays do not fit together.

    Example:
        >>> log = Interactions.from_events(["ann", "bob", "ann"], ["x", "x", "y"], times=[20, 5, 10])
        >>> log
        Interactions(2 users, 2 items, 3 events, times 5..20)
        >>> log.item_ids[log[0].items].tolist()
        ['y', 'x']
    """

    made_by: ClassVar = ("rankkit.read_interactions(path)", "rankkit.read_interactions(table, ...)")

    offsets: NDArray[np.int64]
    items: NDArray[np.int32]
    user_ids: Ids
    item_ids: Ids
    times: NDArray[np.int64] | None = None
    values: NDArray[np.float32] | None = None
    remarks: tuple[str, ...] = ()
    user_columns: Attributes | None = None
    item_columns: Attributes | None = None

    def __post_init__(self) -> None:
        for name in ("user_ids", "item_ids"):
            try:
                object.__setattr__(self, name, as_ids(getattr(self, name)))
            except (TypeError, ValueError) as error:
                raise DataError(
                    f"Interactions: expected {name} as whole numbers or text; {error}. Interactions.from_events takes "
                    "one id an event."
                ) from error
        _check_events(self)

    @classmethod
    def from_events(
        cls, users: Any, items: Any, *, times: Any | None = None, values: Any | None = None
    ) -> "Interactions":
        """Group events by user, from one id of a user and of an item for each event, in any order.

        Users and items are numbered by the order in which they are met.

        Args:
            users: ``[event]``, whole numbers or text.
            items: ``[event]``, likewise.
            times: ``[event]``, whole numbers of any unit; None: the events of a user came in order.
            values: ``[event]``, finite numbers, or None.

        Raises:
            DataError: If the columns differ in length, or an id, time or value is none.
        """
        user_codes, user_ids = coded(_ids_of(users, "users"))
        item_codes, item_ids = coded(_ids_of(items, "items"))
        kept_times = None if times is None else _column(times, np.int64, "times as whole numbers")
        kept_values = None if values is None else _column(values, np.float32, "values as finite numbers")
        given = {"items": item_codes, "times": kept_times, "values": kept_values}
        for name, column in given.items():
            if column is not None and len(column) != len(user_codes):
                raise DataError(
                    f"Interactions.from_events: expected {len(user_codes):,} {name}, one an event; got "
                    f"{len(column):,}. Pass columns of one length."
                )
        return grouped(user_codes, item_codes, user_ids, item_ids, times=kept_times, values=kept_values)

    @property
    def n_users(self) -> int:
        """How many users, those without events too."""
        return len(self.offsets) - 1

    @property
    def n_items(self) -> int:
        """How many items, those without events too."""
        return len(self.item_ids)

    @property
    def n_events(self) -> int:
        """How many events."""
        return len(self.items)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """int64 ``[user]``: how many events each user has."""
        return np.diff(self.offsets)

    @cached_property
    def item_counts(self) -> NDArray[np.int64]:
        """int64 ``[item]``: how many events each item has."""
        return np.bincount(self.items, minlength=self.n_items).astype(np.int64)

    @cached_property
    def users(self) -> NDArray[np.int32]:
        """int32 ``[event]``: the position of the user of each event."""
        return np.repeat(np.arange(self.n_users, dtype=np.int32), self.sizes)

    def __len__(self) -> int:
        return self.n_users

    def __repr__(self) -> str:
        return f"Interactions({in_short(self, self.times, self.values)})"

    def __getitem__(self, users: "slice | int | NDArray[Any] | list[int]") -> "Interactions":
        """Some users in a row, without copying: ``log[:100]`` or ``log[5]``; of an array as :meth:`select`."""
        if not isinstance(users, slice):
            try:
                position = operator.index(users)  # type: ignore[arg-type]
            except TypeError:
                return self.select(users)
            position = int(query_positions("Interactions[...]", [position], self.n_users)[0])
            users = slice(position, position + 1)
        start, stop, step = users.indices(self.n_users)
        if step != 1:
            return self.select(np.arange(start, stop, step))
        stop = max(stop, start)
        first, last = int(self.offsets[start]), int(self.offsets[stop])
        return replace(
            self,
            offsets=self.offsets[start : stop + 1] - first,
            user_ids=self.user_ids[start:stop],
            user_columns=None if self.user_columns is None else self.user_columns.part(start, stop),
            **self._columns(slice(first, last)),
        )

    def select(self, users: Any) -> "Interactions":
        """The given users, by position or as a boolean mask, in the given order; copies their events.

        Raises:
            DataError: If ``users`` are neither positions nor a mask over all users, or there is no user at one.
        """
        users = query_positions("Interactions.select", users, self.n_users)
        sizes = self.sizes[users]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        events = np.arange(offsets[-1]) + np.repeat(self.offsets[users] - offsets[:-1], sizes)
        return replace(
            self,
            offsets=offsets,
            user_ids=self.user_ids[users],
            user_columns=None if self.user_columns is None else self.user_columns.select(users),
            **self._columns(events),
        )

    def keep(self, events: NDArray[np.bool_]) -> "Interactions":
        """The events of a mask ``[event]``; every user and item stays, also where it has none left."""
        kept_before = np.concatenate([np.zeros(1, np.int64), np.cumsum(events)])
        return replace(self, offsets=kept_before[self.offsets], **self._columns(events))

    def _columns(self, events: Any) -> dict[str, Any]:
        return {
            "items": self.items[events],
            "times": None if self.times is None else self.times[events],
            "values": None if self.values is None else self.values[events],
        }

    def user_positions(self, ids: Any) -> NDArray[np.int64]:
        """int64 ``[id]``: where users stand; -1 for one that is not here."""
        return positions_of(ids, self.user_ids)

    def item_positions(self, ids: Any) -> NDArray[np.int64]:
        """int64 ``[id]``: where items stand; -1 for one that is not here."""
        return positions_of(ids, self.item_ids)

    def repeats(self, *, from_the_last: bool = False) -> NDArray[np.bool_]:
        """``[event]``: True where an earlier event of the user has the same item; a later one with the option."""
        from rankkit.data.interactions import kernels

        found: NDArray[np.bool_] = kernels.repeated(self.offsets, self.items, self.n_items, from_the_last)
        return found

    def matrix(self, kind: str = "binary") -> "csr_array":
        """A sparse float32 matrix ``[user, item]``: 1 for each pair with an event, or ``"counts"`` of its events.

        ``"values"`` is the value of the pair's last event.
        """
        from scipy.sparse import csr_array

        if kind == "values" and self.values is None:
            raise DataError("Interactions.matrix: expected events with values; got none. Read them with value=.")
        if kind not in ("binary", "counts", "values"):
            raise DataError(
                f"Interactions.matrix: expected kind 'binary', 'counts' or 'values'; got {kind!r}. Pass one of them."
            )
        log = self
        if kind != "counts":
            repeats = self.repeats(from_the_last=True)
            log = self.keep(~repeats) if repeats.any() else self
        data = log.values if kind == "values" and log.values is not None else np.ones(log.n_events, np.float32)
        made = csr_array((data.copy(), log.items.copy(), log.offsets.copy()), shape=(self.n_users, self.n_items))
        made.sum_duplicates()
        return made

    def to_pandas(self) -> "pd.DataFrame":
        """One row an event: user, item, and time and value where there are some."""
        import pandas as pd

        optional = {"time": self.times, "value": self.values}
        return pd.DataFrame(
            {
                "user": np.asarray(self.user_ids[self.users]),
                "item": np.asarray(self.item_ids[self.items]),
                **{name: column for name, column in optional.items() if column is not None},
            }
        )

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal BLAKE2b digest of events and ids, not of columns beside them: equal for equal logs."""
        digest = hashlib.blake2b(digest_size=16)
        ids = [part for held in (self.user_ids, self.item_ids) for part in id_texts(held).buffers()]
        for array in (self.offsets, self.items, self.times, self.values, *ids):
            digest.update(b"none" if array is None else f"{array.dtype}{array.shape}".encode())
            digest_array(digest, array)
        return digest.hexdigest()


def grouped(
    users: NDArray[np.int32],
    items: NDArray[np.int32],
    user_ids: Ids,
    item_ids: Ids,
    *,
    times: NDArray[np.int64] | None = None,
    values: NDArray[np.float32] | None = None,
    remarks: tuple[str, ...] = (),
) -> Interactions:
    """Interactions of coded events in any order: sorted by user, time and row, without comparing users."""
    from rankkit.data.interactions import kernels

    counts = np.bincount(users, minlength=len(user_ids))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    no_times, no_values = np.empty(0, np.int64), np.empty(0, np.float32)
    given_times, given_values = no_times if times is None else times, no_values if values is None else values
    placed_items, placed_times, placed_values = (
        np.empty_like(items),
        np.empty_like(given_times),
        np.empty_like(given_values),
    )
    kernels.place_by_user(users, offsets, items, given_times, given_values, placed_items, placed_times, placed_values)
    if times is not None:
        kernels.sort_by_time(offsets, placed_times, placed_items, placed_values)
    return Interactions(
        offsets,
        placed_items,
        user_ids,
        item_ids,
        None if times is None else placed_times,
        None if values is None else placed_values,
        remarks,
    )


def coded(ids: Ids) -> tuple[NDArray[np.int32], Ids]:
    """Codes int32 ``[row]`` of ids in the order in which they are met, and the different ids.

    >>> codes, different = coded(np.array([30, 10, 30]))
    >>> codes.tolist(), different.tolist()
    ([0, 1, 0], [30, 10])
    """
    if isinstance(ids, np.ndarray) and len(ids):
        from rankkit.data.interactions import kernels

        lowest, highest = int(ids.min()), int(ids.max())
        if highest - lowest < max(4 * len(ids), 1_000_000):
            codes = np.empty(len(ids), np.int32)
            table = np.full(highest - lowest + 1, -1, np.int32)
            return codes, ids[kernels.codes_in_order_met(ids, lowest, table, codes)]
    encoded = to_arrow(ids).dictionary_encode()
    found = as_ids(encoded.dictionary.to_numpy()) if not isinstance(ids, TextIds) else TextIds(encoded.dictionary)
    return encoded.indices.to_numpy(), found


def positions_of(ids: Any, known: Ids) -> NDArray[np.int64]:
    """int64 ``[id]``: the place of each id among known ones that differ, as text where one side is text; -1 if none."""
    try:
        asked = as_ids(ids)
    except (TypeError, ValueError) as error:
        raise DataError(f"ids: expected whole numbers or text; {error}. Pass the ids of the log.") from error
    if isinstance(asked, TextIds) or isinstance(known, TextIds):
        asked, known = id_texts(asked), id_texts(known)
    if not len(known):
        return np.full(len(asked), -1, np.int64)
    found = pc.index_in(to_arrow(asked), value_set=to_arrow(known))
    return np.array(pc.fill_null(found, -1).cast(pa.int64()))  # a copy, which may be written to


def same_ids(one: Ids, other: Ids) -> bool:
    """Whether two columns of ids are equal."""
    if one is other:
        return True
    if len(one) != len(other) or isinstance(one, TextIds) != isinstance(other, TextIds):
        return False
    return bool(np.all(one == other))


def _ids_of(values: Any, name: str) -> Ids:
    try:
        return as_ids(values)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"Interactions.from_events: expected {name} as whole numbers or text, none missing; {error}. "
            "Convert the column."
        ) from error


def _column(values: Any, kind: Any, what: str) -> NDArray[Any]:
    given = np.asarray(values)
    fits = given.ndim == 1 and given.dtype.kind in ("iu" if kind is np.int64 else "iufb")
    if not (fits or not given.size) or not np.isfinite(given.astype(np.float64)).all():
        raise DataError(
            f"Interactions.from_events: expected {what}, one an event; got {given.dtype} {given.shape}, or what is "
            "not finite. Convert the column."
        )
    return given.astype(kind)


def _check_events(log: Interactions) -> None:
    offsets, items = log.offsets, log.items
    good = isinstance(offsets, np.ndarray) and offsets.ndim == 1 and len(offsets) and offsets.dtype == np.int64
    if not good or offsets[0] != 0 or offsets[-1] != len(items) or (np.diff(offsets) < 0).any():
        raise DataError(
            f"Interactions: expected int64 offsets that rise from 0 to {len(items)}, the number of events; got "
            f"{offsets!r}. Interactions.from_events builds them."
        )
    if items.dtype != np.int32 or (len(items) and not 0 <= items.min() <= items.max() < len(log.item_ids)):
        raise DataError(
            f"Interactions: expected items as int32 positions below {len(log.item_ids)}; got {items.dtype} "
            f"{items.min(initial=0)}..{items.max(initial=0)}. Interactions.from_events numbers them."
        )
    if len(log.user_ids) != log.n_users:
        raise DataError(f"Interactions: expected {log.n_users} user_ids; got {len(log.user_ids)}. Name every user.")
    for side, n_rows in (("user", log.n_users), ("item", log.n_items)):
        known = getattr(log, f"{side}_columns")
        if known is not None and len(known) != n_rows:
            got = f"{len(known)} rows. read_interactions joins them by id."
            raise DataError(f"Interactions: expected {side}_columns of {n_rows} {side}s; got {got}")
    for name, kind in (("times", np.int64), ("values", np.float32)):
        column = getattr(log, name)
        if column is not None and (column.dtype != kind or column.shape != items.shape):
            raise DataError(
                f"Interactions: expected {name} as {kind.__name__} {items.shape}; got {column.dtype} {column.shape}. "
                "Interactions.from_events converts them."
            )
    if log.times is not None and len(items) > 1:
        falls = np.diff(log.times) < 0
        begins = offsets[1:-1]
        falls[begins[(begins > 0) & (begins < len(items))] - 1] = False
        if falls.any():
            raise DataError(
                "Interactions: expected times that never fall within a user; got one that does, at event "
                f"{int(falls.argmax()) + 1}. Interactions.from_events sorts them."
            )

"""What is scored: users by id, logs or plain lists, as histories whose items are those that a recommender knows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.interactions.log import Interactions, positions_of, same_ids
from rankkit.data.text_ids import Ids, TextIds, as_ids, join_ids
from rankkit.errors import DataError
from rankkit.remarks import say


def histories_of(where: str, known: Interactions, given: Any) -> Interactions:
    """Histories with the items of a log that was learnt from.

    Args:
        where: For messages.
        known: What was learnt from: users that are named have their events of it.
        given: :class:`Interactions`; a mapping of users to lists of items; a list of such lists, whose users are 0, 1,
            ...; or ids of users, one of which may be unknown: it has an empty history.

    Raises:
        DataError: If it is none of these.
    """
    if isinstance(given, Interactions):
        return _on_items(where, known, given)
    if hasattr(given, "columns"):  # iterating over a table gives the names of its columns, which are no users
        raise DataError(
            f"{where}: expected ids of users, Interactions, or lists of items; got a table ({type(given).__name__}). "
            "Read it first: rankkit.read_interactions(table)."
        )
    if isinstance(given, Mapping):
        return _of_lists(where, known, list(given.keys()), list(given.values()))
    if _holds_lists(given):
        return _of_lists(where, known, range(len(given)), list(given))
    if isinstance(given, str | int):
        given = [given]
    try:
        ids = as_ids(given)
        positions = known.user_positions(ids)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{where}: expected ids of users, Interactions, or lists of items; {error}. Pass one of these."
        ) from error
    return _of_users(known, ids, positions)


def item_choice(where: str, known: Interactions, ids: Any) -> NDArray[np.int64]:
    """int64 ``[item]``: the positions of items by id.

    Raises:
        DataError: If one is unknown, there is none, or these are no ids.
    """
    asked = item_ids_of(where, ids)
    positions = known.item_positions(asked)
    if not len(positions) or (positions < 0).any():
        got = "none" if not len(positions) else f"{asked[int((positions < 0).argmax())]}"
        raise DataError(f"{where}: expected ids of items that were learnt from; got {got}. Take unknown ones out.")
    return positions


def item_ids_of(where: str, ids: Any) -> Ids:
    """Ids of several items.

    Raises:
        DataError: If these are no ids, or a single one, whose letters would each be one.
    """
    try:
        if isinstance(ids, str | bytes):
            raise TypeError(f"got the text {ids!r}")
        return as_ids(ids)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: expected a list of ids of items; {error}. Pass whole numbers or text.") from error


def _holds_lists(given: Any) -> bool:
    if isinstance(given, str | bytes | TextIds) or not isinstance(given, Sequence | np.ndarray):
        return False
    return bool(len(given)) and isinstance(given[0], Sequence | np.ndarray) and not isinstance(given[0], str)


def _of_users(known: Interactions, ids: Ids, positions: NDArray[np.int64]) -> Interactions:
    has = positions >= 0
    chosen = known.select(positions[has])
    sizes = np.zeros(len(ids), np.int64)
    sizes[has] = chosen.sizes
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    return Interactions(offsets, chosen.items, ids, known.item_ids, chosen.times, chosen.values)


def _of_lists(where: str, known: Interactions, users: Any, lists: list[Any]) -> Interactions:
    try:
        pieces = [as_ids(items) for items in lists]
        ids = as_ids(np.arange(len(lists)) if isinstance(users, range) else users)
        joined = join_ids([piece for piece in pieces if len(piece)] or [np.zeros(0, np.int64)])
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{where}: expected a list of item ids for each user; {error}. Pass whole numbers or text."
        ) from error
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum([len(piece) for piece in pieces])]).astype(np.int64)
    places = positions_of(joined, known.item_ids)
    return _without_unknown(where, offsets, places, ids, known, None, None)


def _on_items(where: str, known: Interactions, given: Interactions) -> Interactions:
    if same_ids(given.item_ids, known.item_ids):
        return given
    places = positions_of(given.item_ids, known.item_ids)[given.items]
    return _without_unknown(where, given.offsets, places, given.user_ids, known, given.times, given.values)


def _without_unknown(
    where: str,
    offsets: NDArray[np.int64],
    places: NDArray[np.int64],
    ids: Ids,
    known: Interactions,
    times: NDArray[np.int64] | None,
    values: NDArray[np.float32] | None,
) -> Interactions:
    kept = places >= 0
    if not kept.all():
        say(
            f"{where}: {int((~kept).sum()):,} of {len(kept):,} events of histories have items that were not learnt "
            "from: they count as not there."
        )
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])
    return Interactions(
        before[offsets],
        places[kept].astype(np.int32),
        ids,
        known.item_ids,
        None if times is None else times[kept],
        None if values is None else values[kept],
    )

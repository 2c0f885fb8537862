"""on_shared_ids(): several logs as one, whose users and items are those of all."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rankkit.data.interactions.attributes import Attributes
from rankkit.data.interactions.log import Interactions, coded, positions_of
from rankkit.data.text_ids import Ids, join_ids
from rankkit.errors import DataError


def on_shared_ids(logs: Sequence[Interactions]) -> tuple[Interactions, NDArray[np.int64]]:
    """One log of the events of all, and the log that each event is of.

    The events of a user are in order of time; equal times, and events without times, in the order of the logs. Columns
    of users and items are those of the first log that has some; what it does not know comes from others of the same
    schema.

    Raises:
        DataError: If some logs have times or values, and others none.

    Example:
        >>> one, other = (Interactions.from_events([user], ["x"]) for user in "ab")
        >>> on_shared_ids([one, other])
        (Interactions(2 users, 1 item, 2 events, no times), array([0, 1]))
    """
    for name in ("times", "values"):
        if len({getattr(log, name) is None for log in logs}) > 1:
            raise DataError(f"interactions: expected {name} in each log, or in none; got some. Read all alike.")
    users, user_ids = _shared([log.user_ids for log in logs])
    items, item_ids = _shared([log.item_ids for log in logs])
    user_of_event = np.concatenate([codes[log.users] for codes, log in zip(users, logs, strict=True)])
    item_of_event = np.concatenate([codes[log.items] for codes, log in zip(items, logs, strict=True)])
    part_of_event = np.repeat(np.arange(len(logs)), [log.n_events for log in logs])
    values = None if logs[0].values is None else np.concatenate([log.values for log in logs])
    times = None if logs[0].times is None else np.concatenate([log.times for log in logs])
    order = np.lexsort((user_of_event,) if times is None else (times, user_of_event))
    counts = np.bincount(user_of_event, minlength=len(user_ids))
    joined = Interactions(
        np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
        item_of_event[order].astype(np.int32),
        user_ids,
        item_ids,
        None if times is None else times[order],
        None if values is None else values[order],
        user_columns=_columns("user", logs, user_ids),
        item_columns=_columns("item", logs, item_ids),
    )
    return joined, part_of_event[order]


def _columns(side: str, logs: Sequence[Interactions], ids: Ids) -> Attributes | None:
    found: list[tuple[Ids, Attributes]] = [
        (getattr(log, f"{side}_ids"), known) for log in logs if (known := getattr(log, f"{side}_columns")) is not None
    ]
    if not found:
        return None
    first = found[0][1]
    alike = [
        (known_ids, known)
        for known_ids, known in found
        if known.schema == first.schema and known.table.schema.equals(first.table.schema)
    ]
    whole = Attributes(
        pa.concat_tables([known.table for _, known in alike]),
        np.concatenate([known.features for _, known in alike]),
        first.schema,
    )
    rows, n_before = np.full(len(ids), -1, np.int64), 0
    for known_ids, known in alike:
        places = positions_of(ids, known_ids)
        rows = np.where((rows < 0) & (places >= 0), places + n_before, rows)
        n_before += len(known)
    return whole.select(rows)


def _shared(pieces: Sequence[Ids]) -> tuple[list[NDArray[np.int32]], Ids]:
    codes, different = coded(join_ids(pieces))
    bounds = np.cumsum([len(piece) for piece in pieces])[:-1]
    return list(np.split(codes, bounds)), different

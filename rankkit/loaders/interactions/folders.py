"""Logs and splits as folders: read_log() and write_log(), read_split() and write_split().

A log is a folder of ``log.json`` (counts, remarks) and three Parquet files: ``events.parquet`` with a row an event in
order of user and time (``user`` and ``item`` as positions from 0, ``time`` and ``value`` where there are some), and
``users.parquet`` and ``items.parquet`` with the column ``id``; what else is known of them stands in
``user_columns.parquet`` and ``item_columns.parquet``, in the same order. A split is a folder of ``split.json`` (the
rule, the audit) and the logs ``train``, ``valid`` and ``test``, all with the users and items of the whole log;
``places.parquet`` of each says where its events stood there.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rankkit.data.interactions.attributes import Attributes
from rankkit.data.interactions.audit import audit_split
from rankkit.data.interactions.log import Interactions, same_ids
from rankkit.data.interactions.splits import Split, Splits, splits_of_parts
from rankkit.data.text_ids import Ids, TextIds, as_ids, to_arrow
from rankkit.errors import ConfigError, DataError, check_given
from rankkit.files.atomic import beside, put_folder
from rankkit.files.disk import writing
from rankkit.files.places import check_place
from rankkit.files.records import read_json, write_json

LOG_FILE, SPLIT_FILE, EVENTS = "log.json", "split.json", "events.parquet"
SPLIT_FOLDER = "split"
"""Where ``rankkit split`` puts the split of a log that is told no other place: in the folder of the log."""
_USERS, _ITEMS = "users.parquet", "items.parquet"
_KNOWN = {"user_columns": "user_columns.parquet", "item_columns": "item_columns.parquet"}
LOG_NAMES = frozenset({LOG_FILE, EVENTS, _USERS, _ITEMS, *_KNOWN.values()})
SPLIT_NAMES = frozenset({SPLIT_FILE, "train", "valid", "test"})
"""What stands in the folder of a log, and of a split."""
_VERSION = 1
_PLACES = "places.parquet"
_COLUMNS: Mapping[str, Any] = {"user": pa.int32(), "item": pa.int32(), "time": pa.int64(), "value": pa.float32()}
_PARTS: tuple[Literal["train", "valid", "test"], ...] = ("train", "valid", "test")


def is_log(path: str | os.PathLike[str]) -> bool:
    """Whether a path is the folder of a log."""
    return (Path(path) / LOG_FILE).is_file()


def is_split(path: str | os.PathLike[str]) -> bool:
    """Whether a path is the folder of a split."""
    return (Path(path) / SPLIT_FILE).is_file()


def write_log(log: Interactions, folder: str | os.PathLike[str]) -> None:
    """Write a log to a folder, whole or not at all, from which :func:`read_log` reads it as it was.

    Args:
        log: Any log.
        folder: Made if it is not there. A log that is there is replaced; a folder that holds anything else is refused.

    Raises:
        ConfigError: If something else is there.
        DiskError: If it cannot be written.
    """
    check_given("write_log", "log", log, Interactions)
    place = Path(folder)
    check_free(place)
    with writing(place):
        place.parent.mkdir(parents=True, exist_ok=True)
    with beside(place) as temporary, writing(place, at=temporary):
        _put_log(log, temporary)
        settle_folder(temporary, place)


def read_log(folder: str | os.PathLike[str]) -> Interactions:
    """Read what :func:`write_log` and ``rankkit interactions`` wrote.

    Args:
        folder: Of the log.

    Raises:
        DataError: If there is no log, or it is damaged.

    Example:
        >>> import tempfile
        >>> log = Interactions.from_events(list("aab"), list("xyx"), times=[1, 2, 3])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_log(log, f"{folder}/log")
        ...     read_log(f"{folder}/log")
        Interactions(2 users, 2 items, 3 events, times 1..3)
    """
    place = Path(folder)
    about = _about(place, LOG_FILE, "rankkit interactions")
    try:
        events = pq.read_table(place / EVENTS)
        users, items = (_ids(place / f"{name}.parquet") for name in ("users", "items"))
        columns: dict[str, NDArray[Any]] = {
            name: events[name].cast(kind).to_numpy() for name, kind in _COLUMNS.items() if name in events.column_names
        }
        of_user = columns["user"]
        if len(of_user) and not (of_user[0] >= 0 and of_user[-1] < len(users) and (np.diff(of_user) >= 0).all()):
            raise ValueError("users of events that are not in order")
        counts = np.bincount(of_user, minlength=len(users))
        return Interactions(
            np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]).astype(np.int64),
            columns["item"],
            users,
            items,
            columns.get("time"),
            columns.get("value"),
            tuple(str(remark) for remark in about.get("remarks", ())),
            **{
                name: Attributes.from_arrow(pq.read_table(place / file))
                for name, file in _KNOWN.items()
                if (place / file).is_file()
            },
        )
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
        raise DataError(
            f"{place}: expected the files of a log; got '{str(error)[:200]}'. Write it again with rankkit interactions."
        ) from error


def write_split(splits: Splits, folder: str | os.PathLike[str], **made_by: Any) -> None:
    """Write a split to a folder, whole or not at all, from which :func:`read_split` reads it as it was.

    Args:
        splits: Of :func:`rankkit.split_interactions`.
        folder: Made if it is not there. A split that is there is replaced; a folder with anything else is refused.
        **made_by: How it was made, as plain values, to be kept beside the rule.

    Raises:
        ConfigError: If something is there.
        DiskError: If it cannot be written.
    """
    place = Path(folder)
    check_free(place, SPLIT_NAMES)
    parts = {"train": splits.train, "valid": splits.valid, "test": splits.test}
    with writing(place):
        place.parent.mkdir(parents=True, exist_ok=True)
    with beside(place) as temporary, writing(place, at=temporary):
        for number, (name, part) in enumerate(parts.items()):
            if part is not None:
                places = None if splits.parts is None else np.flatnonzero(splits.parts == number)
                _put_log(part.targets if isinstance(part, Split) else part, temporary / name, places)
        about = {"rankkit": "split", "format_version": _VERSION, "rule": splits.rule, "made_by": made_by}
        audit = audit_split(splits).to_dict()
        write_json(temporary / SPLIT_FILE, {**about, "audit": audit, "remarks": list(splits.remarks)})
        settle_folder(temporary, place)


def read_split(folder: str | os.PathLike[str]) -> Splits:
    """Read what :func:`write_split` and ``rankkit split`` wrote.

    Args:
        folder: Of the split.

    Raises:
        DataError: If there is no split, or it is damaged.
    """
    place = Path(folder)
    about = _about(place, SPLIT_FILE, "rankkit split")
    parts: dict[str, Interactions] = {name: read_log(place / name) for name in _PARTS if is_log(place / name)}
    if "train" not in parts or "test" not in parts:
        raise DataError(f"{place}: expected the logs train and test; got {', '.join(parts) or 'none'}. Split anew.")
    numbers = [number for number, name in enumerate(_PARTS) if name in parts]
    whole, part_of_event = _joined(place, parts)
    remarks = tuple(str(remark) for remark in about.get("remarks", ()))
    return splits_of_parts(whole, np.array(numbers, np.int8)[part_of_event], str(about.get("rule")), remarks)


def _joined(place: Path, parts: Mapping[str, Interactions]) -> tuple[Interactions, NDArray[np.int64]]:
    """The whole log, its events in the places that they had, and which of the parts each is of."""
    logs = list(parts.values())
    try:
        places = np.concatenate([pq.read_table(place / name / _PLACES)["place"].to_numpy() for name in parts])
    except (pa.ArrowException, OSError, KeyError) as error:
        raise DataError(f"{place}: expected the places of events; got '{str(error)[:200]}'. Split anew.") from error
    same = all(same_ids(log.user_ids, logs[0].user_ids) and same_ids(log.item_ids, logs[0].item_ids) for log in logs)
    if not same or len(places) != sum(log.n_events for log in logs):
        raise DataError(f"{place}: expected parts of one log; got others. Split anew.")
    order = np.argsort(places, kind="stable")
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(log, name) for log in logs])[order]
        for name in ("items", "times", "values")
        if all(getattr(log, name) is not None for log in logs)
    }
    users = np.concatenate([log.users for log in logs])
    if (np.diff(users[order]) < 0).any():
        raise DataError(f"{place}: expected places in order of users; got others. Split anew.")
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(users, minlength=logs[0].n_users))])
    whole = replace(logs[0], offsets=offsets.astype(np.int64), remarks=(), **columns)
    return whole, np.repeat(np.arange(len(logs)), [log.n_events for log in logs])[order]


def check_free(place: Path, own: frozenset[str] = LOG_NAMES) -> None:
    """Refuse a place where something is that would be lost.

    Args:
        place: For a folder.
        own: What stands in one; a folder of nothing else is replaced.

    Raises:
        ConfigError: If it holds anything else.
    """
    check_place(place, "folder")
    others = sorted({path.name for path in place.iterdir()} - own) if place.exists() else []
    if others:
        raise ConfigError(
            f"{place}: expected no such folder yet, or one that was written so before; got one with {others[0]!r}. "
            "Choose another, or delete it."
        )


def _put_log(log: Interactions, folder: Path, places: NDArray[np.int64] | None = None) -> None:
    folder.mkdir(parents=True)
    if places is not None:
        pq.write_table(pa.table({"place": pa.array(places)}), folder / _PLACES)
    columns = {"user": log.users, "item": log.items, "time": log.times, "value": log.values}
    kept = {name: pa.array(column) for name, column in columns.items() if column is not None}
    pq.write_table(pa.table(kept), folder / EVENTS)
    put_ids(folder, log.user_ids, log.item_ids, log.user_columns, log.item_columns)
    write_about(folder, log, log.fingerprint)


def put_ids(
    folder: Path, user_ids: Ids, item_ids: Ids, user_columns: Attributes | None, item_columns: Attributes | None
) -> None:
    """Write who the users are, what the items are, and what is known of them beside."""
    for name, ids in (("users", user_ids), ("items", item_ids)):
        pq.write_table(pa.table({"id": to_arrow(ids)}), folder / f"{name}.parquet")
    for name, known in (("user_columns", user_columns), ("item_columns", item_columns)):
        if known is not None:
            pq.write_table(known.to_arrow(), folder / _KNOWN[name])


def write_about(folder: Path, log: Any, fingerprint: str) -> None:
    """Write the counts and remarks of a log, or of what says as much of one."""
    counts = {"n_users": log.n_users, "n_items": log.n_items, "n_events": log.n_events}
    about = {"rankkit": "interactions", "format_version": _VERSION, **counts}
    write_json(folder / LOG_FILE, {**about, "remarks": list(log.remarks), "fingerprint": fingerprint})


def settle_folder(written: Path, place: Path) -> None:
    """Put a folder that was written into its place."""
    if place.exists() and not any(place.iterdir()):  # which could not be renamed onto everywhere
        place.rmdir()
    put_folder(written, place)


def _about(place: Path, file: str, command: str) -> dict[str, Any]:
    if not (place / file).is_file():
        raise DataError(f"{place}: expected a folder with {file}; got none there. Write one with {command}.")
    try:
        about = read_json(place / file)
        version = about["format_version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{place / file}: expected what {command} wrote; got {error!r}. Write it again.") from error
    if version != _VERSION:
        raise DataError(
            f"{place / file}: expected format version {_VERSION}; got {version!r}. Install another rankkit."
        )
    found: dict[str, Any] = about
    return found


def _ids(path: Path) -> Ids:
    column = pq.read_table(path)["id"]
    if column.null_count:
        raise ValueError("ids that are missing")
    if pa.types.is_integer(column.type):
        return as_ids(column.to_numpy())
    return TextIds(column)

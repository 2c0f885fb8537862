"""cache_interactions(): a log larger than memory into a folder, some rows and then some users at a time."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rankkit.data.interactions.attributes import Attributes
from rankkit.data.interactions.in_short import in_short
from rankkit.data.interactions.log import Interactions, grouped
from rankkit.data.interactions.narrowing import left_out
from rankkit.data.text_ids import Ids, TextIds, as_ids, id_texts
from rankkit.errors import ConfigError, DataError
from rankkit.files.atomic import beside
from rankkit.files.disk import writing
from rankkit.loaders.interactions.attributes import TablesBeside
from rankkit.loaders.interactions.batches import table_batches
from rankkit.loaders.interactions.columns import events_of
from rankkit.loaders.interactions.folders import EVENTS, check_free, is_log, put_ids, settle_folder, write_about
from rankkit.loaders.interactions.forms import Form, Wanted
from rankkit.loaders.interactions.reading import check_options
from rankkit.loaders.interactions.settling import Duplicates, Settling
from rankkit.loaders.sources import Readable, as_file, is_file_name
from rankkit.loaders.tables.arrays import Source
from rankkit.remarks import say

PART = 2**21
"""Events of users that are in order in memory at a time; one user with more stands alone."""
_PLAIN = re.compile(r"(0|-?[1-9][0-9]{0,18})\Z")
_EVENT = np.dtype([("user", np.int32), ("item", np.int32), ("time", np.int64), ("value", np.float32)])
_LARGEST = 2**63 / 1e6  # of a time that can be counted in millionths


@dataclass(frozen=True, repr=False)
class LogSummary:
    """What :func:`rankkit.cache_interactions` wrote, in numbers.

    Args:
        sizes: int64 ``[user]``: how many events each user has.
        item_counts: int64 ``[item]``: likewise.
        times: The first and the last; None without times.
        values: The lowest and the highest; None without values.
        remarks: What was decided, a line each.
        user_columns: What is known of users beside their events, or None.
        item_columns: Likewise of items.
    """

    sizes: NDArray[np.int64]
    item_counts: NDArray[np.int64]
    times: tuple[float, float] | None
    values: tuple[float, float] | None
    remarks: tuple[str, ...]
    user_columns: Attributes | None = None
    item_columns: Attributes | None = None

    @property
    def n_users(self) -> int:
        """How many users, those without events too."""
        return len(self.sizes)

    @property
    def n_items(self) -> int:
        """How many items, likewise."""
        return len(self.item_counts)

    @property
    def n_events(self) -> int:
        """How many events."""
        return int(self.sizes.sum())

    def __repr__(self) -> str:
        return f"Interactions({in_short(self, self.times, self.values)})"


def cache_interactions(
    source: Readable,
    folder: str | os.PathLike[str],
    *,
    user: str | int | None = None,
    item: str | int | None = None,
    time: str | int | None = None,
    value: str | int | None = None,
    form: Form | None = None,
    separator: str | None = None,
    duplicates: Duplicates | None = None,
    min_value: float | None = None,
    k_core: int | None = None,
    items: Readable | Any | None = None,
    users: Readable | Any | None = None,
    columns: Mapping[str, Any] | None = None,
    part: int = PART,
) -> LogSummary:
    """Read a log into a folder, as ``rankkit interactions`` does, without holding its events in memory.

    The folder is that of ``write_log(read_interactions(source, ...), folder)`` byte for byte in its events; in memory
    are the ids and as many events as ``part`` says. Beside the folder it takes twice the room of the events on disk
    while it works. One user a line is read as a whole.

    Args:
        source: A file, or a folder of Parquet or Arrow files, as Hugging Face has them.
        folder: As of :func:`rankkit.write_log`.
        user: This and all below: as :func:`rankkit.read_interactions` has it.
        item: As there.
        time: As there.
        value: As there.
        form: As there.
        separator: As there.
        duplicates: As there.
        min_value: As there.
        k_core: As there.
        items: As there.
        users: As there.
        columns: As there.
        part: Events in memory at a time, where no user has more.

    Raises:
        DataError: As :func:`rankkit.read_interactions`.
        ConfigError: Likewise; and if something else is in the place of the folder.
        DiskError: If it cannot be written.
    """
    where = "cache_interactions"
    check_options(where, form, duplicates, min_value, k_core)
    place = Path(folder)
    check_free(place)
    if isinstance(source, str | os.PathLike) and is_log(source):
        raise ConfigError(f"{source}: expected events that are not a log yet; got the folder of one. Copy it.")
    if isinstance(source, str | os.PathLike) and is_file_name(source) and not Path(source).exists():
        raise DataError(f"{os.fspath(source)}: expected a file of interactions; got none there. Check the path.")
    tables = TablesBeside({"item": items, "user": users}, {"item": item, "user": user}, columns)
    with writing(place):
        place.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        path = stack.enter_context(as_file(source, None if is_file_name(source) else ""))
        work, written = stack.enter_context(beside(place)), stack.enter_context(beside(place))
        stack.enter_context(writing(place, at=work))
        work.mkdir()
        written.mkdir()
        spilled = _Spilled(work, path, Wanted(user, item, time, value, form, separator))
        spilled.read()
        parts = spilled.parts(Settling(f"{path}", duplicates, min_value), part)
        if k_core is not None:
            parts.narrow(k_core)
        if not parts.sizes.sum():
            raise DataError(f"{path}: expected events; got none that are left. Check the file, min_value and k_core.")
        for remark in parts.unasked:
            say(f"{path}: {remark}")
        ids = {"user": parts.user_ids, "item": parts.item_ids}
        known, told = tables.joined(ids)
        made = LogSummary(
            parts.sizes,
            parts.item_counts,
            parts.span("time") if spilled.has_times else None,
            parts.span("value") if spilled.has_values else None,
            (*parts.remarks, *told),
            known.get("user"),
            known.get("item"),
        )
        fingerprint = parts.write(written / EVENTS, spilled.has_times, spilled.has_values)
        put_ids(written, parts.user_ids, parts.item_ids, made.user_columns, made.item_columns)
        write_about(written, made, fingerprint)
        settle_folder(written, place)
    return made


@dataclass
class _Codes:
    """Ids by their codes, in the order in which they are met."""

    known: dict[Any, int] = field(default_factory=dict)

    def of(self, ids: Ids) -> NDArray[np.int32]:
        """int32 ``[id]``: codes of different ids, new ones among them. Text of a whole number is that number."""
        keys: list[Any] = ids.tolist()
        if isinstance(ids, TextIds):
            keys = [int(key) if _PLAIN.match(key) else key for key in keys]
        known = self.known
        return np.fromiter((known.setdefault(key, len(known)) for key in keys), np.int32, len(keys))

    def ids(self) -> Ids:
        """All of them: numbers where all are whole numbers of 64 bits, else text."""
        keys = list(self.known)
        if all(isinstance(key, int) and -(2**63) <= key < 2**63 for key in keys):
            return np.array(keys, np.int64)
        return TextIds([str(key) for key in keys])


class _Spilled:
    """The events in the order of the input, coded, in a file."""

    def __init__(self, work: Path, path: Path, wanted: Wanted) -> None:
        self._work, self._path, self._wanted = work, path, wanted
        self._users, self._items = _Codes(), _Codes()
        self._counts = np.zeros(0, np.int64)
        self._batches: list[tuple[int, bool]] = []  # events of each, and whether times are in millionths
        self._remarks: list[str] = []
        self.has_times = self.has_values = False

    def read(self) -> None:
        """Write the events of the input."""
        n_rows = 0
        with (self._work / "events").open("wb") as file:
            for table, wanted in table_batches(self._path, self._wanted):
                events = events_of(table, wanted, Source(f"{self._path}", wanted.counts_rows, n_rows))
                n_rows += len(events.users)
                rows = np.zeros(len(events.users), _EVENT)
                rows["user"] = self._users.of(events.user_ids)[events.users]
                rows["item"] = self._items.of(events.item_ids)[events.items]
                if events.times is not None:
                    self.has_times = True
                    rows["time"] = events.times
                if events.values is not None:
                    self.has_values = True
                    rows["value"] = events.values
                rows.tofile(file)
                self._batches.append((len(rows), events.in_millionths))
                counts = np.bincount(rows["user"], minlength=len(self._users.known))
                counts[: len(self._counts)] += self._counts
                self._counts = counts
                self._remarks += [remark for remark in events.remarks if remark not in self._remarks]

    def parts(self, settling: Settling, size: int) -> "_Parts":
        """The events that count in order of user and time, in a file for some users each."""
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(self._counts)])
        bounds = _bounds(offsets, size)
        part_of_user = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
        files = [self._work / f"part-{place}" for place in range(len(bounds) - 1)]
        for rows in self._scaled():
            part_of_row = part_of_user[rows["user"]]
            in_order = rows[np.argsort(part_of_row, kind="stable")]
            ends = np.cumsum(np.bincount(part_of_row, minlength=len(files)))
            for file, first, last in zip(files, [0, *ends[:-1]], ends, strict=True):
                with file.open("ab") as opened:
                    in_order[first:last].tofile(opened)
        (self._work / "events").unlink()
        user_ids, item_ids = self._users.ids(), self._items.ids()
        parts = _Parts(files, user_ids, item_ids)
        for file, first, last in zip(files, bounds[:-1], bounds[1:], strict=True):
            rows = np.fromfile(file, _EVENT)
            log = settling.settled(
                grouped(
                    rows["user"] - np.int32(first),
                    np.ascontiguousarray(rows["item"]),
                    user_ids[first:last],
                    item_ids,
                    times=np.ascontiguousarray(rows["time"]) if self.has_times else None,
                    values=np.ascontiguousarray(rows["value"]) if self.has_values else None,
                )
            )
            _as_rows(log, first).tofile(file)
        decided, unasked = settling.remarks()
        parts.remarks = [*self._remarks, *decided]
        parts.unasked = [*self._remarks, *unasked]
        parts.count()
        return parts

    def _scaled(self) -> Iterator[NDArray[Any]]:
        """The batches, with all times in the same unit: millionths where some had fractions."""
        in_millionths = any(scaled for _, scaled in self._batches)
        with (self._work / "events").open("rb") as file:
            for n_rows, is_scaled in self._batches:
                rows = np.fromfile(file, _EVENT, n_rows)
                if in_millionths and not is_scaled:
                    if np.abs(rows["time"]).max(initial=0) >= _LARGEST:
                        raise DataError(
                            f"{self._path}: expected times that can be counted in millionths, as some have fractions; "
                            f"got {np.abs(rows['time']).max():,}. Convert the column."
                        )
                    rows["time"] *= 1_000_000
                yield rows


def _bounds(offsets: NDArray[np.int64], size: int) -> list[int]:
    """Users at which parts begin and end: as many events as fit, and at least one user, in each.

    >>> _bounds(np.array([0, 3, 4, 9, 10]), 4)
    [0, 2, 3, 4]
    """
    bounds = [0]
    while bounds[-1] < len(offsets) - 1:
        first = bounds[-1]
        last = int(np.searchsorted(offsets, offsets[first] + size, side="right")) - 1
        bounds.append(max(last, first + 1))
    return bounds


def _as_rows(log: Interactions, first: int) -> NDArray[Any]:
    rows = np.zeros(log.n_events, _EVENT)
    rows["user"], rows["item"] = log.users + np.int32(first), log.items
    if log.times is not None:
        rows["time"] = log.times
    if log.values is not None:
        rows["value"] = log.values
    return rows


class _Parts:
    """Events in order, in files of some users each."""

    def __init__(self, files: Sequence[Path], user_ids: Ids, item_ids: Ids) -> None:
        self._files = files
        self.user_ids, self.item_ids = user_ids, item_ids
        self.remarks: list[str] = []
        self.unasked: list[str] = []

    def _read(self) -> Iterator[NDArray[Any]]:
        return (np.fromfile(file, _EVENT) for file in self._files)

    def count(self) -> None:
        """Count the events of users and of items."""
        self.sizes = np.zeros(len(self.user_ids), np.int64)
        self.item_counts = np.zeros(len(self.item_ids), np.int64)
        for rows in self._read():
            self.sizes += np.bincount(rows["user"], minlength=len(self.sizes))
            self.item_counts += np.bincount(rows["item"], minlength=len(self.item_counts))

    def span(self, column: str) -> tuple[float, float]:
        """The lowest and the highest."""
        spans = [(rows[column].min(), rows[column].max()) for rows in self._read() if len(rows)]
        return min(low for low, _ in spans).item(), max(high for _, high in spans).item()

    def narrow(self, n: int) -> None:
        """Leave out users and items of fewer than n events, as :func:`with_at_least`."""
        n_before = n_left = int(self.sizes.sum())
        while True:
            users, items = self.sizes >= n, self.item_counts >= n
            for file in self._files:
                rows = np.fromfile(file, _EVENT)
                rows[users[rows["user"]] & items[rows["item"]]].tofile(file)
            self.count()
            if self.sizes.sum() == n_left:
                break
            n_left = int(self.sizes.sum())
        users, items = self.sizes > 0, self.item_counts > 0
        self.remarks.append(left_out(users, items, n_before - n_left, n_before, n))
        new_users, new_items = np.cumsum(users, dtype=np.int32) - 1, np.cumsum(items, dtype=np.int32) - 1
        for file in self._files:
            rows = np.fromfile(file, _EVENT)
            rows["user"], rows["item"] = new_users[rows["user"]], new_items[rows["item"]]
            rows.tofile(file)
        self.user_ids, self.item_ids = self.user_ids[users], self.item_ids[items]
        self.count()

    def write(self, path: Path, has_times: bool, has_values: bool) -> str:
        """Write the events as a log has them; gives its fingerprint."""
        columns = {"user": True, "item": True, "time": has_times, "value": has_values}
        kept = [name for name, is_there in columns.items() if is_there]
        schema = pa.schema([(name, pa.from_numpy_dtype(_EVENT[name])) for name in kept])
        with pq.ParquetWriter(path, schema) as writer:
            for rows in self._read():
                writer.write_table(pa.table({name: np.ascontiguousarray(rows[name]) for name in kept}, schema))
        return self._fingerprint(kept)

    def _fingerprint(self, kept: Sequence[str]) -> str:
        """What :attr:`Interactions.fingerprint` is."""
        digest = hashlib.blake2b(digest_size=16)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.sizes)])
        _feed(digest, offsets)
        for name in ("item", "time", "value"):
            digest.update(f"{_EVENT[name]}{(int(offsets[-1]),)}".encode() if name in kept else b"none")
            for rows in self._read() if name in kept else ():
                if len(rows):
                    digest.update(np.ascontiguousarray(rows[name]).data.cast("B"))
        for ids in (self.user_ids, self.item_ids):
            for part in id_texts(as_ids(ids)).buffers():
                _feed(digest, part)
        return digest.hexdigest()


def _feed(digest: Any, array: NDArray[Any]) -> None:
    digest.update(f"{array.dtype}{array.shape}".encode())
    if array.size:
        digest.update(np.ascontiguousarray(array).data.cast("B"))

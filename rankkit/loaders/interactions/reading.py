"""read_interactions(): a log of users and items out of any file or table, and what was decided about it."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from rankkit.data.interactions.log import Interactions, grouped
from rankkit.data.interactions.narrowing import with_at_least
from rankkit.errors import ConfigError, DataError
from rankkit.loaders.interactions.attributes import TablesBeside
from rankkit.loaders.interactions.columns import events_of
from rankkit.loaders.interactions.folders import is_log, read_log
from rankkit.loaders.interactions.forms import Form, Wanted, open_file
from rankkit.loaders.interactions.settling import Duplicates, Settling
from rankkit.loaders.interactions.tables import as_table
from rankkit.loaders.sources import Readable, as_file, check_readable, is_file_name
from rankkit.loaders.tables.arrays import Source
from rankkit.loaders.tables.tabular import is_table
from rankkit.numbers import is_finite
from rankkit.remarks import say


def read_interactions(
    source: Readable | Any,
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
) -> Interactions:
    r"""Read who met which item, and when.

    What is read is known by the name, else by the first line: Parquet, Arrow, CSV and TSV with a header; MovieLens'
    ``u.data`` and its ``::`` files; one user a line, the user first and then items in order; RecBole's ``.inter``.
    What was decided about the events (pairs that repeat, equal times, no times) is kept as ``remarks`` of the log, and
    said in a :class:`rankkit.errors.DataWarning` where no option had asked for it.

    Args:
        source: A file, plain or compressed, bytes or an open file; the folder of a log; a pandas or polars data frame,
            an Arrow table.
        user: Column of user ids, by name, or by position from 0 in a file without a header; None: "user" (of the other
            forms, where they have it).
        item: Column of item ids, likewise; None: "item".
        time: Column of times: whole numbers, numbers of seconds, dates. None: "time", if there is one.
        value: Column of finite numbers such as ratings or counts. None: "value", if there is one.
        form: ``"table"``, ``"movielens"`` (user, item, rating, time without a header; tabs or ``::``), ``"sequences"``
            (a user, then its items), ``"counted_lists"`` (a number of items, then the items: the user is the line, from
            0), ``"recbole"``, ``"parquet"`` or ``"arrow"``. None: by the file.
        separator: What stands between the fields of a table in text; None: a tab or a comma, by the first line.
        duplicates: Events that repeat the item of another event of their user: ``"keep"`` all, as plays are, ``"last"``
            or ``"first"`` in time alone, or ``"error"``. None keeps all, and says how many.
        min_value: Leave out events of a lower value, such as ratings below 4; None: all count, whatever their value.
        k_core: Leave out users and items of fewer events, until all left have as many; None: none are left out.
        items: A table of items, in a file or in memory, which is joined by the column of ids that the log has, or
            "item", "item_id" or "id": MovieLens' ``movies.dat`` and ``u.item``, RecBole's ``.item``, any other with a
            header. Its columns are kept as ``item_columns`` of the log (:class:`rankkit.Attributes`).
        users: A table of users, likewise.
        columns: Kinds of columns of these tables, by name, where their types do not say them: ``"number"``,
            ``"category"``, ``"time"``, ``"vector"``, ``"text"``, ``"bag"``, or what :func:`rankkit.category` and the
            like make.

    Raises:
        DataError: If a column is not there, an id, time or value is missing or none, or nothing is left.
        ConfigError: If an option is none of its choices, or does not go with the form.

    Example:
        >>> log = read_interactions(b"ann,x,20\nbob,x,5\nann,y,10\n", user=0, item=1, time=2)
        >>> log
        Interactions(2 users, 2 items, 3 events, times 5..20)
    """
    where = "read_interactions"
    if isinstance(source, str | os.PathLike) and is_log(source):
        given: dict[str, Any] = {
            "user": user,
            "item": item,
            "time": time,
            "value": value,
            "form": form,
            "separator": separator,
        }
        given |= {"duplicates": duplicates, "items": items, "users": users, "columns": columns}
        asked = [name for name, option in given.items() if option is not None]
        if asked or min_value is not None or k_core is not None:
            raise ConfigError(
                f"{source}: expected no options for a log that was read before; got some. Leave them out."
            )
        return read_log(source)
    check_options(where, form, duplicates, min_value, k_core)
    tables = TablesBeside({"item": items, "user": users}, {"item": item, "user": user}, columns)
    wanted = Wanted(user, item, time, value, form, separator)
    with _table_of(source, wanted) as (table, named, shown):
        events = events_of(table, named, shown)
    settling = Settling(shown.name, duplicates, min_value)
    log = settling.settled(
        grouped(events.users, events.items, events.user_ids, events.item_ids, times=events.times, values=events.values)
    )
    remarks, unasked = settling.remarks()
    log = replace(log, remarks=(*events.remarks, *remarks))
    if k_core is not None:
        log = with_at_least(log, k_core)
    if not log.n_events:
        raise DataError(f"{shown.name}: expected events; got none that are left. Check the file, min_value and k_core.")
    for remark in (*events.remarks, *unasked):
        say(f"{shown.name}: {remark}")
    known, told = tables.joined({"item": log.item_ids, "user": log.user_ids})
    if not known:
        return log
    return replace(log, remarks=(*log.remarks, *told), user_columns=known.get("user"), item_columns=known.get("item"))


@contextlib.contextmanager
def _table_of(source: Any, wanted: Wanted) -> Iterator[tuple[Any, Wanted, Source]]:
    if is_table(source) or hasattr(source, "with_format"):
        shown = Source("read_interactions")
        yield as_table(source, shown), wanted, shown
        return
    check_readable("read_interactions", source, "a data frame")
    if is_file_name(source) and not Path(source).exists():
        raise DataError(f"{source}: expected a file of interactions; got none there. Check the path.")
    extension = None if is_file_name(source) else {"parquet": ".parquet", "arrow": ".arrow"}.get(wanted.form or "", "")
    with as_file(source, extension) as path:
        table, columns = open_file(path, wanted)
        yield table, columns, Source(f"{path}", below_header=columns.counts_rows)


def check_options(
    where: str, form: str | None, duplicates: str | None, min_value: float | None, k_core: int | None
) -> None:
    """Refuse options that cannot be, before anything is read.

    Raises:
        ConfigError: If one is none of its choices.
    """
    for name, value, choices in (("form", form, get_args(Form)), ("duplicates", duplicates, get_args(Duplicates))):
        if value is not None and value not in choices:
            known = ", ".join(map(repr, choices))
            raise ConfigError(f"{where}: expected {name} to be one of {known}; got {value!r}. Pass one of them.")
    if min_value is not None and not is_finite(min_value):
        raise ConfigError(f"{where}: expected min_value as a finite number; got {min_value!r}. Leave it out.")
    if k_core is not None and (isinstance(k_core, bool) or not isinstance(k_core, int | np.integer) or k_core < 1):
        raise ConfigError(f"{where}: expected k_core as a whole number from 1; got {k_core!r}. Leave it out.")

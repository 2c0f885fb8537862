"""Where a log lies and how it is split into what is learnt from, chosen on and reported."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rankkit.data.interactions import Interactions, Splits, audit_split, split_interactions
from rankkit.data.interactions import Split as HeldOut
from rankkit.errors import ConfigError, DataError
from rankkit.files.records import write_json, write_parquet
from rankkit.loaders.interactions.folders import SPLIT_FOLDER, is_split, read_split
from rankkit.loaders.interactions.reading import read_interactions
from rankkit.tasks.splitting import ONLY, Split, check_same_data, expand

_VALID, _TEST = 0.1, 0.2
_N_SHOWN = 12  # items of a history that the report shows
_N_USERS, _N_ITEMS = 50, 200  # of the few that a throw-away model learns from


@dataclass(frozen=True)
class LogSource:
    """Where a log lies, and how it is split: recommenders are compared.

    Args:
        log: The folder that ``rankkit interactions`` or ``rankkit split`` wrote, or a file with the columns user, item
            and time; ``$NAME`` stands for an environment variable.
        by: ``"time"``, ``"leave_last"`` or ``"ratio"``, as :func:`rankkit.split_interactions` has them. None: the split
            that lies in the folder, if there is one, else by time, or by ``"leave_last"`` where there are no times.
        valid: Share of the events, by time and ratio; None: 0.1. 0: no validation part.
        test: Share of the events, by time and ratio; None: 0.2.
        n: Events a user, by ``"leave_last"``; None: 1.
        order: Of events, by ratio: ``"time"`` or ``"random"``.
        split_seed: Of a random order.
    """

    log: str
    by: Literal["time", "leave_last", "ratio"] | None = None
    valid: float | None = None
    test: float | None = None
    n: int | None = None
    order: Literal["time", "random"] = "time"
    split_seed: int = 0

    @property
    def reading(self) -> dict[str, Any]:
        """How the log is split: what a saved recommender remembers."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "log"}


def check_log(source: LogSource) -> None:
    """Raise DataError if the log is not there, ConfigError if an environment variable of its path is not set."""
    path = Path(expand(source.log))
    if not path.exists():
        raise DataError(f"{path}: expected a log; got No such file or directory. Check the path.")


def splits_of(source: LogSource) -> Splits:
    """As :func:`read_and_split`, the split alone."""
    return read_and_split(source)[0]


def read_and_split(source: LogSource) -> tuple[Splits, LogSource]:
    """Read the log and split it; gives the source too, with all that it left open as it was taken.

    Raises:
        ConfigError: If options are given for a split that lies there already, or do not go together.
        DataError: If there is no log, or a part would be empty.
    """
    check_log(source)
    path = Path(expand(source.log))
    written = next((folder for folder in (path, path / SPLIT_FOLDER) if is_split(folder)), None)
    shares: dict[str, Any] = {"valid": source.valid, "test": source.test, "n": source.n}
    given = [name for name, value in shares.items() if value is not None]
    if source.by is None and written is not None:
        if given:
            raise ConfigError(
                f"{written}: expected no {', '.join(given)} for a split that is there; got some. Leave them out, or "
                "say by, to split anew."
            )
        return read_split(written), source
    if is_split(path):
        raise ConfigError(f"{path}: expected a log, to split by {source.by}; got a split. Name the folder of the log.")
    log = read_interactions(path)
    by: Literal["time", "leave_last", "ratio"] = source.by or ("leave_last" if log.times is None else "time")
    if by == "leave_last":
        more = {} if source.n is None else {"n": source.n}
        splits = split_interactions(log, by, valid=source.valid, test=source.test, order=source.order, **more)
        return splits, replace(source, by=by)
    if source.n is not None:
        raise ConfigError(f"split: expected no n with by={by!r}, which takes shares; got {source.n}. Leave it out.")
    valid, test = (_VALID if source.valid is None else source.valid), (_TEST if source.test is None else source.test)
    splits = split_interactions(log, by, valid=valid, test=test, order=source.order, seed=source.split_seed)
    return splits, replace(source, by=by, valid=valid, test=test)


def split_names(source: LogSource) -> list[str]:
    """The names of the splits that a source has: there is one."""
    return [ONLY]


def load_split(source: LogSource, name: str) -> Split[Any]:
    """The split, all of whose parts there have to be.

    Raises:
        DataError: If there is no validation part.
    """
    splits = splits_of(source)
    if splits.valid is None:
        raise DataError(
            f"{source.log}: expected a validation part, to choose on; got none ({splits.rule}). Give it a share."
        )
    return Split(name, splits.train, splits.valid, splits.test)


def write_facts(split: Split[Any], folder: Path) -> None:
    """Write what the results need to know of a split, once: about.json, with the audit, and queries.parquet.

    ``queries`` has a row for each user who is asked about: qid, digest, list_size (the items), n_relevant, n_history;
    ``histories.parquet`` the items that a user met last, the latest first, and those to be found: user, item, part.

    Raises:
        DataError: If other data was written there before.
    """
    import pandas as pd

    if check_same_data(folder, split.fingerprints):
        return
    test: HeldOut = split.test
    ids = test.history.user_ids[test.users]
    columns = {
        "qid": np.asarray(ids),
        "digest": [str(user) for user in test.users.tolist()],
        "list_size": test.history.n_items,
        "n_relevant": test.targets.sizes[test.users],
        "n_history": test.history.sizes[test.users],
    }
    write_parquet(folder / "queries.parquet", pd.DataFrame(columns))
    write_parquet(folder / "histories.parquet", pd.concat([_events(test, "history"), _events(test, "target")]))
    parts: dict[str, Interactions] = {
        "train": split.train,
        "valid": split.valid.targets,
        "test": test.targets,
    }
    audit = audit_split(Splits(split.train, split.valid, test, test.rule))
    write_json(
        folder / "about.json",
        {
            "name": split.name,
            "parts": {
                name: {"n_users": int((part.sizes > 0).sum()), "n_events": part.n_events}
                for name, part in parts.items()
            },
            "split": str(audit).splitlines(),
            "fingerprints": split.fingerprints,
        },
    )


def _events(test: HeldOut, part: str) -> Any:
    """The latest items of each history, the very latest first, or all that are to be found."""
    import pandas as pd

    log = test.history if part == "history" else test.targets
    firsts, lasts = log.offsets[test.users], log.offsets[test.users + 1]
    n = np.minimum(lasts - firsts, _N_SHOWN) if part == "history" else lasts - firsts
    within = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
    places = np.repeat(lasts, n) - 1 - within if part == "history" else np.repeat(firsts, n) + within
    users = np.repeat(test.users, n)
    columns = {"user": np.asarray(log.user_ids[users]), "item": np.asarray(log.item_ids[log.items[places]])}
    return pd.DataFrame({**columns, "part": part})


def few_users(data: Any, objective: Any, training: Any) -> Any:
    """The first users and items of a log, or of what is held out: equal items of parts of one log."""
    if isinstance(data, HeldOut):
        history, targets = (few_users(part, objective, training) for part in (data.history, data.targets))
        return HeldOut(data.name, history, targets, data.rule)
    few = data[:_N_USERS]
    few = few.keep(few.items < _N_ITEMS)
    known = None if few.item_columns is None else few.item_columns.select(np.arange(min(_N_ITEMS, few.n_items)))
    return replace(few, item_ids=few.item_ids[:_N_ITEMS], item_columns=known, remarks=())

"""The splits of a comparison: training, validation and test data, and what the report needs to know of them."""

import hashlib
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.merging import merge
from rankkit.data.ranking_dataset import RankingDataset, Roles
from rankkit.data.times import doc_times, query_times
from rankkit.data.views import rolling_windows
from rankkit.data.views import split as deal_out
from rankkit.errors import DataError
from rankkit.evaluation.matching import matched
from rankkit.files.records import write_json, write_parquet
from rankkit.loaders.files import column_names
from rankkit.loaders.folds import find_folds
from rankkit.loaders.formats import check_is_there
from rankkit.loaders.parts import check_part, read_parts
from rankkit.tasks.ranking.informative import NEEDS_GRADES, teaching_queries
from rankkit.tasks.splitting import ONLY, Split, check_same_data, expand

if TYPE_CHECKING:
    import pandas as pd

_MOST_GRADES = 100  # more labels than that are measured, and not given


@dataclass(frozen=True)
class Source:
    """Where the data lies and how it becomes splits of training, validation and test data.

    Args:
        train: Training data; ``$NAME`` in a path stands for an environment variable.
        valid: Validation data, on which everything is chosen.
        test: Test data, on which nothing is chosen.
        folds: In place of these three: a folder of folds.
        cross_validation: Deal the queries of all files together out into that many parts; each is the test data of a
            split, the next one its validation data, the others its training data.
        valid_fraction: The share of the training queries that becomes the validation data where there is no file.
        split_seed: Of the two.
        by: The column of times: validation data made of training queries are the latest of them, and not any.
        n_windows: With ``by``: of all files together so many splits that move forward in time, as
            :func:`rankkit.rolling_windows` makes them.
        window_share: Of all queries in the test data of a window; None: 0.1.
        reading: Options of :func:`rankkit.read`.
    """

    train: str | None = None
    valid: str | None = None
    test: str | None = None
    folds: str | None = None
    cross_validation: int | None = None
    valid_fraction: float | None = None
    split_seed: int = 0
    by: str | None = None
    n_windows: int | None = None
    window_share: float | None = None
    reading: dict[str, Any] = field(default_factory=dict)


def split_names(source: Source) -> list[str]:
    """The names of the splits that a source has.

    Raises:
        DataError: If a folder of folds has none.
        ConfigError: If a path names an environment variable that is not set.
    """
    if source.folds is not None:
        return [fold.name for fold in find_folds(Path(expand(source.folds)))]
    if source.cross_validation is not None:
        return [f"part{number}" for number in range(1, source.cross_validation + 1)]
    if source.n_windows is not None:
        return [f"window{number}" for number in range(1, source.n_windows + 1)]
    return [ONLY]


def check_files(source: Source) -> None:
    """Refuse files of which it is known before they are read that they hold no data.

    Raises:
        ConfigError: If an environment variable of a path is not set, or a name says no format.
        DataError: If one is not there, or empty.
    """
    for path in (source.train, source.valid, source.test):
        if path is not None:
            check_part(expand(path))
    if source.folds is not None:
        check_is_there(Path(expand(source.folds)))


def load_split(source: Source, name: str) -> Split[RankingDataset]:
    """Read one split.

    Raises:
        DataError: If a part has no labels, or there is no validation or test data and no rule that makes it.
    """
    if source.cross_validation is not None:
        parts = _dealt(source, name, source.cross_validation)
    elif source.n_windows is not None:
        parts = _window(source, name, source.n_windows)
    elif source.folds is not None:
        files = next(fold for fold in find_folds(Path(expand(source.folds))) if fold.name == name)
        parts = _read_parts(source, {"train": files.train, "valid": files.valid, "test": files.test})
    else:
        parts = _read_parts(source, {"train": source.train, "valid": source.valid, "test": source.test})
    if "valid" not in parts and source.valid_fraction is not None:
        shares = (1 - source.valid_fraction, source.valid_fraction)
        parts["train"], parts["valid"] = deal_out(parts["train"], shares, seed=source.split_seed, by=source.by)
    for part in ("train", "valid", "test"):
        if part not in parts:
            raise DataError(f"{name}: expected {part} data; got none. Name it, or give valid_fraction for valid.")
        if parts[part].labels is None:
            raise DataError(f"{name}: expected labels in the {part} data; got none. Add them.")
    if source.by is not None:
        parts = {part: _with_times(f"{name}: {part}", data, source.by) for part, data in parts.items()}
    train = parts["train"]
    return Split(name, train, *(matched(f"{name}: {part}", train, parts[part]) for part in ("valid", "test")))


def labels_of(data: RankingDataset) -> NDArray[np.float32]:
    """The labels of a part of a split, which always has some."""
    if data.labels is None:
        raise DataError("compare: expected documents with labels; got none. Add them.")
    return data.labels


def _read_parts(source: Source, paths: dict[str, Any]) -> dict[str, RankingDataset]:
    named = {part: None if path is None else expand(str(path)) for part, path in paths.items()}
    first = next((path for path in named.values() if path is not None), None)
    own = {}
    if source.by is not None and source.reading.get("time") is None and first is not None:
        own = {} if column_names(Path(first)) is None else {"time": source.by}  # LETOR text has features alone
    return read_parts(named, {**own, **source.reading})


def _whole(source: Source) -> RankingDataset:
    """All files together, to be dealt out."""
    files = _read_parts(source, {"train": source.train, "valid": source.valid, "test": source.test})
    return merge(list(files.values()))


def _with_times(where: str, data: RankingDataset, by: str) -> RankingDataset:
    """The data with its times beside its features, where :func:`write_split` looks for them."""
    if data.roles is not None and data.roles.time == by:
        return data
    roles = replace(data.roles or Roles(), time=by)
    return replace(data, beside={**data.beside, "time": doc_times(where, data, by)}, roles=roles)


def _window(source: Source, name: str, n_windows: int) -> dict[str, RankingDataset]:
    share = {} if source.window_share is None else {"share": source.window_share}
    windows = rolling_windows(_whole(source), str(source.by), n_windows, **share)
    return dict(zip(("train", "valid", "test"), windows[int(name.removeprefix("window")) - 1], strict=True))


def _dealt(source: Source, name: str, n_parts: int) -> dict[str, RankingDataset]:
    whole = _whole(source)
    order = np.random.default_rng(source.split_seed).permutation(whole.n_queries)
    parts = [np.sort(part) for part in np.array_split(order, n_parts)]
    first = int(name.removeprefix("part")) - 1
    test, valid = parts[first], parts[(first + 1) % n_parts]
    train = np.setdiff1d(np.arange(whole.n_queries), np.concatenate([test, valid]))
    return {"train": whole.select(train), "valid": whole.select(valid), "test": whole.select(test)}


def write_split(split: Split[RankingDataset], folder: Path) -> None:
    """Write what the results need to know of a split, once: about.json, queries.parquet, docs.parquet of the test data.

    ``queries`` has a row for each query (qid, digest of its content, list_size, n_relevant with label 1 or more, and
    ``n_label_0``, ``n_label_1``, ... where labels are grades, at most 100 different ones), ``docs`` one for each
    document, in the order of the scores of a run.

    Raises:
        DataError: If other data was written there before.
    """
    import pandas as pd

    if check_same_data(folder, split.fingerprints):
        return
    write_parquet(folder / "queries.parquet", _queries(split.test))
    query_of_doc = np.repeat(np.arange(split.test.n_queries), split.test.list_sizes)
    docs: dict[str, Any] = {"qid": split.test.qids[query_of_doc], "label": split.test.labels}
    if split.test.doc_ids is not None:
        docs["doc_id"] = split.test.doc_ids
    write_parquet(folder / "docs.parquet", pd.DataFrame(docs))
    known = {digest for part in (split.train, split.valid) for digest in _digests(part)}
    n_shared = sum(digest in known for digest in _digests(split.test))
    counts = {
        name: {"n_queries": part.n_queries, "n_docs": part.n_docs}
        for name, part in (("train", split.train), ("valid", split.valid), ("test", split.test))
    }
    write_json(
        folder / "about.json",
        {
            "name": split.name,
            "n_features": split.train.n_features,
            "parts": counts,
            "weights_per": split.train.weights_per,
            "n_shared_queries": n_shared,
            "n_teaching_queries": int(teaching_queries(split.train, NEEDS_GRADES).sum()),
            "times": _times(split),
            "fingerprints": split.fingerprints,
        },
    )


def _times(split: Split[RankingDataset]) -> dict[str, Any] | None:
    """When the queries of the parts were asked, and how many of those learnt from are later than one that is tested."""
    parts = {"train": split.train, "valid": split.valid, "test": split.test}
    if any("time" not in part.beside or part.n_queries == 0 for part in parts.values()):
        return None
    asked = {name: query_times("compare", part, "time") for name, part in parts.items()}
    if len({times.dtype.kind for times in asked.values()}) > 1:  # dates, and numbers in a unit of their own
        return None
    first = asked["test"].min()
    ends = {name: [_written(times.min()), _written(times.max())] for name, times in asked.items()}
    return {**ends, "n_later": {name: int((asked[name] > first).sum()) for name in ("train", "valid")}}


def _written(time: Any) -> str | float:
    """A time for reading and comparing: dates of what was read from dates."""
    if time.dtype.kind != "i":
        return float(time)
    return str(time.astype("datetime64[us]").astype("datetime64[s]"))


def _queries(data: RankingDataset) -> "pd.DataFrame":
    import pandas as pd

    labels = labels_of(data)
    query_of_doc = np.repeat(np.arange(data.n_queries), data.list_sizes)
    columns: dict[str, Any] = {
        "qid": data.qids,
        "digest": _digests(data),
        "list_size": data.list_sizes,
        "n_relevant": np.bincount(query_of_doc[labels >= 1], minlength=data.n_queries),
    }
    grades = np.unique(labels)
    for label in grades if len(grades) <= _MOST_GRADES else ():
        name = np.format_float_positional(label, trim="-")
        columns[f"n_label_{name}"] = np.bincount(query_of_doc[labels == label], minlength=data.n_queries)
    return pd.DataFrame(columns)


def _digests(data: RankingDataset) -> list[str]:
    """Of the content of each query: tells queries with one id apart, and finds one query under two ids."""
    digests, labels = [], labels_of(data)
    for start, stop in pairwise(data.offsets.tolist()):
        digest = hashlib.blake2b(np.ascontiguousarray(data.features[start:stop]).tobytes(), digest_size=8)
        digest.update(labels[start:stop].tobytes())
        digests.append(digest.hexdigest())
    return digests

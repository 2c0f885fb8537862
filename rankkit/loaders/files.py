"""Reading and writing a data file by the extension of its name, or a folder by what it holds."""

import inspect
import numbers
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

from rankkit.data.columns.asking import as_column
from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, DataError, check_given
from rankkit.files.places import check_place
from rankkit.loaders.cache.folder import Remarks
from rankkit.loaders.cache.reading import SUFFIX, cached, read_cache, write_cache
from rankkit.loaders.formats import KIND_NAMES, QRELS, Kind, extension_of, kind_by_name, kind_of
from rankkit.loaders.sources import (
    Readable,
    as_file,
    format_line,
    is_file_name,
    is_stream,
    refuse_cache,
)
from rankkit.remarks import say

# What is an option of some kinds of data only; regrouping is what happens to the others in any case.
_TABLES: tuple[Kind, ...] = ("csv", "parquet", "arrow")
_KINDS_OF: Mapping[str, tuple[Kind, ...]] = {
    **dict.fromkeys(("label", "qid", "doc_id", "weight", "query_weight", "columns"), _TABLES),
    "schema": (*_TABLES, "cache"),
    **dict.fromkeys(("position", "propensity", "time", "session", "split"), _TABLES),
    **dict.fromkeys(("group_file", "zero_based", "labels", "on_bad_line"), ("letor",)),
}


def read(
    path: Readable,
    *,
    n_features: int | None = None,
    regroup: bool = False,
    label: str | None = "label",
    qid: str = "qid",
    features: Sequence[str | int] | str | None = None,
    drop: Sequence[str | int] | str | None = None,
    doc_id: str | None = "doc_id",
    weight: str | None = "doc_weight",
    query_weight: str | None = "query_weight",
    columns: Mapping[str, Any] | None = None,
    schema: Schema | None = None,
    position: str | None = None,
    propensity: str | None = None,
    time: str | None = None,
    session: str | None = None,
    split: str | None = None,
    group_file: str | os.PathLike[str] | None = None,
    zero_based: bool | None = None,
    labels: Literal["grades", "any"] = "any",
    on_bad_line: Literal["error", "skip"] = "error",
    cache: bool | str | os.PathLike[str] = False,
) -> RankingDataset:
    """Read ranking data of any format: by the extension of a file, by the content of a folder.

    LETOR text is .txt and others, CSV is .csv and .tsv, both also with .gz, .bz2, .xz or .zst behind; Parquet is
    .parquet and .pq, Arrow IPC .arrow and .feather, a cache .rkcache. A folder holds Parquet files, Arrow files, what
    Hugging Face's ``Dataset.save_to_disk`` wrote, or a cache.

    Args:
        path: The file or folder; or ``"-"`` for standard input, the name of a pipe (``/dev/stdin``, a FIFO, process
            substitution), bytes, or an open file. What has no name is LETOR text, CSV, Parquet or Arrow by its content,
            which one warning says, and is kept in a temporary file while it is read.
        n_features: How many features a document has; None: as many as the file has.
        regroup: LETOR text only: bring rows of a query together that do not stand together. Tables always are.
        label: Tables only, as in :func:`rankkit.from_pandas`.
        qid: Tables only, as in :func:`rankkit.from_pandas`.
        features: The columns to read: of a table as in :func:`rankkit.from_pandas`, of LETOR text as in
            :func:`rankkit.read_letor`; of a cache the names of its features.
        drop: Columns to leave out of these: features of a table or a cache by name, of LETOR text by index.
        doc_id: Tables only, as in :func:`rankkit.from_pandas`.
        weight: Tables only, as in :func:`rankkit.from_pandas`.
        query_weight: Tables only, as in :func:`rankkit.from_pandas`.
        columns: Tables only, as in :func:`rankkit.from_pandas`.
        schema: Tables and caches, as in :func:`rankkit.from_pandas`.
        position: Tables only, as in :func:`rankkit.from_pandas`.
        propensity: Tables only, as in :func:`rankkit.from_pandas`.
        time: Tables only, as in :func:`rankkit.from_pandas`.
        session: Tables only, as in :func:`rankkit.from_pandas`.
        split: Tables only, as in :func:`rankkit.from_pandas`.
        group_file: LETOR text only, as in :func:`rankkit.read_letor`.
        zero_based: LETOR text only, as in :func:`rankkit.read_letor`.
        labels: LETOR text only, as in :func:`rankkit.read_letor`.
        on_bad_line: LETOR text only, as in :func:`rankkit.read_letor`.
        cache: True to keep the arrays in a folder beside the file (``train.txt.rkcache``); or the folder in which to
            keep such folders; or one with a name that ends in .rkcache. From then on they are opened from there,
            memory-mapped and read-only, until the file changes.

    Raises:
        ConfigError: If the extension names no format.
        DataError: If the content is not as expected, or a table has another number of features.
    """
    refuse_cache(path, cache)
    of_tables: dict[str, Any] = {
        "label": label,
        "qid": qid,
        "features": features,
        "doc_id": doc_id,
        "weight": weight,
        "query_weight": query_weight,
        "columns": columns,
        "schema": schema,
        "position": position,
        "propensity": propensity,
        "time": time,
        "session": session,
        "split": split,
    }
    if drop is not None:
        of_tables["drop"] = _listed(drop)
    of_letor: dict[str, Any] = {
        "regroup": regroup,
        "group_file": group_file,
        "zero_based": zero_based,
        "labels": labels,
        "on_bad_line": on_bad_line,
    }
    with as_file(path) as file:
        kind = kind_of(file)
        check_options(file, kind, {**of_tables, **of_letor})
        if kind == "letor":
            from rankkit.loaders.letor.reading import read_letor

            data = read_letor(
                file,
                n_features=n_features,
                features=None if features is None else indices_of(file, "features", features),
                drop=None if drop is None else indices_of(file, "drop", drop),
                cache=cache,
                **of_letor,
            )
            return _with_guess(data, file)
        if kind == "cache":
            data = _chosen(read_cache(file), features, drop, schema)
        elif cache is False:
            data = _read_table(file, kind, of_tables)
        else:
            data = cached(file, _not_default(of_tables), lambda folder: _build(folder, file, kind, of_tables), cache)
        if n_features is not None and data.n_features != n_features:
            action = "Convert the data again" if kind == "cache" else "Choose the columns with features=[...]"
            raise DataError(f"{file}: expected {n_features} features; got {data.n_features}. {action}.")
        return _with_guess(data, file)


def _with_guess(data: RankingDataset, file: Path) -> RankingDataset:
    """The data with the remark in which format a source without a name was read, which is warned of too."""
    guessed = format_line(file)
    if guessed is None:
        return data
    say(f"{file}: {guessed}")
    return replace(data, remarks=(*data.remarks, guessed))


def _listed(names: Sequence[str | int] | str) -> list[str | int]:
    return [names] if isinstance(names, str) else list(names)


def check_options(file: Path, kind: Kind, options: Mapping[str, Any]) -> None:
    """Refuse options of another kind of data, which would change nothing; their defaults may be given.

    Args:
        file: What is to be read.
        kind: Of the data.
        options: Of :func:`read`.

    Raises:
        ConfigError: If there is one.
    """
    parameters = inspect.signature(read).parameters
    for name, value in options.items():
        kinds = _KINDS_OF.get(name)
        if kinds is not None and kind not in kinds and value != parameters[name].default:
            wanted = "a table" if "csv" in kinds else KIND_NAMES["letor"]
            given = repr(value) if isinstance(value, str | bool | None) else str(value)
            raise ConfigError(
                f"{file}: expected options that {KIND_NAMES[kind]} has; got one of {wanted}. Leave {name}={given} out."
            )


def options_of(kind: Kind, kinds: Collection[Kind], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options for one of several files that are read alike, without those that another kind among them takes.

    Args:
        kind: Of the file.
        kinds: Of all of them.
        options: Of :func:`read`, for all.

    >>> options_of("letor", ("letor", "csv"), {"label": "grade", "regroup": True})
    {'regroup': True}
    """

    def is_of_others(name: str) -> bool:
        takes = _KINDS_OF.get(name, ())
        return bool(takes) and kind not in takes and any(other in takes for other in kinds)

    return {name: value for name, value in options.items() if not is_of_others(name)}


def indices_of(path: Path, option: str, names: Sequence[str | int] | str) -> list[int]:
    """The features of LETOR text that are named, as numbers.

    Raises:
        ConfigError: If one is no number.
    """
    listed = _listed(names)
    wrong = [name for name in listed if not _is_number(name)]
    if wrong:
        raise ConfigError(
            f"{path}: expected {option} of LETOR text as the numbers of features, such as 1; got {wrong[0]!r}. "
            "Name features by their numbers."
        )
    return [int(name) for name in listed]


def _is_number(name: Any) -> bool:
    return isinstance(name, numbers.Integral) or str(name).isdecimal()  # NumPy's integers too


def _chosen(
    data: RankingDataset,
    features: Sequence[str | int] | str | None,
    drop: Sequence[str | int] | str | None,
    schema: Schema | None,
) -> RankingDataset:
    """The features of a cache that are asked for, by name, with the codes of a schema."""
    from rankkit.data.recoding import recode
    from rankkit.data.views import drop_features, select_features

    if schema is not None:
        data = recode(data, schema)

    if features is not None:
        data = select_features(data, [str(name) for name in _listed(features)])
    return data if drop is None else drop_features(data, [str(name) for name in _listed(drop)])


def _read_table(path: Path, kind: Kind, columns: dict[str, Any]) -> RankingDataset:
    from rankkit.loaders.tables.tabular import read_arrow, read_csv, read_parquet

    readers = {"parquet": read_parquet, "arrow": read_arrow, "csv": read_csv}
    return readers[kind](path, **columns)


def _build(folder: Path, path: Path, kind: Kind, columns: dict[str, Any]) -> Remarks:
    from rankkit.loaders.cache.tables import cache_batches
    from rankkit.loaders.tables.arrow_files import ARROW, PARQUET, open_files
    from rankkit.loaders.tables.columns.assignment import Wanted
    from rankkit.loaders.tables.tabular import open_table

    wanted = Wanted(**columns)
    if kind == "csv":
        return cache_batches(folder, *open_table(path, wanted))
    return cache_batches(folder, *open_files(path, wanted, PARQUET if kind == "parquet" else ARROW))


def _not_default(columns: dict[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(read).parameters
    chosen = {name: value for name, value in columns.items() if value != parameters[name].default}
    for several in ("features", "drop"):
        if not isinstance(chosen.get(several, ""), str):
            chosen[several] = [str(name) for name in chosen[several]]
    if "columns" in chosen:
        kinds = {name: as_column(name, kind) for name, kind in chosen["columns"].items()}
        chosen["columns"] = {name: [kind.kind, asdict(kind)] for name, kind in kinds.items()}
    if "schema" in chosen:
        chosen["schema"] = chosen["schema"].to_dict()
    return chosen


def write(data: RankingDataset, path: str | os.PathLike[str]) -> None:
    """Write LETOR text, CSV, Parquet, Arrow, a cache (extensions of :func:`read`) or .qrels, in input row order.

    Values, query ids and document ids come back as they are; feature names and weights too, but for LETOR text, which
    has no place for them; TREC qrels hold query ids, document ids and labels.

    Args:
        data: Any data set; LETOR text needs labels.
        path: Where to write; an existing file is replaced as a whole. ``"-"`` is LETOR text to standard output.

    Raises:
        ConfigError: If the extension names no format.
        DataError: If the format cannot hold the data.
        DiskError: If it cannot be written.
    """
    check_given("write", "data", data, RankingDataset)
    from rankkit.loaders.tables import writers

    check_target(path)
    by_kind = {
        "letor": writers.write_letor,
        "csv": writers.write_csv,
        "parquet": writers.write_parquet,
        "arrow": writers.write_arrow,
        "cache": write_cache,
    }
    path = Path(path)
    if extension_of(path) in QRELS:
        from rankkit.loaders.trec import write_qrels

        write_qrels(data, path)
    else:
        by_kind["letor" if is_stream(path) else kind_by_name(path)](data, path)


def check_target(path: str | os.PathLike[str]) -> None:
    """Refuse what :func:`write` cannot write to, before any data is read.

    Raises:
        ConfigError: If the extension of the name is of no format.
        DiskError: If nothing can be written there.
    """
    path = Path(path)
    if extension_of(path) not in QRELS and not is_stream(path):
        check_place(path, "folder" if kind_by_name(path) == "cache" else "file")
    else:
        check_place(path)


def convert(source: Readable, target: str | os.PathLike[str], **options: Any) -> RankingDataset:
    """Write the data of one file in another format; what goes into a cache (.rkcache) goes there block by block.

    Args:
        source: What :func:`read` reads.
        target: The extension says the format.
        options: Of :func:`read`.

    Returns:
        The data.
    """
    target = Path(target)
    check_target(target)
    with as_file(source) as file:
        if extension_of(target) == SUFFIX and kind_of(file) != "cache":
            return read(file, **options, cache=target)
        data = read(file, **options)
        write(data, target)
    return data


def column_names(path: Path) -> list[str] | None:
    """The columns of a table; None for what has no columns, or can be read only once.

    Raises:
        ConfigError: If the extension names no format.
        DataError: If the table cannot be read, or is not there.
    """
    if not is_file_name(path):
        return None
    kind = kind_of(path)
    if kind in ("letor", "cache"):
        return None
    if kind == "csv":
        from rankkit.loaders.tables.csv_batches import header_of

        return header_of(path)
    from rankkit.loaders.tables.arrow_files import ARROW, PARQUET, schema_of

    return list(schema_of(path, PARQUET if kind == "parquet" else ARROW).names)

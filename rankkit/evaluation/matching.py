"""Documents for a scorer, from whatever holds them: its features by name, query ids and labels from where they were.

One rule for every door. A scorer that knows names takes the features of these names, wherever they stand: columns in
another order are brought into its own, what it was trained without is left out and said, what it lacks is an error.
Features without names are called by their numbers, "1", "2", ...: a scorer without names takes columns of such names,
and else as many features as it was built for, in their order. Where one of the two has names and the other has none,
numbers match by count, which is said.
"""

import difflib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset, Roles
from rankkit.errors import ConfigError, DataError
from rankkit.evaluation.by_schema import DEFAULTS, columns_by_schema, say_left_out, with_schema
from rankkit.loaders.sources import Readable
from rankkit.models.scorers.calling import n_features_of, takes_offsets
from rankkit.models.scorers.listwise import is_listwise
from rankkit.naming import named
from rankkit.remarks import say

if TYPE_CHECKING:
    import pyarrow as pa

_SHOWN = 12
_BLOCK_DOCS = 4096  # rows without query ids are scored in lists of so many


def feature_places(where: str, scorer: object, data: RankingDataset) -> NDArray[np.int64] | None:
    """The columns of ``data.features`` that a scorer takes, in its order; None where they are these as they stand.

    A module of one's own need not say what it was built for.

    Args:
        where: The public function or the file, for messages.
        scorer: With ``n_features`` and ``feature_names``, where it has them.
        data: The documents.

    Raises:
        ConfigError: If it is an encoder.
        DataError: If a feature is missing, or without names the number is another.
    """
    if hasattr(scorer, "input_shape"):
        raise ConfigError(
            f"{where}: expected a scorer of documents; got the encoder {type(scorer).__name__}. "
            "Pass it to rankkit.evaluate_encoder or rankkit.embed."
        )
    n_features = n_features_of(scorer, data.n_features)
    names = getattr(scorer, "feature_names", None)
    wanted = named(names, n_features)
    found = data.feature_names
    if found is None and names is not None and all(name.isdecimal() for name in wanted):
        found = named(None, data.n_features)  # the ranker knows features by their numbers
    if found is not None and (names is not None or set(wanted) <= set(found)):
        if wanted == found:
            return None
        places = np.array(_places(where, wanted, found), np.int64)
        say_left_out(where, wanted, found)
        return places
    check_count(where, n_features, data)
    if data.feature_names is not None and hasattr(scorer, "feature_names"):
        say(f"{where}: features matched by number: the ranker knows no names, the data has {_some(data.feature_names)}")
    elif names is not None:
        say(f"{where}: features matched by number: the data has no names, the ranker knows {_some(names)}")
    return None


def check_count(where: str, n_features: int, data: RankingDataset) -> None:
    """Check that data has as many features as a scorer.

    Raises:
        DataError: If not.
    """
    if data.n_features != n_features:
        raise DataError(
            f"{where}: expected {n_features} features, as the scorer was built for; got {data.n_features}. "
            "Give the documents the features of the training data."
        )


def matched(where: str, scorer: object, data: RankingDataset) -> RankingDataset:
    """The documents with the features that a scorer takes, in its order; the same object where they are these.

    Raises:
        DataError: As :func:`feature_places`.
    """
    data = with_schema(where, scorer, data)
    places = feature_places(where, scorer, data)
    known = getattr(scorer, "feature_names", data.feature_names)
    names = None if known is None else tuple(known)
    if places is not None:
        schema = None if data.schema is None else data.schema.select(places.tolist())
        return replace(data, features=np.take(data.features, places, axis=1), feature_names=names, schema=schema)
    return data if names == data.feature_names else replace(data, feature_names=names, schema=None)


def feature_names_of(scorer: object, data: RankingDataset) -> tuple[str, ...]:
    """The names of the features of matched data as the scorer or else the data has them, or else "1", "2", ..."""
    return named(getattr(scorer, "feature_names", None) or data.feature_names, data.n_features)


def documents_for(
    where: str,
    scorer: object,
    data: Any,
    *,
    qids: Any | None = None,
    by_query: bool = True,
    with_labels: bool = False,
) -> RankingDataset:
    """A data set of a table or an array for a scorer; a data set itself comes back as it is.

    Args:
        where: The public function, for messages.
        scorer: What they are for.
        data: A :class:`RankingDataset`; a pandas or polars data frame, an Arrow table or anything with
            ``__arrow_c_stream__``, a Hugging Face data set; or numbers ``[doc, feature]``: numpy, scipy sparse, lists.
        qids: One query id a row, or the name of their column. None: the column of the training data, or else "qid".
        by_query: Queries are needed in any case; if not, only by a scorer that looks at whole queries.
        with_labels: Labels are needed.

    Raises:
        DataError: If queries, labels or features that are needed are not there, or cannot be read.
        ConfigError: If ``qids`` come with a data set, which has them.
    """
    if isinstance(data, RankingDataset):
        if qids is not None:
            raise ConfigError(f"{where}: expected qids with a table or an array; got a RankingDataset. Leave them out.")
        return data
    if isinstance(data, str | os.PathLike):
        raise DataError(
            f"{where}: expected documents; got the path {os.fspath(data)!r}. Read the file first: rankkit.read(path)."
        )
    needs_queries = by_query or _sees_queries(scorer)
    from rankkit.loaders.tables.tabular import is_frame

    if is_frame(data):
        return _from_table(where, scorer, data, qids, needs_queries, with_labels)
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "with_format"):
        return _from_table(where, scorer, _arrow_table(data), qids, needs_queries, with_labels)
    return _from_numbers(where, scorer, data, qids, needs_queries)


def read_documents(path: Readable, scorer: Any, **options: Any) -> RankingDataset:
    """Read a file for a scorer, with options of :func:`reading_for`: its columns, by name, and no others.

    Raises:
        DataError: If a feature is missing, the file cannot be read, or it has no rows.
    """
    from rankkit.loaders.files import read
    from rankkit.loaders.sources import as_file, no_rows

    with as_file(path) as file:
        documents = read(file, **reading_for(file, scorer, **options))
        if not documents.n_docs:
            raise no_rows(file)
        return matched(f"{file}", scorer, documents)


def reading_for(
    file: Path,
    scorer: Any,
    *,
    label: str | None = None,
    qid: str | None = None,
    doc_id: str | None = None,
    weight: str | None = None,
    query_weight: str | None = None,
    features: Sequence[str] | None = None,
    drop: Sequence[str] | None = None,
    with_labels: bool = True,
    **options: Any,
) -> dict[str, Any]:
    """How to read a file for a scorer, as keywords of :func:`rankkit.read`.

    Args:
        file: The file, as :func:`rankkit.loaders.sources.as_file` gives it.
        scorer: What the documents are for.
        label: Column of labels of a table. None: that of the training data, or else "label", where it is there.
        qid: Column of query ids of a table; likewise.
        doc_id: Column of document ids of a table; likewise.
        weight: Column of weights of documents of a table, if they are to be read.
        query_weight: Column of weights of queries of a table, if they are to be read.
        features: What to take for the features, as in :func:`rankkit.read`; the scorer finds its own among them.
        drop: What not to take for features; one that the scorer knows is then missing.
        with_labels: Read the labels of a table; those of LETOR text come along in any case.
        **options: Of :func:`rankkit.read`.

    Raises:
        DataError: If a feature is missing, or the file cannot be read.
    """
    from rankkit.loaders.files import column_names
    from rankkit.loaders.formats import kind_of

    given = Roles(label, qid, doc_id, weight, query_weight)
    asked = {role: name for role, name in vars(given).items() if name is not None}
    narrowed = {name: list(names) for name, names in (("features", features), ("drop", drop)) if names is not None}
    found = column_names(file)
    if found is not None:
        left = _left(f"{file}", found, given, getattr(scorer, "roles", None) or Roles(), narrowed)
        chosen = {**columns_for(f"{file}", scorer, left, given, with_labels), **asked}
        if chosen.get("features") is None and "schema" not in chosen:
            chosen |= narrowed
    elif narrowed or kind_of(file) != "letor":
        chosen = {**asked, **narrowed}
    else:
        chosen = {**asked, **_of_letor(scorer)}
    return {**chosen, **options}


def _left(where: str, found: Sequence[str], given: Roles, trained: Roles, narrowed: dict[str, list[str]]) -> list[str]:
    """The columns of a table among which a scorer finds its own.

    Raises:
        DataError: If one that is chosen or dropped is not there.
    """
    there, dropped = set(found), set(narrowed.get("drop", ()))
    for option, names in narrowed.items():
        absent = [name for name in names if name not in there]
        if absent:
            raise DataError(f"{where}: expected {option} among {_some(found)}; got {absent[0]!r}. Name others.")
    roles = {*astuple(given), *astuple(DEFAULTS), *astuple(trained)}
    kept = roles | set(narrowed["features"]) if "features" in narrowed else set(found)
    return [name for name in found if name in kept and name not in dropped]


def columns_for(
    where: str, scorer: object, found: Sequence[str], given: Roles, with_labels: bool = True
) -> dict[str, Any]:
    """Which columns of a table to read for a scorer, as keywords of the readers; says what is left out.

    A role goes to the column that was named, or else to that of the training data, or else to the default, where that
    is there.

    Raises:
        DataError: If a feature is missing.
    """
    remembered = getattr(scorer, "roles", None) or Roles()
    schema: Schema | None = getattr(scorer, "schema", None)
    if schema is not None:
        return columns_by_schema(where, schema, found, given, remembered, with_labels)
    features = _feature_columns(where, scorer, found, remembered)
    taken = set() if features is None else {features} if isinstance(features, str) else set(features)

    def column(role: str) -> str | None:
        asked: str | None = getattr(given, role)
        if asked is not None:
            return asked
        known = (getattr(remembered, role), getattr(DEFAULTS, role))
        return next((name for name in known if name is not None and name in found and name not in taken), None)

    label = column("label") if with_labels or features is None else given.label
    # A table without query ids is refused by the reader, in its words.
    roles = {"label": label, "qid": column("qid") or remembered.qid or "qid", "doc_id": column("doc_id")}
    if features is None:  # every column of numbers that is nothing else, so that weights have to be known
        return {**roles, "weight": column("weight"), "query_weight": column("query_weight")}
    others = {*astuple(remembered), *astuple(DEFAULTS), *astuple(given)}
    beside = [name for name in found if name not in others]
    say_left_out(where, [features] if isinstance(features, str) else features, beside)
    return {**roles, "features": features, "weight": None, "query_weight": None}


def _feature_columns(where: str, scorer: object, found: Sequence[str], roles: Roles) -> list[str] | str | None:
    """The columns of the features, or the one that holds them as lists; None where the scorer does not know."""
    names = getattr(scorer, "feature_names", None)
    if names is None and roles.vector is not None:
        _places(where, [roles.vector], found)
        return roles.vector
    wanted = named(names, getattr(scorer, "n_features", 0))
    if names is None and not (wanted and set(wanted) <= set(found)):
        return None
    _places(where, wanted, found)
    return list(wanted)


def _of_letor(scorer: Any) -> dict[str, Any]:
    """How to read LETOR text for a scorer: the features of its numbers, or as many as it has."""
    names = getattr(scorer, "feature_names", None)
    if names is not None and all(name.isdecimal() for name in names):
        return {"features": [int(name) for name in names]}
    return {"n_features": scorer.n_features}


def _places(where: str, wanted: Sequence[str], found: Sequence[str]) -> list[int]:
    place_of = {name: place for place, name in reversed(list(enumerate(found)))}
    missing = [name for name in wanted if name not in place_of]
    if missing:
        raise DataError(_missing(where, missing, len(wanted), found))
    counts = Counter(found)
    twice = next((name for name in wanted if counts[name] > 1), None)
    if twice is not None:
        raise DataError(f"{where}: expected one feature {twice!r}; got {counts[twice]}. Rename one of them.")
    return [place_of[name] for name in wanted]


def _missing(where: str, missing: Sequence[str], n_wanted: int, found: Sequence[str]) -> str:
    """The message for features that a ranker was trained on and that are not there."""
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    by_lower_case = {name.lower(): name for name in found}
    near = difflib.get_close_matches(missing[0].lower(), by_lower_case, n=1)
    action = f"Did you mean {by_lower_case[near[0]]!r}? Rename it." if near else "Add what is missing."
    return (
        f"{where}: expected the {n_wanted} features that the ranker was trained on; got none named "
        f"{missing[0]!r}{more} among {_some(found) or 'no columns'}. {action}"
    )


def _some(names: Sequence[str]) -> str:
    more = f", ... ({len(names)} in all)" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _sees_queries(scorer: object) -> bool:
    """Whether a score may depend on the other documents of the query: not known of a module that is told of them."""
    return takes_offsets(scorer) and is_listwise(scorer)  # type: ignore[arg-type]


def _arrow_table(data: Any) -> "pa.Table":
    import pyarrow as pa

    if hasattr(data, "with_format"):  # of Hugging Face
        data = data.with_format("arrow")[:]
    return data if isinstance(data, pa.Table) else pa.RecordBatchReader.from_stream(data).read_all()


def _from_table(
    where: str, scorer: object, table: Any, qids: Any | None, needs_queries: bool, with_labels: bool
) -> RankingDataset:
    from rankkit.loaders.tables.pandas_columns import with_named_index
    from rankkit.loaders.tables.tabular import from_arrow, from_pandas, is_frame

    is_pandas = is_frame(table)
    in_column = qids if isinstance(qids, str) else None
    if is_pandas:
        known = astuple(getattr(scorer, "roles", None) or Roles())
        table = with_named_index(table, {name for name in (*known, *astuple(DEFAULTS), in_column) if name is not None})
    found = [str(name) for name in (table.columns if is_pandas else table.column_names)]
    columns = columns_for(where, scorer, found, Roles(qid=in_column), with_labels)
    if with_labels and columns["label"] is None:
        raise DataError(
            f"{where}: expected labels in a column {_column_of(scorer, 'label')!r}, as in the training data; got "
            f"{_some(found)}. Rename their column, or read the table with rankkit.from_pandas or from_arrow and label=."
        )
    if in_column is not None and in_column not in found:
        raise DataError(f"{where}: expected a column {in_column!r} of query ids; got {_some(found)}. Name another.")
    if (qids is not None and in_column is None) or columns["qid"] not in found:
        columns["qid"] = "qid"
        while columns["qid"] in found:
            columns["qid"] += "_"
        ids = _query_ids(where, scorer, qids, len(table), needs_queries)
        if is_pandas:
            table = table.copy(deep=False)
            table[columns["qid"]] = ids.to_numpy()
        else:
            table = table.append_column(columns["qid"], ids)
    data = from_pandas(table, **columns) if is_pandas else from_arrow(table, **columns)
    return matched(where, scorer, data)


def _from_numbers(where: str, scorer: object, values: Any, qids: Any | None, needs_queries: bool) -> RankingDataset:
    from rankkit.loaders.tables.arrays import Source, as_numbers
    from rankkit.loaders.tables.given_arrays import dataset_of

    if isinstance(qids, str):
        raise DataError(f"{where}: expected qids as one a row; got {qids!r}. Pass an array of them.")
    numbers = as_numbers(values, Source(where), "data", n_axes=2)
    ids = _query_ids(where, scorer, qids, len(numbers), needs_queries)
    return matched(where, scorer, dataset_of(Source(where), numbers, None, ids, suspects="none"))


def _query_ids(where: str, scorer: object, qids: Any | None, n_rows: int, needed: bool) -> "pa.ChunkedArray":
    """One id a row; where queries play no part, rows are taken in blocks: a query is scored as a whole."""
    from rankkit.loaders.tables.arrays import Source
    from rankkit.loaders.tables.ids import as_column

    if qids is None and needed:
        column = _column_of(scorer, "qid")
        raise DataError(
            f"{where}: expected the query of each document, on which the result depends; got none. "
            f"Pass qids=, one a row, or a table with a column {column!r}."
        )
    ids = as_column(np.arange(n_rows) // _BLOCK_DOCS if qids is None else qids, Source(where), "qids")
    if len(ids) != n_rows:
        raise DataError(f"{where}: expected {n_rows} qids, one a row; got {len(ids)}. Pass one for each row.")
    return ids


def _column_of(scorer: object, role: str) -> str:
    """What the column of a role was called in training."""
    return getattr(getattr(scorer, "roles", None), role, None) or str(getattr(DEFAULTS, role))

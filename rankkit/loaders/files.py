"""Reading and writing a data file by the extension of its name."""

import os
from collections.abc import Sequence
from pathlib import Path

from rankkit.errors import ConfigError, DataError
from rankkit.loaders.dataset import RankingDataset

_LETOR = (".txt", ".letor", ".svm", ".svmlight", ".libsvm", ".dat", ".train", ".vali", ".valid", ".test")
_PARQUET = (".parquet", ".pq")
_CSV = (".csv", ".tsv")


def read(
    path: str | os.PathLike[str],
    *,
    n_features: int | None = None,
    regroup: bool = False,
    label: str | None = "label",
    qid: str = "qid",
    features: Sequence[str] | str | None = None,
    doc_id: str | None = "doc_id",
    weight: str | None = "doc_weight",
    query_weight: str | None = "query_weight",
) -> RankingDataset:
    """Read LETOR text (.txt and others, also .gz), Parquet (.parquet, .pq) or CSV (.csv, .tsv, also .gz).

    Args:
        path: The file.
        n_features: How many features a document has; None: as many as the file has.
        regroup: LETOR text only: bring rows of a query together that do not stand together. Tables always are.
        label: Tables only, as in :func:`rankkit.from_pandas`.
        qid: Tables only, as in :func:`rankkit.from_pandas`.
        features: Tables only, as in :func:`rankkit.from_pandas`.
        doc_id: Tables only, as in :func:`rankkit.from_pandas`.
        weight: Tables only, as in :func:`rankkit.from_pandas`.
        query_weight: Tables only, as in :func:`rankkit.from_pandas`.

    Raises:
        ConfigError: If the extension names no format.
        DataError: If the content is not as expected, or a table has another number of features.
    """
    kind = _extension(path)
    if kind in _LETOR:
        from rankkit.loaders.letor import read_letor

        return read_letor(path, n_features=n_features, regroup=regroup)
    from rankkit.loaders.tabular import read_csv, read_parquet

    reader = read_parquet if kind in _PARQUET else read_csv
    data = reader(
        path, label=label, qid=qid, features=features, doc_id=doc_id, weight=weight, query_weight=query_weight
    )
    if n_features is not None and data.n_features != n_features:
        raise DataError(
            f"{path}: expected {n_features} features; got {data.n_features}. Choose the columns with features=[...]."
        )
    return data


def write(data: RankingDataset, path: str | os.PathLike[str]) -> None:
    """Write LETOR text, Parquet or CSV, by the extensions of :func:`read`, in input row order.

    Values, query ids and document ids come back as they are; feature names and weights too, but for LETOR text, which
    has no place for them.

    Args:
        data: Any data set; LETOR text needs labels.
        path: Where to write; an existing file is replaced as a whole.

    Raises:
        ConfigError: If the extension names no format.
        DataError: If the format cannot hold the data.
    """
    from rankkit.loaders.writers import write_csv, write_letor, write_parquet

    kind = _extension(path)
    writer = write_letor if kind in _LETOR else write_parquet if kind in _PARQUET else write_csv
    writer(data, path)


def _extension(path: str | os.PathLike[str]) -> str:
    suffixes = Path(path).suffixes
    packed = bool(suffixes) and suffixes[-1].lower() == ".gz"
    kind = suffixes[-2 if packed else -1].lower() if len(suffixes) > packed else ""
    known = _LETOR + _CSV + (() if packed else _PARQUET)
    if kind not in known:
        raise ConfigError(
            f"{path}: expected a name that ends in {', '.join(known)}{' before .gz' if packed else ''}; got {kind!r}. "
            "Rename the file, or call read_letor, read_parquet or read_csv."
        )
    return kind

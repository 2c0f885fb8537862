"""Training, validation and test data read alike: the same options, and the features of the first."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import DataError
from rankkit.loaders.files import column_names, options_of, read
from rankkit.loaders.formats import kind_of
from rankkit.loaders.letor.beside import beginning_of
from rankkit.loaders.sources import Readable, as_file, is_file_name, refuse_cache
from rankkit.loaders.tables.columns.assignment import BESIDE, RESERVED, left_out_line
from rankkit.remarks import say


def check_part(path: str | os.PathLike[str]) -> None:
    """Refuse a file of which it is known before it is read that it holds no ranking data.

    Raises:
        ConfigError: If its name says no format.
        DataError: If it is not there, or empty.
    """
    if not is_file_name(path):
        return
    path = Path(path)
    kind_of(path)
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path}: expected rows; got an empty file. Check what writes it, or leave it out.")


def read_parts(sources: Mapping[str, Readable | None], reading: Mapping[str, Any]) -> dict[str, RankingDataset]:
    """Read what there is of several parts.

    Args:
        sources: What :func:`rankkit.read` reads, or None, by the name of the part; the first has the features of all,
            and of LETOR text the index of the first feature, so that a comment above its rows holds for all.
        reading: Options of :func:`rankkit.read`; where tables and LETOR text stand beside each other, each takes its
            own.

    Raises:
        DataError: As :func:`rankkit.read`, and if a part has other features than the first, or no rows.
    """
    parts: dict[str, RankingDataset] = {}
    base: dict[str, bool] = {}
    named = [Path(str(source)) for source in sources.values() if source is not None and is_file_name(source)]
    kinds = {kind_of(path) for path in named}
    for name, source in sources.items():
        if source is None:
            continue
        first = next(iter(parts.values()), None)
        refuse_cache(source, reading.get("cache", False))
        with as_file(source) as file:
            taken = options_of(kind_of(file), kinds, reading)
            options = taken if first is None else _like(first, file, taken)
            if options.get("zero_based") is None and kind_of(file) == "letor":
                base = base or {"zero_based": beginning_of(file).is_zero_based}
                options |= base
            parts[name] = read(file, **options)
            if parts[name].n_docs == 0:
                raise DataError(f"{file}: expected rows; got none. Check what writes it, or leave it out.")
    return parts


def _like(first: RankingDataset, file: Path, reading: Mapping[str, Any]) -> dict[str, Any]:
    """Options that read the features of the first part; says which columns of a table are none of them."""
    options = dict(reading)
    is_chosen = options.get("features") is not None or options.get("drop") is not None
    is_table = kind_of(file) != "letor"
    there = column_names(file) if is_table else None
    if there is not None:
        absent = {role: options.pop(role) for role in BESIDE if options.get(role) not in (None, *there)}
        if absent:  # of a log, which judged documents beside it need not have
            listed = ", ".join(f"{name!r} ({role})" for role, name in absent.items())
            say(f"{file}: read without what the training data has besides: {listed}.")
    if first.schema is not None:
        for name in ("features", "drop", "columns", "n_features"):
            options.pop(name, None)
        # Columns that the first part drops or has no use for are told by the reader.
        return {**options, "schema": first.schema}
    if first.feature_names is not None and (is_chosen or is_table):  # chosen of LETOR text: called by numbers
        for name in ("drop", "n_features"):
            options.pop(name, None)
        if there is not None and not is_chosen:
            roles = () if first.roles is None else vars(first.roles).values()
            known = {*first.feature_names, *roles, *RESERVED}
            beside = [(name, "no feature of the training data") for name in there if name not in known]
            if beside:
                say(f"{file}: {left_out_line(beside)}")
        return {**options, "features": list(first.feature_names)}
    return {**options, "n_features": first.n_features}

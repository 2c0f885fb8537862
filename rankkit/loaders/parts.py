"""Training, validation and test data read alike: the same options, and the features of the first."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rankkit.errors import DataError
from rankkit.loaders.columns import RESERVED, left_out_line
from rankkit.loaders.dataset import RankingDataset
from rankkit.loaders.files import column_names, kind_of, read
from rankkit.loaders.sources import Readable, is_file_name
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
        sources: What :func:`rankkit.read` reads, or None, by the name of the part; the first has the features of all.
        reading: Options of :func:`rankkit.read`.

    Raises:
        DataError: As :func:`rankkit.read`, and if a part has other features than the first.
    """
    parts: dict[str, RankingDataset] = {}
    for name, source in sources.items():
        if source is not None:
            first = next(iter(parts.values()), None)
            parts[name] = read(source, **(reading if first is None else _like(first, source, reading)))
    return parts


def _like(first: RankingDataset, source: Readable, reading: Mapping[str, Any]) -> dict[str, Any]:
    """Options that read the features of the first part; says which columns of a table are none of them."""
    options = dict(reading)
    is_chosen = options.get("features") is not None or options.get("drop") is not None
    is_table = is_file_name(source) and kind_of(Path(source)) != "letor"  # type: ignore[arg-type]
    if first.feature_names is not None and (is_chosen or is_table):  # chosen of LETOR text: called by numbers
        for name in ("drop", "n_features"):
            options.pop(name, None)
        found = column_names(Path(source)) if is_table else None  # type: ignore[arg-type]
        if found is not None and not is_chosen:
            roles = () if first.roles is None else vars(first.roles).values()
            known = {*first.feature_names, *roles, *RESERVED}
            beside = [(name, "no feature of the training data") for name in found if name not in known]
            if beside:
                say(f"{source!s}: {left_out_line(beside)}")
        return {**options, "features": list(first.feature_names)}
    return {**options, "n_features": first.n_features}

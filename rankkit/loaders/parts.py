"""Training, validation and test data read alike: the same options, and the features of the first."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rankkit.errors import DataError
from rankkit.loaders.dataset import RankingDataset
from rankkit.loaders.files import kind_of, read
from rankkit.loaders.letor_beside import beginning_of
from rankkit.loaders.sources import Readable, as_file, is_file_name, refuse_cache


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
        reading: Options of :func:`rankkit.read`.

    Raises:
        DataError: As :func:`rankkit.read`, and if a part has other features than the first, or no rows.
    """
    parts: dict[str, RankingDataset] = {}
    base: dict[str, bool] = {}
    for name, source in sources.items():
        if source is None:
            continue
        first = next(iter(parts.values()), None)
        options = {**reading} if first is None else _like(first, reading)
        refuse_cache(source, options.get("cache", False))
        with as_file(source) as file:
            if options.get("zero_based") is None and kind_of(file) == "letor":
                base = base or {"zero_based": beginning_of(file).is_zero_based}
                options |= base
            parts[name] = read(file, **options)
            if parts[name].n_docs == 0:
                raise DataError(f"{file}: expected rows; got none. Check what writes it, or leave it out.")
    return parts


def _like(first: RankingDataset, reading: Mapping[str, Any]) -> dict[str, Any]:
    """Options that read the features of the first part."""
    options = dict(reading)
    is_chosen = options.get("features") is not None or options.get("drop") is not None
    if is_chosen and first.feature_names is not None:  # also of LETOR text, whose features are then called by numbers
        for name in ("drop", "n_features"):
            options.pop(name, None)
        return {**options, "features": list(first.feature_names)}
    return {**options, "n_features": first.n_features}

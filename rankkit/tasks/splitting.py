"""What splits of all tasks share: names, paths, and whether a folder is of the same data."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from rankkit.errors import ConfigError, DataError
from rankkit.files.records import read_json

ONLY = "split"
"""Name of the split where there is one."""


Part = TypeVar("Part")


@dataclass(frozen=True)
class Split(Generic[Part]):
    """The data of a run: everything is fitted on train, chosen on valid, reported on test."""

    name: str
    train: Part
    valid: Part
    test: Part

    @property
    def fingerprints(self) -> dict[str, Any]:
        """Of each part: equal for equal data."""
        return {name: getattr(self, name).fingerprint for name in ("train", "valid", "test")}


def expand(path: str) -> str:
    """A path with its environment variables filled in.

    Raises:
        ConfigError: If one is not set.
    """
    expanded = os.path.expandvars(path)
    if "$" in expanded:
        raise ConfigError(f"data: expected the environment variables of {path!r} to be set; got none. Set them.")
    return expanded


def check_same_data(folder: Path, fingerprints: dict[str, str]) -> bool:
    """Whether a split was written there before.

    Raises:
        DataError: If it was one of other data.
    """
    if not (folder / "about.json").exists():
        return False
    if read_json(folder / "about.json")["fingerprints"] != fingerprints:
        raise DataError(
            f"{folder}: expected the data that this comparison began with; got other data. "
            "Choose another folder for it, or bring the files back."
        )
    return True

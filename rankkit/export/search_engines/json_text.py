"""Numbers and JSON for search engines: shortest float32 digits, always with a decimal point."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rankkit.errors import ExportError

LARGEST_FILE = 256 * 2**20


def float32_text(value: float | np.floating) -> str:
    """The shortest digits that read back as the same float32, with a decimal point.

    A number without a point is an integer to Java's JSON readers, and Solr casts weights to ``Double``.

    >>> float32_text(1), float32_text(0.1), float32_text(1e-9)
    ('1.0', '0.1', '1.0e-09')
    """
    number = np.float32(value)
    if not np.isfinite(number):
        raise ExportError(f"export: expected finite weights; got {number}. Train the ranker again.")
    if number == 0 or 1e-4 <= abs(number) < 1e7:
        text = np.format_float_positional(number, unique=True, trim="0")
    else:
        text = np.format_float_scientific(number, unique=True, trim="0")
    # Readers go from text to double to float; rounding twice could miss the number by one digit.
    return text if np.float32(float(text)) == number else repr(float(number))


def to_json(value: Any) -> str:
    """JSON of mappings, lists, text, whole numbers, float32 numbers and arrays; a line each for an entry or a row.

    >>> print(to_json({"bias": np.array([1, 0.5], np.float32), "names": ["a"]}))
    {"bias": [1.0, 0.5],
    "names": ["a"]}
    """
    if isinstance(value, Mapping):
        return "{" + ",\n".join([f"{json.dumps(str(key))}: {to_json(entry)}" for key, entry in value.items()]) + "}"
    if isinstance(value, np.ndarray):
        if value.ndim == 1:
            return "[" + ", ".join([float32_text(number) for number in value]) + "]"
        return "[" + ",\n".join([to_json(row) for row in value]) + "]"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join([to_json(entry) for entry in value]) + "]"
    if isinstance(value, float | np.floating):
        return float32_text(value)
    return json.dumps(value, ensure_ascii=False)


def write_json(value: Any, path: Path) -> None:
    """Write a value as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_json(value) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read JSON of at most 256 MiB.

    Raises:
        ExportError: If it is missing, too large or damaged.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ExportError(
            f"{path}: expected JSON; got damaged text ({error}). Write the file again with what made it."
        ) from error


def read_text(path: Path) -> str:
    """Read text of at most 256 MiB.

    Raises:
        ExportError: If it is missing, too large, or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ExportError(f"{path}: expected a file; got {error.strerror}. Check the path.") from error
    if len(content) > LARGEST_FILE:
        raise ExportError(f"{path}: expected at most {LARGEST_FILE:,} bytes; got more. Train a smaller model.")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ExportError(f"{path}: expected text; got bytes that are not UTF-8. Check the path.") from error

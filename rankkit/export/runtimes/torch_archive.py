"""check_archive(): whether a .pt2 file is one that rankkit wrote in kind, before torch is let near it.

``torch.export.load`` unpickles, evaluates expressions and looks functions up by name where the file says so, so a file
from elsewhere could run any code. What rankkit writes needs none of that; a file that asks for it is refused.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from rankkit.errors import ExportError

LARGEST_JSON = 64 * 2**20
_NAMES = re.compile(
    r"[^/]+/(models/model\.json|data/weights/(weight_\d+|model_weights_config\.json)"
    r"|data/constants/(tensor_\d+|model_constants_config\.json)|data/sample_inputs/model\.pt"
    r"|archive_format|archive_version|byteorder|\.data/version|\.data/serialization_id)"
)
# Not every operator of aten is arithmetic: these open the file that an argument names.
_FUNCTIONS = re.compile(r"torch\.ops\.aten\.(?!(?:save|load|from_file)\b)\w+(\.\w+)?|_operator\.\w+")
_SYMBOL = re.compile(r"Symbol\('\w+'(, \w+=(True|False))*\)")
_EXPRESSION = re.compile(r"(?:(?:Add|Mul|Pow|Min|Max|Mod|FloorDiv|Integer)\(|[\d\s,()-])*")


def check_archive(path: Path) -> None:
    """Refuse a .pt2 file that holds anything besides tensors and a graph of aten operators.

    Raises:
        ExportError: If it does, or is not a .pt2 file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_entries(archive)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, zipfile.BadZipFile) as error:
        raise ExportError(
            f"{path}: expected a torch program of tensors and aten operators; got {error}. Export the ranker again."
        ) from error


def _check_entries(archive: zipfile.ZipFile) -> None:
    for entry in archive.infolist():
        if not _NAMES.fullmatch(entry.filename) or entry.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"an entry {entry.filename!r}")
        if entry.filename.endswith(".json"):
            if entry.file_size > LARGEST_JSON:
                raise ValueError(f"{entry.filename} of {entry.file_size:,} bytes")
            content = json.loads(archive.read(entry))
            if entry.filename.endswith("_config.json"):
                _check_payloads(content)
            else:
                _check_graph(content)
        elif entry.filename.endswith(".pt"):
            _check_inputs(archive.read(entry))


def _check_payloads(content: Any) -> None:
    for name, payload in content["config"].items():
        if payload["use_pickle"] is not False or not re.fullmatch(r"(weight|tensor)_\d+", payload["path_name"]):
            raise ValueError(f"a pickled value {name!r}")


def _check_graph(content: Any) -> None:
    for key, text in _strings(content):
        if key == "target" and not _FUNCTIONS.fullmatch(text):
            raise ValueError(f"a call of {text!r}")
        if "expr" in key and not _EXPRESSION.fullmatch(_SYMBOL.sub("1", text)):
            raise ValueError(f"an expression {text!r}")


def _check_inputs(content: bytes) -> None:
    # torch falls back to unpickling everything where this fails.
    try:
        torch.load(io.BytesIO(content), weights_only=True)
    except Exception as error:
        raise ValueError(f"example inputs that are not tensors ({type(error).__name__})") from error


def _strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a JSON value with the key that it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _strings(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, key)

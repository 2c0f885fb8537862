"""What a command left: whether it is what it should be, told apart from what differs from run to run."""

import hashlib
import json
import re
from pathlib import Path

# Times, and what holds them; of a comparison also the logs and how often it was called.
_VARIES = re.compile(
    r"(^|/)(cost\.(json|md|tex|parquet|csv)|env\.json|commands\.json|report\.html|logs/.*|cache\.json|tensorboard/.*)$"
)
# What grows while a command is at work: whole at every time, but not as in the end.
_GROWS = re.compile(r"(^|/)(metrics\.jsonl|checkpoint\.pt|runs\.json|plan\.json|about\.json)$")
_TIMES = ("seconds", "docs_per_second", "examples_per_second")


def snapshot(folder: Path) -> dict[str, str]:
    """A digest of each visible file below a folder, by name."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: _digest(path) for name, path in names.items() if not _is_hidden(name)}


def same(folder: Path, expected: dict[str, str]) -> list[str]:
    """How the files of a folder differ from those of a run that nothing happened to."""
    found = snapshot(folder)
    told = [
        name for name in {**expected, **found} if not _VARIES.search(name) and found.get(name) != expected.get(name)
    ]
    return [f"differs: {name}" for name in told]


def faults_of_visible(folder: Path, expected: dict[str, str]) -> list[str]:
    """Files under their own names that are not whole: neither as in the end, nor such as grow."""
    faults = []
    for name, digest in snapshot(folder).items():
        if _GROWS.search(name):
            if not _is_whole(folder / name):
                faults.append(f"half-written: {name}")
        elif not _VARIES.search(name) and expected.get(name) not in (None, digest):
            faults.append(f"half-written: {name}")
    return faults


def leftovers(folder: Path) -> list[str]:
    """Hidden files and folders."""
    names = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")))
    return [name for name in names if _is_hidden(name)]


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _is_whole(path: Path) -> bool:
    try:
        if path.name != "metrics.jsonl":
            _digest(path)
        else:
            [json.loads(line) for line in path.read_text().splitlines()]
    except Exception:
        return False
    return True


def _digest(path: Path) -> str:
    """Of the content without times."""
    if path.name == "checkpoint.pt":
        content = _of_checkpoint(path)
    elif path.name == "metrics.jsonl":
        content = [_without_times(json.loads(line)) for line in path.read_text().splitlines()]
    else:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return hashlib.sha256(repr(content).encode()).hexdigest()


def _of_checkpoint(path: Path) -> object:
    import torch

    saved = torch.load(path, weights_only=True)
    weights = {name: value.tolist() for name, value in saved["weights"].items()}
    return weights, saved["run"]["step"], [_without_times(record) for record in saved["records"]]


def _without_times(record: dict) -> dict:
    return {name: value for name, value in record.items() if name not in _TIMES}

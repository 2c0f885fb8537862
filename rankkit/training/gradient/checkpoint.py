"""The checkpoint of a run: written whole or not at all, read without running any code."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rankkit.errors import ConfigError, TrainingError
from rankkit.files.atomic import replacing
from rankkit.files.disk import keeping, writing
from rankkit.files.occupied import alone_at_work_in
from rankkit.randomness import Randomness
from rankkit.training.gradient.average import Average
from rankkit.training.history import EpochRecord, append_metrics, write_metrics
from rankkit.training.rows import Stepping
from rankkit.training.run import Run

_FORMAT = 2
COMMAND = "rankkit train"


class RunFolder:
    """``checkpoint.pt`` and ``metrics.jsonl`` of one run.

    Args:
        folder: Made if it is missing.
        identity: What decides the result, as JSON values; a checkpoint with another identity is refused.
        every: Seconds between checkpoints inside an epoch.
        command: Of the command line, that goes on with such a run.
    """

    def __init__(self, folder: Path, identity: dict[str, Any], every: float, command: str = COMMAND) -> None:
        self.folder = folder
        self.identity: dict[str, Any] = json.loads(json.dumps(identity, default=_plain))
        self.every, self.command = every, command
        self.checkpoint = folder / "checkpoint.pt"
        self.metrics = folder / "metrics.jsonl"
        self._saved_at = time.monotonic()
        self._saved_step: int | None = None
        self._read_state: tuple[int, int] | None = None

    def read(self, *, resume: bool) -> dict[str, Any] | None:
        """The checkpoint, or None where a run starts from the beginning.

        Raises:
            ConfigError: If there is a checkpoint but the run is not to be resumed.
            TrainingError: If the checkpoint is damaged or belongs to another run.
        """
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        self._read_state = self._state()
        if not self.checkpoint.exists():
            return None
        if not resume:
            raise ConfigError(
                f"{self.folder}: expected a folder without a run; got one with a checkpoint. "
                "Go on with resume=True, or choose another folder."
            )
        try:
            saved: dict[str, Any] = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
            version, identity = saved["format"], saved["identity"]
        except Exception as error:
            raise TrainingError(
                f"{self.checkpoint}: expected a checkpoint of rankkit; got {error}. Delete it to start anew."
            ) from error
        if version != _FORMAT:
            raise TrainingError(
                f"{self.checkpoint}: expected a checkpoint of format {_FORMAT}; got {version}. Delete it to start anew."
            )
        differences = _differences(identity, self.identity)
        if differences:
            raise TrainingError(
                f"{self.checkpoint}: expected the checkpoint of this run; got one that differs in "
                f"{'; '.join(differences)}. Resume with what it was started with, or choose another folder."
            )
        self._saved_step = saved["run"]["step"]
        return saved

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other runs out of the folder.

        Raises:
            ConfigError: If there is one, or there was since :meth:`read`.
        """
        action = "Wait for it, or choose another folder."
        with alone_at_work_in(self.folder, action):
            if self._state() != self._read_state:
                raise ConfigError(
                    f"{self.folder}: expected a folder that no other run has written to meanwhile; one has. "
                    "Go on with resume=True, or choose another folder."
                )
            yield

    def _state(self) -> tuple[int, int] | None:
        try:
            found = self.checkpoint.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Say in an error of the disk which checkpoint is safe, and how to go on from it."""

        def kept() -> str:
            if self._saved_step is None:
                return "Nothing was saved yet."
            return f"The checkpoint after {self._saved_step} steps is safe."

        out = self.folder
        with keeping(kept, f"Make room, then go on with resume=True ({self.command} --out {out} --resume)."):
            yield

    def start(self, records: Sequence[EpochRecord]) -> None:
        """Bring metrics.jsonl to where the run stands: lines after the checkpoint go, a missing one comes back."""
        write_metrics(self.metrics, records)

    def due(self) -> bool:
        """Whether the last checkpoint is old enough for the next."""
        return time.monotonic() - self._saved_at >= self.every

    def save(
        self, run: Run, trained: nn.Module, optimizer: Stepping, random: Randomness, average: Average | None
    ) -> None:
        """Put a checkpoint in place of the last one."""
        state = {name: value for name, value in vars(run).items() if name not in ("records", "best_weights")}
        learnt = {
            "best_weights": run.best_weights,
            "weights": trained.state_dict(),
            "optimizer": optimizer.state_dict(),
            "random": random.states(),
            **({} if average is None else {"average": average.state()}),
        }
        self.write(state, run.records, learnt)

    def write(self, state: dict[str, Any], records: Sequence[EpochRecord], learnt: dict[str, Any]) -> None:
        """Put a checkpoint in place of the last one.

        Args:
            state: How far the run has come: plain values, ``step`` and ``epoch`` among them.
            records: Of its epochs.
            learnt: What else going on needs: tensors and plain values, by names of its own.
        """
        content = {
            "format": _FORMAT,
            "identity": self.identity,
            "run": state,
            "records": [asdict(record) for record in records],
            **learnt,
        }
        with replacing(self.checkpoint) as temporary, temporary.open("wb") as file:
            torch.save(content, file)
        self._saved_at, self._saved_step = time.monotonic(), state["step"]

    def append(self, record: EpochRecord) -> None:
        """Add the line of a finished epoch to metrics.jsonl."""
        append_metrics(self.metrics, record)


def restore(
    saved: dict[str, Any], trained: nn.Module, optimizer: Stepping, random: Randomness, average: Average | None
) -> Run:
    """Put a checkpoint's state into what is trained, what trains it and the generators of the run; give the run."""
    trained.load_state_dict(saved["weights"])
    optimizer.load_state_dict(saved["optimizer"])
    random.restore(saved["random"])
    if average is not None:
        average.restore(saved["average"])
    records = [EpochRecord(**record) for record in saved["records"]]
    return Run(**saved["run"], records=records, best_weights=saved["best_weights"])


def _plain(number: Any) -> Any:
    """A number of numpy as one of Python."""
    return number.item()


def _differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What differs; of two kinds, such as a scorer of trees and a network, the options of each say nothing more."""
    differing = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    return [
        f"{name} (checkpoint {then.get(name)!r}, now {now.get(name)!r})"
        for name in differing
        if name.partition(".")[0] == name or name.partition(".")[0] not in differing
    ]

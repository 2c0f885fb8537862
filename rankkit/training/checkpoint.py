"""The checkpoint of a run: written whole or not at all, read without running any code."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from rankkit.atomic import replacing
from rankkit.errors import ConfigError, TrainingError
from rankkit.training.history import EpochRecord, append_metrics, write_metrics
from rankkit.training.run import Run

_FORMAT = 2


class RunFolder:
    """``checkpoint.pt`` and ``metrics.jsonl`` of one run.

    Args:
        folder: Made if it is missing.
        identity: What decides the result, as JSON values; a checkpoint with another identity is refused.
        every: Seconds between checkpoints inside an epoch.
    """

    def __init__(self, folder: Path, identity: dict[str, Any], every: float) -> None:
        self.folder = folder
        self.identity: dict[str, Any] = json.loads(json.dumps(identity))
        self.every = every
        self.checkpoint = folder / "checkpoint.pt"
        self.metrics = folder / "metrics.jsonl"
        self._saved_at = time.monotonic()

    def read(self, *, resume: bool) -> dict[str, Any] | None:
        """The checkpoint, or None where a run starts from the beginning.

        Raises:
            ConfigError: If there is a checkpoint but the run is not to be resumed.
            TrainingError: If the checkpoint is damaged or belongs to another run.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
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
        return saved

    def start(self, run: Run) -> None:
        """Bring metrics.jsonl to where the run stands: lines after the checkpoint go, a missing one comes back."""
        write_metrics(self.metrics, run.records)

    def due(self) -> bool:
        """Whether the last checkpoint is old enough for the next."""
        return time.monotonic() - self._saved_at >= self.every

    def save(self, run: Run, trained: nn.Module, optimizer: Optimizer) -> None:
        """Put a checkpoint in place of the last one."""
        state = {name: value for name, value in vars(run).items() if name not in ("records", "best_weights")}
        content = {
            "format": _FORMAT,
            "identity": self.identity,
            "run": state,
            "records": [asdict(record) for record in run.records],
            "best_weights": run.best_weights,
            "weights": trained.state_dict(),
            "optimizer": optimizer.state_dict(),
            "random": _random_states(_device_of(trained)),
        }
        with replacing(self.checkpoint) as temporary, temporary.open("wb") as file:
            torch.save(content, file)
        self._saved_at = time.monotonic()

    def append(self, record: EpochRecord) -> None:
        """Add the line of a finished epoch to metrics.jsonl."""
        append_metrics(self.metrics, record)


def restore(saved: dict[str, Any], trained: nn.Module, optimizer: Optimizer) -> Run:
    """Put a checkpoint's state into what is trained, the optimizer and torch's generators; give the run."""
    trained.load_state_dict(saved["weights"])
    optimizer.load_state_dict(saved["optimizer"])
    torch.set_rng_state(saved["random"]["cpu"])
    device = _device_of(trained)
    if device.type == "cuda" and saved["random"]["cuda"] is not None:
        torch.cuda.set_rng_state(saved["random"]["cuda"], device)
    records = [EpochRecord(**record) for record in saved["records"]]
    return Run(**saved["run"], records=records, best_weights=saved["best_weights"])


def _device_of(trained: nn.Module) -> torch.device:
    return next(trained.parameters()).device


def _random_states(device: torch.device) -> dict[str, Tensor | None]:
    cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def _differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return [
        f"{name} (checkpoint {then.get(name)!r}, now {now.get(name)!r})"
        for name in {**then, **now}
        if then.get(name) != now.get(name)
    ]

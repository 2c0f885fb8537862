"""The folder of a training run: who may use it, what it holds, how an interrupted run is told of."""

import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import typer

from rankkit.errors import ConfigError
from rankkit.files.disk import keeping
from rankkit.files.places import check_place

EXPERIMENT_FILE = "experiment.toml"
BUSY = "Wait for it, or choose another --out."
# What a folder holds once there is something to lose.
_TRACES = ("checkpoint.pt", "metrics.jsonl", "model.json")


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn Ctrl-C during training into its message and exit status 130."""
    from rankkit.training import TrainingInterrupted

    try:
        yield
    except TrainingInterrupted as stop:
        typer.echo(f"rankkit: {stop}", err=True)
        raise typer.Exit(130) from None


def refuse_run(out: Path) -> None:
    """Refuse a folder that holds a run, or that cannot be written to.

    Raises:
        ConfigError: If it holds one.
        DiskError: If it cannot be written to.
    """
    check_place(out, "folder")
    if any((out / name).exists() and (out / name).stat().st_size for name in _TRACES):
        raise ConfigError(
            f"{out}: expected a folder without a run; it holds one. "
            "Choose another --out, go on with --resume, or delete it."
        )


def trained(out: Path, command: str = "rankkit train") -> AbstractContextManager[None]:
    """Tell in an error of the disk that the training itself is safe, and how to go on."""
    kept = "The training is finished, and its weights are in checkpoint.pt."
    return keeping(kept, f"Make room, then run {command} --out {shlex.quote(str(out))} --resume.")


def is_begun(out: Path) -> bool:
    """Whether a folder holds a checkpoint, and the experiment file that tells of it."""
    return (out / EXPERIMENT_FILE).exists() and (out / _TRACES[0]).exists()

"""A run mirrored to trackers while it goes on."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rankkit.training.tracking import Tracker, Tracking


def open_trackers(names: Sequence[str], out: Path) -> "list[Tracker]":
    """A tracker of each name; MLflow's experiment is named after the folder around the run.

    Raises:
        ConfigError: If one is unknown or not installed, which is known before any data is read.
    """
    from rankkit.training.tracking import open_tracker

    return [open_tracker(name, out.resolve().parent.name) for name in names]


@contextmanager
def tracked(
    trackers: "Sequence[Tracker]", out: Path, config: dict[str, Any], *, resume: bool
) -> "Iterator[list[Tracking]]":
    """What mirrors the run in a folder to each tracker; finished at the end.

    Args:
        trackers: From :func:`open_trackers`.
        out: The run.
        config: Its resolved experiment.
        resume: Go on with the run that the tracker has.
    """
    from rankkit.training.tracking import Tracking

    with ExitStack() as mirrors:
        yield [mirrors.enter_context(Tracking(tracker, out, config, resume=resume)) for tracker in trackers]

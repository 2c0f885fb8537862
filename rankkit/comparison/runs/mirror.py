"""The runs of a comparison, mirrored to trackers as they finish."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rankkit.comparison.plan import RunSpec
from rankkit.comparison.results.outcomes import OUTCOME
from rankkit.errors import TrainingError
from rankkit.files.records import read_json
from rankkit.training.tracking import Tracker, open_tracker


class Mirror:
    """Watches a pool and mirrors each run that is finished.

    A tracker that fails does not stop the comparison: the runs are kept, and :meth:`check` tells of it at the end.

    Args:
        names: Of the trackers.
        out: Folder of the comparison, whose name becomes that of the experiment.
        before: Runs that were finished before; those that a tracker lacks are mirrored now.

    Raises:
        ConfigError: If a tracker is unknown, not installed, or cannot be reached.
    """

    def __init__(self, names: Sequence[str], out: Path, before: Iterable[RunSpec]) -> None:
        self._out = out
        self._trackers: dict[str, Tracker] = {name: open_tracker(name, out.resolve().name) for name in names}
        self._errors: dict[str, str] = {}
        self._resume = False
        for spec in before:
            self._resume = True
            self.finished(spec)

    def started(self, spec: RunSpec, attempt: int) -> None:
        """Nothing to mirror yet."""

    def progressed(self, spec: RunSpec, progress: dict[str, Any]) -> None:
        """Runs are mirrored whole."""

    def finished(self, spec: RunSpec) -> None:
        """Mirror what the run left in its folder, unless that was done before."""
        folder = self._out / "runs" / spec.id
        for name, tracker in self._trackers.items():
            if name in self._errors:
                continue
            try:
                if not (self._resume and tracker.holds(folder)):
                    _mirror(tracker, folder, spec, resume=self._resume)
            except Exception as error:  # each library has its own
                self._errors[name] = f"{type(error).__name__}: {error}"

    def failed(self, spec: RunSpec, error: str) -> None:
        """A run that failed has nothing to mirror."""

    def tick(self) -> None:
        """Nothing to draw."""

    def check(self) -> None:
        """Raise TrainingError if a tracker did not take every run."""
        for name, error in self._errors.items():
            raise TrainingError(
                f"--track {name}: expected it to take every run; got {error}. "
                f"The comparison itself is finished; mirror the other runs with --resume --track {name}."
            )


def _mirror(tracker: Tracker, folder: Path, spec: RunSpec, *, resume: bool) -> None:
    described = {"system": spec.system.name, "split": spec.split, "seed": spec.seed, "trial": spec.trial}
    tracker.start(folder, {**described, **read_json(folder / "config.json")}, resume=resume)
    curve = folder / "metrics.jsonl"
    if curve.is_file():
        for line in curve.read_text(encoding="utf-8").splitlines():
            tracker.log(json.loads(line))
    test = {f"test/{name}": value for name, value in read_json(folder / OUTCOME)["test"].items()}
    cost = {f"cost/{name}": value for name, value in read_json(folder / "cost.json").items() if name != "n_parameters"}
    tracker.finish({**test, **cost})

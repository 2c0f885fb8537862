"""Trackers: runs mirrored to MLflow or TensorBoard, beside what every run leaves in its own folder."""

import importlib.util
import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from rankkit.errors import ConfigError, DiskError, did_you_mean
from rankkit.files.disk import writing
from rankkit.remarks import say
from rankkit.training.callbacks import StepRecord
from rankkit.training.history import EpochRecord

_FOLDER_TAG = "rankkit.folder"
_FINISHED = "finished"
_MLFLOW_LONGEST_VALUE = 500  # characters of a parameter that every MLflow server takes


class Tracker(Protocol):
    """Where runs are mirrored to, one after the other: :meth:`start`, :meth:`log` for each epoch, :meth:`finish`."""

    def holds(self, folder: Path) -> bool:
        """Whether the run of that folder is mirrored whole."""
        ...

    def start(self, folder: Path, config: Mapping[str, Any], *, resume: bool) -> None:
        """Begin the mirror of a run.

        Args:
            folder: Of the run: what it is known by, and its name.
            config: Scorer, objective, training options: nested plain values.
            resume: Go on with the mirror of a run of that folder, if there is one.
        """
        ...

    def log(self, record: Mapping[str, Any]) -> None:
        """One line of metrics.jsonl: numbers by name, ``step`` among them; what is None is left out."""
        ...

    def finish(self, results: Mapping[str, float | None]) -> None:
        """End the run with what was measured at its end, such as ``{"test/ndcg@10": 0.41}``."""
        ...


class MLflow:
    """Mirrors runs to the MLflow server or database that ``MLFLOW_TRACKING_URI`` names, or to MLflow's own default.

    MLflow allows no ``@`` in the name of a metric: ``ndcg@10`` stands there as ``ndcg_at_10``.

    Args:
        experiment: Its name there, unless ``MLFLOW_EXPERIMENT_NAME`` is set; made if there is none.
    """

    def __init__(self, experiment: str) -> None:
        from mlflow import MlflowClient

        experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME", experiment)
        self._client = MlflowClient()
        known = self._client.get_experiment_by_name(experiment)
        self._experiment = known.experiment_id if known else self._client.create_experiment(experiment)
        self._run = ""

    def holds(self, folder: Path) -> bool:
        """Whether the run of that folder is there and finished."""
        run = self._find(folder)
        return run is not None and run.info.status == "FINISHED"

    def start(self, folder: Path, config: Mapping[str, Any], *, resume: bool) -> None:
        """Make the run and log its options as parameters, or take it up again."""
        from mlflow.entities import Param

        run = self._find(folder) if resume else None
        if run is None:
            path = folder.resolve()
            run = self._client.create_run(self._experiment, run_name=path.name, tags={_FOLDER_TAG: str(path)})
            texts = [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in _flat(config)]
            parameters = [Param(key, text[:_MLFLOW_LONGEST_VALUE]) for key, text in texts]
            self._client.log_batch(run.info.run_id, params=parameters)
        else:
            self._client.update_run(run.info.run_id, status="RUNNING")
        self._run = run.info.run_id

    def log(self, record: Mapping[str, Any]) -> None:
        """The numbers of an epoch, at its step."""
        self._log(record, int(record["step"]))

    def finish(self, results: Mapping[str, float | None]) -> None:
        """The results, and that the run is finished."""
        self._log(results, 0)
        self._client.set_terminated(self._run)

    def _log(self, values: Mapping[str, Any], step: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(name.replace("@", "_at_"), value, now, step) for name, value in _numbers(values)]
        self._client.log_batch(self._run, metrics=metrics)

    def _find(self, folder: Path) -> Any:
        path = str(folder.resolve()).replace("'", "\\'")
        runs = self._client.search_runs([self._experiment], f"tags.`{_FOLDER_TAG}` = '{path}'", max_results=1)
        return runs[0] if runs else None


class TensorBoard:
    """Mirrors runs to event files in ``tensorboard`` of their folders; ``tensorboard --logdir FOLDER`` shows them.

    Events are written as they come up and not by a thread, as torch's ``SummaryWriter`` does: an error of the disk
    is then one of the caller, not a traceback from elsewhere.
    """

    def __init__(self) -> None:
        self._events: _Events | None = None
        self._place = Path()
        self._step = 0

    def holds(self, folder: Path) -> bool:
        """Whether the run of that folder was mirrored to its end."""
        return (folder / "tensorboard" / _FINISHED).is_file()

    def start(self, folder: Path, config: Mapping[str, Any], *, resume: bool) -> None:
        """Open an event file, beside that of the part before the interruption, and write the options as text."""
        from torch.utils.tensorboard.summary import text

        self._place, self._step = folder / "tensorboard", 0
        if not resume:
            shutil.rmtree(self._place, ignore_errors=True)
        self._events = _Events(self._place)
        rows = "\n".join(f"| {key} | {json.dumps(value)} |" for key, value in _flat(config))
        self._events.write(0, [text("config", f"| option | value |\n| --- | --- |\n{rows}")])

    def log(self, record: Mapping[str, Any]) -> None:
        """The numbers of an epoch, at its step."""
        self._step = int(record["step"])
        self._write(record)

    def finish(self, results: Mapping[str, float | None]) -> None:
        """The results, at the last step, and that the run is finished."""
        self._write(results)
        (self._place / _FINISHED).touch()

    def _write(self, values: Mapping[str, Any]) -> None:
        from torch.utils.tensorboard.summary import scalar

        if self._events is None:
            raise RuntimeError("TensorBoard: expected start() before log() and finish(); got none. Call it.")
        self._events.write(self._step, [scalar(name, value) for name, value in _numbers(values)])


class _Events:
    """A new event file of TensorBoard in a folder. It is open only while it is written to."""

    def __init__(self, folder: Path) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        folder.mkdir(parents=True, exist_ok=True)
        # The time comes first, by which TensorBoard orders the files of a run that was interrupted.
        self._path = folder / f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}.{os.getpid()}"
        self._append([Event(wall_time=time.time(), file_version="brain.Event:2")])

    def write(self, step: int, summaries: Iterable[Any]) -> None:
        """Add summaries of a step."""
        from tensorboard.compat.proto.event_pb2 import Event

        self._append(Event(wall_time=time.time(), step=step, summary=summary) for summary in summaries)

    def _append(self, events: Iterable[Any]) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        with self._path.open("ab") as file:
            records = RecordWriter(file)
            for event in events:
                records.write(event.SerializeToString())


TRACKERS: dict[str, Callable[[str], Tracker]] = {"mlflow": MLflow, "tensorboard": lambda experiment: TensorBoard()}


def open_tracker(name: str, experiment: str) -> Tracker:
    """The tracker of that name.

    Args:
        name: ``mlflow`` or ``tensorboard``.
        experiment: What the runs belong to, where the tracker has a name for that.

    Raises:
        ConfigError: If there is none of that name, its library is not installed, or it cannot be reached.
    """
    check_tracker(name)
    try:
        return TRACKERS[name](experiment)
    except Exception as error:  # each library has its own
        raise ConfigError(
            f"--track {name}: expected to reach it; got {type(error).__name__}: {error}. Mend that, or leave it out."
        ) from error


def check_tracker(name: str) -> None:
    """Raise ConfigError if there is no tracker of that name, or its library is not installed."""
    if name not in TRACKERS:
        raise ConfigError(f"--track: expected the name of a tracker; got {name!r}. {did_you_mean(name, TRACKERS)}")
    if importlib.util.find_spec(name) is None:
        raise ConfigError(
            f"--track {name}: expected {name} to be installed; it is not. Run pip install 'rankkit-torch[track]'."
        )


class Tracking:
    """A callback of :func:`rankkit.fit` that mirrors the run; a context that ends it.

    A mirror that cannot be begun ends the command, of which nothing is lost yet. One that fails later costs no
    training: it is said once, and the run goes on without it.

    Args:
        tracker: Where to.
        folder: Of the run.
        config: Of the run.
        resume: Whether the run goes on with what the folder holds.
    """

    def __init__(self, tracker: Tracker, folder: Path, config: Mapping[str, Any], *, resume: bool) -> None:
        self._tracker, self._folder, self._config, self._resume = tracker, folder, config, resume
        self._is_lost = False
        self.results: dict[str, float | None] = {}
        """What was measured at the end, by name: to be filled in before the context ends."""

    def __enter__(self) -> "Tracking":
        with writing(self._where):
            self._tracker.start(self._folder, self._config, resume=self._resume)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._go_on_without(lambda: self._tracker.finish(self.results))

    def on_step(self, record: StepRecord) -> None:
        """Steps are too many to mirror."""

    def on_epoch_end(self, record: EpochRecord) -> None:
        """Mirror the epoch."""
        self._go_on_without(lambda: self._tracker.log(record.to_dict()))

    @property
    def _where(self) -> str:
        return f"{self._folder} (mirror of the run in {type(self._tracker).__name__})"

    def _go_on_without(self, mirror: Callable[[], None]) -> None:
        """Mirror something, unless that failed before; say it where it fails now."""
        if self._is_lost:
            return
        try:
            with writing(self._where):
                mirror()
        except Exception as error:  # each library has its own
            self._is_lost = True
            fault = f"{self._where}: expected to write it; got {_short(error)}."
            what = error.fault if isinstance(error, DiskError) else fault
            say(f"{what} The run goes on without its mirror; metrics.jsonl has its epochs.")


def _short(error: Exception) -> str:
    """The kind of an error of a library and the first line of what it says."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}".removesuffix(": ").rstrip(".")


def _flat(config: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        name = f"{path}.{key}" if path else key
        if isinstance(value, Mapping):
            yield from _flat(value, name)
        else:
            yield name, value


def _numbers(values: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, int | float) and name != "step":
            yield name, float(value)

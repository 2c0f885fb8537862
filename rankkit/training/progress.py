"""The progress bar of a run, on stderr, only where a person watches."""

import sys
from types import TracebackType

from rankkit.training.callbacks import StepRecord
from rankkit.training.history import EpochRecord


class ProgressBar:
    """One bar over all epochs: loss, validation metric, documents a second, time left.

    Args:
        n_epochs: Epochs of the run.
        n_docs: Training documents of an epoch.
        done: Documents that were trained on before (of a resumed run).
        shown: False to stay silent; it also does where stderr is no terminal.
    """

    def __init__(self, n_epochs: int, n_docs: int, done: int, *, shown: bool) -> None:
        self._n_epochs, self._n_docs = n_epochs, n_docs
        self._quality = ""
        if not (shown and sys.stderr.isatty()):
            self._bar = None
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("loss {task.fields[loss]}{task.fields[quality]}  {task.fields[speed]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(
            "", total=n_epochs * n_docs, completed=done, epoch=f"1/{n_epochs}", loss="-", quality="", speed=""
        )

    def __enter__(self) -> "ProgressBar":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def on_step(self, record: StepRecord) -> None:
        """Move the bar on."""
        if self._bar is None:
            return
        self._bar.update(
            self._task,
            advance=record.n_docs,
            epoch=f"{record.epoch}/{self._n_epochs}",
            loss="-" if record.loss is None else f"{record.loss:.4f}",
            quality=self._quality,
            speed=f"{record.docs_per_second:,.0f} docs/s",
        )

    def on_epoch_end(self, record: EpochRecord) -> None:
        """Show the validation metric from now on."""
        if record.valid is not None:
            self._quality = f"  {record.metric} {record.valid:.4f}"

"""Ctrl-C during training: the step is finished and the run saved before the program stops."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from rankkit.training.history import History


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C stopped :func:`rankkit.fit`; the scorer holds the best epoch so far.

    Args:
        message: What was saved and how to go on.
        history: The run so far.
    """

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


class CtrlC:
    """While it is entered, the first Ctrl-C only sets ``requested``; the second stops at once, as usual.

    Only the main thread receives signals: elsewhere it does nothing.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: Any = None

    def __enter__(self) -> "CtrlC":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

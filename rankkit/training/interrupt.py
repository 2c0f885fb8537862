"""Ctrl-C during training: the step is finished and the run saved before the program stops."""

import signal
import threading
from contextlib import ExitStack
from types import FrameType, TracebackType

from rankkit.stopping import finishing
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

    In a command the other signals that stop one do the same (:mod:`rankkit.stopping`). Only the main thread receives
    signals: elsewhere it does nothing.
    """

    def __init__(self) -> None:
        self.requested = False
        self._undo = ExitStack()

    def __enter__(self) -> "CtrlC":
        in_command = self._undo.enter_context(finishing(self._request))
        if not in_command and threading.current_thread() is threading.main_thread():
            self._undo.callback(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, self._note))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    def _request(self) -> None:
        self.requested = True

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

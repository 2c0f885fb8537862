"""How a command is stopped by a signal, and the exit codes of all commands.

====  ==================================================================================================
code  when
====  ==================================================================================================
0     done; of ``serve`` also after SIGINT (Ctrl-C) and SIGTERM, once the requests under way are answered
1     done, but not all is well: rows that cannot be read, runs of a comparison that failed
2     refused: an option, a file or a folder is not what was expected, or a disk takes no more
129   stopped by SIGHUP (the terminal was closed), unless it is ignored, as under nohup; not ``serve``, which loads
      its models anew and goes on
130   stopped by SIGINT (Ctrl-C)
141   what reads its output has gone, as in ``rankkit inspect train.txt | head -1``
143   stopped by SIGTERM
====  ==================================================================================================

The first signal stops a command in good order: training ends its step and saves, a comparison keeps what is finished.
A second one ends the process at once; what it was writing is removed by the next command that writes there.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
_received: list[int] = []
_finishing: list[Callable[[], None]] = []


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Run a command: a signal raises KeyboardInterrupt in it, unless something is :func:`finishing`.

    Raises:
        SystemExit: With the code of the signal, whatever the command made of it, unless it still came to its end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    _received.clear()
    try:
        for number, handler in before.items():  # in the block: a signal may come as soon as the first is taken
            if handler != signal.SIG_IGN:
                signal.signal(number, _stop)
        yield
    except BaseException as error:
        done = isinstance(error, SystemExit) and error.code in (0, None)
        if _received and not done:
            raise SystemExit(128 + _received[0]) from None
        raise
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is _stop:
                # One more signal would change the code while Python ends.
                signal.signal(number, signal.SIG_IGN if _received else handler)


def exit_code() -> int:
    """The code of the signal that stopped the command; that of SIGINT where none was taken."""
    return 128 + (_received[0] if _received else signal.SIGINT)


@contextmanager
def finishing(note: Callable[[], None]) -> Iterator[bool]:
    """The first signal calls ``note`` and raises nothing: what runs in the block is to come to an end by itself.

    Gives False, and does nothing, where signals are not taken by :func:`stopped_by_signals`.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is not _stop:
        yield False
        return
    _finishing.append(note)
    try:
        yield True
    finally:
        _finishing.remove(note)


def _stop(number: int, frame: FrameType | None) -> None:
    if _received:
        os._exit(128 + _received[0])
    _received.append(number)
    if _finishing:
        _finishing[-1]()
    elif _is_importing(frame):
        os._exit(128 + number)  # Python loses an exception that is raised in a callback of an import
    else:
        raise KeyboardInterrupt


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False

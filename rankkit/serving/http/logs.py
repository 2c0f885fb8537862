"""What the service says of trouble: each thing once a second at most, however often it happens."""

import asyncio
import errno
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

log = logging.getLogger("rankkit.serving")
_NO_MORE = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class OnceASecond(logging.Filter):
    """Lets a message through once a second, with how often it was left out before.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._last: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is to be written."""
        now, text = self._clock(), str(record.msg)
        if now - self._last.get(text, -1.0) < 1.0:
            self._left_out[text] = self._left_out.get(text, 0) + 1
            return False
        self._last[text] = now
        if n_left_out := self._left_out.pop(text, 0):
            record.msg = f"{record.getMessage()} (and {n_left_out} times more since)"
            record.args = ()
        return True


@contextmanager
def few_lines() -> Iterator[None]:
    """Say each thing once a second at most."""
    loggers = [logging.getLogger(name) for name in ("uvicorn.error", "asyncio")]
    sparing = OnceASecond()
    for logger in loggers:
        logger.addFilter(sparing)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(sparing)


@contextmanager
def on_stderr() -> Iterator[None]:
    """Write what the service says of itself to stderr, each line with the time."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.setLevel(level)
        log.removeHandler(handler)


def tell_trouble(sparing: OnceASecond) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """What an event loop does with errors that nobody waits for.

    asyncio would write a traceback for each connection that it cannot take for want of files, a hundred at a time.
    """

    def tell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in _NO_MORE):
            loop.default_exception_handler(context)
            return
        text = (
            f"serve: no connection can be taken: {error.strerror}. "
            "Raise the limit of files (ulimit -n), or lower --max-connections."
        )
        record = log.makeRecord(log.name, logging.WARNING, __file__, 0, text, (), None)
        if sparing.filter(record):
            log.handle(record)

    return tell

"""phase(): what a stretch of a run is spent on, for whoever watches; where nobody does, one look is all it costs."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

_NOTHING = nullcontext()


class Phases:
    """The seconds of each phase, less those of phases inside it.

    Args:
        settle: Called where a phase begins and ends, before the clock is read: waits for work that goes on elsewhere.
        clock: Seconds.
    """

    def __init__(
        self, settle: Callable[[], object] = lambda: None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.seconds: dict[str, float] = {}
        self.mark: Callable[[str], AbstractContextManager[object]] | None = None
        """Entered with each phase in place of counting it, such as ``torch.profiler.record_function``."""
        self._settle, self._clock = settle, clock
        self._open: list[str] = []
        self._whole = False
        self._since = 0.0

    @contextmanager
    def phase(self, name: str, *, whole: bool = False) -> Iterator[None]:
        """Count the time of a block; where it is to stay whole, phases inside it count as it."""
        if self._whole:
            yield
            return
        if self.mark is not None:
            with self.mark(name):
                yield
            return
        self._count()
        self._open.append(name)
        self._whole = whole
        try:
            yield
        finally:
            self._count()
            self._whole = False
            self._open.pop()

    def _count(self) -> None:
        """Add the time since the last change to the phase that was on."""
        self._settle()
        now = self._clock()
        if self._open:
            name = self._open[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
        self._since = now


_watching: ContextVar[Phases | None] = ContextVar("rankkit_phases", default=None)


@contextmanager
def watched(phases: Phases) -> Iterator[None]:
    """Count the phases of a block, in this thread."""
    token = _watching.set(phases)
    try:
        yield
    finally:
        _watching.reset(token)


def phase(name: str, *, whole: bool = False) -> AbstractContextManager[None]:
    """A block whose time is told apart from the rest: that of phases inside is theirs, unless it is to stay whole.

    >>> now = iter([0.0, 1.0, 3.0, 4.0])
    >>> found = Phases(clock=lambda: next(now))
    >>> with watched(found), phase("objective"), phase("forward"):
    ...     pass
    >>> found.seconds
    {'objective': 2.0, 'forward': 2.0}
    """
    phases = _watching.get()
    return _NOTHING if phases is None else phases.phase(name, whole=whole)

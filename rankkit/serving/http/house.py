"""House: how many connections there may be at once, and which one gives way when it is full."""

import time
from typing import Protocol

from rankkit.errors import ConfigError

RESERVE = 32  # connections beyond the limit, for those who look whether the service lives
OPEN_PATHS = frozenset(("/health", "/metrics"))  # answered there too
_OWN_FILES = 64  # that the process needs for all else
_MOST = 1000
_QUIET_ENOUGH = 0.5  # seconds without a whole request, after which a connection may have to give way


class Guest(Protocol):
    """A connection, as the house sees it."""

    def give_way(self) -> None:
        """Leave: it has no whole request, and another one comes."""
        ...


def connection_limit(asked: int | None) -> int:
    """How many connections to take: as asked, or half of the files that the process may have open, at most 1,000.

    Raises:
        ConfigError: If as many as asked would not leave enough files for all else.
    """
    files = _file_limit()
    if asked is None:
        return max(1, min(_MOST, files // 2 - RESERVE))
    most = files - _OWN_FILES - RESERVE
    if asked > most:
        raise ConfigError(
            f"max_connections: expected at most {max(most, 0)}, as the process may have {files} files open; got "
            f"{asked}. Raise the limit of files (ulimit -n), or take fewer."
        )
    return asked


def _file_limit() -> int:
    try:
        import resource
    except ImportError:  # Windows, where sockets are not counted as files
        return 2 * _MOST + 2 * RESERVE
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2**20 if soft == resource.RLIM_INFINITY else soft


class House:
    """The connections, and what happens when there are too many.

    Up to ``limit`` all are served. After that a new connection takes the place of the one that has been without a whole
    request for longest; where all have one, it is let into the reserve, in which only ``/health`` and ``/metrics``
    are answered and all else is told to come back (503); beyond the reserve it is told so at once.

    Args:
        limit: Connections that are served.
        reserve: Connections beyond them.

    Attributes:
        n_turned_away: Connections that were told to come back, or had to give way.
    """

    def __init__(self, limit: int, reserve: int = RESERVE) -> None:
        self.limit = limit
        self.reserve = reserve
        self.n_turned_away = 0
        self._guests: set[Guest] = set()
        self._quiet: dict[Guest, float] = {}  # since when, longest first

    @property
    def n_inside(self) -> int:
        """Connections that are open."""
        return len(self._guests)

    @property
    def is_full(self) -> bool:
        """Whether there are more connections than are served."""
        return len(self._guests) > self.limit

    def enter(self, guest: Guest) -> bool:
        """Let a connection in; False if there is no place even in the reserve."""
        self._guests.add(guest)
        if self.is_full and self._quiet:
            longest, since = next(iter(self._quiet.items()))
            if time.monotonic() - since >= _QUIET_ENOUGH:
                self.n_turned_away += 1
                self.leave(longest)
                longest.give_way()
        if len(self._guests) > self.limit + self.reserve:
            self.n_turned_away += 1
            self._guests.discard(guest)
            return False
        return True

    def leave(self, guest: Guest) -> None:
        """A connection is gone."""
        self._guests.discard(guest)
        self._quiet.pop(guest, None)

    def quiet(self, guest: Guest) -> None:
        """A connection has no whole request; said again, it counts from the first time."""
        if guest in self._guests:
            self._quiet.setdefault(guest, time.monotonic())

    def busy(self, guest: Guest) -> None:
        """A connection has one."""
        self._quiet.pop(guest, None)

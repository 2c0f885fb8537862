"""Measured: counts and times every answer, and can write a line for each."""

import logging
import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Observe(Protocol):
    """Told of an answer: ``(method, path, status, seconds)``."""

    def __call__(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count it."""
        ...


class Measured:
    """Counts and times every answer.

    Paths of the app and usual methods are named, anything else is ``other``: what a client sends never reaches metrics
    or log.

    Args:
        app: The application inside.
        paths: The paths that it has.
        observe: Told of every answer.
        log: Where a line for each goes; None: nowhere.
    """

    def __init__(self, app: "ASGIApp", paths: Collection[str], observe: Observe, log: logging.Logger | None) -> None:
        self._app = app
        self._paths = paths
        self._observe = observe
        self._log = log

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status = 500  # what Starlette answers, outside of this, when an exception passes

        async def noting(message: "Message") -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            seconds = time.perf_counter() - start
            path = scope["path"] if scope["path"] in self._paths else "other"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._observe(method, path, status, seconds)
            if self._log is not None:
                self._log.info("%s %s %d %.1f ms", method, path, status, 1000 * seconds)

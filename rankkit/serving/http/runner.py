"""Server: uvicorn with connections of ours, a second port for administration, and reloads."""

import asyncio
import socket
from functools import partial
from typing import TYPE_CHECKING

import uvicorn

from rankkit.serving.http.connection import GuardedConnection
from rankkit.serving.http.listening import BACKLOG
from rankkit.serving.http.logs import OnceASecond, tell_trouble
from rankkit.serving.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send


class Server(uvicorn.Server):
    """Runs an app.

    Args:
        app: Of :func:`rankkit.serving.app.create_app`.
        settings: How long to wait for clients.
        admin_port: Where administration is asked, and nothing else.
    """

    def __init__(self, app: "FastAPI", settings: Settings, admin_port: int | None) -> None:
        async def by_port(scope: "Scope", receive: "Receive", send: "Send") -> None:
            is_admin = scope["type"] == "http" and scope["server"][1] == admin_port
            await (app.state.admin if is_admin else app)(scope, receive, send)

        connection = partial(GuardedConnection, house=app.state.house, settings=settings)
        super().__init__(
            uvicorn.Config(
                by_port,
                http=connection,  # type: ignore[arg-type]  # uvicorn only calls it
                backlog=BACKLOG,
                ws="none",
                interface="asgi3",
                access_log=False,  # it would write query strings
                log_config=None,
                server_header=False,
                ssl_certfile=settings.tls_cert,
                ssl_keyfile=settings.tls_key,
                timeout_graceful_shutdown=settings.stop_seconds,
            )
        )
        self._reload = app.state.reload
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[object]] = set()
        self._is_to_reload = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(tell_trouble(OnceASecond()))
        await super().startup(sockets)
        if self._is_to_reload:
            self._start_to_reload()

    def reload_soon(self) -> None:
        """Load the models anew; may be called by a handler of signals."""
        self._is_to_reload = True
        if self.started and not self.should_exit and self._loop is not None:
            self._loop.call_soon_threadsafe(self._start_to_reload)

    def _start_to_reload(self) -> None:
        if self._is_to_reload and not self._tasks:
            self._is_to_reload = False
            task = asyncio.get_running_loop().create_task(self._reload())
            self._tasks.add(task)
            task.add_done_callback(self._reloaded)

    def _reloaded(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        self._start_to_reload()  # once more, if it was asked for meanwhile: a newer bundle may lie there

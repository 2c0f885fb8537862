"""serve(): the service on a port, until it is told to stop."""

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from rankkit.export.needs import need
from rankkit.serving.http.listening import BACKLOG, listen
from rankkit.serving.http.logs import OnceASecond, few_lines, tell_trouble
from rankkit.serving.settings import Settings

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI


def serve(path: Path, settings: Settings) -> None:
    """Serve a saved ranker until SIGINT or SIGTERM; requests under way are finished first.

    Args:
        path: Folder of a bundle, or file of a tree model.
        settings: Where to listen and how much to take on.

    Raises:
        BundleError: If there is no ranker, or it is damaged.
        ConfigError: If the [serve] extra is not installed, or the address cannot be listened on.
    """
    for module in ("fastapi", "msgspec", "uvicorn"):
        need(module, "serve")
    from rankkit.serving.app import create_app
    from rankkit.serving.scoring.ranker import ServedRanker

    app = create_app(ServedRanker.load(path), settings)
    gc.collect()
    gc.freeze()  # a full collection that walks what the libraries keep makes requests wait a tenth of a second
    listening = listen(settings.host, settings.port)
    host, port = listening.getsockname()[:2]
    address = f"[{host}]" if ":" in host else host
    server = make_server(app, settings)
    with listening, _ended_by_signals(), few_lines(), _no_news_of_what_is_cut_off(server):
        sys.stdout.write(f"serving {path} on http://{address}:{port}, documentation at /docs; stop with Ctrl-C\n")
        sys.stdout.flush()
        server.run(sockets=[listening])


def make_server(app: "FastAPI", settings: Settings) -> "uvicorn.Server":
    """What runs the app on a listening socket."""
    import uvicorn

    from rankkit.serving.http.connection import GuardedConnection

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            asyncio.get_running_loop().set_exception_handler(tell_trouble(OnceASecond()))
            await super().startup(sockets)

    connection = partial(GuardedConnection, house=app.state.house, settings=settings)
    config = uvicorn.Config(
        app,
        http=connection,  # type: ignore[arg-type]  # uvicorn only calls it
        backlog=BACKLOG,
        ws="none",
        access_log=False,  # it would write query strings
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=settings.stop_seconds,
    )
    return Server(config)


@contextmanager
def _no_news_of_what_is_cut_off(server: "uvicorn.Server") -> Iterator[None]:
    """Say nothing of requests that a second Ctrl-C cuts off: whoever sends it knows."""

    def is_news(record: logging.LogRecord) -> bool:
        return not server.force_exit

    logger = logging.getLogger("uvicorn.error")
    logger.addFilter(is_news)
    try:
        yield
    finally:
        logger.removeFilter(is_news)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Leave with code 0 on SIGINT and SIGTERM: uvicorn sends them again once it has stopped in good order.

    Those that come after the first find nothing left to stop.
    """
    ended = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal ended
        if not ended:
            ended = True
            raise SystemExit(0)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if ended else handler)

"""serve(): the service on a port, until it is told to stop."""

import gc
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from rankkit.export.needs import need
from rankkit.serving.http.listening import listen
from rankkit.serving.settings import Settings

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp


def serve(path: Path, settings: Settings) -> None:
    """Serve a saved ranker until SIGINT or SIGTERM; requests under way are finished first.

    Args:
        path: Folder of a bundle, or file of a tree model.
        settings: Where to listen and how much to take on.

    Raises:
        BundleError: If there is no ranker, or it is damaged.
        ConfigError: If the [serve] extra is not installed, or the address cannot be listened on.
    """
    for module in ("fastapi", "uvicorn"):
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
    with listening, _ended_by_signals(), _no_news_of_what_is_cut_off(server):
        sys.stdout.write(f"serving {path} on http://{address}:{port}, documentation at /docs; stop with Ctrl-C\n")
        sys.stdout.flush()
        server.run(sockets=[listening])


def make_server(app: "ASGIApp", settings: Settings) -> "uvicorn.Server":
    """What runs the app on a listening socket."""
    import uvicorn

    config = uvicorn.Config(
        app,
        http="h11",  # bounds the size of headers, which the other implementation does not
        ws="none",
        access_log=False,  # it would write query strings
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=settings.stop_seconds,
    )
    return uvicorn.Server(config)


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

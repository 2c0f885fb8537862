"""serve(): the service on a port, until it is told to stop."""

import gc
import logging
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from rankkit.errors import ConfigError
from rankkit.export.needs import need
from rankkit.serving.http.listening import listen
from rankkit.serving.http.logs import few_lines
from rankkit.serving.settings import Settings
from rankkit.serving.workers import serve_with_workers

if TYPE_CHECKING:
    from fastapi import FastAPI

    from rankkit.serving.http.runner import Server


def serve(paths: Mapping[str, Path], settings: Settings) -> None:
    """Serve saved rankers until SIGINT or SIGTERM; requests under way are finished first. SIGHUP loads them anew.

    Args:
        paths: Name of each to its folder, or the file of a tree model; the first is the default.
        settings: Where to listen and how much to take on.

    Raises:
        BundleError: If there is no ranker, or it is damaged.
        ConfigError: If the [serve] extra is not installed, or the address cannot be listened on.
    """
    for module in ("fastapi", "msgspec", "prometheus_client", "uvicorn"):
        need(module, "serve")
    _check_tls(settings)
    if settings.n_workers > 1 and settings.admin_port is not None:
        raise ConfigError(
            "serve: expected an admin port or several workers; got both. Send SIGHUP, which all workers get."
        )
    with ExitStack() as stack:
        listening = stack.enter_context(listen(settings.host, settings.port))
        admin = None
        if settings.admin_port is not None:
            admin = stack.enter_context(listen(settings.host, settings.admin_port))

        def ready() -> None:
            sys.stdout.write(
                f"serving {_names(paths)} on {address(listening, settings)}, documentation at /docs; stop with Ctrl-C\n"
                + ("" if admin is None else f"POST {address(admin, settings)}/admin/reload loads anew\n")
            )
            sys.stdout.flush()

        if settings.n_workers > 1:
            serve_with_workers(serve_here, paths, settings, listening, ready)
        else:
            serve_here(paths, settings, listening, admin, ready)


def serve_here(
    paths: Mapping[str, Path],
    settings: Settings,
    listening: socket.socket,
    admin: socket.socket | None,
    ready: Callable[[], None],
) -> None:
    """Serve in this process.

    Args:
        paths: As :func:`serve` takes them.
        settings: How much to take on.
        listening: Where requests come.
        admin: Where administration is asked.
        ready: Called when the rankers are loaded and signals are taken.

    Raises:
        BundleError: If there is no ranker, or it is damaged.
        ConfigError: If the settings do not go together.
    """
    app = app_of(paths, settings)
    gc.collect()
    gc.freeze()  # a full collection that walks what the libraries keep makes requests wait a tenth of a second
    server = make_server(app, settings, admin)
    with _ended_by_signals(), _reloaded_by_sighup(server), few_lines(), _no_news_of_what_is_cut_off(server):
        ready()
        server.run(sockets=[listening] if admin is None else [listening, admin])


def app_of(paths: Mapping[str, Path], settings: Settings) -> "FastAPI":
    """The service for the models of these folders.

    Raises:
        BundleError: If there is no model, or it is damaged.
        ConfigError: If they are of several kinds, or the settings do not go together.
    """
    from rankkit import bundle
    from rankkit.bundle.model_json import read_model_json
    from rankkit.serving.answers import Answerer
    from rankkit.serving.app import create_answering_app, create_app
    from rankkit.serving.scoring.ranker import ServedRanker

    kinds = {bundle.kind_of(read_model_json(path)) if path.is_dir() else "scorer" for path in paths.values()}
    if len(kinds) > 1:
        raise ConfigError(
            f"serve: expected models of one kind; got {' and '.join(sorted(kinds))}. Serve each kind on a port of its "
            "own."
        )
    if kinds == {"scorer"}:
        return create_app({name: ServedRanker.load(path) for name, path in paths.items()}, settings)
    return create_answering_app({name: Answerer.load(path) for name, path in paths.items()}, settings)


def _names(paths: Mapping[str, Path]) -> str:
    if len(paths) == 1:
        return str(*paths.values())
    return ", ".join(f"{name} ({path})" for name, path in paths.items())


def address(listening: socket.socket, settings: Settings) -> str:
    """Where a socket is found, for a browser."""
    host, port = listening.getsockname()[:2]
    scheme = "http" if settings.tls_cert is None else "https"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _check_tls(settings: Settings) -> None:
    """Refuse files that no client could be served with.

    Raises:
        ConfigError: If one of the two is missing, or they do not belong together.
    """
    if settings.tls_cert is None and settings.tls_key is None:
        return
    if settings.tls_cert is None or settings.tls_key is None:
        raise ConfigError("tls: expected a certificate and its key; got one of the two. Name both files.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key, password="")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigError(
            f"{settings.tls_cert}: expected certificates in PEM and, in {settings.tls_key}, their key without a "
            f"password; got {error}. Name other files."
        ) from error


def make_server(app: "FastAPI", settings: Settings, admin: socket.socket | None = None) -> "Server":
    """What runs the app on listening sockets.

    Args:
        app: The service.
        settings: How long to wait for clients.
        admin: The socket on which administration is asked, and nothing else.
    """
    from rankkit.serving.http.runner import Server

    return Server(app, settings, None if admin is None else admin.getsockname()[1])


@contextmanager
def _reloaded_by_sighup(server: "Server") -> Iterator[None]:
    """Load the models anew on SIGHUP, as soon as the service answers."""
    if not hasattr(signal, "SIGHUP"):
        yield
        return
    before = signal.signal(signal.SIGHUP, lambda number, frame: server.reload_soon())
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_IGN if server.should_exit else before)


@contextmanager
def _no_news_of_what_is_cut_off(server: "Server") -> Iterator[None]:
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

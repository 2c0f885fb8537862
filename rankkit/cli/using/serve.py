"""``rankkit serve``: a saved ranker over HTTP."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from rankkit.cli.absent import refuse_absent
from rankkit.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from rankkit.serving.settings import EngineName


def serve(
    runs: Annotated[
        list[str],
        typer.Argument(
            help="Folders of saved models of one kind, or LightGBM, XGBoost or CatBoost files; several as "
            "name=folder, the default first.",
            show_default=False,
        ),
    ],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8080,
    admin_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of POST /admin/reload; none.", show_default=False)
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="File of the token that requests have to bring.", show_default=False)
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificates (PEM), for HTTPS.", show_default=False)] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Their key (PEM).", show_default=False)] = None,
    shadow: Annotated[
        str | None, typer.Option(help="A model whose scores are only compared and counted.", show_default=False)
    ] = None,
    engine: Annotated[
        str,
        typer.Option(
            help="What scores: torch, onnxruntime, or auto: the faster one, once equal scores are proven.",
            metavar="auto|torch|onnxruntime",
        ),
    ] = "auto",
    max_body: Annotated[int, typer.Option(min=1, help="Longest body, in bytes.")] = 8 * 2**20,
    max_list_size: Annotated[int, typer.Option(min=1, help="Most documents of a query.")] = 2000,
    max_docs: Annotated[int, typer.Option(min=1, help="Most documents of a request.")] = 10_000,
    max_requests: Annotated[int, typer.Option(min=1, help="Most requests at once; more get 503.")] = 64,
    max_connections: Annotated[
        int | None,
        typer.Option(min=1, help="Most connections; half of the files that the process may open.", show_default=False),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds for a head, a body, taking an answer.")] = 10.0,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer, each with these limits.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Threads that score.")] = 1,
    log_requests: Annotated[
        bool, typer.Option("--log-requests", help="One line a request on stderr: path, status, time; no contents.")
    ] = False,
) -> None:
    """Serve saved models over HTTP: POST /rank, /score, /embed, /recommend; GET /docs, /health, /metadata, /metrics."""
    paths = _by_name(runs)
    for path in paths.values():
        refuse_absent(model=path)
    from rankkit.serving import Settings
    from rankkit.serving.http.logs import on_stderr
    from rankkit.serving.server import serve as serve_until_stopped

    settings = Settings(
        host=host,
        port=port,
        admin_port=admin_port,
        token_file=token_file,
        tls_cert=tls_cert,
        tls_key=tls_key,
        shadow=shadow,
        engine=_engine(engine),
        max_body_bytes=max_body,
        max_list_size=max_list_size,
        max_docs=max_docs,
        max_requests=max_requests,
        max_connections=max_connections,
        head_seconds=timeout,
        body_seconds=timeout,
        answer_seconds=timeout,
        n_workers=workers,
        n_threads=threads,
        log_requests=log_requests,
    )
    if host not in ("127.0.0.1", "localhost", "::1") and token_file is None:
        typer.echo(
            f"note: {host} can be reached from other machines, and the service asks nobody who they are (--token-file)",
            err=True,
        )
    with on_stderr():
        serve_until_stopped(paths, settings)


def _engine(text: str) -> "EngineName":
    """One of the engines.

    Raises:
        ConfigError: If it is another word.
    """
    from rankkit.serving.settings import EngineName

    known = get_args(EngineName)
    if text not in known:
        raise ConfigError(f"--engine: expected {', '.join(known)}; got {text!r}. {did_you_mean(text, known)}")
    return cast("EngineName", text)


def _by_name(runs: list[str]) -> dict[str, Path]:
    """``name=folder``, or a folder under the last part of its path.

    Raises:
        ConfigError: If two have the same name.
    """
    paths: dict[str, Path] = {}
    for text in runs:
        name, equals, path = text.partition("=")
        if not equals or not re.fullmatch(r"[\w.-]+", name) or Path(text).exists():
            name, path = Path(text).name or text, text
        if name in paths:
            raise ConfigError(f"serve: expected models of different names; got {name!r} twice. Write name=folder.")
        paths[name] = Path(path)
    return paths

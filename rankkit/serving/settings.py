"""Settings: where the service listens and how much it takes on."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
EngineName = Literal["auto", "torch", "onnxruntime"]


class Settings(BaseModel):
    """Where the service listens and how much it takes on.

    What one process may hold at worst is ``max_requests`` bodies of ``max_body_bytes`` plus the features of
    ``max_waiting_docs`` documents.

    Args:
        host: Address to listen on; the default is reachable from this machine only.
        port: TCP port; 0 takes a free one.
        admin_port: TCP port of ``POST /admin/reload``, on the same host; None: there is none.
        token_file: File of the token that requests have to bring (401), except for ``/health``; None: anybody may ask.
        tls_cert: File of the certificates (PEM) for HTTPS; None: plain HTTP.
        tls_key: File of their key.
        shadow: Name of a model that scores what the default is asked; its scores are compared and counted only.
        engine: What computes scores: ``"torch"``; ``"onnxruntime"``, or the model is refused; ``"auto"``, torch at once
            and ONNX Runtime as soon as it is proven to give equal scores, and is faster.
        max_body_bytes: A longer body is refused (413), before it is read where its length is declared.
        max_list_size: Documents of one query (422).
        max_docs: Documents of one request over all its queries (422); no query may have more either.
        max_connections: Connections that may be open at once; None: half of the files that the process may have open,
            at most 1,000. Beyond them only ``/health`` and ``/metrics`` are answered (503).
        max_requests: Requests that may be under way at once; the next one is told to come back (503).
        max_waiting_docs: Documents that may wait for the worker; the request that would add more is told to come
            back (503).
        max_batch_docs: Documents that are scored in one pass, unless one query has more.
        head_seconds: The head of a request has to arrive within this time (408).
        body_seconds: So has its body (408).
        answer_seconds: A client that has not taken its answer by then is cut off.
        stuck_seconds: A pass of the worker that takes longer makes ``/health`` answer 503.
        stop_seconds: How long requests under way may take to finish when the service is stopped.
        n_workers: Processes that answer, each with all of the limits, readers and threads here.
        n_readers: Processes that read large bodies.
        n_threads: Threads that score.
        log_requests: One line a request: method, path, status, time. Never what was in it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    admin_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    token_file: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    shadow: str | None = None
    engine: EngineName = "auto"
    max_body_bytes: Count = 8 * 2**20
    max_list_size: Count = 2000
    max_docs: Count = 10_000
    max_connections: Count | None = None
    max_requests: Count = 64
    max_waiting_docs: Count = 20_000
    max_batch_docs: Count = 2048
    head_seconds: Seconds = 10.0
    body_seconds: Seconds = 10.0
    answer_seconds: Seconds = 10.0
    stuck_seconds: Seconds = 30.0
    stop_seconds: Annotated[int, Field(ge=0)] = 10
    n_workers: Count = 1
    n_readers: Count = 2
    n_threads: Count = 1
    log_requests: bool = False

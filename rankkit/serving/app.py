"""The service as an ASGI application; needs the [serve] extra."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from rankkit.serving.bodies.messages import ErrorAnswer, RankAnswer, ScoreAnswer
from rankkit.serving.http.docs_page import docs_page
from rankkit.serving.http.measuring import Measured
from rankkit.serving.http.openapi import add_requests
from rankkit.serving.refusal import RefusedError
from rankkit.serving.scoring.ranker import ServedRanker
from rankkit.serving.service import Service
from rankkit.serving.settings import Settings

log = logging.getLogger("rankkit.serving")


def create_app(ranker: ServedRanker, settings: Settings | None = None) -> FastAPI:
    """The service for one ranker.

    Args:
        ranker: What scores.
        settings: How much to take on; the defaults if left out.
    """
    service = Service(ranker, settings or Settings())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        service.stop()

    # FastAPI's own pages load scripts from another host; ours needs none.
    app = FastAPI(title="rankkit", version=version("rankkit-torch"), lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.house = service.house
    _answer_errors(app)
    _add_ranking(app, service)
    _add_reading(app, service)
    app.add_middleware(
        Measured,
        paths=frozenset(getattr(route, "path", "") for route in app.routes),
        observe=service.metrics.request,
        log=log if service.settings.log_requests else None,
    )

    @cache
    def openapi() -> dict[str, Any]:
        description = get_openapi(title=app.title, version=app.version, routes=app.routes)
        add_requests(description, service.form, ranker.example_rows())
        return description

    app.openapi = openapi  # type: ignore[method-assign]
    return app


LEFT_OUT = "Features-Left-Out"
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            LEFT_OUT: {
                "description": "How many features the documents name that the ranker does not know; not sent for 0.",
                "schema": {"type": "integer", "minimum": 1},
            }
        }
    },
    408: {"model": ErrorAnswer, "description": "The body took too long."},
    413: {"model": ErrorAnswer, "description": "The body is too long."},
    422: {"model": ErrorAnswer, "description": "The body is not what was expected; the message says where."},
    503: {"model": ErrorAnswer, "description": "Too much to do just now; Retry-After says when to come back."},
}


def _add_ranking(app: FastAPI, service: Service) -> None:
    @app.post(
        "/rank",
        response_model=RankAnswer,
        responses=_ANSWERS,
        summary="Rank the documents of a query",
        response_description="From the best to the worst.",
    )
    async def rank(request: Request) -> Response:
        return _json(*await service.rank(request))

    @app.post(
        "/score",
        response_model=ScoreAnswer,
        responses=_ANSWERS,
        summary="Score the documents of many queries",
        response_description="In the order of the request.",
    )
    async def score(request: Request) -> Response:
        return _json(*await service.score(request))


def _add_reading(app: FastAPI, service: Service) -> None:
    limits = service.settings.model_dump(include={"max_body_bytes", "max_list_size", "max_docs", "max_requests"})
    limits["max_list_size"] = service.form.max_list_size
    metadata = {**service.ranker.metadata(), "limits": limits}

    @app.get(
        "/health",
        responses={503: {"model": ErrorAnswer, "description": "It does not: the message says why."}},
        summary="Whether the service answers and can score",
        response_description="It does.",
    )
    async def health() -> dict[str, str]:
        if trouble := service.batcher.trouble(service.settings.stuck_seconds):
            raise RefusedError(503, f"service: expected to be able to score; {trouble}. Start the service again.")
        return {"status": "ok"}

    @app.get(
        "/metadata",
        summary="What is served: features in order, transform, objective, limits",
        response_description="The description.",
    )
    async def about() -> dict[str, Any]:
        return metadata

    @app.get(
        "/metrics", response_class=PlainTextResponse, summary="Counts for Prometheus", response_description="Text."
    )
    async def counts() -> Response:
        return PlainTextResponse(service.metrics.text(), media_type="text/plain; version=0.0.4")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return docs_page(app.openapi())


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(RefusedError)
    async def refused(request: Request, error: RefusedError) -> Response:
        return JSONResponse({"error": error.message}, error.status, headers=error.headers)

    @app.exception_handler(HTTPException)
    async def not_there(request: Request, error: HTTPException) -> Response:
        what = "method" if error.status_code == 405 else "path"
        message = f"service: expected a {what} that /docs lists; got another one. Open /docs."
        return JSONResponse({"error": message}, error.status_code, headers=error.headers)

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=499)  # nobody reads it, but it is counted, and the log shows no traceback

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": "service: the ranker failed. See the log of the service."}, 500)


def _json(answer: bytes, n_left_out: int) -> Response:
    headers = {LEFT_OUT: str(n_left_out)} if n_left_out else {}
    return Response(answer, media_type="application/json", headers=headers)

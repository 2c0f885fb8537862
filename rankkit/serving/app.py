"""The service as an ASGI application; needs the [serve] extra."""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from rankkit.serving.admin import admin_app
from rankkit.serving.answers import Answerer, Answers
from rankkit.serving.bodies.messages import ErrorAnswer, RankAnswer, ScoreAnswer
from rankkit.serving.http.bearer import Bearer, read_token
from rankkit.serving.http.docs_page import docs_page
from rankkit.serving.http.measuring import Measured
from rankkit.serving.http.openapi import add_requests, add_token
from rankkit.serving.http.straight import Answer, Straight
from rankkit.serving.refusal import RefusedError
from rankkit.serving.scoring.ranker import ServedRanker
from rankkit.serving.service import Service
from rankkit.serving.settings import Settings
from rankkit.tasks.task import Route

log = logging.getLogger("rankkit.serving")


def create_app(rankers: ServedRanker | Mapping[str, ServedRanker], settings: Settings | None = None) -> FastAPI:
    """The service for one ranker, or for several.

    Args:
        rankers: What scores; where there are several, by name, the default first.
        settings: How much to take on; the defaults if left out.

    Raises:
        ConfigError: If the settings name a shadow or an engine that cannot be one, or more connections than there are
            files.
        ExportError: If a ranker has no form for the engine that the settings name.
    """
    rankers = {"default": rankers} if isinstance(rankers, ServedRanker) else rankers
    service = Service(rankers, settings or Settings())

    def describe(description: dict[str, Any]) -> None:
        default = service.models.default
        add_requests(description, default.form, default.ranker.example_documents())

    return _application(service, lambda app: _add_ranking(app, service), describe)


def create_answering_app(models: Mapping[str, Answerer], settings: Settings | None = None) -> FastAPI:
    """The service for models that answer what their task says, such as ``POST /embed`` of encoders.

    Args:
        models: By name, all of one task; the default first.
        settings: How much to take on; the defaults if left out.

    Raises:
        ConfigError: If the settings name what only rankers have.
    """
    service = Answers(models, settings or Settings())

    def describe(description: dict[str, Any]) -> None:
        model = service.find(None)[1].model
        for path, route in service.task.routes.items():
            body = {"schema": {"type": "object"}, "example": route.example(model)}
            description["paths"][f"/{path}"]["post"]["requestBody"] = {
                "required": True,
                "content": {"application/json": body},
            }

    return _application(service, lambda app: _add_answers(app, service), describe)


def _application(
    service: Service | Answers,
    add_routes: Callable[[FastAPI], dict[str, Answer]],
    describe: Callable[[dict[str, Any]], None],
) -> FastAPI:
    """What every service has around its routes: limits, errors, health, metadata, counts, documentation, the token."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        service.stop()

    # FastAPI's own pages load scripts from another host; ours needs none.
    app = FastAPI(title="rankkit", version=version("rankkit-torch"), lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.house, app.state.models, app.state.reload = service.house, service.models, service.reload
    app.state.admin = admin_app(service)
    _answer_errors(app)
    answers = add_routes(app)
    _add_reading(app, service)
    app.add_middleware(Straight, answers=answers, refused=app.exception_handlers)
    if service.settings.token_file is not None:
        token = read_token(service.settings.token_file)
        app.add_middleware(Bearer, token=token)
        app.state.admin.add_middleware(Bearer, token=token)
    app.add_middleware(
        Measured,
        paths=frozenset(getattr(route, "path", "") for route in app.routes),
        observe=service.metrics.request,
        log=log if service.settings.log_requests else None,
    )

    @cache
    def openapi() -> dict[str, Any]:
        description = get_openapi(title=app.title, version=app.version, routes=app.routes)
        describe(description)
        if service.settings.token_file is not None:
            add_token(description)
        return description

    app.openapi = openapi  # type: ignore[method-assign]
    return app


AskedModel = Annotated[str | None, Query(description="Name of a model; the first one if left out.")]
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
    404: {"model": ErrorAnswer, "description": "No model of that name is served."},
    408: {"model": ErrorAnswer, "description": "The body took too long."},
    413: {"model": ErrorAnswer, "description": "The body is too long."},
    415: {"model": ErrorAnswer, "description": "The body is packed, and not by gzip."},
    422: {"model": ErrorAnswer, "description": "The body is not what was expected; the message says where."},
    503: {"model": ErrorAnswer, "description": "Too much to do just now; Retry-After says when to come back."},
}


def _add_ranking(app: FastAPI, service: Service) -> dict[str, Answer]:
    @app.post(
        "/rank",
        response_model=RankAnswer,
        responses=_ANSWERS,
        summary="Rank the documents of a query",
        response_description="From the best to the worst.",
    )
    async def rank(request: Request, model: AskedModel = None) -> Response:
        return _json(*await service.rank(request, model))

    @app.post(
        "/score",
        response_model=ScoreAnswer,
        responses=_ANSWERS,
        summary="Score the documents of many queries",
        response_description="In the order of the request.",
    )
    async def score(request: Request, model: AskedModel = None) -> Response:
        return _json(*await service.score(request, model))

    return {"/rank": rank, "/score": score}


def _add_answers(app: FastAPI, service: Answers) -> dict[str, Answer]:
    return {f"/{path}": _add_answer(app, service, path, route) for path, route in service.task.routes.items()}


def _add_answer(app: FastAPI, service: Answers, path: str, route: Route) -> Answer:
    answers = {status: told for status, told in _ANSWERS.items() if status != 200}

    @app.post(f"/{path}", responses=answers, summary=route.summary, response_description="The answer.", name=path)
    async def answer(request: Request, model: AskedModel = None) -> Response:
        return Response(await service.answer(request, path, model), media_type="application/json")

    return answer


def _add_reading(app: FastAPI, service: Service | Answers) -> None:
    @app.get(
        "/health",
        responses={503: {"model": ErrorAnswer, "description": "It does not: the message says why."}},
        summary="Whether the service answers and can score",
        response_description="It does.",
    )
    async def health() -> dict[str, str]:
        if trouble := service.trouble():
            raise RefusedError(503, f"service: expected to be able to score; {trouble}. Start the service again.")
        return {"status": "ok"}

    @app.get(
        "/metadata",
        responses={404: {"model": ErrorAnswer, "description": "No model of that name is served."}},
        summary="What is served: features in order, transform, objective, limits",
        response_description="The description.",
    )
    async def about(model: AskedModel = None) -> dict[str, Any]:
        return service.metadata(model)

    @app.get(
        "/metrics", response_class=PlainTextResponse, summary="Counts for Prometheus", response_description="Text."
    )
    async def counts() -> Response:
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

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

"""Straight: answers what is asked most without the routing of the framework, which takes as long as many a body."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from rankkit.serving.refusal import RefusedError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

Answer = Callable[[Request, str | None], Awaitable[Response]]


class Straight:
    """Answers ``POST`` on some paths; all else goes to the application inside, which describes these paths too.

    Args:
        app: The application inside.
        answers: By path: what answers a request for the model of a name, or for the default.
        refused: What answers where that was refused, or the client has gone, by the kind of error.
    """

    def __init__(
        self,
        app: "ASGIApp",
        answers: Mapping[str, Answer],
        refused: Mapping[Any, Callable[[Request, Any], Any]],
    ) -> None:
        self._app = app
        self._answers = answers
        self._refused = refused

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer a request, or pass it on."""
        answer = self._answers.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if answer is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await answer(request, request.query_params.get("model"))
        except (RefusedError, ClientDisconnect) as error:
            response = await self._refused[type(error)](request, error)
        await response(scope, receive, send)

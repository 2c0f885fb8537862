"""How much of a request is let in: the number under way, and the bytes of a body."""

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING

from rankkit.serving.refusal import RefusedError

if TYPE_CHECKING:
    from starlette.requests import Request


class Entrance:
    """``with entrance:`` around each request; refuses with 503 while as many as allowed are inside.

    Args:
        limit: How many may be inside.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.n_inside = 0

    def __enter__(self) -> None:
        if self.n_inside >= self._limit:
            raise RefusedError(
                503,
                f"service: expected at most {self._limit} requests at once; got one more. "
                "Send the request again later.",
                retry_after=1,
            )
        self.n_inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.n_inside -= 1


async def read_body(request: "Request", *, max_bytes: int, seconds: float) -> bytearray:
    """The body of a request, counted while it comes in, so that no more than the limit is ever held.

    Raises:
        RefusedError: With 413 if it is longer than ``max_bytes`` (at once, where it is declared to be), with 408 if it
            takes longer than ``seconds``.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > max_bytes:
        raise _too_long(max_bytes, declared[:20])
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    raise _too_long(max_bytes, "more")
    except TimeoutError:
        raise RefusedError(
            408, f"body: expected within {seconds:g} seconds; got {len(body)} bytes by then. Send it again."
        ) from None
    return body


def _too_long(max_bytes: int, got: str) -> RefusedError:
    return RefusedError(
        413, f"body: expected at most {max_bytes} bytes; got {got}. Send fewer documents at once.", closes=True
    )

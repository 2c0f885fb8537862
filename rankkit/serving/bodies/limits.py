"""How much of a request is let in: the number under way, and the bytes of a body."""

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING

from rankkit.serving.refusal import RefusedError

if TYPE_CHECKING:
    from starlette.requests import Request

_LONG = 2**18  # bytes of a body that are taken without waiting for others


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


class Turns:
    """One after another: ``await turns.next()`` lets one go on each time the event loop goes round.

    Otherwise whatever many clients have sent would be taken at once, and a small request behind it would wait.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def next(self) -> None:
        """Wait for those that came before."""
        async with self._lock:
            await asyncio.sleep(0)


async def read_body(request: "Request", *, max_bytes: int, seconds: float, turns: Turns) -> bytearray:
    """The body of a request, counted while it comes in, so that no more than the limit is ever held.

    Args:
        request: Whose body.
        max_bytes: The limit.
        seconds: How long the client may take; waiting for a turn does not count.
        turns: In which pieces of long bodies are taken.

    Raises:
        RefusedError: With 413 if it is longer than ``max_bytes`` (at once, where it is declared to be), with 408 if it
            takes longer than ``seconds``.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > max_bytes:
        raise _too_long(max_bytes, declared[:20])
    loop = asyncio.get_running_loop()
    body = bytearray()
    try:
        async with asyncio.timeout(seconds) as limit:
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    raise _too_long(max_bytes, "more")
                if len(body) >= _LONG:
                    since = loop.time()
                    await turns.next()
                    limit.reschedule((limit.when() or since) + loop.time() - since)
    except TimeoutError:
        raise RefusedError(
            408, f"body: expected within {seconds:g} seconds; got {len(body)} bytes by then. Send it again."
        ) from None
    return body


def _too_long(max_bytes: int, got: str) -> RefusedError:
    return RefusedError(
        413, f"body: expected at most {max_bytes} bytes; got {got}. Send fewer documents at once.", closes=True
    )

"""GuardedConnection: HTTP on one connection, for clients that are slow, broken or too many."""

import asyncio
import json
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from rankkit.serving.http.house import OPEN_PATHS, House
from rankkit.serving.refusal import RefusedError
from rankkit.serving.settings import Settings

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

LINGER_SECONDS = 2.0
_LARGE = 2**15  # bytes that are not held back
_REASONS = {400: "Bad Request", 408: "Request Timeout", 503: "Service Unavailable"}


def full_house(limit: int) -> RefusedError:
    """What a connection too many is told."""
    return RefusedError(
        503,
        f"service: expected at most {limit} connections at once; got one more. Send the request again later.",
        retry_after=1,
    )


class GuardedConnection(H11Protocol):
    """HTTP/1.1 and 1.0 on one connection.

    A head has to arrive within ``head_seconds``, counted from its first byte (from the connection, for the first one),
    an answer has to be taken within ``answer_seconds``, and the rest of a body that was answered already within two
    seconds. Bodies that are read have their time in :func:`rankkit.serving.bodies.limits.read_body`.

    Args:
        house: The connections that there are.
        settings: How long to wait.
        of_uvicorn: What uvicorn gives to every connection.
    """

    def __init__(self, *, house: House, settings: Settings, **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._house = house
        self._settings = settings
        self._served = self.app
        self.app = self._door
        self._in_reserve = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._answer_timer: asyncio.TimerHandle | None = None
        self._rest_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let a client in."""
        lingering = LingeringTransport(transport, self._is_whole, self._settings.answer_seconds)
        super().connection_made(lingering)  # type: ignore[arg-type]
        if self._house.enter(self):
            self._in_reserve = self._house.is_full
            self._look()
        else:
            self._refuse(full_house(self._house.limit))

    def connection_lost(self, exc: Exception | None) -> None:
        """A client has gone."""
        self._house.leave(self)
        for timer in (self._head_timer, self._answer_timer, self._rest_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes have come; those that come after the connection was given up are thrown away."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """An answer is written."""
        super().on_response_complete()
        self._look()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP in the form of all errors."""
        self._refuse(RefusedError(400, "service: expected a request of HTTP/1.1; got something else. See /docs."))

    def pause_writing(self) -> None:
        """The client does not take what is written."""
        super().pause_writing()
        self._answer_timer = self.loop.call_later(self._settings.answer_seconds, self._abort)

    def resume_writing(self) -> None:
        """It has taken it."""
        super().resume_writing()
        if self._answer_timer is not None:
            self._answer_timer.cancel()
            self._answer_timer = None

    def give_way(self) -> None:
        """Leave for another connection."""
        self._abort()

    async def _door(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if self._in_reserve and self._house.is_full and scope["path"] not in OPEN_PATHS:
            self._house.n_turned_away += 1
            status, headers, body = _answer(full_house(self._house.limit))
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        await self._served(scope, receive, send)

    def _look(self) -> None:
        """Note whether there is a whole request, and see that what is missing does not take for ever."""
        if self.transport.is_closing():
            return
        answered = self.cycle is None or self.cycle.response_complete
        if answered and self.conn.their_state is h11.IDLE:
            self._house.quiet(self)
            # uvicorn waits for the next head until its first byte; from there on it would wait for ever.
            began, _ = self.conn.trailing_data
            if self._head_timer is None and (began or self.timeout_keep_alive_task is None):
                self._head_timer = self.loop.call_later(self._settings.head_seconds, self._head_is_late)
        else:
            self._house.busy(self)
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None
        self._look_at_rest(answered and self.conn.their_state is h11.SEND_BODY)

    def _look_at_rest(self, is_behind: bool) -> None:
        """The rest of a body that nobody reads any more is waited for, but not for long."""
        if is_behind and self._rest_timer is None:
            # Who asked whether to send a body, and was answered otherwise, may send another request in its place.
            asked_first = any(name == b"expect" for name, _ in self.headers)
            self._rest_timer = self.loop.call_later(0 if asked_first else LINGER_SECONDS, self.transport.close)
        elif not is_behind and self._rest_timer is not None:
            self._rest_timer.cancel()
            self._rest_timer = None

    def _head_is_late(self) -> None:
        began, _ = self.conn.trailing_data
        if not began:
            self.transport.close()
            return
        seconds = self._settings.head_seconds
        self._refuse(
            RefusedError(408, f"service: expected a whole head within {seconds:g} seconds; got a part. Send it again.")
        )

    def _refuse(self, error: RefusedError) -> None:
        """Answer where there is no request, and leave."""
        status, headers, body = _answer(error)
        lines = [b"HTTP/1.1 %d %s" % (status, _REASONS[status].encode()), *(b"%s: %s" % pair for pair in headers)]
        self.transport.write(b"\r\n".join([*lines, b"", body]))
        self.transport.close()

    def _is_whole(self) -> bool:
        """Whether nothing that the client still sends could be waited for."""
        return self.conn.their_state in (h11.DONE, h11.MUST_CLOSE, h11.CLOSED)

    def _abort(self) -> None:
        self.transport.abort()


def _answer(error: RefusedError) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    body = json.dumps({"error": error.message}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), **error.headers}
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return error.status, [*pairs, (b"connection", b"close")], body


class LingeringTransport:
    """A transport whose close() lets the client read the last answer, and which writes head and body of one together.

    Closed while the client still sends, the system would reset the connection, and the answer would be lost.

    Args:
        transport: To the client.
        is_whole: Whether the client has sent all of its request.
        answer_seconds: How long the client may take for what is written.
    """

    def __init__(self, transport: asyncio.Transport, is_whole: Any, answer_seconds: float) -> None:
        self._transport = transport
        self._is_whole = is_whole
        self._answer_seconds = answer_seconds
        self._is_leaving = False
        self._loop = asyncio.get_running_loop()
        self._held: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Whether nothing more is to be written."""
        return self._is_leaving or self._transport.is_closing()

    def close(self) -> None:
        """Close once all is written, and the client has seen it."""
        if self._is_leaving:
            return
        self._is_leaving = True
        self._flush()
        if self._transport.is_closing():
            return
        seconds = LINGER_SECONDS if not self._transport.get_write_buffer_size() else self._answer_seconds
        if self._is_whole():
            self._transport.close()
        else:
            try:
                if self._transport.can_write_eof():
                    self._transport.write_eof()
                self._transport.resume_reading()
            except OSError:  # the client has gone
                self._transport.abort()
        self._loop.call_later(seconds, self._transport.abort)

    def write(self, data: bytes) -> None:
        """Write what is written in this turn of the event loop, unless it was closed."""
        if self._is_leaving or not data:
            return
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)
        if len(data) > _LARGE:  # whoever writes more waits until the client has taken it
            self._flush()

    def _flush(self) -> None:
        data = b"".join(self._held)
        self._held.clear()
        if data and not self._transport.is_closing():
            self._transport.write(data)

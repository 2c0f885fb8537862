"""Bearer: lets only those in who know the token."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import TYPE_CHECKING

from rankkit.errors import ConfigError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

OPEN = frozenset(("/health",))  # whoever restarts the service has no token
_SHORTEST = 16
_LONGEST = 4096


def read_token(path: Path) -> bytes:
    """The token that a file holds.

    Raises:
        ConfigError: If it cannot be read, or is too short to keep anybody out.
    """
    try:
        with path.open("rb") as file:
            token = file.read(_LONGEST + 1).strip()
    except OSError as error:
        raise ConfigError(f"{path}: expected a file with a token; got {error.strerror}. Write one there.") from error
    if (
        not _SHORTEST <= len(token) <= _LONGEST
        or not token.isascii()
        or b" " in token
        or not token.decode().isprintable()
    ):
        raise ConfigError(
            f"{path}: expected one word of {_SHORTEST} to {_LONGEST} ASCII characters; got something else. "
            "Write one with: openssl rand -hex 32."
        )
    return token


class Bearer:
    """Answers 401 without ``Authorization: Bearer TOKEN``, except to ``GET /health``.

    Args:
        app: The application inside.
        token: What clients have to know.
    """

    def __init__(self, app: "ASGIApp", token: bytes) -> None:
        self._app = app
        self._expected = hashlib.sha256(token).digest()

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http" or scope["path"] in OPEN or self._knows(scope):
            await self._app(scope, receive, send)
            return
        text = "service: expected the header Authorization: Bearer with the token; got none or another. Send the token."
        body = json.dumps({"error": text}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"www-authenticate", b"Bearer"),
        ]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _knows(self, scope: "Scope") -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) != 1 or given[0][:7].lower() != b"bearer ":
            return False
        # Digests are of one length, and compared in a time that tells nothing of where they differ.
        return hmac.compare_digest(hashlib.sha256(given[0][7:].strip()).digest(), self._expected)

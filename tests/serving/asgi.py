"""A client of an ASGI application in this process: what a server would call, without sockets."""

import asyncio
import json
from dataclasses import dataclass


@dataclass
class Answer:
    """What came back."""

    status_code: int
    headers: dict[str, str]
    text: str

    def json(self):
        return json.loads(self.text)


async def send(app, method, path, chunks=(b"",), query="", headers=()):
    """One request; its body comes in chunks from an iterable, or an async one for a client that is slow."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"testserver"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    parts = aiter(chunks) if hasattr(chunks, "__aiter__") else iter(chunks)
    sent = []

    async def receive():
        end = object()
        part = await anext(parts, end) if hasattr(parts, "__anext__") else next(parts, end)
        if part is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": b"" if part is end else part, "more_body": part is not end}

    async def sending(message):
        sent.append(message)

    try:
        await app(scope, receive, sending)
    except Exception:
        if not sent:  # Starlette raises again what it has answered with 500, for the server's log
            raise
    start, *rest = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], headers, b"".join(part.get("body", b"") for part in rest).decode())


class Client:
    """``with Client(app) as client:`` starts the app and stops it at the end."""

    def __init__(self, app):
        self.app = app
        self._runner = asyncio.Runner()

    def __enter__(self):
        self._lifespan = self.app.router.lifespan_context(self.app)
        self.run(self._lifespan.__aenter__())
        return self

    def __exit__(self, *error):
        self.run(self._lifespan.__aexit__(*error))
        self._runner.close()

    def run(self, coroutine):
        return self._runner.run(coroutine)

    def request(self, method, path, *, chunks=(b"",), headers=()):
        path, _, query = path.partition("?")
        return self.run(send(self.app, method, path, chunks, query, headers))

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, body, **headers):
        """``body``: a dict for JSON, text, bytes, or an iterable of chunks."""
        if isinstance(body, dict):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        return self.request("POST", path, chunks=[body] if isinstance(body, bytes) else body, headers=pairs)

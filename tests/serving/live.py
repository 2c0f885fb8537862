"""A service on a real port, in a thread of this process, and clients that write bytes."""

import json
import socket
import threading
import time

BODY = b'{"documents": [{"id": "a", "features": [1, 2, 3]}]}'


class Live:
    """``with Live(app, settings) as live:`` listens and answers until the end."""

    def __init__(self, app, settings):
        from rankkit.serving.http.listening import listen
        from rankkit.serving.server import make_server

        self.server = make_server(app, settings)
        self.listening = listen("127.0.0.1", 0)
        self.port = self.listening.getsockname()[1]
        self._thread = threading.Thread(target=self.server.run, args=([self.listening],))

    def __enter__(self):
        self._thread.start()
        while not self.server.started:
            assert self._thread.is_alive()
            time.sleep(0.01)
        return self

    def __exit__(self, *error):
        self.server.should_exit = True
        self._thread.join(30)
        assert not self._thread.is_alive()
        self.listening.close()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def ask(self, *pieces):
        """All that comes back on a connection of its own, until the service closes it."""
        with self.connect() as connection:
            for piece in pieces:
                connection.sendall(piece)
            return received(connection)

    def get(self, path):
        """Status and body."""
        (answer,) = answers(self.ask(b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode()))
        return answer[0], answer[2]


def post(path="/rank", body=BODY, *, version="1.1", headers=()):
    lines = [f"POST {path} HTTP/{version}", "Host: x", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def received(connection):
    parts = []
    while part := connection.recv(2**16):
        parts.append(part)
    return b"".join(parts)


def one_answer(connection):
    """The next answer on a connection that goes on: its status."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(1)
    head = data.decode().lower()
    left = int(head.partition("content-length: ")[2].partition("\r\n")[0])
    while left:
        left -= len(connection.recv(left))
    return int(head.split()[1])


def until_the_end(connection):
    """What still comes until the service ends a connection, in whichever way."""
    parts = []
    try:
        while part := connection.recv(2**16):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def answers(data):
    """``(status, headers, body)`` of each answer in what came back, of which nothing may be left over."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = int(headers["content-length"])
        assert len(data) >= length
        found.append((int(first.split()[1]), headers, data[:length]))
        data = data[length:]
    return found


def scores_in(body):
    return [document["score"] for document in json.loads(body)["documents"]]

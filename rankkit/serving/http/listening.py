"""listen(): the socket of the service."""

import os
import socket

from rankkit.errors import ConfigError

BACKLOG = 128


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; what it accepts sends small answers at once (TCP_NODELAY).

    Raises:
        ConfigError: If the address cannot be listened on.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )[0]
        # Not socket.create_server(): it names no protocol, and asyncio sets TCP_NODELAY only where TCP is named.
        # Without it the end of an answer waits for the client's delayed acknowledgement, 40 ms.
        listening = socket.socket(family, kind, protocol)
        try:
            if os.name == "posix":
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"serve: expected an address that is free; got {host} port {port}: {error}. Choose another port or host."
        ) from error
    return listening

"""What belongs to HTTP: sockets, connections, counting answers, the pages that describe the service."""

"""RefusedError: an answer other than 200, with a plain message."""


class RefusedError(Exception):
    """Raised wherever a request cannot be served; the app turns it into ``{"error": message}``.

    Args:
        status: HTTP status.
        message: ``where: expected ...; got ... . One action.``
        retry_after: Seconds after which the client may come back, for the header of that name.
        closes: Whether the connection ends with the answer, as the client sends what nobody will read.
    """

    def __init__(self, status: int, message: str, *, retry_after: int | None = None, closes: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        if closes:
            self.headers["Connection"] = "close"

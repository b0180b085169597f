"""Answers before they are sent."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from .encoding import encode
from .wire import Wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send

_NAMES = {
    400: ("BadRequest", "bad-request"),
    401: ("NotAuthenticated", "not-authenticated"),
    403: ("Forbidden", "forbidden"),
    404: ("NotFound", "not-found"),
    405: ("MethodNotAllowed", "method-not-allowed"),
    422: ("Unprocessable", "unprocessable"),
    429: ("TooManyRequests", "too-many-requests"),
    500: ("GeneralError", "general-error"),
    502: ("BadGateway", "bad-gateway"),
    503: ("Unavailable", "unavailable"),
}
_JSON = "application/json; charset=utf-8"
# Express compresses no smaller body.
_GZIP_FROM = 1024


class Refused(Exception):
    """A request that the API answers with an error.

    Args:
        status: The HTTP status.
        message: The error's message.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Answer:
    """One answer, which faults change until it is sent.

    Args:
        status: The HTTP status.
        headers: The headers, without those that follow from the body.
        body: The body, not compressed; of a list `items` counts instead.
        envelope: Of a list, the fields beside `data`, in order; any value.
        items: Of a list, the encoded items.
        send: Writes the answer to the connection, if not done in the usual way.
        from_gateway: Whether something in front of the API made it, so that it lacks the API's own headers.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    envelope: dict[str, Any] = field(default_factory=dict)
    items: list[bytes] | None = None
    send: Callable[[Wire, Answer], Awaitable[None]] | None = None
    from_gateway: bool = False

    @property
    def has_status(self) -> bool:
        """Whether the client is meant to receive a status at all."""
        return self.send is None or not self.from_gateway

    def payload(self) -> bytes:
        """The body, not compressed."""
        if self.items is None:
            return self.body
        start = encode(self.envelope)[:-1] + (b"," if self.envelope else b"")
        return b"".join((start, b'"data":[', b",".join(self.items), b"]}"))

    def with_body(self, body: bytes, *, content_type: str | None = None) -> Answer:
        """This answer, with other bytes as its body."""
        self.body, self.items = body, None
        if content_type is not None:
            self.headers["Content-Type"] = content_type
        return self

    def compress(self) -> bytes:
        """The body for a client that accepts gzip; the headers name the encoding."""
        payload = self.payload()
        if len(payload) < _GZIP_FROM or "Content-Encoding" in self.headers:
            return payload
        self.headers["Content-Encoding"] = "gzip"
        return gzip.compress(payload, compresslevel=6, mtime=0)


class WireResponse(Response):
    """An answer with a `send` of its own, as a response of the web framework."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(status_code=answer.status)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        if self._answer.send is not None:
            await self._answer.send(Wire(scope, receive, send), self._answer)


def json_answer(value: object, status: int = 200) -> Answer:
    """An answer with a value as JSON."""
    return Answer(status, {"Content-Type": _JSON}, encode(value))


def list_answer(envelope: dict[str, Any], items: list[bytes]) -> Answer:
    """An answer with one page of a list."""
    return Answer(200, {"Content-Type": _JSON}, envelope=envelope, items=items)


def error_answer(status: int, message: str) -> Answer:
    """An error in the form of FeathersJS.

    Source: feathersjs/feathers, packages/errors/src/index.ts (read 2026-11-23).
    """
    return json_answer(error_body(status, message), status)


def error_body(status: int, message: str) -> dict[str, Any]:
    """The JSON of an error."""
    name, class_name = _NAMES[status]
    return {"name": name, "message": message, "code": status, "className": class_name, "errors": {}}

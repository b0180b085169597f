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
# Below this Express sends an answer as it is.
_GZIP_FROM = 1024


@dataclass
class Answer:
    """One answer; faults change it until it is sent.

    Attributes:
        status: The HTTP status.
        headers: The headers, without those that follow from the body.
        body: The body, decoded; what counts when there are no items.
        envelope: For lists, the fields beside ``data``, in order; any value.
        items: For lists, the encoded items.
        send: How it goes over the wire, when that is not the usual way.
        from_gateway: Whether something before the API made it, so that it lacks the API's own headers.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    envelope: dict[str, Any] = field(default_factory=dict)
    items: list[bytes] | None = None
    send: Callable[[Wire, Answer], Awaitable[None]] | None = None
    from_gateway: bool = False

    @property
    def is_begun(self) -> bool:
        """Whether the client gets to see a status at all, as far as it is meant to."""
        return self.send is None or not self.from_gateway

    def payload(self) -> bytes:
        """Return the decoded body."""
        if self.items is None:
            return self.body
        start = encode(self.envelope)[:-1] + (b"," if self.envelope else b"")
        return b"".join((start, b'"data":[', b",".join(self.items), b"]}"))

    def with_body(self, body: bytes, *, content_type: str | None = None) -> Answer:
        """Replace what is sent by these bytes, and return the answer."""
        self.body, self.items = body, None
        if content_type is not None:
            self.headers["Content-Type"] = content_type
        return self

    def compress(self) -> bytes:
        """Return the body as it goes to a client that accepts gzip, and say so in the headers."""
        payload = self.payload()
        if len(payload) < _GZIP_FROM or "Content-Encoding" in self.headers:
            return payload
        self.headers["Content-Encoding"] = "gzip"
        return gzip.compress(payload, compresslevel=6, mtime=0)


class WireResponse(Response):
    """An answer with a `send` of its own, as a response of the web framework."""

    def __init__(self, answer: Answer) -> None:
        """Keep the answer until it is sent."""
        super().__init__(status_code=answer.status)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        if self._answer.send is not None:
            await self._answer.send(Wire(scope, receive, send), self._answer)


def json_answer(value: object, status: int = 200) -> Answer:
    """Return an answer that holds a value as JSON."""
    return Answer(status, {"Content-Type": _JSON}, encode(value))


def list_answer(envelope: dict[str, Any], items: list[bytes]) -> Answer:
    """Return an answer that holds one page of a list."""
    return Answer(200, {"Content-Type": _JSON}, envelope=envelope, items=items)


def error_answer(status: int, message: str) -> Answer:
    """Return an error in the form of FeathersJS.

    Source: feathersjs/feathers, packages/errors/src/index.ts, read 2026-11-23.
    """
    return json_answer(error_body(status, message), status)


def error_body(status: int, message: str) -> dict[str, Any]:
    """Return the JSON of an error."""
    name, class_name = _NAMES[status]
    return {"name": name, "message": message, "code": status, "className": class_name, "errors": {}}

"""Sending answers in ways that a web framework does not offer."""

from __future__ import annotations

import asyncio
import socket
import struct
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.types import Receive, Scope, Send

_LINGER_NOTHING = struct.pack("ii", 1, 0)


class Protocol(H11Protocol):
    """uvicorn's HTTP/1.1, with the connection in the scope of each request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Add the connection to the state of its requests."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Wire:
    """The connection that an answer is written to.

    Args:
        scope: The scope of the request, as ASGI calls it.
        receive: The receiver of ASGI.
        send: The sender of ASGI.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._transport = cast("asyncio.Transport", scope["state"]["transport"])

    async def reset(self) -> None:
        """Reset the connection (RST)."""
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOTHING)
        self._transport.abort()
        await self.closed()

    async def close(self) -> None:
        """Close the connection (FIN) after everything written so far."""
        self._transport.close()
        await self.closed()

    async def closed(self) -> None:
        """Wait until either side has closed the connection."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def head(self, status: int, headers: Mapping[str, str], length: int | None) -> None:
        """Write the status line and the headers without any check; the caller writes the body.

        Args:
            status: The HTTP status.
            headers: The headers.
            length: The Content-Length to claim; None to send none, so that the body ends with the connection.
        """
        sent = {**headers, "Connection": "close"}
        if length is not None:
            sent["Content-Length"] = str(length)
        lines = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            *(f"{name}: {value}" for name, value in sent.items()),
        ]
        self.write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def write(self, data: bytes) -> None:
        """Write bytes as they are."""
        self._transport.write(data)

    @property
    def is_open(self) -> bool:
        """Whether the client is still connected, as far as is known."""
        return not self._transport.is_closing()

    async def stream(self, status: int, headers: Mapping[str, str], chunks: AsyncIterator[bytes]) -> None:
        """Send a body of unknown length in chunks, no faster than the client reads, until it disconnects."""
        encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})
        async for chunk in chunks:
            if not self.is_open:
                return
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
            await asyncio.sleep(0)
        await self._send({"type": "http.response.body", "body": b""})

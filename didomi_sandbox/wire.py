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
    """uvicorn's HTTP/1.1, with the connection itself within reach of the application."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Hand the connection on to every request that comes over it."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Wire:
    """One connection at the moment of an answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take what ASGI gives."""
        self._receive, self._send = receive, send
        self._transport = cast("asyncio.Transport", scope["state"]["transport"])

    async def reset(self) -> None:
        """Break the connection off: the client sees a reset, not an end."""
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOTHING)
        self._transport.abort()
        await self.closed()

    async def close(self) -> None:
        """End the connection in good order after everything written so far."""
        self._transport.close()
        await self.closed()

    async def closed(self) -> None:
        """Wait until the connection is gone, whichever side ends it."""
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
        """Whether the client is still there, as far as is known."""
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

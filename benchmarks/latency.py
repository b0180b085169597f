"""A TCP proxy that holds back each message of a client, as a network between two regions does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK = 2**20


@contextmanager
def delayed(port: int, seconds: float, host: str = "127.0.0.1") -> Iterator[int]:
    """Serve on loopback; yields the port. What a client writes arrives so many seconds later, answers at once."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(_listen(host, port, seconds), loop).result()
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _listen(host: str, port: int, seconds: float) -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_connection(host, port)
        await asyncio.gather(_copy(reader, behind_writer, seconds), _copy(behind_reader, writer, 0.0))

    return await asyncio.start_server(serve, host, 0)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            await asyncio.sleep(seconds)
            writer.write(data)
            await writer.drain()
    writer.close()

"""The sandbox as a running server."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import uvicorn

from .app import Api
from .sandbox import Sandbox
from .wire import Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from .behaviour import Behaviour
    from .faults import Fault
    from .store import Store

_START_SECONDS = 10.0
_STOP_SECONDS = 10.0
_HOST = "127.0.0.1"


@contextmanager
def serve(
    store: Store | None = None,
    behaviour: Behaviour | None = None,
    faults: Iterable[Fault] = (),
    *,
    port: int = 0,
    tls: tuple[Path, Path] | None = None,
) -> Iterator[Sandbox]:
    """Serve a sandbox from a thread until the context ends.

    Args:
        store: The contents; an empty store unless given.
        behaviour: The switches.
        faults: The rules.
        port: The port; any free one unless given.
        tls: The files of a certificate and its key, to serve HTTPS.

    Yields:
        The sandbox, already listening.
    """
    sandbox = Sandbox(store, behaviour, faults)
    listener = _listen(port)
    scheme = "https" if tls else "http"
    sandbox.base_url = f"{scheme}://{_HOST}:{listener.getsockname()[1]}/v1"
    server = _server(sandbox, tls)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="didomi-sandbox", daemon=True)
    thread.start()
    try:
        _await_start(server, thread)
        yield sandbox
    finally:
        server.stop()
        thread.join(_STOP_SECONDS)
        listener.close()


class _Server(uvicorn.Server):
    """uvicorn that stops at once, in the middle of any answer."""

    def stop(self) -> None:
        """Stop the server; called from another thread."""
        self.force_exit = self.should_exit = True
        if self.started:
            self._loop.call_soon_threadsafe(self._stopped.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(sockets)

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # A hanging answer ends with its connection.
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets)


def _listen(port: int) -> socket.socket:
    # Without the protocol asyncio does not switch off Nagle's algorithm: each answer would wait 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def _server(sandbox: Sandbox, tls: tuple[Path, Path] | None) -> _Server:
    config = uvicorn.Config(
        Api(sandbox).application(),
        http=Protocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        # Broken answers are on purpose.
        log_level="critical",
        access_log=False,
        server_header=False,
        ssl_certfile=str(tls[0]) if tls else None,
        ssl_keyfile=str(tls[1]) if tls else None,
    )
    return _Server(config)


def _await_start(server: _Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the sandbox did not start")
        time.sleep(0.002)

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
from .histories import generate
from .sandbox import Sandbox
from .wire import Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from .behaviour import Behaviour
    from .faults import Fault
    from .store import Store

_START_SECONDS = 10.0
_STOP_SECONDS = 10.0


@contextmanager
def serve(
    store: Store | None = None,
    behaviour: Behaviour | None = None,
    faults: Iterable[Fault] = (),
    *,
    api_key: str = "sandbox-key",
    api_secret: str = "sandbox-secret",  # noqa: S107 - opens nothing but this sandbox
    host: str = "127.0.0.1",
    port: int = 0,
    tls: tuple[Path, Path] | None = None,
) -> Iterator[Sandbox]:
    """Serve a sandbox from a thread until the context ends.

    Args:
        store: The truth; an empty one unless given.
        behaviour: The switches.
        faults: The rules.
        api_key: The key to accept.
        api_secret: The secret to accept with it.
        host: The address to listen on.
        port: The port; any free one unless given.
        tls: The files of a certificate and its key, to serve HTTPS.

    Yields:
        The sandbox, already listening.
    """
    sandbox = Sandbox(store, behaviour, faults, api_key=api_key, api_secret=api_secret)
    listener = _listen(host, port)
    scheme = "https" if tls else "http"
    sandbox.base_url = f"{scheme}://{host}:{listener.getsockname()[1]}/v1"
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


def run(
    on_ready: Callable[[Sandbox], None],
    *,
    host: str = "127.0.0.1",
    port: int = 8765,
    seed: int = 0,
    days: int = 200,
    exports: int = 5,
    behaviour: Behaviour | None = None,
    faults: Iterable[Fault] = (),
) -> None:
    """Serve a generated history until interrupted (Ctrl-C).

    Args:
        on_ready: Called once with the sandbox when it is listening, to show its URL and credentials.
        host: The address to listen on.
        port: The port; 0 for any free one.
        seed: The seed of the history.
        days: The length of the history.
        exports: The number of exports in it.
        behaviour: The switches.
        faults: The rules.

    Raises:
        OSError: The address can't be listened on.
    """
    store = generate(seed=seed, days=days, exports=exports)
    with serve(store, behaviour, faults, host=host, port=port) as sandbox:
        on_ready(sandbox)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


class _Server(uvicorn.Server):
    """uvicorn that stops at once, whatever it is in the middle of."""

    def stop(self) -> None:
        """End the server, from another thread."""
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
        # Hanging answers end by themselves only when their connection does.
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Without the protocol asyncio leaves Nagle's algorithm on, and each answer waits 40 ms for an acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
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
        # Broken answers are the point here, not news.
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
            message = "the sandbox did not start"
            raise RuntimeError(message)
        time.sleep(0.002)

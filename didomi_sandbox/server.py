"""The sandbox as a running server."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import contextmanager, suppress
from random import Random
from typing import TYPE_CHECKING

import uvicorn

from .app import Api
from .behaviour import Behaviour
from .faults import Fault, Faults
from .histories import generate
from .kinds import KINDS
from .limits import Limiter
from .recorder import Recorder, Request
from .sessions import Sessions
from .store import Store
from .wire import Protocol

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_START_SECONDS = 10.0
_STOP_SECONDS = 10.0


class Sandbox:
    """A local Didomi API: what it knows, how it behaves, what goes wrong, and what it was asked.

    Attributes:
        base_url: Where it is served, ending in ``/v1``.
        api_key: A key that can log in.
        api_secret: The secret to it.
        behaviour: How it behaves; may be replaced at any time.
        recorder: What it was asked.
        lists_read: How many lists of logs it has read since the last reset.
    """

    def __init__(
        self,
        store: Store | None = None,
        behaviour: Behaviour | None = None,
        faults: Iterable[Fault] = (),
        *,
        api_key: str = "sandbox-key",
        api_secret: str = "sandbox-secret",  # noqa: S107 - opens nothing but this sandbox
    ) -> None:
        """Prepare everything but the socket.

        Args:
            store: The truth; an empty one unless given.
            behaviour: The switches.
            faults: The rules.
            api_key: The key to accept.
            api_secret: The secret to accept with it.
        """
        self.base_url = ""
        self.api_key, self.api_secret = api_key, api_secret
        self.behaviour = behaviour or Behaviour()
        self._store = store or Store()
        self.clock = self._store.clock
        self.sessions = Sessions(self.clock)
        self.recorder = Recorder()
        self.store = self._store
        self.faults = faults
        self.reset()

    @property
    def organization_id(self) -> str:
        """The organization that the key belongs to."""
        return self._store.organization_id

    @property
    def store(self) -> Store:
        """The truth; may be replaced at any time by another store."""
        return self._store

    @store.setter
    def store(self, store: Store) -> None:
        store.clock = self.clock
        store.add_key(self.api_key, self.api_secret)
        store.start()
        self._store = store

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The rules in force; replacing them starts their counts anew."""
        return self.fault_rules.rules

    @faults.setter
    def faults(self, faults: Iterable[Fault]) -> None:
        self.fault_rules = Faults(faults, KINDS)

    def reset(self) -> None:
        """Forget the requests, all counts and the random state; keep the tokens."""
        self.recorder.clear()
        self.lists_read = 0
        self.limiter = Limiter()
        self.fault_rules = Faults(self.fault_rules.rules, KINDS)
        self.random = Random(self.behaviour.seed)  # noqa: S311 - a test wants it repeatable

    @property
    def requests(self) -> list[Request]:
        """What it was asked, the oldest first."""
        return self.recorder.all()

    @property
    def list_requests(self) -> Counter[str]:
        """How many pages of logs were asked for, by export id."""
        return self.recorder.list_counts()

    def max_requests_in_window(self, seconds: float | None = None) -> int:
        """Return the highest number of the organization's requests within any window.

        Args:
            seconds: The window's length; that of the rate limit (15 when there is none) unless given.
        """
        _, window = self.behaviour.rate_limit or (0, 15)
        return self.recorder.most_in_window(window if seconds is None else seconds, self.organization_id)


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

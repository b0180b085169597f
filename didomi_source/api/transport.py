"""HTTP exchanges that end: a deadline for the whole answer and a bound on its size."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from didomi_source.errors import ProtocolError, Unavailable

from . import environment

CONNECT_SECONDS = 10.0
_CHUNK_BYTES = 16 * 1024


class _HeadersInTime:
    """Mixin for connections: headers that drip in never trip a socket's timeout, so a timer does."""

    timeout: Any
    sock: socket.socket | None

    def getresponse(self) -> Any:
        late = threading.Event()
        timer = threading.Timer(float(self.timeout or 0), self._hang_up, [late])
        timer.daemon = True
        timer.start()
        try:
            response = super().getresponse()  # type: ignore[misc]
        finally:
            timer.cancel()
        if late.is_set():  # headers that broke off look like headers that ended
            raise TimeoutError
        return response

    def _hang_up(self, late: threading.Event) -> None:
        late.set()
        with suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]


class _Connection(_HeadersInTime, HTTPConnection):
    pass


class _SecureConnection(_HeadersInTime, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Ignore redirects: requests would raise if one leads to what is no address."""


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


def new_session(*, trust_env: bool) -> requests.Session:
    """A session whose connections keep a deadline.

    Args:
        trust_env: Whether proxies, certificates and .netrc of the environment are used; a .netrc entry
            would replace the Authorization header, and a proxy sees it.
    """
    session = _Session()
    session.trust_env = trust_env
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(pool_maxsize=32))
    return session


def exchange(
    session: requests.Session, request: requests.Request, *, seconds: float, max_bytes: int
) -> tuple[requests.Response, bytes]:
    """Send one request and read the whole answer, following no redirect.

    Args:
        session: Made by new_session.
        request: What to send.
        seconds: For the whole answer; beginning with the first byte sent.
        max_bytes: The largest answer taken, unpacked.

    Returns:
        The response (its body consumed) and the body.

    Raises:
        Unavailable: No complete answer in time.
        ProtocolError: The answer is too large, or cannot be unpacked.
        ConfigurationError: A proxy or certificates of the environment cannot be used.
    """
    deadline = time.monotonic() + seconds
    prepared = session.prepare_request(request)
    options = environment.settings_for(session, str(prepared.url))
    try:
        response = session.send(prepared, timeout=(CONNECT_SECONDS, seconds), allow_redirects=False, **options)
        with response:
            return response, _read(response, deadline, max_bytes)
    except (requests.RequestException, HTTPError, OSError) as error:
        environment.refuse_bundle(options["verify"])
        late = time.monotonic() >= deadline
        what = f"no complete answer within {seconds:g} s" if late else _what(error)
        raise Unavailable(what + environment.hint(error, session, str(prepared.url))) from None


def _read(response: requests.Response, deadline: float, max_bytes: int) -> bytes:
    body = bytearray()
    while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > max_bytes:
            raise ProtocolError(f"the answer is larger than {max_bytes // 2**20} MiB: lower page_size")
        if time.monotonic() >= deadline:
            raise requests.Timeout
    return bytes(body)


def _what(error: Exception) -> str:
    """Name an error of the network without the request that it carries."""
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None and not isinstance(cause, OSError):
        cause = inner
    if isinstance(error, requests.exceptions.SSLError):
        return f"no trusted connection: {_plain(error)}"
    if isinstance(error, requests.exceptions.ProxyError):
        return f"no connection through the proxy of the environment: {_plain(error)}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return f"no connection, or it broke: {_plain(error)}"
    return f"the answer broke off: {type(error).__name__}"


def _plain(error: Exception) -> str:
    reason = error.args[0] if error.args else error
    reason = getattr(reason, "reason", reason)
    inner = reason.args[-1] if isinstance(reason, Exception) and reason.args else None
    return str(inner if isinstance(inner, Exception) else reason).rsplit(": ", 1)[-1][:160]

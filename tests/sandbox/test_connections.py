"""Answers that break off, never end, crawl or swell, as a socket sees them."""

from __future__ import annotations

import gzip
import json
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

from didomi_sandbox import Fault, Kind, plain_store
from didomi_sandbox.connections import drip, drip_head, gzip_bomb, huge_page

if TYPE_CHECKING:
    from didomi_sandbox import Sandbox
    from tests.sandbox.conftest import Api

RESET = "reset"


def exchange(api: Api, *, patience: float = 5.0, most: int = 1 << 20) -> tuple[bytes, str]:
    """Ask for a page over a bare socket, and return what came and how it ended.

    Args:
        api: The client whose token is used.
        patience: Seconds to wait for more.
        most: The bytes to read before leaving.
    """
    address = urlsplit(api.sandbox.base_url)
    request = (
        f"GET {address.path}/marketplace/exports/logs?organization_id=acme&export_id=export-1 HTTP/1.1\r\n"
        f"Host: {address.netloc}\r\nAuthorization: Bearer {api.token}\r\n\r\n"
    )
    received = b""
    with socket.create_connection((address.hostname, address.port), timeout=patience) as connection:
        connection.sendall(request.encode())
        try:
            while len(received) < most:
                part = connection.recv(65536)
                if not part:
                    return received, "closed"
                received += part
        except ConnectionResetError:
            return received, RESET
        except TimeoutError:
            return received, "silent"
    return received, "left"


def split(received: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")[1:]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body


@pytest.fixture
def good(api: Api) -> bytes:
    """The body of the good answer."""
    return api.logs(headers={"Accept-Encoding": "identity"}).content


@pytest.mark.parametrize(("kind", "end"), [("reset", RESET), ("closed", "closed")])
def test_connection_ends_before_the_answer(sandbox: Sandbox, api: Api, kind: str, end: str) -> None:
    sandbox.faults = [Fault(kind)]
    assert exchange(api) == (b"", end)
    assert sandbox.requests[-1].status is None


@pytest.mark.parametrize(("kind", "end"), [("reset_mid_body", RESET), ("short_body", "closed")])
def test_connection_ends_amid_the_answer(sandbox: Sandbox, api: Api, good: bytes, kind: str, end: str) -> None:
    sandbox.faults = [Fault(kind)]
    received, ended = exchange(api)
    headers, body = split(received)
    assert (ended, int(headers["content-length"]), body) == (end, len(good), good[: len(good) // 2])
    assert sandbox.requests[-1].status == 200


@pytest.mark.parametrize("kind", ["reset", "closed", "reset_mid_body", "short_body", "unfinished_chunks"])
def test_client_notices_a_broken_answer(sandbox: Sandbox, api: Api, kind: str) -> None:
    sandbox.faults = [Fault(kind, first=1)]
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        api.logs()
    assert api.logs().status_code == 200


def test_chunked_answer_lacks_its_end(sandbox: Sandbox, api: Api, good: bytes) -> None:
    sandbox.faults = [Fault("unfinished_chunks")]
    received, ended = exchange(api)
    headers, body = split(received)
    assert (ended, headers["transfer-encoding"]) == ("closed", "chunked")
    assert body == b"%x\r\n%s\r\n" % (len(good), good)


@pytest.mark.parametrize(("kind", "part"), [("hang", None), ("hang_after_head", 0.0), ("hang_mid_body", 0.5)])
def test_answer_never_ends(sandbox: Sandbox, api: Api, good: bytes, kind: str, part: float | None) -> None:
    sandbox.faults = [Fault(kind)]
    received, ended = exchange(api, patience=0.5)
    expected = b"" if part is None else good[: int(len(good) * part)]
    assert (ended, split(received)[1] if received else received) == ("silent", expected)


def test_other_requests_are_answered_while_one_hangs(sandbox: Sandbox, api: Api) -> None:
    sandbox.faults = [Fault("hang", nth=1)]
    with pytest.raises(requests.ReadTimeout):
        api.logs(timeout=(5, 0.1))
    assert api.logs().status_code == 200


def test_answer_comes_byte_by_byte(sandbox: Sandbox, api: Api, good: bytes) -> None:
    sandbox.faults = [Fault(drip(0))]
    received, ended = exchange(api)
    assert (ended, split(received)[1]) == ("closed", good)
    sandbox.faults = [Fault(drip(0.01))]
    begun = time.monotonic()
    started, ended = exchange(api, most=len(received) - len(good) + 10)
    assert (ended, split(started)[1]) == ("left", good[:10])
    assert time.monotonic() - begun >= 0.1


def test_headers_come_one_by_one_for_ever(sandbox: Sandbox, api: Api) -> None:
    sandbox.faults = [Fault(drip_head(0.01))]
    received, ended = exchange(api, most=200)
    assert ended == "left"
    assert received.startswith(b"HTTP/1.1 200 OK\r\nX-Still-There-0: yes\r\nX-Still-There-1: yes\r\n")
    assert b"\r\n\r\n" not in received


def test_bomb_is_small_on_the_wire_and_valid_when_unpacked(sandbox: Sandbox, api: Api, good: bytes) -> None:
    sandbox.faults = [Fault(gzip_bomb(8))]
    raw = api.logs(stream=True).raw.read(decode_content=False)
    unpacked = gzip.decompress(raw)
    assert len(raw) < 64_000
    assert len(unpacked) == len(good) + 8 * (1 << 20)
    assert json.loads(unpacked) == json.loads(good)


def test_bomb_is_a_gigabyte_by_default(sandbox: Sandbox, api: Api, good: bytes) -> None:
    sandbox.faults = [Fault("gzip_bomb")]
    raw = api.logs(stream=True, timeout=30).raw.read(decode_content=False)
    assert len(raw) < 2 * (1 << 20)
    assert int.from_bytes(raw[-4:], "little") == len(good) + (1 << 30)


def test_huge_page_has_the_size_and_logs_of_its_own(sandbox: Sandbox, api: Api) -> None:
    sandbox.faults = [Fault(huge_page(2))]
    response = api.logs(timeout=30)
    page = response.json()
    ids = [log.pop("id") for log in page["data"]]
    pattern = sandbox.store.log("log-000000")
    del pattern["id"]
    assert len(response.content) > 2 * (1 << 20)
    assert len(ids) == len({*ids}) > 2 * (1 << 20) // 300
    assert (page["total"], page["data"][0], page["data"][-1]) == (25, pattern, pattern)


def test_huge_page_of_an_empty_list_is_still_one(sandbox: Sandbox, api: Api) -> None:
    sandbox.store = plain_store(0)
    sandbox.faults = [Fault(huge_page(1))]
    assert len(api.logs(timeout=30).content) > 1 << 20


@pytest.mark.parametrize(
    "kind", [huge_page(300), gzip_bomb(100_000), drip(0.01), drip_head(0.01)], ids=lambda k: k.name
)
def test_client_that_leaves_early_ends_the_sending(sandbox: Sandbox, api: Api, kind: Kind) -> None:
    sandbox.faults = [Fault(kind, nth=1)]
    assert exchange(api, most=20)[1] == "left"
    begun = time.monotonic()
    assert api.logs().status_code == 200
    assert time.monotonic() - begun < 5

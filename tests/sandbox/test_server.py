"""Starting, stopping and standing alone."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

import didomi_sandbox
from didomi_sandbox import Behaviour, Fault, Sandbox, plain_store, serve
from support.certificates import self_signed

if TYPE_CHECKING:
    from tests.sandbox.conftest import Api

FOLDER = Path(didomi_sandbox.__file__).parent


def login(sandbox: Sandbox, *, verify: str | bool = True) -> int:
    body = {"type": "api-key", "key": sandbox.api_key, "secret": sandbox.api_secret}
    return requests.post(f"{sandbox.base_url}/sessions", json=body, timeout=5, verify=verify).status_code


def listens(sandbox: Sandbox) -> bool:
    address = urlsplit(sandbox.base_url)
    with socket.socket() as connection:
        return connection.connect_ex((address.hostname, address.port)) == 0


def test_server_listens_within_its_context_alone() -> None:
    before = threading.active_count()
    with serve() as sandbox:
        assert sandbox.base_url.startswith("http://127.0.0.1:")
        assert sandbox.base_url.endswith("/v1")
        assert (listens(sandbox), login(sandbox)) == (True, 201)
    assert not listens(sandbox)
    assert threading.active_count() == before


def test_server_has_what_it_was_given() -> None:
    store = plain_store(1)
    with serve(store, Behaviour(page_cap=5), [Fault("gateway_502")]) as sandbox:
        assert (sandbox.store, sandbox.behaviour.page_cap, sandbox.faults) == (store, 5, (Fault("gateway_502"),))
        sandbox.api_key, sandbox.api_secret = "k", "s"
        assert login(sandbox) == 201


def test_two_servers_stand_beside_each_other_and_share_nothing() -> None:
    with serve() as one, serve() as two:
        assert (login(one), one.base_url != two.base_url) == (201, True)
        assert (len(one.requests), len(two.requests)) == (1, 0)
        token = one.sessions.issue(60)
        params = {"organization_id": "acme"}
        headers = {"Authorization": f"Bearer {token}"}
        answers = [
            requests.get(f"{s.base_url}/marketplace/integrations", params, headers=headers, timeout=5)
            for s in (one, two)
        ]
        assert [answer.status_code for answer in answers] == [200, 401]


@pytest.mark.parametrize("kind", ["hang", "hang_mid_body", "drip", "huge_page"])
def test_server_stops_at_once_in_the_middle_of_an_answer(caplog: pytest.LogCaptureFixture, kind: str) -> None:
    with serve(plain_store(5), faults=[Fault(kind)]) as sandbox:
        token = sandbox.sessions.issue(60)
        address = urlsplit(sandbox.base_url)
        connection = socket.create_connection((address.hostname, address.port), timeout=5)
        target = "/v1/marketplace/exports/logs?organization_id=acme&export_id=export-1"
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        while not (sandbox.requests and sandbox.requests[-1].fault):
            time.sleep(0.005)
        begun = time.monotonic()
    assert time.monotonic() - begun < 2
    connection.close()
    assert caplog.messages == []


def test_error_in_the_context_still_stops_the_server() -> None:
    with pytest.raises(ZeroDivisionError), serve() as sandbox:
        raise ZeroDivisionError
    assert not listens(sandbox)


def test_port_can_be_chosen_and_is_free_again_afterwards() -> None:
    with serve() as sandbox:
        port = urlsplit(sandbox.base_url).port
        with pytest.raises(OSError, match="in use"), serve(port=port or 0):
            pass
    with serve(port=port or 0) as again:
        assert again.base_url == sandbox.base_url


def test_store_and_faults_can_be_replaced_while_it_runs(sandbox: Sandbox, api: Api) -> None:
    sandbox.store = plain_store(3)
    assert (api.logs().json()["total"], login(sandbox)) == (3, 201)


def test_https_is_served_with_a_certificate(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    with serve(tls=(certificate, key)) as sandbox:
        assert sandbox.base_url.startswith("https://127.0.0.1:")
        assert login(sandbox, verify=str(certificate)) == 201
        with pytest.raises(requests.exceptions.SSLError):
            login(sandbox)


def test_no_module_is_longer_than_a_reader_likes() -> None:
    assert {path.name for path in FOLDER.glob("*.py") if len(path.read_text().splitlines()) > 400} == set()

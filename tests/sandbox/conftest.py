"""One sandbox for all tests, as new for each of them, and a plain HTTP client for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from didomi_sandbox import Behaviour, Sandbox, Store, plain_store, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGS = "/marketplace/exports/logs"


class Api:
    """A client that does nothing by itself: no retries, no pages, no renewed token."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Start without a token."""
        self.sandbox = sandbox
        self.http = requests.Session()
        self.http.trust_env = False
        self.token = ""

    def login(self, **fields: object) -> requests.Response:
        body = {"type": "api-key", "key": self.sandbox.api_key, "secret": self.sandbox.api_secret, **fields}
        return self.http.post(f"{self.sandbox.base_url}/sessions", json=body, timeout=10)

    def get(self, path: str, params: Any = None, **options: Any) -> requests.Response:
        """Get a path with the token, for the organization; a parameter set to None is left out."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        params = {"organization_id": self.sandbox.organization_id, **(params or {})}
        options = {"timeout": 10, "allow_redirects": False, **options}
        return self.http.get(f"{self.sandbox.base_url}{path}", params=params, headers=headers, **options)

    def logs(self, params: dict[str, Any] | None = None, **options: Any) -> requests.Response:
        """Get a page of the logs of export-1."""
        return self.get(LOGS, {"export_id": "export-1", **(params or {})}, **options)

    def numbers(self, params: dict[str, Any] | None = None) -> list[str]:
        """Get the numbers of the logs on a page: ``log-000007`` is 7."""
        response = self.logs(params)
        assert response.status_code == 200, response.text
        return [int(log["id"].removeprefix("log-")) for log in response.json()["data"]]

    def sweep(self, limit: int = 10, **params: Any) -> list[int]:
        """Get the numbers of all logs, page after page."""
        pages = range(0, self.logs({"$limit": 0}).json()["total"], limit)
        return [number for skip in pages for number in self.numbers({"$limit": limit, "$skip": skip, **params})]


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    with serve() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    """A sandbox with 25 logs ``log-000000`` to ``log-000024``, the oldest first, without a rate limit."""
    running.behaviour = Behaviour(rate_limit=None)
    running.store = plain_store(25)
    running.faults = ()
    running.reset()
    yield running
    running.store = Store()


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    """A client that is logged in."""
    client = Api(sandbox)
    client.token = sandbox.sessions.issue(3600)
    yield client
    client.http.close()

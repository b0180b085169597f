"""The rate limit of an organization, by a clock that the tests move."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from didomi_sandbox import Sandbox
    from tests.sandbox.conftest import Api


@pytest.fixture
def limited(sandbox: Sandbox) -> Sandbox:
    """A sandbox that allows three requests in 1,000 seconds, far longer than a test takes."""
    sandbox.behaviour = replace(sandbox.behaviour, rate_limit=(3, 1000))
    return sandbox


def statuses(api: Api, count: int) -> list[int]:
    return [api.logs().status_code for _ in range(count)]


def test_answers_carry_the_headers_of_draft_7(limited: Sandbox, api: Api) -> None:
    headers = [response.headers for response in (api.login(), api.logs(), api.get("/nothing"))]
    assert [(h["RateLimit"], h["RateLimit-Policy"]) for h in headers] == [
        ("limit=3, remaining=2, reset=1000", "3;w=1000"),
        ("limit=3, remaining=1, reset=1000", "3;w=1000"),
        ("limit=3, remaining=0, reset=1000", "3;w=1000"),
    ]
    assert limited.max_requests_in_window() == 3


def test_default_limit_is_the_documented_one(sandbox: Sandbox, api: Api) -> None:
    sandbox.behaviour = type(sandbox.behaviour)()
    headers = api.logs().headers
    assert (headers["RateLimit"], headers["RateLimit-Policy"]) == ("limit=100, remaining=99, reset=15", "100;w=15")


def test_request_beyond_the_limit_answers_429(limited: Sandbox, api: Api) -> None:
    assert statuses(api, 3) == [200, 200, 200]
    limited.clock.advance(400)
    response = api.logs()
    assert response.status_code == 429
    assert response.json() == {
        "name": "TooManyRequests",
        "message": "Too many requests, please try again later.",
        "code": 429,
        "className": "too-many-requests",
        "errors": {},
    }
    assert response.headers["RateLimit"] == "limit=3, remaining=0, reset=600"
    assert response.headers["Retry-After"] == "600"


def test_requests_that_come_back_after_retry_after_pass(limited: Sandbox, api: Api) -> None:
    statuses(api, 3)
    limited.clock.advance(int(api.logs().headers["Retry-After"]))
    assert api.logs().status_code == 200


def test_sliding_window_frees_one_place_at_a_time(limited: Sandbox, api: Api) -> None:
    statuses(api, 1)
    limited.clock.advance(500)
    assert statuses(api, 3) == [200, 200, 429]
    limited.clock.advance(501)
    assert statuses(api, 2) == [200, 429]


def test_fixed_window_frees_all_places_at_its_end(limited: Sandbox, api: Api) -> None:
    limited.behaviour = replace(limited.behaviour, rate_window="fixed")
    statuses(api, 1)
    limited.clock.advance(999 - 1)
    assert statuses(api, 3) == [200, 200, 429]
    limited.clock.advance(2)
    assert statuses(api, 4) == [200, 200, 200, 429]
    assert limited.max_requests_in_window() == 7


def test_rejected_requests_use_up_nothing(limited: Sandbox, api: Api) -> None:
    statuses(api, 3)
    limited.clock.advance(500)
    assert statuses(api, 3) == [429, 429, 429]
    limited.clock.advance(501)
    assert statuses(api, 4) == [200, 200, 200, 429]


def test_wrong_credentials_use_up_the_limit(limited: Sandbox, api: Api) -> None:
    assert [api.login(secret="wrong").status_code for _ in range(3)] == [400, 400, 400]
    assert (api.logs().status_code, limited.max_requests_in_window()) == (429, 4)


@pytest.mark.parametrize(
    ("window", "share", "expected"),
    [
        ("sliding", 0.0, [200, 200, 200, 200, 429]),
        ("sliding", 0.5, [200, 200, 429, 429, 429]),
        ("sliding", 1.0, [429, 429, 429, 429, 429]),
        ("fixed", 0.5, [200, 200, 200, 200, 429]),
    ],
)
def test_somebody_else_uses_up_a_share(
    limited: Sandbox, api: Api, window: str, share: float, expected: list[int]
) -> None:
    switches: dict[str, Any] = {"rate_window": window, "other_client_share": share}
    limited.behaviour = replace(limited.behaviour, rate_limit=(4, 1000), **switches)
    assert statuses(api, 5) == expected


def test_share_of_somebody_else_grows_through_a_fixed_window(limited: Sandbox, api: Api) -> None:
    switches: dict[str, Any] = {"rate_window": "fixed", "other_client_share": 0.5}
    limited.behaviour = replace(limited.behaviour, rate_limit=(4, 1000), **switches)
    statuses(api, 1)
    limited.clock.advance(600)
    assert api.logs().headers["RateLimit"] == "limit=4, remaining=1, reset=400"


def test_no_limit_means_no_headers(sandbox: Sandbox, api: Api) -> None:
    assert sandbox.behaviour.rate_limit is None
    assert "RateLimit" not in api.logs().headers


def test_most_requests_in_a_window_are_counted_over_sliding_windows(sandbox: Sandbox, api: Api) -> None:
    for pause in (0, 60, 600, 300, 60):
        sandbox.clock.advance(pause)
        api.logs()
    counts = [sandbox.max_requests_in_window(seconds) for seconds in (30, 120, 400, 2000)]
    assert counts == [1, 2, 3, 5]

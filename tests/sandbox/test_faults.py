"""Which requests meet a fault, and what statuses, bodies and envelopes they then get."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests
from urllib3.exceptions import HTTPError

from didomi_sandbox import KINDS, Behaviour, Fault
from didomi_sandbox.kinds import body, gateway, redirect, refusal, too_many_until

if TYPE_CHECKING:
    from didomi_sandbox import Sandbox
    from tests.sandbox.conftest import Api

INTEGRATIONS = "/marketplace/integrations"


@pytest.mark.parametrize(
    ("rule", "struck"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"nth": 2}, [2]),
        ({"nth": (1, 4)}, [1, 4]),
        ({"every": 3}, [3, 6]),
        ({"first": 2}, [1, 2]),
        ({"first": 4, "every": 2}, [2, 4]),
    ],
    ids=str,
)
def test_fault_strikes_the_requests_that_its_rule_names(
    sandbox: Sandbox, api: Api, rule: dict[str, Any], struck: list[int]
) -> None:
    sandbox.faults = [Fault("gateway_502", **rule)]
    statuses = [api.logs().status_code for _ in range(6)]
    assert [number for number, status in enumerate(statuses, 1) if status == 502] == struck


def test_fault_strikes_its_route_alone(sandbox: Sandbox, api: Api) -> None:
    def statuses() -> list[int]:
        return [api.login().status_code, api.logs().status_code, api.get(INTEGRATIONS).status_code]

    for route, expected in {
        "login": [502, 200, 200],
        "logs": [201, 502, 200],
        "integrations": [201, 200, 502],
        None: [502, 502, 502],
    }.items():
        sandbox.faults = [Fault("gateway_502", on=route)]
        assert statuses() == expected


def test_fault_strikes_and_counts_its_export_alone(sandbox: Sandbox, api: Api) -> None:
    sandbox.faults = [Fault("gateway_502", export_id="export-2", nth=1)]
    statuses = [api.logs({"export_id": export}).status_code for export in ("export-1", "export-2", "export-2")]
    assert statuses == [200, 502, 200]


def test_fault_that_spoils_answers_counts_only_good_ones(sandbox: Sandbox, api: Api) -> None:
    sandbox.faults = [Fault("null", nth=2)]
    bad = api.logs({"$limit": 5, "status[$like]": "c"})
    assert (bad.status_code, api.logs().status_code, api.logs().content) == (400, 200, b"null")


def test_several_faults_add_up(sandbox: Sandbox, api: Api) -> None:
    sandbox.faults = [Fault("total_low"), Fault("skip_wrong"), Fault("log_id_null"), Fault("gateway_503", nth=2)]
    page = api.logs({"$limit": 2}).json()
    assert (page["total"], page["skip"], page["data"][0]["id"], page["data"][1]["id"]) == (12, 1, None, "log-000001")
    assert api.logs().status_code == 503
    assert [request.fault for request in sandbox.requests] == [
        ("total_low", "skip_wrong", "log_id_null"),
        ("gateway_503",),
    ]


def test_faults_that_are_replaced_count_anew(sandbox: Sandbox, api: Api) -> None:
    sandbox.faults = [Fault("gateway_502", first=1)]
    statuses = [api.logs().status_code, api.logs().status_code]
    sandbox.reset()
    statuses.append(api.logs().status_code)
    sandbox.faults = ()
    assert [*statuses, api.logs().status_code] == [502, 200, 502, 200]


def test_unknown_kind_is_refused_at_once(sandbox: Sandbox) -> None:
    with pytest.raises(KeyError, match="no_such_kind"):
        sandbox.faults = [Fault("no_such_kind")]


def test_names_of_kinds_are_their_own() -> None:
    assert all(kind.name == name for name, kind in KINDS.items())


def test_requests_that_meet_a_fault_use_up_the_limit(sandbox: Sandbox, api: Api) -> None:
    sandbox.behaviour = Behaviour(rate_limit=(2, 1000))
    sandbox.faults = [Fault("gateway_502")]
    assert [api.logs().status_code for _ in range(3)] == [502, 502, 429]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_gateway_answers_in_html_without_the_apis_headers(sandbox: Sandbox, api: Api, status: int) -> None:
    sandbox.behaviour = Behaviour()
    sandbox.faults = [Fault(f"gateway_{status}")]
    response = api.logs()
    assert (response.status_code, response.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert "RateLimit" not in response.headers
    assert response.text.startswith("<html>")


def test_gateway_can_say_when_to_come_back(sandbox: Sandbox, api: Api) -> None:
    sandbox.faults = [Fault(gateway(503, retry_after="7"))]
    assert api.logs().headers["Retry-After"] == "7"


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("refusal_400", "Invalid authentication information"),
        ("refusal_401", "jwt expired"),
        ("refusal_403", "You cannot access this resource"),
        ("refusal_404", "Page not found"),
        (refusal(500, "Out of order"), "Out of order"),
    ],
)
def test_refusal_has_the_apis_form(sandbox: Sandbox, api: Api, kind: Any, message: str) -> None:
    sandbox.faults = [Fault(kind)]
    response = api.logs()
    assert (response.json()["code"], response.json()["message"]) == (response.status_code, message)


@pytest.mark.parametrize(
    ("kind", "retry_after"),
    [
        ("429_seconds", "1"),
        ("429_zero", "0"),
        ("429_missing", None),
        ("429_day", "86400"),
        ("429_negative", "-5"),
        ("429_garbage", "soon"),
        ("429_fraction", "0.5"),
    ],
)
def test_too_many_requests_says_when_to_come_back(
    sandbox: Sandbox, api: Api, kind: str, retry_after: str | None
) -> None:
    sandbox.faults = [Fault(kind)]
    response = api.logs()
    assert (response.status_code, response.json()["name"]) == (429, "TooManyRequests")
    assert response.headers.get("Retry-After") == retry_after


def test_too_many_requests_says_it_as_a_date(sandbox: Sandbox, api: Api) -> None:
    sandbox.faults = [Fault(too_many_until(100))]
    headers = api.logs().headers
    ahead = parsedate_to_datetime(headers["Retry-After"]) - parsedate_to_datetime(headers["Date"])
    assert 97 <= ahead.total_seconds() <= 102


@pytest.mark.parametrize(
    ("kind", "status", "location"),
    [
        ("redirect_https", 301, "https://{host}{target}"),
        ("redirect_same_host", 302, "http://{host}{target}"),
        ("redirect_other_host", 307, "http://elsewhere.invalid{target}"),
        ("redirect_nowhere", 302, ""),
        (redirect("https://x.invalid/y", 308), 308, "https://x.invalid/y"),
    ],
)
def test_redirect_names_its_target(sandbox: Sandbox, api: Api, kind: Any, status: int, location: str) -> None:
    sandbox.faults = [Fault(kind)]
    response = api.logs({"$limit": 1})
    host = sandbox.base_url.split("/")[2]
    target = "/v1/marketplace/exports/logs?organization_id=acme&export_id=export-1&%24limit=1"
    assert (response.status_code, response.headers["Location"]) == (
        status,
        location.replace("{host}", host).replace("{target}", target),
    )


def test_redirect_of_the_login_can_be_followed_with_its_body(sandbox: Sandbox, api: Api) -> None:
    sandbox.faults = [Fault(redirect("http://{host}{target}", 307), on="login", first=1)]
    assert api.login().status_code == 201
    first, second = sandbox.requests
    assert (first.status, second.status, first.body) == (307, 201, second.body)


def good_page(sandbox: Sandbox, api: Api) -> bytes:
    faults, sandbox.faults = sandbox.faults, ()
    content = api.logs().content
    sandbox.faults = faults
    return content


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("trailing_garbage", lambda good: good + good[-20:]),
        ("truncated_json", lambda good: good[: len(good) * 2 // 3]),
        ("malformed_json", lambda good: b'{"total"=25' + good[11:]),
        ("byte_order_mark", lambda good: b"\xef\xbb\xbf" + good),
        ("empty", lambda _: b""),
        ("null", lambda _: b"null"),
        ("string", lambda _: b'"ok"'),
        ("number", lambda _: b"42"),
        ("empty_object", lambda _: b"{}"),
        ("empty_array", lambda _: b"[]"),
        (body("own", b"own"), lambda _: b"own"),
    ],
)
def test_body_is_spoiled_under_a_good_status(sandbox: Sandbox, api: Api, kind: Any, expected: Any) -> None:
    sandbox.faults = [Fault(kind)]
    response = api.logs()
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert response.content == expected(good_page(sandbox, api))


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [("html", "text/html; charset=utf-8"), ("html_as_json", "application/json; charset=utf-8")],
)
def test_html_comes_under_a_good_status(sandbox: Sandbox, api: Api, kind: str, content_type: str) -> None:
    sandbox.faults = [Fault(kind)]
    response = api.logs()
    assert (response.status_code, response.headers["Content-Type"]) == (200, content_type)
    assert "<h1>Maintenance</h1>" in response.text


def test_no_content_is_a_204(sandbox: Sandbox, api: Api) -> None:
    sandbox.faults = [Fault("no_content")]
    response = api.logs()
    assert (response.status_code, response.content) == (204, b"")


def test_error_comes_under_a_good_status(sandbox: Sandbox, api: Api) -> None:
    sandbox.faults = [Fault("error_with_200")]
    response = api.logs()
    assert (response.status_code, response.json()["name"], response.json()["code"]) == (200, "GeneralError", 500)


@pytest.mark.parametrize("kind", ["short_gzip", "not_gzip"])
def test_gzip_that_cannot_be_unpacked(sandbox: Sandbox, api: Api, kind: str) -> None:
    sandbox.faults = [Fault(kind)]
    response = api.logs(stream=True)
    assert response.headers["Content-Encoding"] == "gzip"
    raw = response.raw.read(decode_content=False)
    assert len(raw) == int(response.headers["Content-Length"])
    assert raw[:2] == (b"\x1f\x8b" if kind == "short_gzip" else b'{"')


@pytest.mark.parametrize(
    ("kind", "token"),
    [
        ("session_without_token", "absent"),
        ("session_null_token", None),
        ("session_empty_token", ""),
        ("session_token_with_newline", "a\r\nX-Injected: yes"),
    ],
)
def test_session_comes_without_a_usable_token(sandbox: Sandbox, api: Api, kind: str, token: object) -> None:
    sandbox.faults = [Fault(kind, on="login")]
    response = api.login()
    assert (response.status_code, response.json().get("access_token", "absent")) == (201, token)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("total_low", "total", 12),
        ("total_high", "total", 275),
        ("total_zero", "total", 0),
        ("total_negative", "total", -1),
        ("total_text", "total", "25"),
        ("total_null", "total", None),
        ("total_float", "total", 25.5),
        ("total_huge", "total", 10**30),
        ("total_missing", "total", "absent"),
        ("skip_wrong", "skip", 6),
        ("skip_text", "skip", "5"),
        ("skip_missing", "skip", "absent"),
        ("limit_wrong", "limit", 7),
        ("limit_zero", "limit", 0),
        ("limit_missing", "limit", "absent"),
        ("data_missing", "data", "absent"),
        ("data_null", "data", None),
        ("data_string", "data", "3 logs"),
        ("empty_page", "data", []),
    ],
)
def test_one_field_of_the_envelope_is_wrong(sandbox: Sandbox, api: Api, kind: str, field: str, value: object) -> None:
    params = {"$limit": 3, "$skip": 5}
    good = api.logs(params).json()
    sandbox.faults = [Fault(kind)]
    page = api.logs(params).json()
    assert page.get(field, "absent") == value
    assert {k: v for k, v in page.items() if k != field} == {k: v for k, v in good.items() if k != field}


def test_data_comes_in_other_shapes(sandbox: Sandbox, api: Api) -> None:
    logs = sandbox.store.logs()[:2]
    shapes = {}
    for kind in ("data_object", "data_nested", "bare_array"):
        sandbox.faults = [Fault(kind)]
        page = api.logs({"$limit": 2}).json()
        shapes[kind] = page if isinstance(page, list) else page["data"]
    assert shapes == {"data_object": {"0": logs[0], "1": logs[1]}, "data_nested": [logs], "bare_array": logs}


@pytest.mark.parametrize(
    ("kind", "skip", "expected"),
    [
        ("skip_ignored", 10, (0, [0, 1, 2, 3])),
        ("skip_ignored_quietly", 10, (10, [0, 1, 2, 3])),
        ("page_repeated", 10, (10, [6, 7, 8, 9])),
        ("page_repeated", 0, (0, [0, 1, 2, 3])),
        ("page_skipped", 10, (10, [14, 15, 16, 17])),
        ("endless_repeats", 53, (53, [3, 4, 5, 6])),
    ],
)
def test_another_page_comes_than_the_one_asked_for(
    sandbox: Sandbox, api: Api, kind: str, skip: int, expected: tuple[int, list[int]]
) -> None:
    sandbox.faults = [Fault(kind)]
    page = api.logs({"$limit": 4, "$skip": skip}).json()
    assert (page["skip"], [int(log["id"][4:]) for log in page["data"]]) == expected


def test_endless_list_always_has_another_page(sandbox: Sandbox, api: Api) -> None:
    sandbox.faults = [Fault("endless_fresh")]
    pages = [api.logs({"$limit": 50, "$skip": skip}).json() for skip in (0, 50, 10**6)]
    assert [page["total"] > page["skip"] + 50 for page in pages] == [True] * 3
    assert [page["data"][-1]["id"] for page in pages] == ["endless-49", "endless-99", "endless-1000049"]
    assert [len(page["data"]) for page in pages] == [50] * 3


def test_faults_of_lists_leave_other_answers_alone(sandbox: Sandbox, api: Api) -> None:
    kinds = ["total_low", "data_null", "bare_array", "empty_page", "skip_ignored", "endless_fresh", "log_id_null"]
    sandbox.faults = [Fault(kind, on="login") for kind in kinds]
    assert api.login().json()["type"] == "api-key"


def test_every_kind_leaves_the_server_standing(sandbox: Sandbox, api: Api) -> None:
    """No kind may end in an error of the sandbox's own, and the next request is answered well."""
    endless = {"hang", "hang_after_head", "hang_mid_body", "drip", "drip_head", "gzip_bomb", "huge_page"}
    for name in sorted(KINDS.keys() - endless):
        sandbox.faults = [Fault(name, nth=1)]
        try:
            answer = api.logs(stream=True).raw.read(decode_content=False)
        except (requests.RequestException, HTTPError) as error:
            answer = repr(error).encode()
        assert b"Internal Server Error" not in answer or name == "gateway_500", name
        assert sandbox.requests[-1].fault == (name,), name
        assert api.logs().status_code == 200, name
    assert json.loads(api.logs().content)["total"] == 25

"""What the documented routes answer."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import requests

from didomi_sandbox import Store

if TYPE_CHECKING:
    from didomi_sandbox import Sandbox
    from tests.sandbox.conftest import Api

INTEGRATIONS = "/marketplace/integrations"


def error(code: int, name: str, class_name: str, message: str) -> dict[str, Any]:
    return {"name": name, "message": message, "code": code, "className": class_name, "errors": {}}


def test_login_gives_a_token_that_opens_the_lists(sandbox: Sandbox, api: Api) -> None:
    response = api.login()
    api.token = response.json()["access_token"]
    assert (response.status_code, response.headers["Content-Type"]) == (201, "application/json; charset=utf-8")
    assert response.json() == {"type": "api-key", "key": sandbox.api_key, "access_token": api.token}
    assert api.logs().status_code == 200


def test_token_is_a_jwt_that_names_its_end(sandbox: Sandbox, api: Api) -> None:
    sandbox.behaviour = replace(sandbox.behaviour, token_life=90)
    payload = api.login().json()["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["exp"] - claims["iat"] in (90, 91)


@pytest.mark.parametrize(
    "fields",
    [{"secret": "wrong"}, {"key": "wrong"}, {"type": "password"}, {"key": None}, {"secret": ["a"]}, {"key": {"a": 1}}],
    ids=str,
)
def test_wrong_credentials_answer_400(api: Api, fields: dict[str, object]) -> None:
    response = api.login(**fields)
    expected = error(400, "BadRequest", "bad-request", "Invalid authentication information")
    assert (response.status_code, response.json()) == (400, expected)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"{", "application/json"), (b"[]", "application/json"), (b"", "application/json"), (None, "text/plain")],
    ids=["malformed", "array", "empty", "not JSON by its type"],
)
def test_login_without_a_json_object_answers_400(sandbox: Sandbox, body: bytes | None, content_type: str) -> None:
    good = json.dumps({"type": "api-key", "key": sandbox.api_key, "secret": sandbox.api_secret}).encode()
    headers = {"Content-Type": content_type}
    response = requests.post(
        f"{sandbox.base_url}/sessions", data=good if body is None else body, headers=headers, timeout=10
    )
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        (None, "No auth token"),
        ("Basic YTpi", "No auth token"),
        ("Bearer ", "No auth token"),
        ("Bearer nonsense", "invalid signature"),
    ],
    ids=["none", "another scheme", "empty", "unknown"],
)
def test_request_without_a_valid_token_answers_401(api: Api, authorization: str | None, message: str) -> None:
    response = api.logs(headers={"Authorization": authorization})
    expected = error(401, "NotAuthenticated", "not-authenticated", message)
    assert (response.status_code, response.json()) == (401, expected)


def test_token_expires_after_its_life(sandbox: Sandbox, api: Api) -> None:
    sandbox.behaviour = replace(sandbox.behaviour, token_life=10)
    api.token = api.login().json()["access_token"]
    sandbox.clock.advance(9)
    assert api.logs().status_code == 200
    sandbox.clock.advance(1.5)
    assert api.logs().json() == error(401, "NotAuthenticated", "not-authenticated", "jwt expired")


def test_revoked_tokens_answer_401_until_the_next_login(sandbox: Sandbox, api: Api) -> None:
    sandbox.sessions.revoke()
    assert api.logs().status_code == 401
    api.token = api.login().json()["access_token"]
    assert api.logs().status_code == 200


def test_list_of_logs_has_the_documented_envelope(sandbox: Sandbox, api: Api) -> None:
    page = api.logs({"$limit": 3, "$skip": 20}).json()
    assert list(page) == ["total", "limit", "skip", "data"]
    assert page == {"total": 25, "limit": 3, "skip": 20, "data": sandbox.store.logs("export-1")[20:23]}


def test_list_of_logs_shows_the_own_organization_alone(sandbox: Sandbox, api: Api) -> None:
    sandbox.store = Store()
    own = sandbox.store.add_log("export-1")
    sandbox.store.add_log("export-1", organization_id="other")
    assert [log["id"] for log in api.logs().json()["data"]] == [own]


def test_unknown_export_has_no_logs(api: Api) -> None:
    assert api.logs({"export_id": "unknown"}).json() == {"total": 0, "limit": 10, "skip": 0, "data": []}


@pytest.mark.parametrize("path", ["/marketplace/exports/logs", INTEGRATIONS])
@pytest.mark.parametrize(("organization", "status"), [(None, 400), ("other", 403), ("", 403)])
def test_organization_has_to_be_the_own(api: Api, path: str, organization: str | None, status: int) -> None:
    response = api.get(path, {"organization_id": organization})
    assert (response.status_code, response.json()["code"]) == (status, status)


def test_integrations_are_listed_with_their_credentials(sandbox: Sandbox, api: Api) -> None:
    sandbox.store.add_export(id="export-2", authentication={"secret_access_key": "s"})
    page = api.get(INTEGRATIONS).json()
    assert page == {"total": 2, "limit": 10, "skip": 0, "data": sandbox.store.exports()}
    assert page["data"][1]["authentication"] == {"secret_access_key": "s"}


def test_integrations_are_paged_filtered_and_sorted_like_logs(sandbox: Sandbox, api: Api) -> None:
    for number in range(3):
        sandbox.store.add_export(id=f"e{number}", type_id="analytics-exports-gcp")
    params = {"type_id": "analytics-exports-gcp", "$sort[id]": -1, "$limit": 2}
    page = api.get(INTEGRATIONS, params).json()
    assert (page["total"], [export["id"] for export in page["data"]]) == (3, ["e2", "e1"])


def test_other_paths_answer_404_in_the_same_form(api: Api) -> None:
    response = api.get("/nothing/here")
    assert (response.status_code, response.json()) == (404, error(404, "NotFound", "not-found", "Page not found"))


@pytest.mark.parametrize("path", ["/sessions/", "/marketplace/exports/logs/"])
def test_trailing_slash_is_another_path(api: Api, path: str) -> None:
    assert api.get(path).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/sessions"), ("POST", "/marketplace/exports/logs"), ("DELETE", INTEGRATIONS)]
)
def test_other_methods_answer_405_in_the_same_form(sandbox: Sandbox, method: str, path: str) -> None:
    response = requests.request(method, f"{sandbox.base_url}{path}", timeout=10)
    assert (response.status_code, response.json()["name"]) == (405, "MethodNotAllowed")


def test_text_beyond_ascii_is_sent_as_it_is(sandbox: Sandbox, api: Api) -> None:
    sandbox.store.update("log-000000", {"result": "déjà – vu"})
    assert '"déjà – vu"'.encode() in api.logs().content


def test_requests_are_recorded_with_their_outcome(sandbox: Sandbox, api: Api) -> None:
    api.login(secret="wrong")
    api.logs({"$limit": 1})
    api.get("/nothing", headers={"Authorization": ""})
    seen = [(r.method, r.path, r.query, r.status) for r in sandbox.requests]
    assert seen == [
        ("POST", "/v1/sessions", "", 400),
        ("GET", "/v1/marketplace/exports/logs", "organization_id=acme&export_id=export-1&%24limit=1", 200),
        ("GET", "/v1/nothing", "organization_id=acme", 404),
    ]
    assert json.loads(sandbox.requests[0].body)["secret"] == "wrong"
    assert sandbox.requests[1].headers["authorization"] == f"Bearer {api.token}"
    assert sandbox.requests[0].time <= sandbox.requests[1].time <= sandbox.clock.now()


def test_secrets_are_not_in_a_recorded_requests_text(sandbox: Sandbox, api: Api) -> None:
    api.login()
    api.logs()
    text = repr(sandbox.requests)
    assert sandbox.api_secret not in text
    assert api.token not in text


def test_pages_are_counted_by_export(sandbox: Sandbox, api: Api) -> None:
    for export in ("export-1", "export-1", "export-2"):
        api.logs({"export_id": export})
    api.get(INTEGRATIONS)
    assert dict(sandbox.list_requests) == {"export-1": 2, "export-2": 1}
    sandbox.reset()
    assert (sandbox.requests, dict(sandbox.list_requests)) == ([], {})

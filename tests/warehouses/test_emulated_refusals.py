"""What Snowflake and BigQuery refuse: the emulators, behind a gateway that answers as an account would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from support.warehouses.emulators import servers
from support.warehouses.engines import Engine, require
from support.warehouses.gateway import Answer, Gateway, gateway
from support.warehouses.refusals import loads, refused


@contextmanager
def behind_a_gateway(destination: str, emulator: str) -> Iterator[tuple[Engine, Gateway]]:
    require(emulator)
    with getattr(servers, destination)() as running, gateway(running.port) as door:
        environment = {
            name: value.replace(f"127.0.0.1:{running.port}", f"127.0.0.1:{door.port}").replace(
                f"port={running.port}&", f"port={door.port}&"
            )
            for name, value in running.environment.items()
        }
        yield Engine(destination, environment), door


@pytest.fixture(scope="module")
def snowflake() -> Iterator[tuple[Engine, Gateway]]:
    with behind_a_gateway("snowflake", "fakesnow") as running:
        yield running


@pytest.fixture(scope="module")
def bigquery() -> Iterator[tuple[Engine, Gateway]]:
    with behind_a_gateway("bigquery", "local-bigquery") as running:
        yield running


def snowflake_error(code: str, state: str, message: str) -> Answer:
    data = {"errorCode": code, "sqlState": state, "queryId": "01b"}
    return Answer(200, {"success": False, "code": code, "message": message, "data": data})


def bigquery_error(status: int, reason: str, message: str) -> Answer:
    errors = [{"reason": reason, "message": message, "domain": "global"}]
    return Answer(status, {"error": {"code": status, "message": message, "errors": errors}})


WRITING = re.compile(r"\b(create|insert|delete|merge|put|copy|alter|drop)\b", re.IGNORECASE)


def snowflake_login(method: str, path: str, body: str) -> Answer | None:
    wrong = snowflake_error("390100", "08001", "Incorrect username or password was specified.")
    return wrong if "login-request" in path else None


def snowflake_suspended(method: str, path: str, body: str) -> Answer | None:
    text = (
        "No active warehouse selected in the current session.  "
        "Select an active warehouse with the 'use warehouse' command."
    )
    return snowflake_error("000606", "57P03", text) if "query-request" in path else None


def snowflake_quota(method: str, path: str, body: str) -> Answer | None:
    text = "Warehouse 'WH' cannot be resumed because resource monitor 'M' has exceeded its quota."
    return snowflake_error("090073", "22000", text) if "query-request" in path else None


def snowflake_reader(method: str, path: str, body: str) -> Answer | None:
    text = "SQL access control error:\nInsufficient privileges to operate on schema 'DIDOMI_RAW'"
    wrong = snowflake_error("003001", "42501", text)
    return wrong if "query-request" in path and WRITING.search(body) else None


@pytest.mark.parametrize(
    ("refuse", "code", "words"),
    [
        (snowflake_login, 78, ["refuses the user or its key", "DESTINATION__SNOWFLAKE__CREDENTIALS"]),
        (snowflake_suspended, 1, ["has no warehouse at work", "resume it", "No active warehouse"]),
        (snowflake_quota, 1, ["has no warehouse at work", "raise its quota", "exceeded its quota"]),
        (snowflake_reader, 1, ["lacks a right", "Insufficient privileges"]),
    ],
)
def test_snowflake_refuses(snowflake, site, refuse, code, words) -> None:
    """A wrong password, a warehouse that does not work, a role that may only read."""
    engine, door = snowflake
    door.refuse = refuse
    try:
        refused(site(engine), code, *words)
    finally:
        door.refuse = lambda *_: None


def test_snowflake_loads_after_all_of_that(snowflake, site) -> None:
    """Nothing that was refused blocks it."""
    loads(site(snowflake[0]))


def bigquery_key(method: str, path: str, body: str) -> Answer | None:
    return Answer(401, {"error": {"code": 401, "message": "Request had invalid authentication credentials."}})


def bigquery_rights(method: str, path: str, body: str) -> Answer | None:
    text = "Access Denied: Project proj: User does not have bigquery.datasets.create permission in project proj."
    return (
        bigquery_error(403, "accessDenied", text)
        if method == "POST" and path.split("?", maxsplit=1)[0].endswith("/datasets")
        else None
    )


def bigquery_reader(method: str, path: str, body: str) -> Answer | None:
    text = "Access Denied: Dataset proj:didomi_raw: Permission bigquery.tables.create denied on dataset proj:didomi_raw"
    writing = method == "POST" and WRITING.search(body)
    return bigquery_error(403, "accessDenied", text) if writing else None


def bigquery_region(method: str, path: str, body: str) -> Answer | None:
    text = "Not found: Dataset proj:didomi_raw was not found in location US"
    return bigquery_error(404, "notFound", text) if method == "POST" and "/jobs" in path else None


@pytest.mark.parametrize(
    ("refuse", "code", "words"),
    [
        (bigquery_key, 78, ["refuses the user or its key", "DESTINATION__BIGQUERY__CREDENTIALS"]),
        (bigquery_rights, 1, ["lacks a right", "bigquery.datasets.create"]),
        (bigquery_region, 78, ["in another region", "DESTINATION__BIGQUERY__LOCATION"]),
        (bigquery_reader, 1, ["lacks a right", "bigquery.tables.create"]),
    ],
)
def test_bigquery_refuses(bigquery, site, refuse, code, words) -> None:
    """A key that is void, a user without rights, a dataset elsewhere, a role that may only read."""
    engine, door = bigquery
    door.refuse = refuse
    try:
        refused(site(engine), code, *words)
    finally:
        door.refuse = lambda *_: None


def test_bigquery_refuses_the_signature(bigquery, site, monkeypatch) -> None:
    """The service account's key is not known to Google any more."""
    engine, _ = bigquery
    with gateway(1) as tokens:
        tokens.refuse = lambda *_: Answer(
            400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        )
        name = "DESTINATION__BIGQUERY__CREDENTIALS"
        key = re.sub(r"http://127.0.0.1:\d+/token", f"http://127.0.0.1:{tokens.port}/token", engine.environment[name])
        refused(site(replace(engine, environment={**engine.environment, name: key})), 78, "refuses the user or its key")


def test_bigquery_loads_after_all_of_that(bigquery, site) -> None:
    """Nothing that was refused blocks it."""
    loads(site(bigquery[0]))

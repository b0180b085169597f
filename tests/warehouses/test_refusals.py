"""What a warehouse refuses is told in one line, with its exit code, and leaves nothing behind that blocks a later run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from didomi_source.sandbox import Behaviour, Sandbox, plain_store, serve
from job.harness import Forker

from . import postgres
from .emulators import servers
from .engines import Engine, require
from .gateway import Answer, Gateway, gateway
from .journey import Site

LOGS = 12


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with serve(plain_store(LOGS), Behaviour(rate_limit=None)) as running:
        yield running


def refused(site: Site, code: int, *words: str) -> None:
    """A run ends with a code and one line that holds the words."""
    done = site.didomi("run", "--skip-models")
    (line,) = [line for line in done.err.splitlines() if line.startswith("didomi: ")]
    assert (done.code, done.out) == (code, ""), line
    assert [word for word in words if word not in line] == [], line


def loads(site: Site) -> None:
    """A run in the same folder loads everything."""
    assert site.didomi("run", "--skip-models").code == 0
    assert site.engine.execute("select count(*) as found from {export_logs}") == [{"found": LOGS}]


# -- PostgreSQL, with roles of its own -----------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    with postgres.server() as running:
        yield running


def role(server: postgres.Server, name: str, *statements: str) -> Engine:
    """The engine as a user of that name sees it."""
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"create role {name} login password 'secret-{name}'")
        for statement in statements:
            cursor.execute(statement)
    url = replace(server, user=name, password=f"secret-{name}").url
    return Engine("postgres", {"DESTINATION__POSTGRES__CREDENTIALS": url}, f"{name}_raw")


@pytest.fixture
def site(tmp_path: Path, forker: Forker, sandbox: Sandbox):
    def make(engine: Engine) -> Site:
        return Site(engine, tmp_path / engine.destination, forker, sandbox)

    return make


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"password": "wrong"}, ["refuses the user or its key", "DESTINATION__POSTGRES__CREDENTIALS"]),
        ({"user": "nobody_here"}, ["refuses the user or its key"]),
        ({"database": "not_here"}, ["not_here does not exist", "DESTINATION__POSTGRES__CREDENTIALS"]),
    ],
)
def test_postgres_refuses_the_credentials(server, site, change, words) -> None:
    """Exit 78, as for any setting that is wrong; no password is told."""
    given = replace(server, **change)
    refused(site(Engine("postgres", {"DESTINATION__POSTGRES__CREDENTIALS": given.url})), 78, *words)


def test_postgres_is_down(server, site) -> None:
    """Exit 1: it may be up again for the next run."""
    url = replace(server, port=servers.free_port()).url
    refused(site(Engine("postgres", {"DESTINATION__POSTGRES__CREDENTIALS": url})), 1, "cannot be reached")


def test_a_user_without_the_right_to_make_schemas(server, site) -> None:
    """Given the right, the next run loads."""
    site = site(role(server, "maker"))
    refused(site, 1, "lacks a right", "permission denied for database")
    assert schemas(server, "maker") == []
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("grant create on database postgres to maker")
    loads(site)


def test_a_user_with_half_of_the_rights(server, site) -> None:
    """Who owns the dataset and may not make the one for staging gets no row in; given it, the next run loads."""
    site = site(role(server, "half", "create schema half_raw authorization half"))
    refused(site, 1, "lacks a right", "permission denied for database")
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select sum(n_tup_ins) from pg_stat_user_tables where relname like 'export%%' and schemaname = 'half_raw'"
        )
        assert not cursor.fetchone()[0]
        cursor.execute("create schema half_raw_staging authorization half")
    loads(site)


def test_a_role_that_may_only_read(server, site) -> None:
    """It is told so; allowed to write, it loads."""
    limit = "alter role reader set default_transaction_read_only = on"
    site = site(role(server, "reader", limit, "grant create on database postgres to reader"))
    refused(site, 1, "lacks a right", "read-only transaction")
    assert schemas(server, "reader") == []
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("alter role reader reset default_transaction_read_only")
    loads(site)


def test_a_user_who_may_load_and_not_build(server, site) -> None:
    """The logs are loaded; each model that could not be built is named, and the run exits 1."""
    own = [f"create schema loader_raw{suffix} authorization loader" for suffix in ("", "_staging")]
    site = site(role(server, "loader", *own))
    done = site.didomi("run")
    assert done.code == 1
    assert "permission denied for database" in done.err
    assert site.engine.execute("select count(*) as found from {export_logs}") == [{"found": LOGS}]


def schemas(server: postgres.Server, prefix: str) -> list[str]:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select nspname from pg_namespace where starts_with(nspname, %s)", [prefix])
        return [name for (name,) in cursor.fetchall()]


# -- the emulated ones, behind a gateway that answers as an account would ------------------------


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

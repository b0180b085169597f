"""What PostgreSQL refuses is told in one line, with its exit code, and leaves nothing that blocks a later run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from . import postgres
from .emulators import servers
from .engines import Engine
from .refusals import LOGS, loads, refused


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

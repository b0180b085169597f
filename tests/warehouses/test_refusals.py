"""What PostgreSQL refuses is told in one line, with its exit code, and leaves nothing that blocks a later run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from didomi_source.errors import ModelsFailed
from didomi_source.warehouse import postgres as locks
from didomi_source.warehouse.errors import match_server_error
from didomi_source.warehouse.target import Target
from support import postgres
from support.warehouses.emulators import servers
from support.warehouses.engines import Engine
from support.warehouses.refusals import LOGS, loads, refused
from support.warehouses.refusing_server import refusing_server


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


@pytest.mark.parametrize(
    ("code", "text", "exit_code", "words"),
    [
        ("28P01", "authentification par mot de passe échouée pour l'utilisateur « didomi »", 78,
         ["refuses the user or its key", "DESTINATION__POSTGRES__CREDENTIALS"]),
        ("28000", "le rôle « didomi » n'existe pas", 78, ["refuses the user or its key"]),
        ("3D000", "la base de données « postgres » n'existe pas", 78, ["does not exist: correct"]),
        ("57P03", "le système de bases de données se lance", 1, ["cannot be reached", "se lance"]),
        ("08P01", "unsupported startup parameter: options", 78, ["pooler", "ignore_startup_parameters = options in pgbouncer.ini"]),
    ],
)  # fmt: skip
def test_the_code_of_a_refusal_decides(site, code, text, exit_code, words) -> None:
    """Whatever the language of the server; a pooler's refusal says what to set."""
    with refusing_server(code, text) as port:
        url = f"postgresql://didomi:secret@127.0.0.1:{port}/postgres"
        refused(site(Engine("postgres", {"DESTINATION__POSTGRES__CREDENTIALS": url})), exit_code, *words)


@pytest.mark.parametrize(
    ("code", "kind"), [("42501", "lacks a right"), ("25006", "lacks a right"), ("53300", "reached")]
)
def test_the_code_of_a_statement_decides(code, kind) -> None:
    """Its text is shown; without a code it would say nothing."""
    told = match_server_error("droit refusé pour le schéma", "postgres localhost", code)
    assert kind in str(told)
    assert "droit refusé" in str(told)
    assert match_server_error("droit refusé pour le schéma", "postgres localhost") is None


def test_check_finds_the_rights_that_are_missing(server, site) -> None:
    """Before a run would: on the database, on a schema of somebody else's, in a read-only session; and all given, none."""
    schemas = [f"short_{layer}" for layer in ("raw", "raw_staging", "staging", "intermediate", "marts")]
    short = site(role(server, "short", "create schema short_marts"))
    lacking = "CREATE on schema short_marts, CREATE on the database"
    assert (
        f"failed  destination: the user of postgres 127.0.0.1 postgres lacks a right that a run needs (docs/warehouses.md lists them): {lacking}"
        in short.didomi("check").out
    )
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("alter schema short_marts owner to short")
        for schema in schemas[:-1]:
            cursor.execute(f"create schema {schema} authorization short")
    done = short.didomi("check")
    assert (done.code, "ok      destination" in done.out) == (0, True)
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("alter role short set default_transaction_read_only = on")
    assert "default_transaction_read_only is on" in short.didomi("check").out


def test_a_table_of_somebody_else_is_not_touched(server, site) -> None:
    """Check and run name it, and say to take another dataset."""
    site = site(
        role(
            server,
            "guest",
            "grant create on database postgres to guest",
            "create schema guest_raw authorization guest",
            "create table guest_raw.exports (id integer, title text)",
            "alter table guest_raw.exports owner to guest",
        )
    )
    message = (
        "postgres 127.0.0.1 postgres has a table guest_raw.exports that is not this program's: take another dataset"
    )
    refused(site, 78, message)
    assert f"failed  destination: {message}" in site.didomi("check").out
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("drop table guest_raw.exports")
    loads(site)
    assert site.didomi("check").code == 0


def test_two_machines_build_one_after_the_other(server, monkeypatch) -> None:
    """The second waits, reports it, and gives up in one line; each dataset has a lock of its own, however long a build takes."""
    impatient = role(server, "impatient", "alter role impatient set idle_in_transaction_session_timeout = '100ms'")
    monkeypatch.setenv(
        "DESTINATION__POSTGRES__CREDENTIALS", impatient.environment["DESTINATION__POSTGRES__CREDENTIALS"]
    )
    steps: list[str] = []
    monkeypatch.setattr(locks, "BUILD_SECONDS", 1.5)
    target = Target("postgres", "one_raw")
    with locks.one_build_at_a_time(target, steps.append):
        with locks.one_build_at_a_time(Target("postgres", "two_raw"), steps.append):
            assert steps == []
        with (
            pytest.raises(ModelsFailed, match="another machine has been building one_marts for 0 minutes: run again"),
            locks.one_build_at_a_time(target, steps.append),
        ):
            pass
    assert set(steps) == {"Waiting for another machine that builds the models"}
    with locks.one_build_at_a_time(target, steps.append):
        pass
    with locks.one_build_at_a_time(Target(), steps.append):
        pass


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

"""The whole job through a pgbouncer, in both of its pool modes (`make test-pgbouncer`)."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest

from didomi_source.errors import ModelsFailed
from didomi_source.warehouse import postgres as locks
from support import postgres
from support.warehouses.emulators import servers
from support.warehouses.engines import Engine, environment
from support.warehouses.journey import Site
from support.warehouses.refusals import refused

PROGRAM = "/usr/sbin/pgbouncer"  # Debian's
SETTINGS = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
auth_type = plain
auth_file = {users}
pool_mode = {mode}
unix_socket_dir =
{further}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    with postgres.server() as running:
        yield running


@contextmanager
def pooled(server: postgres.Server, mode: str, further: str = "") -> Iterator[Engine]:
    """The server as it is reached through a pgbouncer."""
    reached = replace(server, port=servers.free_port())
    with tempfile.TemporaryDirectory(prefix="didomi-pgbouncer-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        users, settings = folder / "users.txt", folder / "pgbouncer.ini"
        users.write_text(f'"{server.user}" "{server.password}"\n')
        places = {"host": server.host, "port": server.port, "listen": reached.port, "users": users}
        settings.write_text(SETTINGS.format(**places, mode=mode, further=further))
        as_user = ["-u", "nobody"] if os.geteuid() == 0 else []
        program = subprocess.Popen([PROGRAM, "-q", *as_user, settings], stderr=subprocess.DEVNULL)
        try:
            _wait_for(reached)
            yield Engine("postgres", {"DESTINATION__POSTGRES__CREDENTIALS": reached.url}, f"{mode}_raw")
        finally:
            program.terminate()
            program.wait(10)


def _wait_for(server: postgres.Server) -> None:
    for _ in range(50):
        try:
            server.connect().close()
        except psycopg2.OperationalError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("pgbouncer did not start")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_runs_through_a_pooler_end_well(mode: str, server: postgres.Server, site: Callable[[Engine], Site]) -> None:
    """Whichever connection to the server each of their transactions gets."""
    with pooled(server, mode, "ignore_startup_parameters = options") as engine:
        here = site(engine)
        for arguments in ([], [], ["--full"]):
            assert here.didomi("run", *arguments).code == 0
        assert here.didomi("status").code == 0


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_one_builds_at_a_time_through_a_pooler(
    mode: str, server: postgres.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is held until the block ends, and by nobody afterwards."""
    monkeypatch.setattr(locks, "BUILD_SECONDS", 0)
    with pooled(server, mode, "ignore_startup_parameters = options") as engine, environment(engine.environment):
        for _ in range(2):
            with (
                locks.one_build_at_a_time(engine.target, print),
                pytest.raises(ModelsFailed),
                locks.one_build_at_a_time(engine.target, print),
            ):
                pass
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute("select count(*) from pg_locks where locktype = 'advisory'")
            assert cursor.fetchall() == [(0,)]


def test_a_pooler_that_refuses_the_parameter_is_told_of(
    server: postgres.Server, site: Callable[[Engine], Site]
) -> None:
    """Exit 78, with what to set."""
    with pooled(server, "session") as engine:
        refused(site(engine), 78, "ignore_startup_parameters = options in pgbouncer.ini")

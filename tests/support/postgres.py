"""A PostgreSQL server of its own for a test: Debian's binaries, a temporary data directory, a free loopback port."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))


@dataclass(frozen=True)
class Server:
    port: int
    password: str
    host: str = "127.0.0.1"
    user: str = "didomi"
    database: str = "postgres"

    def connect(self) -> Any:
        return psycopg2.connect(
            host=self.host, port=self.port, user=self.user, password=self.password, dbname=self.database
        )

    @property
    def url(self) -> str:
        """What dlt connects to."""
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"

    @property
    def environment(self) -> dict[str, str]:
        """What sql/profiles.yml reads."""
        return {
            "DIDOMI_POSTGRES_HOST": self.host,
            "DIDOMI_POSTGRES_PORT": str(self.port),
            "DIDOMI_POSTGRES_USER": self.user,
            "DBT_ENV_SECRET_DIDOMI_POSTGRES_PASSWORD": self.password,
            "DIDOMI_POSTGRES_DATABASE": self.database,
        }


@contextmanager
def server() -> Iterator[Server]:
    """Starts a server whose texts sort by a language, not by bytes, and whose session is not in UTC; stops it by its pid."""
    folder = Path(tempfile.mkdtemp(prefix="didomi-postgres-"))
    server = Server(_free_port(), secrets.token_urlsafe())
    as_user: dict[str, Any] = {}
    password = folder / "password"
    password.write_text(server.password)
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root
        nobody = pwd.getpwnam("nobody")
        as_user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        for path in (folder, password):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
    data = folder / "data"
    log = folder / "log"
    try:
        subprocess.run(
            [
                *(BINARIES[-1] / "initdb", "--pgdata", data, "--username", server.user, "--pwfile", password),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync"),
                *("--locale", "C.UTF-8", "--locale-provider", "icu", "--icu-locale", "en-US"),
            ],
            check=True,
            capture_output=True,
            cwd=folder,
            **as_user,
        )
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    *(BINARIES[-1] / "postgres", "-D", data, "-p", str(server.port), "-k", folder),
                    *("-c", f"listen_addresses={server.host}", "-c", "fsync=off"),
                    *("-c", "timezone=Asia/Kolkata", "-c", "max_connections=20"),
                ],
                stdout=output,
                stderr=output,
                cwd=folder,
                **as_user,
            )
        try:
            _wait_for(server, process, log)
            yield server
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)
    finally:
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            server.connect().close()
        except psycopg2.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.05)
        else:
            return

"""Marts that are made up, the command line in this process, and somebody who listens."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from didomi_source.cli import app
from didomi_source.errors import DidomiError
from support.marts import Made


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


class Request(NamedTuple):
    """What somebody was sent."""

    path: str
    body: bytes


class Listener:
    """A web server that keeps what it is sent, and answers as it is told to."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.status: Callable[[str], int] = lambda _: 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.requests.append(Request(self.path, body))
                self.send_response(outer.status(self.path))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.place = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A web server on this machine."""
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Empty marts in `warehouse.duckdb`, to be filled."""
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{folder}/warehouse.duckdb")
    return Made(folder / "warehouse.duckdb")


@pytest.fixture
def didomi() -> Iterator[Callable[..., Done]]:
    """Runs `didomi` in this process, as `main` would."""
    package = logging.getLogger("didomi_source")
    before = (package.handlers[:], package.level, package.propagate)

    def run(*arguments: str) -> Done:
        done = CliRunner().invoke(app, list(arguments))
        error = done.exception
        if isinstance(error, DidomiError):
            return Done(error.exit_code, done.stdout, done.stderr + f"didomi: {error}\n")
        if error is not None and not isinstance(error, SystemExit):
            raise error
        return Done(done.exit_code, done.stdout, done.stderr)

    yield run
    package.handlers[:], package.level, package.propagate = before

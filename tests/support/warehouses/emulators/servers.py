"""Start the emulators on free loopback ports, and stop them by process id."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parents[3] / ".venvs"
START_SECONDS = 60.0


@dataclass(frozen=True)
class Emulator:
    """A server at work, and the environment with which dlt and the job reach it."""

    port: int
    environment: dict[str, str]


def is_installed(name: str) -> bool:
    return (ENVIRONMENTS / name / "ready").exists()


@contextmanager
def snowflake():
    """fakesnow's server, with a database LOGS_DB."""
    port = free_port()
    with process("fakesnow", HERE / "snowflake_server.py", str(port), port=port):
        credentials = (
            f"snowflake://fake:marker-5ad1c0@fakesnow/LOGS_DB?warehouse=WH&role=R&host=127.0.0.1&port={port}&protocol=http"
            "&network_timeout=20&login_timeout=10"
        )
        create_database(port)
        yield Emulator(port, {"DESTINATION__SNOWFLAKE__CREDENTIALS": credentials})


def create_database(port: int) -> None:
    import snowflake.connector

    connection = snowflake.connector.connect(
        user="fake", password="snow", account="fakesnow", host="127.0.0.1", port=port, protocol="http"
    )
    connection.cursor().execute("create database if not exists LOGS_DB")
    connection.close()


@contextmanager
def bigquery():
    """local-bigquery, with a token server for the key of a made-up service account."""
    port, grpc = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder, token_server() as token_uri:
        arguments = ["--host", "127.0.0.1", "--port", str(port), "--grpc-port", str(grpc)]
        arguments += ["--data-dir", folder, "--project", "proj"]
        with process("local-bigquery", HERE / "bigquery_server.py", *arguments, port=port):
            yield Emulator(
                port,
                {
                    "BIGQUERY_EMULATOR_HOST": f"http://127.0.0.1:{port}",
                    "DESTINATION__BIGQUERY__CREDENTIALS": json.dumps(service_account(token_uri)),
                    "DESTINATION__BIGQUERY__LOCATION": "US",
                },
            )


@contextmanager
def process(environment: str, script: Path, *arguments: str, port: int):
    python = ENVIRONMENTS / environment / "bin" / "python"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COVERAGE"))}
    with tempfile.TemporaryFile() as log:
        running = subprocess.Popen(
            [str(python), str(script), *arguments], stdout=log, stderr=subprocess.STDOUT, env=clean
        )
        try:
            wait_for(port, running, log)
            yield
        finally:
            running.terminate()
            try:
                running.wait(5)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def wait_for(port: int, running: subprocess.Popen, log) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and running.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    log.seek(0)
    raise RuntimeError(f"the emulator did not start: {log.read()[-2000:].decode(errors='replace')}")


@contextmanager
def token_server():
    """Hands out a token, as Google's would for a signed assertion."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("content-length", 0)))
            body = json.dumps({"access_token": "fake", "expires_in": 3600, "token_type": "Bearer"}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/token"
    finally:
        server.shutdown()


def service_account(token_uri: str) -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "project_id": "proj",
        "private_key_id": "made-up",
        "private_key": key.decode(),
        "client_email": "tests@proj.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

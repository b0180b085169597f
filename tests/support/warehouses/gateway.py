"""Stands between a client and an emulator, and refuses what an account would refuse."""

from __future__ import annotations

import gzip
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_NOT_FORWARDED = {"connection", "transfer-encoding", "content-length", "host", "accept-encoding"}


@dataclass(frozen=True)
class Answer:
    """What is said in place of the emulator."""

    status: int
    body: Any


Refuse = Callable[[str, str, str], "Answer | None"]  # of method, path and body


class Gateway:
    """Forwards to a port; `refuse` may be replaced at any time."""

    def __init__(self, port: int, to: int) -> None:
        self.port, self.to = port, to
        self.refuse: Refuse = lambda *_: None


@contextmanager
def gateway(to: int) -> Iterator[Gateway]:
    """Serve a gateway to a port on loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            packed = self.headers.get("content-encoding") == "gzip"
            text = (gzip.decompress(body) if packed else body).decode(errors="replace")
            if answer := door.refuse(self.command, self.path, text):
                self.answer(answer.status, [("content-type", "application/json")], json.dumps(answer.body).encode())
                return
            connection = http.client.HTTPConnection("127.0.0.1", door.to, timeout=60)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_FORWARDED}
            connection.request(self.command, self.path, body, headers)
            found = connection.getresponse()
            here = f"127.0.0.1:{door.port}"
            kept = [
                (name, value.replace(f"127.0.0.1:{door.to}", here))
                for name, value in found.getheaders()
                if name.lower() not in _NOT_FORWARDED
            ]
            self.answer(found.status, kept, found.read())
            connection.close()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

        def answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    door = Gateway(server.server_port, to)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield door
    finally:
        server.shutdown()
        server.server_close()

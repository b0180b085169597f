"""A PostgreSQL server that speaks another language, and refuses every connection with a code."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SSL_REQUEST = 80877103


@contextmanager
def refusing_server(code: str, text: str) -> Iterator[int]:
    """Serve on loopback; yields the port. Source: postgresql.org/docs/current/protocol-message-formats.html (2026-11)."""

    class Handler(socketserver.StreamRequestHandler):
        def startup(self) -> int:
            size, kind = struct.unpack("!ii", self.rfile.read(8))
            self.rfile.read(size - 8)
            return kind

        def handle(self) -> None:
            while self.startup() == _SSL_REQUEST:
                self.wfile.write(b"N")
            fields = {"S": "FATAL", "V": "FATAL", "C": code, "M": text}
            body = b"".join(name.encode() + value.encode() + b"\0" for name, value in fields.items()) + b"\0"
            self.wfile.write(b"E" + struct.pack("!i", len(body) + 4) + body)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()

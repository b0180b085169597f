"""The API as the benchmarks see it: one export with many logs, encoded beforehand, so that serving a page is one slice of bytes.

python benchmarks/server.py LOGS     prints its address when it listens

It has what a client needs (a login, the list of exports, the list of logs in the API's envelope) and no rate limit;
GET /requests tells how many requests came so far.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate
from urllib.parse import parse_qsl, urlsplit
from urllib.request import urlopen

ORGANIZATION, EXPORT, TOKEN = "org-1", "export-1", "token-1"
NEWEST = datetime(2026, 11, 23, 6, tzinfo=timezone.utc)
MAX_LIMIT = 1000
# Without these headers didomi-source keeps to the limit that is documented; nobody reaches this one.
NO_LIMIT = {"RateLimit-Policy": "1000000;w=15", "RateLimit": "limit=1000000, remaining=999999, reset=15"}


def log(number: int) -> dict:
    """A log as the API has it; 0 is the newest."""
    created = NEWEST - timedelta(minutes=number)
    failed = number % 20 == 7
    return {
        "id": f"log-{number * 2654435761 % 2**32:08x}",  # unique, and in no order
        "export_id": EXPORT,
        "organization_id": ORGANIZATION,
        "status": "failed" if failed else "completed",
        "config": {"frequency": "1 day"},
        "metrics": {} if failed else {"users": 400_000 + number * 7919 % 50_000},
        "result": f"AccessDenied: s3:PutObject on bucket-{number % 100}" if failed else None,
        "created_at": f"{created:%Y-%m-%dT%H:%M:%S}.318Z",
        "updated_at": f"{created + timedelta(minutes=30):%Y-%m-%dT%H:%M:%S}.318Z",
    }


class Logs:
    """The whole list, newest first, as one text of JSON."""

    def __init__(self, count: int) -> None:
        items = [json.dumps(log(number), separators=(",", ":")).encode() + b"," for number in range(count)]
        self.count = count
        self._starts = [0, *accumulate(map(len, items))]
        self._text = b"".join(items)

    def page(self, skip: int, limit: int, *, is_ascending: bool) -> bytes:
        """One page in the API's envelope."""
        first = min(skip, self.count)
        last = min(first + limit, self.count)
        if is_ascending:
            data = b",".join(self._slice(n - 1, n) for n in range(self.count - first, self.count - last, -1))
        else:
            data = self._slice(first, last)
        return b'{"total":%d,"limit":%d,"skip":%d,"data":[%b]}' % (self.count, limit, skip, data)

    def _slice(self, first: int, last: int) -> bytes:
        return self._text[self._starts[first] : self._starts[last]].removesuffix(b",")


class Handler(BaseHTTPRequestHandler):
    """Answers from `logs`, which `main` sets."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet
    disable_nagle_algorithm = True
    logs: Logs
    requests = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        Handler.requests += 1
        self._answer(201, {"type": "api-key", "key": "key", "access_token": TOKEN})

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        if parts.path == "/requests":
            self._answer(200, Handler.requests)
            return
        Handler.requests += 1
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer(401, {"code": 401, "name": "NotAuthenticated", "message": "", "errors": {}})
            return
        skip, limit = int(query.get("$skip", 0)), min(int(query.get("$limit", 10)), MAX_LIMIT)
        if parts.path == "/v1/marketplace/exports/logs":
            self._answer(200, self.logs.page(skip, limit, is_ascending=query.get("$sort[created_at]") == "1"))
        else:
            exports = [{"id": EXPORT, "organization_id": ORGANIZATION, "type_id": "batch-exports-s3"}]
            self._answer(200, {"total": 1, "limit": limit, "skip": skip, "data": exports[skip:]})

    def _answer(self, status: int, value: object) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", "Content-Length": len(body), **NO_LIMIT}.items():
            self.send_header(name, str(text))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep silent."""


@dataclass(frozen=True)
class Server:
    """A server in a process of its own."""

    url: str
    logs: int

    def requests(self) -> int:
        """How many requests came so far."""
        with urlopen(f"{self.url}/requests") as answer:
            return json.load(answer)


@contextmanager
def serve(logs: int) -> Iterator[Server]:
    """Serve so many logs inside the block."""
    with subprocess.Popen([sys.executable, __file__, str(logs)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield Server(process.stdout.readline().strip(), logs)
        finally:
            process.terminate()


def main() -> None:
    Handler.logs = Logs(int(sys.argv[1]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

"""The section "Lineage" of docs/operations.md, in an environment of its own: `make test-lineage`.

Runs its lines against a sandbox and a server that keeps what it is told, and looks whether every mart is among it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from didomi_sandbox import generate, serve
from didomi_source.cli.demo import settings_of
from support.readme import ROOT

events = []


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


def main() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    (script,) = re.findall(r"## Lineage\n.*?```sh\n(.*?)```", page, re.DOTALL)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    script = script.replace("http://localhost:5000", f"http://127.0.0.1:{server.server_port}")
    with tempfile.TemporaryDirectory() as folder, serve(generate(seed=7, days=30)) as sandbox:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**os.environ, **settings_of(sandbox, Path(folder) / "warehouse.duckdb"), "PATH": path}
        subprocess.run(["bash", "-euc", script], cwd=folder, env=environment, check=True)
    built = {
        output["name"].rpartition(".")[2]: {source["name"] for source in event["inputs"]}
        for event in events
        if event["eventType"] == "COMPLETE"
        for output in event["outputs"]
    }
    marts = {path.stem for path in (ROOT / "sql/models/marts").glob("*.sql")}
    missing = {mart for mart in marts if not built.get(mart)}
    if missing:
        sys.exit(f"nobody was told what these were made from: {', '.join(sorted(missing))}")
    print(f"{len(events)} events, {len(marts)} marts with what they were made from")


if __name__ == "__main__":
    main()

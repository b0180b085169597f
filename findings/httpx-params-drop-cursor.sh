#!/usr/bin/env bash
# httpx puts `params` in the place of a link's own query: the cursor and the filter are gone, and the first page comes again.
#
# Versions: httpx 0.28.1, requests 2.34.2, niquests 3.21.2, aiohttp 3.14.5, Python 3.11.
# Guess: `params` are added to the query that the address has, as in the other three clients; httpx documents them as "query
#   parameters to include in the URL". What a Client is given for every request only fills in what is missing.
# Behaviour: httpx replaces the whole query, be it by the call's params or by the Client's; an empty dict empties it. Of
#   `/logs?status=failed&cursor=4` with {"limit": 2}, the server sees `/logs?limit=2`, and answers 200. Only the empty
#   `params` of a Client and None leave it; `URL(link).copy_merge_params(params)` merges.
# Cost: a Client made with params={"limit": 2} or with a key reads the first page, follows its `next` link, and gets the
#   first page, of all logs instead of the failed ones, as often as it asks. A client moved from requests loads pages
#   again and again, or, with a bound on the pages, the same two rows and no others.
# Output seen:
#   requests, params:    logs 6 and 8 of /logs?status=failed&cursor=4&limit=2
#   requests, session:   logs 6 and 8 of /logs?status=failed&cursor=4&limit=2
#   niquests, params:    logs 6 and 8 of /logs?status=failed&cursor=4&limit=2
#   aiohttp, params:     logs 6 and 8 of /logs?status=failed&cursor=4&limit=2
#   httpx, params:       logs 1 and 2 of /logs?limit=2
#   httpx, client:       logs 1 and 2 of /logs?limit=2
#   httpx, async client: logs 1 and 2 of /logs?limit=2
#   httpx, empty params: logs 1 and 2 of /logs
#   httpx, merged:       logs 6 and 8 of /logs?status=failed&cursor=4&limit=2
#   requests, 3 pages of the failed logs: 2, 4, 6, 8, 10, 12
#   httpx, 3 pages of the failed logs: 1, 2, 1, 2, 1, 2
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq httpx==0.28.1 requests==2.34.2 niquests==3.21.2 aiohttp==3.14.5

cd "$folder"
venv/bin/python - <<'PYTHON'
import asyncio
import http.server
import json
import threading
import urllib.parse

import aiohttp
import httpx
import niquests
import requests

LIMIT = {"limit": 2}


class Handler(http.server.BaseHTTPRequestHandler):
    """Twelve logs, each second one failed, with a link to the next page."""

    def do_GET(self):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        step = 2 if query.get("status") == "failed" else 1
        logs = [number for number in range(step, 13, step) if number > int(query.get("cursor", 0))]
        logs = logs[: int(query.get("limit", 2))]
        following = f"/logs?{'status=failed&' if step == 2 else ''}cursor={logs[-1]}" if logs else None
        body = json.dumps({"asked": self.path, "logs": logs, "next": following}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
origin = f"http://127.0.0.1:{server.server_port}"
link = f"{origin}/logs?status=failed&cursor=4"


async def by_aiohttp():
    async with aiohttp.ClientSession() as session, session.get(link, params=LIMIT) as response:
        return json.loads(await response.read())


async def by_httpx_async():
    async with httpx.AsyncClient(params=LIMIT) as client:
        return (await client.get(link)).json()


def pages(get):
    """Follows the links, at most three pages."""
    logs, address = [], "/logs?status=failed"
    for _ in range(3):
        page = get(origin + address).json()
        logs += page["logs"]
        address = page["next"]
    return ", ".join(map(str, logs))


session = requests.Session()
session.params = LIMIT
client = httpx.Client(params=LIMIT)
answers = {
    "requests, params": requests.get(link, params=LIMIT).json(),
    "requests, session": session.get(link).json(),
    "niquests, params": niquests.get(link, params=LIMIT).json(),
    "aiohttp, params": asyncio.run(by_aiohttp()),
    "httpx, params": httpx.get(link, params=LIMIT).json(),
    "httpx, client": client.get(link).json(),
    "httpx, async client": asyncio.run(by_httpx_async()),
    "httpx, empty params": httpx.get(link, params={}).json(),
    "httpx, merged": httpx.get(httpx.URL(link).copy_merge_params(LIMIT)).json(),
}
seen = [
    f"{name + ':':20} logs {' and '.join(map(str, answer['logs']))} of {answer['asked']}" for name, answer in answers.items()
]
for name, get in (("requests", session.get), ("httpx", client.get)):
    seen.append(f"{name}, 3 pages of the failed logs: {pages(get)}")
print(*seen, sep="\n")
assert seen == [
    "requests, params:    logs 6 and 8 of /logs?status=failed&cursor=4&limit=2",
    "requests, session:   logs 6 and 8 of /logs?status=failed&cursor=4&limit=2",
    "niquests, params:    logs 6 and 8 of /logs?status=failed&cursor=4&limit=2",
    "aiohttp, params:     logs 6 and 8 of /logs?status=failed&cursor=4&limit=2",
    "httpx, params:       logs 1 and 2 of /logs?limit=2",
    "httpx, client:       logs 1 and 2 of /logs?limit=2",
    "httpx, async client: logs 1 and 2 of /logs?limit=2",
    "httpx, empty params: logs 1 and 2 of /logs",
    "httpx, merged:       logs 6 and 8 of /logs?status=failed&cursor=4&limit=2",
    "requests, 3 pages of the failed logs: 2, 4, 6, 8, 10, 12",
    "httpx, 3 pages of the failed logs: 1, 2, 1, 2, 1, 2",
], "the behaviour changed"
for quiet in (httpx.Client(params={}).get(link), httpx.get(link, params=None)):
    assert quiet.json()["asked"] == "/logs?status=failed&cursor=4", "the behaviour changed"
PYTHON

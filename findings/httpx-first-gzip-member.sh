#!/usr/bin/env bash
# httpx decodes the first gzip member of an answer and drops the rest, without an error; requests and aiohttp read all.
#
# Versions: httpx 0.28.1, requests 2.34.2, urllib3 2.8.0, aiohttp 3.14.5, pandas 3.1.1, Python 3.11.
# Guess: a gzip body of several members (RFC 1952, what `cat a.gz b.gz` and log shippers make) is decoded whole, or raises;
#   the four clients agree.
# Behaviour: the answer has "Content-Encoding: gzip" and two members of 2 and 1 lines. httpx returns the 2 lines
#   with status 200, by .content, iter_lines and its async client alike; requests, aiohttp and pandas.read_json
#   return 3. iter_raw and gzip.decompress read 3 from the same httpx answer.
# Cost: delivered files that were appended to, or objects that Firehose and the like concatenated, are served
#   with that header. A client moved from requests to httpx loads the first part of each file: valid lines, no error.
# Output seen:
#   httpx content 2, httpx iter_lines 2, httpx async 2, httpx iter_raw 3, requests 3, requests stream 3, aiohttp 3, pandas 3
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq httpx==0.28.1 requests==2.34.2 urllib3==2.8.0 aiohttp==3.14.5 pandas==3.1.1

cd "$folder"
venv/bin/python - <<'PYTHON'
import asyncio
import gzip
import http.server
import threading

import aiohttp
import httpx
import pandas
import requests

BODY = gzip.compress(b'{"id": 1}\n{"id": 2}\n') + gzip.compress(b'{"id": 3}\n')


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/logs"


def lines(data):
    return len(data.splitlines())


async def by_httpx_async():
    async with httpx.AsyncClient() as client:
        return (await client.get(url)).content


async def by_aiohttp():
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.read()


with httpx.stream("GET", url) as response:
    streamed = list(response.iter_lines())
with httpx.stream("GET", url) as response:
    raw = gzip.decompress(b"".join(response.iter_raw()))
results = {
    "httpx content": lines(httpx.get(url).content),
    "httpx iter_lines": len(streamed),
    "httpx async": lines(asyncio.run(by_httpx_async())),
    "httpx iter_raw": lines(raw),
    "requests": lines(requests.get(url).content),
    "requests stream": len(list(requests.get(url, stream=True).iter_lines())),
    "aiohttp": lines(asyncio.run(by_aiohttp())),
    "pandas": len(pandas.read_json(url, lines=True)),
}
seen = ", ".join(f"{client} {count}" for client, count in results.items())
print(seen)
assert seen == (
    "httpx content 2, httpx iter_lines 2, httpx async 2, httpx iter_raw 3, "
    "requests 3, requests stream 3, aiohttp 3, pandas 3"
), "the behaviour changed"
PYTHON

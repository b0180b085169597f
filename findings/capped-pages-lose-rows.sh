#!/usr/bin/env bash
# An API caps the page size below the one asked for: dlt, Airbyte's CDK and the Singer SDK lose 80 or 90 % of the rows.
#
# Versions: dlt 1.31.0, airbyte-cdk 7.39.1, singer-sdk 0.54.9, Python 3.11.
# Guess: an offset paginator goes on by the rows that it received, or notices the short page; at the least it compares
#   what it has with the total that the API states.
# Behaviour: the API has 1,000 rows, gives at most 100 a page and states the total. Asked for 500, dlt and Singer go on at
#   offset 500: rows 100 to 499 of each step are never asked for. dlt reads the total, and only to know when to stop.
#   Airbyte takes the first short page for the last one, also when it counts pages; dlt's page numbers lose nothing.
#   No error, no warning.
# Cost: a cap is often lowered on the server (to fewer than 100 in one consent API). From that day the load is green, its
#   keys are unique, every day has rows, and four fifths of them are missing.
# Output seen:
#   dlt OffsetPaginator with the total: 200 of 1000 rows, 2 requests
#   dlt OffsetPaginator without it: 200 of 1000 rows, 3 requests
#   dlt PageNumberPaginator: 1000 of 1000 rows, 11 requests
#   airbyte OffsetIncrement: 100 of 1000 rows, 1 requests
#   airbyte PageIncrement: 100 of 1000 rows, 1 requests
#   singer BaseOffsetPaginator: 200 of 1000 rows, 3 requests
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > api.py <<'PYTHON'
import http.server
import json
import threading
import urllib.parse

ROWS = [{"id": number} for number in range(1000)]
MOST = 100
requests = []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        requests.append(self.path)
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(self.path).query))
        limit = min(int(query["limit"]), MOST)
        start = int(query["offset"]) if "offset" in query else (int(query.get("page", 1)) - 1) * limit
        body = json.dumps({"items": ROWS[start : start + limit], "total": len(ROWS)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def counted(title, rows):
    """Returns a line with the distinct rows and the requests made since the last line."""
    line = f"{title}: {len({row['id'] for row in rows})} of {len(ROWS)} rows, {len(requests)} requests"
    requests.clear()
    print(line)
    return line
PYTHON

cat > by_dlt.py <<'PYTHON'
import api
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import OffsetPaginator, PageNumberPaginator

url = api.serve()


def rows(paginator):
    pages = RESTClient(url, paginator=paginator).paginate("/logs", params={"limit": 500}, data_selector="items")
    return [row for page in pages for row in page]


assert [
    api.counted("dlt OffsetPaginator with the total", rows(OffsetPaginator(limit=500, total_path="total"))),
    api.counted("dlt OffsetPaginator without it", rows(OffsetPaginator(limit=500, total_path=None))),
    api.counted("dlt PageNumberPaginator", rows(PageNumberPaginator(base_page=1, total_path=None))),
] == [
    "dlt OffsetPaginator with the total: 200 of 1000 rows, 2 requests",
    "dlt OffsetPaginator without it: 200 of 1000 rows, 3 requests",
    "dlt PageNumberPaginator: 1000 of 1000 rows, 11 requests",
], "the behaviour changed"
PYTHON

cat > by_others.py <<'PYTHON'
import logging

import api
import requests
from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource
from airbyte_cdk.test.catalog_builder import CatalogBuilder
from airbyte_cdk.test.entrypoint_wrapper import read
from singer_sdk.pagination import BaseOffsetPaginator

logging.disable(logging.CRITICAL)
url = api.serve()


def parameter(name):
    return {"type": "RequestOption", "inject_into": "request_parameter", "field_name": name}


def by_airbyte(strategy, parameter_name):
    paginator = {
        "type": "DefaultPaginator",
        "page_size_option": parameter("limit"),
        "page_token_option": parameter(parameter_name),
        "pagination_strategy": {"page_size": 500, **strategy},
    }
    retriever = {
        "type": "SimpleRetriever",
        "requester": {"type": "HttpRequester", "url_base": url, "path": "/logs", "http_method": "GET"},
        "record_selector": {
            "type": "RecordSelector",
            "extractor": {"type": "DpathExtractor", "field_path": ["items"]},
        },
        "paginator": paginator,
    }
    schema = {"type": "object", "properties": {"id": {"type": "integer"}}}
    stream = {
        "type": "DeclarativeStream",
        "name": "logs",
        "primary_key": ["id"],
        "schema_loader": {"type": "InlineSchemaLoader", "schema": schema},
        "retriever": retriever,
    }
    manifest = {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["logs"]},
        "streams": [stream],
        "spec": {"type": "Spec", "connection_specification": {"type": "object", "properties": {}}},
    }
    catalog = CatalogBuilder().with_stream("logs", SyncMode.full_refresh).build()
    source = ConcurrentDeclarativeSource(catalog=catalog, config={}, state=[], source_config=manifest)
    output = read(source, {}, catalog, [])
    assert not output.errors
    return [message.record.data for message in output.records]


class Offsets(BaseOffsetPaginator):
    def has_more(self, response):
        return bool(response.json()["items"])


def by_singer():
    paginator, rows = Offsets(0, 500), []
    while not paginator.finished:
        response = requests.get(f"{url}/logs", params={"limit": 500, "offset": paginator.current_value})
        rows += response.json()["items"]
        paginator.advance(response)
    return rows


assert [
    api.counted("airbyte OffsetIncrement", by_airbyte({"type": "OffsetIncrement"}, "offset")),
    api.counted("airbyte PageIncrement", by_airbyte({"type": "PageIncrement", "start_from_page": 1}, "page")),
    api.counted("singer BaseOffsetPaginator", by_singer()),
] == [
    "airbyte OffsetIncrement: 100 of 1000 rows, 1 requests",
    "airbyte PageIncrement: 100 of 1000 rows, 1 requests",
    "singer BaseOffsetPaginator: 200 of 1000 rows, 3 requests",
], "the behaviour changed"
PYTHON

python3 -m venv dlt
dlt/bin/pip install -qq dlt==1.31.0
RUNTIME__DLTHUB_TELEMETRY=false dlt/bin/python by_dlt.py
python3 -m venv others
others/bin/pip install -qq airbyte-cdk==7.39.1 singer-sdk==0.54.9
others/bin/python by_others.py 2>errors.txt || { cat errors.txt; exit 1; }

#!/usr/bin/env bash
# Airbyte's time windows end a second before the next one begins: records with milliseconds fall between them.
#
# Versions: airbyte-cdk 7.39.1, Python 3.11.
# Guess: the windows of a DatetimeBasedCursor tile the time between start and end, so that each record is in one of them; a
#   cursor value that does not fit the format raises.
# Behaviour: as documented for the format %SZ, the granularity is one second: a window goes to 23:59:59 and the next one from
#   00:00:00. The API takes both ends as inclusive and has milliseconds; what happened at 23:59:59.500 is asked for by no
#   window. With a granularity of a day and the same format it is the whole last day of each window. If all values have a
#   fraction and `cursor_datetime_formats` is not set, the values are read, the run is green and the state never moves.
# Cost: one record in 3,600 for hourly windows, for good, as the state has passed them; all of a nightly batch that is stamped
#   in the last second of the day. Without windows (no step) none is lost, so a test over a short range finds none.
# Output seen:
#   nightly at 23:59:59.500, no step: 20 of 20, state 2026-11-20T23:59:59Z
#   nightly at 23:59:59.500, step P1D, granularity PT1S: 1 of 20, state 2026-11-20T23:59:59Z
#   one day, one log in 7.3 s, step PT1H, granularity PT1S: 11833 of 11836, state 2026-11-01T23:59:55Z
#   daily at noon, step P10D, granularity P1D: 19 of 20, state 2026-11-20T12:00:00Z
#   daily at noon, cursor_datetime_formats not set: 20 of 20, state 2026-11-01T00:00:00Z
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq airbyte-cdk==7.39.1

cd "$folder"
cat > program.py <<'PYTHON'
import datetime
import http.server
import json
import logging
import threading
import urllib.parse

from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource
from airbyte_cdk.test.catalog_builder import CatalogBuilder
from airbyte_cdk.test.entrypoint_wrapper import read

logging.disable(logging.CRITICAL)
START = datetime.datetime(2026, 11, 1, tzinfo=datetime.timezone.utc)
END = START + datetime.timedelta(days=20)
FORMATS = {"cursor_datetime_formats": ["%Y-%m-%dT%H:%M:%S.%fZ"]}


def instant(text):
    return datetime.datetime.fromisoformat(text)


def logs(times):
    return [{"id": number, "at": f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z"} for number, time in enumerate(times)]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(self.path).query))
        first, last = instant(query["from"]), instant(query["to"])
        items = [log for log in self.server.logs if first <= instant(log["at"]) <= last]
        body = json.dumps({"items": items}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()


def parameter(name):
    return {"type": "RequestOption", "inject_into": "request_parameter", "field_name": name}


def run(records, **cursor):
    """Returns how many records arrived and the state's cursor."""
    server.logs = records
    sync = {
        "type": "DatetimeBasedCursor",
        "cursor_field": "at",
        "datetime_format": "%Y-%m-%dT%H:%M:%SZ",
        "start_datetime": f"{START:%Y-%m-%dT%H:%M:%SZ}",
        "end_datetime": f"{END:%Y-%m-%dT%H:%M:%SZ}",
        "start_time_option": parameter("from"),
        "end_time_option": parameter("to"),
        **cursor,
    }
    url = f"http://127.0.0.1:{server.server_port}"
    retriever = {
        "type": "SimpleRetriever",
        "requester": {"type": "HttpRequester", "url_base": url, "path": "/logs", "http_method": "GET"},
        "record_selector": {"type": "RecordSelector", "extractor": {"type": "DpathExtractor", "field_path": ["items"]}},
    }
    properties = {"id": {"type": "integer"}, "at": {"type": "string"}}
    stream = {
        "type": "DeclarativeStream",
        "name": "logs",
        "primary_key": ["id"],
        "schema_loader": {"type": "InlineSchemaLoader", "schema": {"type": "object", "properties": properties}},
        "incremental_sync": sync,
        "retriever": retriever,
    }
    manifest = {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["logs"]},
        "streams": [stream],
        "spec": {"type": "Spec", "connection_specification": {"type": "object", "properties": {}}},
    }
    catalog = CatalogBuilder().with_stream("logs", SyncMode.incremental).build()
    source = ConcurrentDeclarativeSource(catalog=catalog, config={}, state=[], source_config=manifest)
    output = read(source, {}, catalog, [])
    assert not output.errors
    arrived = len({message.record.data["id"] for message in output.records})
    return arrived, vars(output.state_messages[-1].state.stream.stream_state)["at"]


def line(title, records, **cursor):
    arrived, state = run(records, **cursor)
    return f"{title}: {arrived} of {len(records)}, state {state}"


last_second = logs(START + datetime.timedelta(days=day, milliseconds=-500) for day in range(1, 21))
steady = logs(START + datetime.timedelta(seconds=7.3 * number) for number in range(11836))
noons = logs(START + datetime.timedelta(days=day, hours=12) for day in range(20))
seen = [
    line("nightly at 23:59:59.500, no step", last_second, **FORMATS),
    line("nightly at 23:59:59.500, step P1D, granularity PT1S", last_second, step="P1D", cursor_granularity="PT1S", **FORMATS),
    line("one day, one log in 7.3 s, step PT1H, granularity PT1S", steady, step="PT1H", cursor_granularity="PT1S", **FORMATS),
    line("daily at noon, step P10D, granularity P1D", noons, step="P10D", cursor_granularity="P1D", **FORMATS),
    line("daily at noon, cursor_datetime_formats not set", noons),
]
print(*seen, sep="\n")
assert seen == [
    "nightly at 23:59:59.500, no step: 20 of 20, state 2026-11-20T23:59:59Z",
    "nightly at 23:59:59.500, step P1D, granularity PT1S: 1 of 20, state 2026-11-20T23:59:59Z",
    "one day, one log in 7.3 s, step PT1H, granularity PT1S: 11833 of 11836, state 2026-11-01T23:59:55Z",
    "daily at noon, step P10D, granularity P1D: 19 of 20, state 2026-11-20T12:00:00Z",
    "daily at noon, cursor_datetime_formats not set: 20 of 20, state 2026-11-01T00:00:00Z",
], "the behaviour changed"
PYTHON
venv/bin/python program.py 2>errors.txt || { cat errors.txt; exit 1; }
